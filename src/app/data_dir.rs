//! The data directory: ours alone, and one server's at a time.
//!
//! Owns the marker and lock file. It must never touch a directory that holds something else.

use super::AppError;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Marks the directory as ours and carries the running server's lock and pid.
const MARKER: &str = "portcullis.lock";
/// What a fresh ext4 volume holds.
const OF_THE_VOLUME: &str = "lost+found";

/// A claimed directory; the lock ends with the process.
#[derive(Debug)]
pub struct DataDir {
    _lock: File,
}

impl DataDir {
    /// Claims the directory for this server.
    pub fn claim(path: &Path) -> Result<Self, AppError> {
        let mut marker = prepare(path)?;
        let failed = |error| AppError::DataDir { path: path.to_owned(), error };
        match marker.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(AppError::InUse { path: path.to_owned(), holder: holder(&mut marker) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        write_pid(&mut marker).map_err(failed)?;
        Ok(Self { _lock: marker })
    }
}

/// Makes the directory if it is missing, or checks that it is ours; the marker comes back open.
pub(super) fn prepare(path: &Path) -> Result<File, AppError> {
    let failed = |error| AppError::DataDir { path: path.to_owned(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let marker = path.join(MARKER);
    if !marker.exists() && !is_empty(path).map_err(failed)? {
        return Err(AppError::ForeignDataDir { path: path.to_owned() });
    }
    close_to_others(path).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(marker).map_err(failed)
}

fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != OF_THE_VOLUME {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A directory that was made by someone else, with another mode, becomes its owner's alone.
fn close_to_others(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(0o700)) {
        // A mounted volume may be root's and open to our group: we can use it, not change it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(path = %path.display(), "others may look into the data directory");
            Ok(())
        }
        changed => changed,
    }
}

fn holder(marker: &mut File) -> String {
    let mut pid = String::new();
    match marker.read_to_string(&mut pid) {
        Ok(_) if pid.trim().parse::<u32>().is_ok() => format!(" (pid {})", pid.trim()),
        _ => String::new(),
    }
}

fn write_pid(marker: &mut File) -> io::Result<()> {
    marker.set_len(0)?;
    marker.rewind()?;
    writeln!(marker, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_directory_is_made_for_its_owner_alone_and_claimed_once() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let claimed = DataDir::claim(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let error = DataDir::claim(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
        drop(claimed);
        DataDir::claim(&path).unwrap();
    }

    #[test]
    fn an_existing_directory_is_closed_to_others_and_a_fresh_volume_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(directory.path().join("lost+found")).unwrap();
        prepare(directory.path()).unwrap();
        assert_eq!(fs::metadata(directory.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_directory_with_other_things_in_it_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("thesis.txt"), "mine").unwrap();
        let error = DataDir::claim(directory.path()).unwrap_err();
        assert!(matches!(error, AppError::ForeignDataDir { .. }), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
