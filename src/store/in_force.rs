//! What a gate has in force, beside what was kept: the rule that tells an edit by hand from a save.
//!
//! Must never read a file: whoever asks says when it looked.

use super::StoreError;
use std::sync::Arc;

/// What a gate had in force before, when that was known to the store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Before {
    /// Its version.
    pub version: Arc<str>,
    /// Up to this number, nothing that was kept is news to the gate.
    pub seen: i64,
}

/// The number under which somebody has kept a version that a gate has in force now: whoever saved it, or another gate that
/// follows the same file. `None`: nobody has since the gate had something else, so the file was edited by hand.
///
/// A gate that begins had nothing before. To it every version that was kept is known, for gates with files of their own may
/// share a database, and so is all that there is: up to `latest`. `newest` tells under which number a version was kept last.
pub(super) fn known(
    version: &str,
    before: Option<&Before>,
    latest: Option<i64>,
    mut newest: impl FnMut(&str) -> Result<Option<i64>, StoreError>,
) -> Result<Option<i64>, StoreError> {
    let Some(before) = before else {
        return Ok(newest(version)?.map(|id| latest.map_or(id, |latest| latest.max(id))));
    };
    let seen = newest(&before.version)?.max(Some(before.seen));
    Ok(newest(version)?.filter(|id| Some(*id) > seen))
}
