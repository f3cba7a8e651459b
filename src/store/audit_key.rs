//! The key that signs checkpoints: an Ed25519 key in a PEM file (PKCS #8), mode 0600.
//!
//! Owns the file `audit-signing.pem` of the data directory, or the one that is configured. Who has it can sign a forged
//! record, so it belongs to the gate alone. It must never replace a key that is there.

use super::key_files::{KeyFileError, failed};
use crate::ledger::Signer;
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const FILE: &str = "audit-signing.pem";

/// The configured key, which must be there; else the data directory's own, which is made at the first start.
pub fn audit_signer(configured: Option<&Path>, data_dir: &Path) -> Result<Signer, KeyFileError> {
    if let Some(path) = configured {
        return read(path);
    }
    let path = path(None, data_dir);
    match fs::exists(&path) {
        Ok(true) => read(&path),
        Ok(false) => create(&path),
        Err(error) => Err(failed(&path, error)),
    }
}

/// The key if it is there; nothing is made.
pub fn known_audit_signer(
    configured: Option<&Path>,
    data_dir: &Path,
) -> Result<Option<Signer>, KeyFileError> {
    let path = path(configured, data_dir);
    match fs::exists(&path) {
        Ok(true) => read(&path).map(Some),
        Ok(false) => Ok(None),
        Err(error) => Err(failed(&path, error)),
    }
}

fn path(configured: Option<&Path>, data_dir: &Path) -> PathBuf {
    configured.map_or_else(|| data_dir.join(FILE), Path::to_owned)
}

fn read(path: &Path) -> Result<Signer, KeyFileError> {
    let pem = fs::read_to_string(path).map_err(|error| failed(path, error))?;
    Signer::from_pem(&pem).map_err(|error| failed(path, error))
}

/// Written whole under another name first, so that half a key is never found.
fn create(path: &Path) -> Result<Signer, KeyFileError> {
    let (_, pem) = Signer::generate().map_err(|error| failed(path, error))?;
    let draft = path.with_extension("pem.new");
    let written = || -> std::io::Result<()> {
        let options =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).to_owned();
        let mut file = options.open(&draft)?;
        file.write_all(pem.expose().as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
        fs::remove_file(&draft)
    };
    written().map_err(|error| failed(path, error))?;
    // Another process may have been first.
    read(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_start_makes_a_key_and_the_second_reuses_it() {
        let data = tempfile::tempdir().unwrap();
        assert!(known_audit_signer(None, data.path()).unwrap().is_none());
        let first = audit_signer(None, data.path()).unwrap();
        assert_eq!(audit_signer(None, data.path()).unwrap().key_id(), first.key_id());
        let known = known_audit_signer(None, data.path()).unwrap().unwrap();
        assert_eq!(known.key_id(), first.key_id());
        let mode = data.path().join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_configured_key_is_never_made_and_a_broken_one_is_named() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("shared.pem");
        let missing = audit_signer(Some(&path), data.path()).err().unwrap();
        assert!(missing.to_string().contains("shared.pem"), "{missing}");
        fs::write(&path, "not a key").unwrap();
        let broken = audit_signer(Some(&path), data.path()).err().unwrap();
        assert!(broken.to_string().contains("shared.pem"), "{broken}");
    }
}
