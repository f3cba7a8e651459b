//! Putting a draft in force: written to the file, and kept with its author and reason.
//!
//! Owns the refusal to write over what its author has not seen. It must never leave a file without its version, nor a
//! version without its file; the gate that runs is told by whoever calls.

use super::super::agents::check_reason;
use super::super::{AdminError, InvalidRequest, SourceFileError, replace_written_down};
use super::{draft, find_version, read_sources};
use crate::config::PolicyFiles;
use crate::policy::{SourceFile, version_of};
use crate::store::{NewPolicyVersion, Store};
use crate::types::UnixMillis;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// A policy to put in force.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveRequest {
    /// The whole text of `policy.csv`.
    pub text: String,
    /// The version that the text was made from.
    pub base_version: String,
    /// Why, in at most 256 bytes.
    pub reason: String,
}

/// A kept version to put in force again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// The version that is to be replaced.
    pub base_version: String,
    /// Why, in at most 256 bytes.
    pub reason: String,
}

/// Writes the text, provided that the files are what it was made from. Says its version.
pub fn save(
    store: &Store,
    files: &PolicyFiles,
    request: &SaveRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<Arc<str>, AdminError> {
    write(store, files, request, "policy.saved", actor, now)
}

/// Writes a kept version's text in the same way.
pub fn restore(
    store: &Store,
    files: &PolicyFiles,
    id: i64,
    request: RestoreRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<Arc<str>, AdminError> {
    let (_, text) = find_version(store, id)?;
    let RestoreRequest { base_version, reason } = request;
    let request = SaveRequest { text, base_version, reason };
    write(store, files, &request, "policy.restored", actor, now)
}

fn write(
    store: &Store,
    files: &PolicyFiles,
    request: &SaveRequest,
    kind: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Arc<str>, AdminError> {
    let SaveRequest { text, base_version, reason } = request;
    check_reason(reason)?;
    let (model, rules) = read_sources(files)?;
    let current = version_of(&model, &rules);
    if *current != **base_version {
        return Err(AdminError::PolicyChanged { current_version: current });
    }
    let draft = SourceFile::new(rules.name.as_str(), text.as_str());
    let review = draft::review_draft(store, &model, &draft)?;
    let Some(version) = review.version else {
        return Err(AdminError::PolicyInvalid(review.errors));
    };
    if version == current {
        return Err(InvalidRequest::NothingToChange.into());
    }
    let new = NewPolicyVersion { version: &version, text, reason: Some(reason) };
    let saved = replace_written_down(&files.file, &rules.text, text, |replace| {
        store.save_policy_version(new, kind, actor, now, replace)
    });
    match saved? {
        Ok(()) => Ok(version),
        Err(SourceFileError::Changed) => {
            let (model, rules) = read_sources(files)?;
            Err(AdminError::PolicyChanged { current_version: version_of(&model, &rules) })
        }
        Err(error) => Err(error.into()),
    }
}
