//! How far the journal reaches: segments that are made ahead, and the one that is written to, once nobody needs it.
//!
//! Owns every decision to allocate. It must never give back bytes of the disk that an exchange has reserved.
//!
//! Locks are taken in this order: `growth`, then `files` or `full`, neither inside the other. Nobody touches the disk
//! for room while holding `files`, where all who write wait.

use super::{
    Full, MAX_FRAME_BYTES, OVERDRAFT_BYTES, ROOM_BYTES, Shared, disk::look_for_room, lock,
    segment::Spare,
};
use std::io;

impl Shared {
    /// Takes bytes of what is allocated and not promised, but leaves so many; makes a segment if there are not enough.
    pub(super) fn take(&self, bytes: u64, leave: u64) -> Result<(), Full> {
        while !self.free.take(bytes, leave) {
            // Until the next `prepare` the disk is not asked again.
            if let Some(full) = *lock(&self.full) {
                return Err(full);
            }
            let _growing = lock(&self.growth);
            if self.free.bytes() < bytes + leave {
                self.grow(self.most_bytes)?;
            }
        }
        self.ask_if_short();
        Ok(())
    }

    /// Makes segments ahead. The one that is written to goes when it is worth it, so that what is settled is forgotten
    /// although few calls come, and so that a full disk stops nobody as long as the store takes what is written.
    pub(super) fn prepare(&self) {
        let _growing = lock(&self.growth);
        self.make_spares();
        // Only now: while there is room on the disk, none that was ours is let go before there is more.
        if self.forget_active(self.worth_forgetting()) {
            self.make_spares();
        }
    }

    fn make_spares(&self) {
        while self.is_short() {
            if self.grow(self.most_bytes).is_err() {
                return;
            }
        }
        *lock(&self.full) = None;
    }

    /// Deletes the segment that is written to if anything is in it and nothing of that is needed.
    pub(super) fn rest(&self) {
        if self.forget_active(1) {
            self.ask_if_short();
        }
    }

    /// Deletes the segment that is written to if at least so many bytes of it are written, and none is needed.
    fn forget_active(&self, least: u32) -> bool {
        let over = self.files().take_active(least, self.overdraft_bytes(), &self.free);
        // The books come first, so that nobody writes to a file that goes. The process may die in between: then the
        // next one reads what the store has.
        over.iter().for_each(|segment| segment.discard(&self.dir));
        over.is_some()
    }

    /// From how many bytes on the segment that is written to is better deleted than written on: half of it, but anything
    /// when no call finds room.
    pub(super) fn worth_forgetting(&self) -> u32 {
        let is_refusing = self.free.bytes() < ROOM_BYTES + self.overdraft_bytes();
        if is_refusing { 1 } else { (self.segment_bytes / 2).max(1) }
    }

    fn ask_if_short(&self) {
        if self.is_short() {
            self.syncing.ask_for_room();
        }
    }

    fn is_short(&self) -> bool {
        let refused_below = ROOM_BYTES + self.overdraft_bytes();
        self.free.bytes() < refused_below.max(2 * u64::from(self.segment_bytes))
    }

    /// Makes a spare segment, or notes why it cannot. The caller holds `growth`, or is alone.
    pub(super) fn grow(&self, most_bytes: u64) -> Result<(), Full> {
        let grown = if self.files().bytes_on_disk() + self.file_bytes() > most_bytes {
            Err(Full::Cap)
        } else {
            self.add_spare().map_err(|error| self.note_refusal(&error))
        };
        *lock(&self.full) = grown.err();
        if grown.is_err() {
            self.syncing.ask_for_room();
        }
        grown
    }

    fn add_spare(&self) -> io::Result<()> {
        look_for_room(&self.dir, self.file_bytes())?;
        let number = self.files().next_number();
        let spare = Spare::create(&self.dir, number, self.file_bytes(), self.disk)?;
        self.files().add_spare(spare);
        self.free.give(self.segment_bytes.into());
        Ok(())
    }

    pub(super) fn overdraft_bytes(&self) -> u64 {
        OVERDRAFT_BYTES.min(self.segment_bytes.into())
    }

    /// What is allocated of a segment: its bytes, and the frame that goes over them.
    pub(super) fn file_bytes(&self) -> u64 {
        u64::from(self.segment_bytes) + MAX_FRAME_BYTES
    }

    /// Says that there is no room: once, until there was some again.
    fn note_refusal(&self, error: &io::Error) -> Full {
        if *lock(&self.full) != Some(Full::Disk) {
            tracing::error!(path = %self.dir.display(), %error, "the journal cannot grow; calls without room are refused");
        }
        Full::Disk
    }
}
