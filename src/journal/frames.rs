//! The frames of a segment, one after the other.
//!
//! Owns the way over damage: what is no frame is left out up to the next one that is. Holds a piece of the file and
//! one frame in memory, never the file.

use super::frame::{self, Found, Reading};
use std::{fs::File, io, os::unix::fs::FileExt};

const PIECE_BYTES: usize = 256 * 1024;

pub(super) struct Frames<'f> {
    file: &'f File,
    salt: u32,
    /// Where reading stops.
    end: u64,
    buffer: Vec<u8>,
    /// The file's byte that `buffer` begins with.
    buffer_at: u64,
    /// What of `buffer` has been read.
    read: usize,
    /// Bytes that are no frames, so far.
    damaged: u64,
}

/// A whole frame and where it stands.
pub(super) struct Standing<'b> {
    pub(super) found: Found,
    pub(super) payload: &'b [u8],
    pub(super) offset: u32,
    pub(super) end: u32,
}

impl<'f> Frames<'f> {
    /// The frames from `start`, where one must begin, to `end`.
    pub(super) fn new(file: &'f File, salt: u32, start: u32, end: u32) -> Self {
        let (buffer_at, end) = (start.into(), end.into());
        Self { file, salt, end, buffer: Vec::new(), buffer_at, read: 0, damaged: 0 }
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> io::Result<Option<Standing<'_>>> {
        let found = loop {
            let unread = self.buffer.get(self.read..).unwrap_or_default();
            if unread.is_empty() {
                if !self.fill(1)? {
                    return Ok(None);
                }
                continue;
            }
            match frame::read(unread, self.salt) {
                Reading::Whole(found) => break found,
                Reading::Short(needed) => {
                    if !self.fill(needed)? {
                        self.leave_out();
                    }
                }
                Reading::Broken => self.leave_out(),
            }
        };
        let start = self.read;
        self.read += found.payload.end;
        let payload = start + found.payload.start..self.read;
        let offset = self.position(start)?;
        let end = self.position(self.read)?;
        let payload = self.buffer.get(payload).unwrap_or_default();
        Ok(Some(Standing { found, payload, offset, end }))
    }

    /// Bytes that are no frames, so far.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Has so many bytes unread in the buffer, if the file has them.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        self.buffer.drain(..self.read);
        self.buffer_at += bytes(self.read);
        self.read = 0;
        while self.buffer.len() < needed {
            let held = self.buffer.len();
            let next = self.buffer_at + bytes(held);
            let left = usize::try_from(self.end.saturating_sub(next)).unwrap_or(usize::MAX);
            self.buffer.resize(held + left.min(PIECE_BYTES.max(needed - held)), 0);
            let piece = self.buffer.get_mut(held..).unwrap_or_default();
            let got = match self.file.read_at(piece, next) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                Ok(0) => {
                    self.buffer.truncate(held);
                    return Ok(false);
                }
                got => got,
            };
            self.buffer.truncate(held + *got.as_ref().unwrap_or(&0));
            got?;
        }
        Ok(true)
    }

    fn leave_out(&mut self) {
        let behind = self.buffer.get(self.read + 1..).unwrap_or_default();
        let left_out = 1 + frame::distance_to_mark(behind);
        self.read += left_out;
        self.damaged += bytes(left_out);
    }

    fn position(&self, in_buffer: usize) -> io::Result<u32> {
        let position = self.buffer_at + bytes(in_buffer);
        u32::try_from(position).map_err(|error| io::Error::new(io::ErrorKind::FileTooLarge, error))
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
