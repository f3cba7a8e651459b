//! The files that decide (`policy.csv`, `detections.toml`), written from the page or the command line.
//!
//! Owns how one is replaced: whole or not at all, with its mode and owner, behind its symbolic link, and only
//! while it still says what the change started from. It must never know what stands in it: whoever writes has
//! built it before.

use rustix::fs::{AtFlags, CWD, accessat};
use std::{
    fs::{self, Metadata, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    path::Path,
    sync::{Mutex, PoisonError},
};
use tempfile::{Builder, NamedTempFile};

/// Two changes of one gateway must not start from the same text.
static TURN: Mutex<()> = Mutex::new(());

/// Why a file was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum SourceFileError {
    /// Somebody else has changed it since.
    #[error("the file was changed meanwhile; look at it again, then repeat the change")]
    Changed,
    /// It cannot be read or written.
    #[error(
        "{path} cannot be written: {error}; change the file where it is kept, or let the gate write it"
    )]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Replaces what stands in the file, provided that it still is `before`. What was there stays whole until the
/// new text is on the disk.
fn replace_source(path: &Path, before: &str, text: &str) -> Result<(), SourceFileError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = |error| SourceFileError::Io { path: path.display().to_string(), error };
    let target = fs::canonicalize(path).map_err(failed)?;
    let new = prepare(&target, text).map_err(failed)?;
    // As late as can be: an editor may have saved while the new text was written.
    if fs::read(&target).map_err(failed)? != before.as_bytes() {
        return Err(SourceFileError::Changed);
    }
    new.persist(&target).map_err(|error| failed(error.error))?;
    // From here on everybody reads the new text, so that it is no failure any more.
    if let Err(error) = fs::File::open(directory_of(&target)).and_then(|it| it.sync_all()) {
        let path = path.display();
        tracing::warn!(%path, %error, "the file is replaced, but a power failure could undo it");
    }
    Ok(())
}

/// Replaces the file while `write_down`, which is given how, writes down that it did. What could not be written down has not
/// happened: the file is taken back.
pub(super) fn replace_written_down<E>(
    path: &Path,
    before: &str,
    text: &str,
    write_down: impl FnOnce(
        &dyn Fn() -> Result<(), SourceFileError>,
    ) -> Result<Result<(), SourceFileError>, E>,
) -> Result<Result<(), SourceFileError>, E> {
    write_down(&|| replace_source(path, before, text)).inspect_err(|_| {
        match replace_source(path, text, before) {
            // It was not replaced yet, or by somebody else since.
            Ok(()) | Err(SourceFileError::Changed) => {}
            Err(error) => tracing::error!(%error, "a change of the file could not be taken back"),
        }
    })
}

/// Why this gateway cannot write the file; `None`: it can, as far as can be seen without doing it.
pub fn why_not_writable(path: &Path) -> Option<String> {
    let shown = path.display();
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) => return Some(format!("{shown} cannot be found: {error}")),
    };
    let directory = directory_of(&target);
    let may_write = |it: &Path| {
        accessat(CWD, it, rustix::fs::Access::WRITE_OK, AtFlags::EACCESS).map_err(io::Error::from)
    };
    // A file that may not be written is meant to stay, whoever owns the directory.
    if let Err(error) = is_meant_to_be_written(&target).and_then(|()| may_write(&target)) {
        return Some(format!("{shown} may not be written by the gate: {error}"));
    }
    let error = may_write(directory).err()?;
    let directory = directory.display();
    Some(format!("the directory {directory}, in which it is replaced, may not be written: {error}"))
}

/// The new text on the disk, beside the file and with its mode and owner.
fn prepare(target: &Path, text: &str) -> io::Result<NamedTempFile> {
    is_meant_to_be_written(target)?;
    let old = fs::metadata(target)?;
    let mut new = Builder::new().prefix(".portcullis-").tempfile_in(directory_of(target))?;
    new.write_all(text.as_bytes())?;
    keep_owner(&new, &old)?;
    new.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
    new.as_file().sync_all()?;
    Ok(new)
}

/// Its mode says so also to those whom modes do not bind.
fn is_meant_to_be_written(target: &Path) -> io::Result<()> {
    match fs::metadata(target)?.permissions().readonly() {
        true => Err(io::Error::new(io::ErrorKind::PermissionDenied, "its mode is read-only")),
        false => Ok(()),
    }
}

fn keep_owner(new: &NamedTempFile, old: &Metadata) -> io::Result<()> {
    let is = new.as_file().metadata()?;
    if (is.uid(), is.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(new.as_file(), Some(old.uid()), Some(old.gid())).map_err(|error| {
        let (uid, gid) = (old.uid(), old.gid());
        io::Error::new(error.kind(), format!("it belongs to user {uid} and group {gid}, and the gate may not give the new one to them ({error})"))
    })
}

/// The directory of a file whose path is absolute.
fn directory_of(target: &Path) -> &Path {
    target.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::symlink, path::PathBuf};

    fn file() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.csv");
        fs::write(&path, "before\n").unwrap();
        (directory, path)
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_mode() {
        let (directory, path) = file();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace_source(&path, "before\n", "after\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_file_that_says_something_else_by_now_stays() {
        let (directory, path) = file();
        let error = replace_source(&path, "long ago\n", "after\n").unwrap_err();
        assert!(matches!(error, SourceFileError::Changed));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_could_not_be_written_down_is_taken_back() {
        let (_directory, path) = file();
        let lost = replace_written_down(&path, "before\n", "after\n", |replace| {
            replace().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
            Err("the disk is full")
        });
        assert_eq!(lost.err(), Some("the disk is full"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\n");
        let kept =
            replace_written_down(&path, "before\n", "after\n", |replace| Ok::<_, ()>(replace()));
        assert!(matches!(kept, Ok(Ok(()))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
    }

    #[test]
    fn a_symbolic_link_stays_one_and_its_target_is_replaced() {
        let (directory, path) = file();
        let link = directory.path().join("link.csv");
        symlink("policy.csv", &link).unwrap();
        replace_source(&link, "before\n", "after\n").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        let (directory, path) = file();
        assert_eq!(why_not_writable(&path), None);
        let missing = directory.path().join("none.csv");
        assert!(why_not_writable(&missing).unwrap().contains("cannot be found"));
        assert!(matches!(replace_source(&missing, "", "x"), Err(SourceFileError::Io { .. })));
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        let error = replace_source(&path, "before\n", "after\n").unwrap_err();
        assert!(error.to_string().contains("its mode is read-only"), "{error}");
        assert!(why_not_writable(&path).unwrap().contains("its mode is read-only"));
    }
}
