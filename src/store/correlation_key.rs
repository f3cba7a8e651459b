//! The key that findings are correlated with: 32 bytes in a file.
//!
//! Owns the file `correlation.key` of the data directory, mode 0600. Equal values in findings are equal under
//! one key, so a fleet shares one: `detection.correlation_key_file`. It must never replace a key that is there.

use super::key_files::{KeyFileError, failed};
use crate::types::Sensitive;
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

const FILE: &str = "correlation.key";
const BYTES: usize = 32;

/// The key in `configured`, which must be there; else the data directory's own, which is made at the first start.
pub fn correlation_key(
    configured: Option<&Path>,
    data_dir: &Path,
) -> Result<Sensitive<[u8; BYTES]>, KeyFileError> {
    let Some(path) = configured else {
        let path = data_dir.join(FILE);
        return match create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path),
            created => created.map_err(|error| failed(&path, error)),
        };
    };
    read(path)
}

fn read(path: &Path) -> Result<Sensitive<[u8; BYTES]>, KeyFileError> {
    let bytes = fs::read(path).map_err(|error| failed(path, error))?;
    let key = bytes.try_into().map_err(|bytes: Vec<u8>| {
        failed(path, format!("holds {} bytes, and a key has {BYTES}", bytes.len()))
    })?;
    Ok(Sensitive::new(key))
}

fn create(path: &Path) -> std::io::Result<Sensitive<[u8; BYTES]>> {
    let mut key = [0; BYTES];
    getrandom::fill(&mut key)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(Sensitive::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_start_makes_a_key_and_the_second_reuses_it() {
        let data = tempfile::tempdir().unwrap();
        let first = correlation_key(None, data.path()).unwrap();
        assert!(first == correlation_key(None, data.path()).unwrap());
        assert!(*first.expose() != [0; BYTES]);
        let mode = data.path().join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_configured_key_is_read_and_never_made() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("shared.key");
        let missing = correlation_key(Some(&path), data.path()).unwrap_err();
        assert!(missing.to_string().contains("shared.key"), "{missing}");
        fs::write(&path, [7; BYTES]).unwrap();
        assert_eq!(correlation_key(Some(&path), data.path()).unwrap().expose(), &[7; BYTES]);
        assert!(!data.path().join(FILE).exists());
    }

    #[test]
    fn a_key_of_another_length_is_refused_and_stays() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "short").unwrap();
        let error = correlation_key(None, data.path()).unwrap_err();
        assert!(error.to_string().ends_with("holds 5 bytes, and a key has 32"), "{error}");
        assert_eq!(fs::read(data.path().join(FILE)).unwrap(), b"short");
    }
}
