//! The room of one exchange: what makes sure that its end can be written.
//!
//! Owns the bytes that the exchange has reserved, and gives back what it did not use.

use super::{
    Full, Journal, MAX_FRAME_BYTES,
    frame::{Frame, Kind},
    mark::{Mark, Written},
};
use crate::types::Record;

/// By how much an end may be longer than its beginning without taking from what all ends share.
const GROWTH_BYTES: u64 = 4 * 1024;

/// What an exchange has reserved. Dropped after [`Room::begin`] and without [`Room::end`], the exchange stays open in
/// the journal, and is interrupted when that is opened again.
#[derive(Debug)]
pub struct Room {
    journal: Journal,
    bytes: u64,
    begun_in: u32,
}

impl Room {
    pub(super) fn new(journal: Journal, bytes: u64) -> Self {
        Self { journal, bytes, begun_in: 0 }
    }

    /// Writes that the exchange began; once. Fails only for a record of unusual length while the journal is full, and
    /// when the disk does not take it; then nothing was begun.
    pub fn begin(&mut self, record: &Record) -> Result<Written, Full> {
        let frame = Frame::of(Kind::Begin, 0, record).map_err(|error| {
            tracing::error!(%error, "a beginning cannot be written to the journal");
            Full::Disk
        })?;
        let size = u64::from(frame.size());
        self.extend((2 * size + GROWTH_BYTES).min(2 * MAX_FRAME_BYTES), super::OVERDRAFT_BYTES)?;
        let written = self.journal.shared().append(frame).map_err(|error| {
            tracing::warn!(%error, "a beginning could not be written to the journal");
            Full::Disk
        })?;
        self.bytes -= size;
        self.begun_in = written.up_to.segment;
        Ok(written)
    }

    /// Writes how the exchange ended. If that fails all the same, the mark says so.
    pub fn end(mut self, record: &Record) -> Mark {
        let begun_in = self.begun_in;
        match self.write_end(record) {
            Ok((written, size)) => Mark { offset: written.up_to.offset - size, begun_in, written },
            Err(error) => {
                self.journal.shared().note_unwritten(&error);
                Mark { offset: 0, begun_in, written: Written::NOTHING }
            }
        }
    }

    fn write_end(&mut self, record: &Record) -> Result<(Written, u32), String> {
        let frame = Frame::of(Kind::End, self.begun_in, record)?;
        let size = frame.size();
        self.extend(size.into(), 0).map_err(|full| full.to_string())?;
        let written = self.journal.shared().append(frame).map_err(|error| error.to_string())?;
        self.bytes -= u64::from(size);
        Ok((written, size))
    }

    /// Has at least so many bytes.
    fn extend(&mut self, bytes: u64, leave: u64) -> Result<(), Full> {
        let more = bytes.saturating_sub(self.bytes);
        if more > 0 {
            self.journal.shared().take(more, leave)?;
            self.bytes += more;
        }
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.journal.shared().free.give(self.bytes);
    }
}
