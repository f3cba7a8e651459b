//! What administrators do with the policy: try a draft, put it in force, go back, ask why.
//!
//! Owns the order of these: a draft is built before it is written, and written only over what its author has seen. It must
//! never decide about a call, nor write a file that the gate would refuse.

mod draft;
mod explained;
mod save;
mod versions;
mod what_if;

pub use draft::{DiffRequest, DraftRequest, build_draft, diff_draft, review_draft};
pub use explained::{ExplainRequest, explain, explain_record};
pub use save::{RestoreRequest, SaveRequest, restore, save};
pub use versions::{
    KeptVersion, KeptVersions, VersionsRequest, find_version, list_versions, show_version,
};
pub use what_if::{Patience, Place, WhatIf, WhatIfRequest, what_if};

use crate::config::PolicyFiles;
use crate::policy::{PolicyError, SourceFile};
use std::{fs, path::Path};

/// A longer text of rules is not taken.
const MAX_TEXT_BYTES: usize = 1_048_576;

/// Nor one of more lines.
const MAX_LINES: usize = 20_000;

/// The files as they are on the disk: the model and the rules.
pub fn read_sources(files: &PolicyFiles) -> Result<(SourceFile, SourceFile), PolicyError> {
    Ok((read(&files.model)?, read(&files.file)?))
}

fn read(path: &Path) -> Result<SourceFile, PolicyError> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok(SourceFile::new(name, text)),
        Err(error) => {
            let reason = format!("cannot be read: {error}");
            Err(PolicyError::file(name, reason, "check the path and its permissions"))
        }
    }
}

#[cfg(test)]
mod tests;
