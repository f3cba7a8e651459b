//! Reading ends back, in the order in which they were written.
//!
//! Owns nothing: others may write, settle and delete meanwhile.

use super::{
    Shared,
    files::Stretch,
    frame::Kind,
    frames::Frames,
    mark::{Mark, Place, Written},
};
use crate::types::Record;
use std::{fs::File, io};

/// Some ends, in order.
#[derive(Debug)]
pub struct Chunk {
    /// Each with its mark.
    pub records: Vec<(Record, Mark)>,
    /// From where to go on.
    pub next: Place,
    /// Whether there was nothing behind them.
    pub caught_up: bool,
}

impl Shared {
    pub(super) fn read(&self, from: Place, most: usize) -> io::Result<Chunk> {
        let mut chunk = Chunk { records: Vec::new(), next: from, caught_up: false };
        while chunk.records.len() < most {
            let Some(stretch) = self.files().stretch(chunk.next) else {
                chunk.caught_up = true;
                break;
            };
            self.read_stretch(&stretch, most, &mut chunk)?;
        }
        Ok(chunk)
    }

    fn read_stretch(&self, stretch: &Stretch, most: usize, chunk: &mut Chunk) -> io::Result<()> {
        let segment = stretch.name.number;
        let file = match File::open(stretch.name.path(&self.dir)) {
            Ok(file) => file,
            // All that is in it has been settled meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                chunk.next = Place { segment: segment.saturating_add(1), offset: 0 };
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let failures = self.syncing.failures();
        let mut frames = Frames::new(&file, stretch.name.salt, stretch.start, stretch.end);
        while chunk.records.len() < most {
            let Some(frame) = frames.next()? else {
                chunk.next = Place { segment, offset: stretch.end };
                break;
            };
            chunk.next = Place { segment, offset: frame.end };
            if frame.found.kind == Kind::Begin {
                continue;
            }
            match serde_json::from_slice(frame.payload) {
                Ok(record) => {
                    let written = Written { up_to: chunk.next, failures };
                    let begun_in = frame.found.begun_in;
                    chunk.records.push((record, Mark { offset: frame.offset, begun_in, written }));
                }
                // Whole, but not of this version. It is never settled, so its file stays.
                Err(error) => {
                    tracing::error!(id = %frame.found.id, %error, "a record in the journal cannot be read");
                }
            }
        }
        Ok(())
    }
}
