//! The signing keys' files: `keys/<time>-<kid>.pem` in the data directory, mode 0600.
//!
//! Owns their names and order: the newest signs. Private keys stay on their own machine: what other gateways need
//! to check tokens, the public halves, stands in the database. It must never overwrite a key.

use crate::identity::SigningKey;
use crate::types::UnixMillis;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A signing key's file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct KeyFileError {
    /// Which file or directory.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// The directory of the signing keys.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    directory: PathBuf,
}

impl KeyFiles {
    /// The keys of this data directory.
    pub fn of(data_dir: &Path) -> Self {
        Self { directory: data_dir.join("keys") }
    }

    /// The key that signs: the newest. Nothing is written.
    pub fn load(&self) -> Result<SigningKey, KeyFileError> {
        let newest = self.files()?.pop();
        read(&newest.ok_or_else(|| failed(&self.directory, "holds no signing key"))?)
    }

    /// The key that signs; the first one is made.
    pub fn load_or_create(&self, now: UnixMillis) -> Result<SigningKey, KeyFileError> {
        if self.files()?.is_empty() { self.create(now) } else { self.load() }
    }

    /// The keys that signed before the newest.
    pub fn older(&self) -> Result<Vec<SigningKey>, KeyFileError> {
        let mut files = self.files()?;
        files.pop();
        files.iter().map(|file| read(file)).collect()
    }

    /// Makes a key, which signs from now on.
    pub fn create(&self, now: UnixMillis) -> Result<SigningKey, KeyFileError> {
        let key = SigningKey::generate().map_err(|error| failed(&self.directory, error))?;
        let pem = key.to_pem().map_err(|error| failed(&self.directory, error))?;
        self.make_directory()?;
        let path = self.directory.join(format!("{:013}-{}.pem", now.0, key.kid()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| {
            file.write_all(pem.expose().as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| failed(&path, error))?;
        Ok(key)
    }

    /// Removes a key that signs no more.
    pub fn remove(&self, kid: &str) -> Result<(), KeyFileError> {
        let suffix = format!("-{kid}.pem");
        for file in self.files()? {
            if file.to_string_lossy().ends_with(&suffix) {
                fs::remove_file(&file).map_err(|error| failed(&file, error))?;
            }
        }
        Ok(())
    }

    /// The files from the oldest to the newest.
    fn files(&self) -> Result<Vec<PathBuf>, KeyFileError> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| failed(&self.directory, error))?,
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
            .collect();
        files.sort();
        Ok(files)
    }

    fn make_directory(&self) -> Result<(), KeyFileError> {
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(failed(&self.directory, error))
            }
            _ => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<SigningKey, KeyFileError> {
    let pem = fs::read_to_string(path).map_err(|error| failed(path, error))?;
    SigningKey::from_pem(&pem).map_err(|error| failed(path, error))
}

pub(super) fn failed(path: &Path, reason: impl ToString) -> KeyFileError {
    KeyFileError { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_start_makes_a_key_and_the_second_reuses_it() {
        let data = tempfile::tempdir().unwrap();
        let files = KeyFiles::of(data.path());
        let first = files.load_or_create(UnixMillis(1)).unwrap();
        assert_eq!(files.load_or_create(UnixMillis(2)).unwrap().kid(), first.kid());
        let file = fs::read_dir(data.path().join("keys")).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_newest_key_signs_and_an_older_one_can_be_removed() {
        let data = tempfile::tempdir().unwrap();
        let files = KeyFiles::of(data.path());
        let first = files.load_or_create(UnixMillis(1)).unwrap();
        let second = files.create(UnixMillis(2)).unwrap();
        assert_eq!(files.load_or_create(UnixMillis(3)).unwrap().kid(), second.kid());
        let older = files.older().unwrap();
        assert_eq!(older.iter().map(SigningKey::kid).collect::<Vec<_>>(), [first.kid()]);
        files.remove(first.kid()).unwrap();
        assert!(files.older().unwrap().is_empty());
    }

    #[test]
    fn reading_the_key_makes_none() {
        let data = tempfile::tempdir().unwrap();
        let files = KeyFiles::of(data.path());
        assert!(files.load().unwrap_err().to_string().contains("holds no signing key"));
        assert!(!data.path().join("keys").exists());
        let made = files.load_or_create(UnixMillis(1)).unwrap();
        assert_eq!(files.load().unwrap().kid(), made.kid());
    }

    #[test]
    fn a_broken_key_file_stops_the_start_and_is_named() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("keys")).unwrap();
        fs::write(data.path().join("keys/0-x.pem"), "not a key").unwrap();
        let error = KeyFiles::of(data.path()).load_or_create(UnixMillis(1)).unwrap_err();
        assert!(error.to_string().contains("0-x.pem"), "{error}");
    }
}
