//! Places in the journal, and what was written there.
//!
//! Owns the order of all frames: by segment, then by offset.

/// A place between two frames.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    pub(super) segment: u32,
    pub(super) offset: u32,
}

impl Place {
    /// Before the first frame.
    pub const START: Self = Self { segment: 0, offset: 0 };
}

/// A frame was written up to here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Written {
    pub(super) up_to: Place,
    /// How often syncing had failed before.
    pub(super) failures: u32,
}

impl Written {
    /// Of what could not be written: never durable.
    pub(super) const NOTHING: Self = Self { up_to: Place::START, failures: 0 };
}

/// The end of an exchange in the journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// Where its frame begins in its segment.
    pub(super) offset: u32,
    /// The segment with the exchange's beginning; 0 if it has none.
    pub(super) begun_in: u32,
    pub(super) written: Written,
}

impl Mark {
    /// Whether it is there. If not, only the caller has the record.
    pub fn is_written(&self) -> bool {
        self.written != Written::NOTHING
    }

    /// What [`Journal::durable`](super::Journal::durable) can wait for.
    pub fn written(&self) -> Written {
        self.written
    }

    /// The place behind it, from where reading goes on.
    pub fn after(&self) -> Place {
        self.written.up_to
    }

    /// Grows with every end; 0 if it is not written.
    pub fn number(&self) -> u64 {
        let Place { segment, offset } = self.after();
        u64::from(segment) << 32 | u64::from(offset)
    }
}
