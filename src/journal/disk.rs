//! What the file system may refuse.
//!
//! Owns allocation, writing and syncing of a segment. Each is a value, so that a test can put a full or a failing
//! disk in its place; nothing else of the journal is another in tests.

use super::Full;
use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};
use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

#[derive(Clone, Copy)]
pub(super) struct Disk {
    /// Allocates so many bytes of a file without changing its length.
    pub(super) allocate: fn(&File, u64) -> io::Result<()>,
    /// Writes all bytes at an offset.
    pub(super) write: fn(&File, &[u8], u64) -> io::Result<()>,
    /// Brings to the disk what was written.
    pub(super) sync: fn(&File) -> io::Result<()>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { allocate, write: FileExt::write_all_at, sync: File::sync_data }
    }
}

fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes) {
        // A file system that cannot promise room: an end may then find none, and its mark says so.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        allocated => Ok(allocated?),
    }
}

/// Looks whether there are so many bytes before they are asked for: a failed allocation may have taken all that was left
/// from everybody else meanwhile.
pub(super) fn look_for_room(dir: &Path, bytes: u64) -> io::Result<()> {
    let system = statvfs(dir)?;
    let is_there = system.f_bavail.saturating_mul(system.f_frsize) >= bytes;
    if is_there { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
}

/// A file that was made or deleted stays so after a power loss.
pub(super) fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Says once that there is no room, until there was some again.
pub(super) fn note_refusal(before: Option<Full>, dir: &Path, error: &io::Error) -> Full {
    if before != Some(Full::Disk) {
        tracing::error!(path = %dir.display(), %error, "the journal cannot grow; calls without room are refused");
    }
    Full::Disk
}
