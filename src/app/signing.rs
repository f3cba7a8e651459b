//! The signing keys' files: `keys/<time>-<kid>.pem` in the data directory, mode 0600.
//!
//! Owns their names and order: the newest signs, all verify. It must never overwrite a key.

use super::AppError;
use crate::identity::{KeySet, SigningKey};
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Reads every key, or makes the first one.
pub(super) fn load_or_create(data_dir: &Path) -> Result<KeySet, AppError> {
    let directory = data_dir.join("keys");
    let failed =
        |path: &Path, reason: String| AppError::SigningKey { path: path.to_owned(), reason };
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(failed(&directory, error.to_string()));
        }
        _ => {}
    }
    let entries =
        fs::read_dir(&directory).map_err(|error| failed(&directory, error.to_string()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
        .collect();
    files.sort();
    let Some(newest) = files.pop() else {
        return create(&directory).map(KeySet::new);
    };
    let mut keys = KeySet::new(read(&newest)?);
    for file in files {
        keys.add_verifying(&read(&file)?);
    }
    Ok(keys)
}

fn read(path: &Path) -> Result<SigningKey, AppError> {
    let failed = |reason: String| AppError::SigningKey { path: path.to_owned(), reason };
    let pem = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    SigningKey::from_pem(&pem).map_err(|error| failed(error.to_string()))
}

fn create(directory: &Path) -> Result<SigningKey, AppError> {
    let failed =
        |path: &Path, reason: String| AppError::SigningKey { path: path.to_owned(), reason };
    let key = SigningKey::generate().map_err(|error| failed(directory, error.to_string()))?;
    let pem = key.to_pem().map_err(|error| failed(directory, error.to_string()))?;
    let path = directory.join(format!("{:013}-{}.pem", crate::clock::now().0, key.kid()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    file.and_then(|mut file| {
        file.write_all(pem.expose().as_bytes())?;
        file.sync_all()
    })
    .map_err(|error| failed(&path, error.to_string()))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_start_makes_a_key_and_the_second_reuses_it() {
        let data = tempfile::tempdir().unwrap();
        let first = load_or_create(data.path()).unwrap().jwks();
        assert_eq!(load_or_create(data.path()).unwrap().jwks(), first);
        let file = fs::read_dir(data.path().join("keys")).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_broken_key_file_stops_the_start_and_is_named() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("keys")).unwrap();
        fs::write(data.path().join("keys/0-x.pem"), "not a key").unwrap();
        let error = load_or_create(data.path()).unwrap_err().to_string();
        assert!(error.contains("0-x.pem"), "{error}");
    }
}
