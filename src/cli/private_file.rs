//! A file for a new secret, for its owner alone.
//!
//! Opened before the secret is made, so that none is made that cannot be kept; an existing file stays until
//! it is replaced by the whole new one.

use super::CliError;
use serde::Serialize;
use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

pub(super) struct PrivateFile {
    path: PathBuf,
    new: NamedTempFile,
}

impl PrivateFile {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let is_directory = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_directory {
            return Err(refused(path, &ErrorKind::IsADirectory.into()));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let new = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")));
        let new = new.map_err(|error| refused(path, &error))?;
        Ok(Self { path: path.to_owned(), new })
    }

    /// Writes the secret and returns where it is.
    pub(super) fn keep(mut self, secret: &impl Serialize) -> Result<PathBuf, CliError> {
        let secret = serde_json::to_string(secret).map_err(std::io::Error::from);
        let kept = secret.and_then(|secret| writeln!(self.new, "{secret}"));
        kept.map_err(|error| refused(&self.path, &error))?;
        let kept = self.new.persist(&self.path);
        kept.map_err(|error| refused(&self.path, &error.error))?;
        Ok(self.path)
    }
}

fn refused(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Refused(format!("{}: credentials cannot be written: {error}", path.display()))
}
