//! One file of the journal.
//!
//! Owns its name (which holds its number and its salt, so that the file is nothing but frames and no damage can reach
//! them), how it is made, and the books of what in it is still needed.

use super::disk::{Disk, look_for_room, sync_directory};
use super::frame::LEAST_DISTANCE;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A segment's number and salt.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Name {
    pub(super) number: u32,
    pub(super) salt: u32,
}

/// An empty segment, allocated on the disk.
pub(super) struct Spare {
    pub(super) name: Name,
    pub(super) file: Arc<File>,
}

/// What is known of a segment that has been written to.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: Name,
    /// Its bytes, up to the end of its last whole frame.
    pub(super) length: u32,
    /// Ends in it that the store does not have.
    pub(super) unsettled: u32,
    /// Exchanges that begin in it and whose ends, wherever they are, the store does not have.
    pub(super) held: u32,
    /// Not all of it could be read.
    pub(super) is_damaged: bool,
    /// Which of its ends are settled: a bit per [`LEAST_DISTANCE`] bytes, as far as there are any.
    settled: Vec<u64>,
}

impl Name {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (number, salt) = name.strip_suffix(".journal")?.split_once('-')?;
        let name_of =
            Self { number: number.parse().ok()?, salt: u32::from_str_radix(salt, 16).ok()? };
        (name_of.number != 0 && name_of.file_name() == name).then_some(name_of)
    }

    pub(super) fn file_name(self) -> String {
        format!("{:010}-{:08x}.journal", self.number, self.salt)
    }

    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.file_name())
    }
}

impl Spare {
    /// Makes the file, or nothing.
    pub(super) fn create(dir: &Path, number: u32, bytes: u64, disk: Disk) -> io::Result<Self> {
        look_for_room(dir, bytes)?;
        let mut salt = [0; 4];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let name = Name { number, salt: u32::from_le_bytes(salt) };
        let path = name.path(dir);
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let made = (disk.allocate)(&file, bytes).and_then(|()| sync_directory(dir));
        if let Err(error) = made {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self { name, file: Arc::new(file) })
    }
}

impl Segment {
    pub(super) fn new(name: Name) -> Self {
        let settled = Vec::new();
        Self { name, length: 0, unsettled: 0, held: 0, is_damaged: false, settled }
    }

    /// Notes that the end at this offset is settled; false if it was before.
    pub(super) fn settle(&mut self, offset: u32) -> bool {
        let bit = offset / LEAST_DISTANCE;
        let word = usize::try_from(bit / 64).unwrap_or(usize::MAX);
        if offset >= self.length {
            return false;
        }
        if word >= self.settled.len() {
            self.settled.resize(word + 1, 0);
        }
        let Some(word) = self.settled.get_mut(word) else { return false };
        let before = *word;
        *word |= 1 << (bit % 64);
        let is_new = *word != before;
        self.unsettled = self.unsettled.saturating_sub(u32::from(is_new));
        is_new
    }

    /// Nothing in it is needed any more.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled == 0 && self.held == 0
    }

    /// Deletes the file. One that could not be read to its end is kept under another name, for whoever wants to look.
    pub(super) fn discard(&self, dir: &Path) {
        let path = self.name.path(dir);
        let gone = match self.is_damaged {
            true => fs::rename(&path, path.with_extension("damaged")),
            false => fs::remove_file(&path),
        };
        // It would be read again after a restart, and the store knows its records.
        if let Err(error) = gone {
            tracing::warn!(path = %path.display(), %error, "a settled file of the journal stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_no_other_file_has_one() {
        let name = Name { number: 7, salt: 0x00ab_cdef };
        assert_eq!(name.file_name(), "0000000007-00abcdef.journal");
        assert_eq!(Name::parse(&name.file_name()), Some(name));
        let others =
            ["lock", "7-00abcdef.journal", "0000000007-00ABCDEF.journal", "0000000007-.journal"];
        for other in
            others.into_iter().chain(["0000000000-00abcdef.journal", "0000000007-00abcdef.damaged"])
        {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }

    #[test]
    fn an_end_is_settled_once() {
        let mut segment = Segment::new(Name { number: 1, salt: 0 });
        (segment.length, segment.unsettled) = (10_000, 2);
        assert!(segment.settle(0));
        assert!(!segment.settle(0));
        assert!(!segment.settle(10_000));
        assert_eq!(segment.unsettled, 1);
        assert!(segment.settle(33));
        assert!(segment.is_settled());
    }
}
