//! The versions that were kept.
//!
//! Owns how they are shown, in HTTP answers and with `--json`. It must never change one.

use super::super::AdminError;
use crate::store::{PolicyVersionRow, Store};
use crate::types::UnixMillis;
use schemars::JsonSchema;
use serde::Serialize;

/// Which versions are listed.
#[derive(Clone, Copy, Debug)]
pub struct VersionsRequest {
    /// At most so many.
    pub limit: u32,
    /// Only what was kept before the version of this id.
    pub after: Option<i64>,
}

/// Versions, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeptVersions {
    /// The versions.
    pub versions: Vec<KeptVersion>,
    /// What to ask for as `after` to go on; null when there is nothing more.
    pub next: Option<i64>,
}

/// One version that was in force.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KeptVersion {
    /// Its number.
    pub id: i64,
    /// The version as records quote it.
    pub version: String,
    /// A user's name, `cli`, or `file` when it was edited by hand.
    pub author: String,
    /// Why, where it was said.
    pub reason: Option<String>,
    /// When it was put in force.
    pub at: UnixMillis,
    /// Lines that the version before does not have.
    pub added: i64,
    /// Lines of the version before that it does not have.
    pub removed: i64,
    /// Whether it is in force now.
    pub current: bool,
    /// The text of `policy.csv`, where one version is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl KeptVersion {
    fn of(row: PolicyVersionRow, current: Option<i64>) -> Self {
        let PolicyVersionRow { id, version, author, reason, at, added, removed } = row;
        let (at, current) = (UnixMillis(at), current == Some(id));
        Self { id, version, author, reason, at, added, removed, current, text: None }
    }
}

/// A page of versions; `in_force` is the version that is.
pub fn list_versions(
    store: &Store,
    in_force: &str,
    request: VersionsRequest,
) -> Result<KeptVersions, AdminError> {
    let VersionsRequest { limit, after } = request;
    let mut rows = store.policy_versions(i64::from(limit) + 1, after)?;
    let has_more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if has_more {
        rows.pop();
    }
    let next = rows.last().map(|row| row.id).filter(|_| has_more);
    let current = store.policy_version_id(in_force)?;
    let versions = rows.into_iter().map(|row| KeptVersion::of(row, current)).collect();
    Ok(KeptVersions { versions, next })
}

/// One version with its text.
pub fn show_version(store: &Store, in_force: &str, id: i64) -> Result<KeptVersion, AdminError> {
    let (row, text) = find_version(store, id)?;
    let current = store.policy_version_id(in_force)?;
    Ok(KeptVersion { text: Some(text), ..KeptVersion::of(row, current) })
}

/// A version and its text, or that there is none of this id.
pub fn find_version(store: &Store, id: i64) -> Result<(PolicyVersionRow, String), AdminError> {
    store.policy_version(id)?.ok_or_else(|| AdminError::NoSuch {
        what: "policy version",
        wanted: id.to_string(),
        list: "policy versions",
    })
}
