//! How the journal stands, in numbers.

use super::{Full, Shared, lock};
use std::sync::atomic::Ordering;

/// How the journal stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// Bytes written in its segments.
    pub bytes: u64,
    /// Segments that have been written to.
    pub segments: usize,
    /// Ends that are not settled.
    pub unsettled: u64,
    /// Exchanges that have begun and not ended.
    pub open: u64,
    /// Bytes that exchanges have reserved and not used.
    pub reserved_bytes: u64,
    /// Bytes that it may have, at most.
    pub most_bytes: u64,
    /// Whether the disk refused it a new segment when it last asked.
    pub disk_full: bool,
    /// Ends that could not be written.
    pub unwritten: u64,
    /// Failed syncs.
    pub sync_failures: u32,
    /// Bytes that could not be read when it was opened.
    pub damaged_bytes: u64,
}

impl Shared {
    pub(super) fn status(&self) -> Status {
        let disk_full = *lock(&self.growth) == Some(Full::Disk);
        let files = self.files();
        Status {
            bytes: files.written().map(|segment| u64::from(segment.length)).sum(),
            segments: files.written().count(),
            unsettled: files.written().map(|segment| u64::from(segment.unsettled)).sum(),
            open: files.open(),
            reserved_bytes: files.room().saturating_sub(self.free.bytes()),
            most_bytes: self.most_bytes,
            disk_full,
            unwritten: self.unwritten.load(Ordering::Relaxed),
            sync_failures: self.syncing.failures(),
            damaged_bytes: self.damaged_bytes,
        }
    }
}
