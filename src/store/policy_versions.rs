//! The policies that were in force: who wrote each, when and why.
//!
//! Owns their rows and how many are kept. It must never keep a version whose file was not written.

use super::{
    Before, Store, StoreError, changes, clean, connection::AnyConnection, in_force::known,
    schema::policy_versions,
};
use crate::{policy::Diff, types::UnixMillis};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, Queryable, RunQueryDsl as _,
    define_sql_function, sql_types,
};
use serde_json::json;
use std::time::Duration;

/// The author of a version that was edited by hand.
pub const FILE_AUTHOR: &str = crate::types::actor::FILE;

/// As many versions are kept, at most; the oldest go first.
pub const MAX_POLICY_VERSIONS: i64 = 1_000;

/// As many characters their texts have together, at most; the newest version is kept whatever it has.
pub const MAX_POLICY_TEXTS: i64 = 64 * 1_048_576;

/// So long the lines of two versions are compared.
const COUNT_AT_MOST: Duration = Duration::from_secs(1);

define_sql_function! {
    /// In characters.
    fn length(text: sql_types::Text) -> sql_types::Integer;
}

/// A version of the policy, without its text.
#[derive(Clone, Debug, Eq, PartialEq, Queryable)]
pub struct PolicyVersionRow {
    /// Its number; later versions have greater ones.
    pub id: i64,
    /// The version as records quote it.
    pub version: String,
    /// A user's name, `cli`, or [`FILE_AUTHOR`].
    pub author: String,
    /// Why it was written.
    pub reason: Option<String>,
    /// When it was put in force, in milliseconds since 1970.
    pub at: i64,
    /// Lines that the version before does not have.
    pub added: i64,
    /// Lines of the version before that it does not have.
    pub removed: i64,
}

/// A version to keep.
#[derive(Clone, Copy, Debug)]
pub struct NewPolicyVersion<'a> {
    /// The version as records quote it.
    pub version: &'a str,
    /// The text of `policy.csv`.
    pub text: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}

/// All columns but the text.
const SHOWN: (
    policy_versions::id,
    policy_versions::version,
    policy_versions::author,
    policy_versions::reason,
    policy_versions::at,
    policy_versions::added,
    policy_versions::removed,
) = (
    policy_versions::id,
    policy_versions::version,
    policy_versions::author,
    policy_versions::reason,
    policy_versions::at,
    policy_versions::added,
    policy_versions::removed,
);

impl Store {
    /// Keeps a version and puts it in its place, both or neither. `kind` is the change's: `policy.saved` or
    /// `policy.restored`. `put` may fail in its own way.
    pub fn save_policy_version<E>(
        &self,
        new: NewPolicyVersion<'_>,
        kind: &str,
        actor: &str,
        now: UnixMillis,
        put: impl FnOnce() -> Result<(), E>,
    ) -> Result<Result<(), E>, StoreError> {
        let counted = self.state.run(|connection| Ok(Counted::of(latest(connection)?, new)))?;
        let mut outcome = Ok(());
        self.change_if((kind, new.version), actor, now, |connection| {
            let counted = counted.against(latest(connection)?, new);
            let id = keep(connection, new, actor, now, &counted)?;
            // Nothing that can fail is left for later but what writes the change down.
            forget_old(connection, MAX_POLICY_VERSIONS, MAX_POLICY_TEXTS)?;
            outcome = put();
            if outcome.is_err() {
                diesel::delete(policy_versions::table.find(id)).execute(connection)?;
                return Ok(None);
            }
            let Counted { added, removed, .. } = counted;
            let reason = new.reason;
            Ok(Some(json!({ "id": id, "reason": reason, "added": added, "removed": removed })))
        })?;
        Ok(outcome)
    }

    /// The number of the newest version.
    pub fn latest_policy_version(&self) -> Result<Option<i64>, StoreError> {
        self.state.run(latest_id)
    }

    /// Keeps what a gate has in force, unless it is known; that was put there by hand, which is a change. `before` is what
    /// the gate had in force until then. `seen` was the newest version before the gate found the version in its file: what
    /// was kept since may have replaced it, and then it is not written down, nor what `is_still` in force no more. `None`
    /// says so; otherwise it is the number up to which nothing is news to the gate.
    pub fn note_policy_in_force(
        &self,
        new: NewPolicyVersion<'_>,
        before: Option<&Before>,
        seen: Option<i64>,
        now: UnixMillis,
        is_still: impl FnOnce() -> bool,
    ) -> Result<Option<i64>, StoreError> {
        let known = self.state.run(|connection| {
            known(new.version, before, seen, |version| newest_id(connection, version))
        })?;
        if known.is_some() {
            return Ok(known);
        }
        let counted =
            Counted::of(self.state.run(|connection| replaced_by_hand(connection, before))?, new);
        self.state.write(Some("changes"), |connection| {
            if latest_id(connection)? != seen || !is_still() {
                return Ok(None);
            }
            let id = keep(connection, new, FILE_AUTHOR, now, &counted)?;
            forget_old(connection, MAX_POLICY_VERSIONS, MAX_POLICY_TEXTS)?;
            let Counted { before: replaced, added, removed } = counted;
            // What the first start finds, nobody has edited.
            if let Some(replaced) = replaced {
                let what = ("policy.edited", new.version);
                let detail = json!({ "id": id, "version_before": replaced, "added": added, "removed": removed });
                changes::note(connection, what, FILE_AUTHOR, now, &detail)?;
            }
            Ok(Some(id))
        })
    }

    /// The newest versions, or those before `after`, the newest first.
    pub fn policy_versions(
        &self,
        limit: i64,
        after: Option<i64>,
    ) -> Result<Vec<PolicyVersionRow>, StoreError> {
        self.state.run(|connection| {
            Ok(policy_versions::table
                .filter(policy_versions::id.lt(after.unwrap_or(i64::MAX)))
                .order(policy_versions::id.desc())
                .limit(limit)
                .select(SHOWN)
                .load(connection)?)
        })
    }

    /// A version with its text.
    pub fn policy_version(
        &self,
        id: i64,
    ) -> Result<Option<(PolicyVersionRow, String)>, StoreError> {
        self.state.run(|connection| {
            Ok(policy_versions::table
                .find(id)
                .select((SHOWN, policy_versions::text))
                .first(connection)
                .optional()?)
        })
    }

    /// The number under which this version was put in force last.
    pub fn policy_version_id(&self, version: &str) -> Result<Option<i64>, StoreError> {
        self.state.run(|connection| newest_id(connection, version))
    }
}

/// The number under which this version was kept last.
fn newest_id(connection: &mut AnyConnection, version: &str) -> Result<Option<i64>, StoreError> {
    let kept = policy_versions::table.filter(policy_versions::version.eq(version));
    let newest = kept.order(policy_versions::id.desc());
    Ok(newest.select(policy_versions::id).first(connection).optional()?)
}

fn latest_id(connection: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    let newest = policy_versions::table.order(policy_versions::id.desc());
    Ok(newest.select(policy_versions::id).first(connection).optional()?)
}

/// Version and text of what a gate had in force `before`; of the latest, where that is not known.
fn replaced_by_hand(
    connection: &mut AnyConnection,
    before: Option<&Before>,
) -> Result<Option<(String, String)>, StoreError> {
    let Some(before) = before else { return latest(connection) };
    let kept = policy_versions::table.filter(policy_versions::version.eq(&*before.version));
    let text = kept.select(policy_versions::text).first(connection).optional()?;
    Ok(Some((before.version.to_string(), text.unwrap_or_default())))
}

/// Version and text of the latest.
fn latest(connection: &mut AnyConnection) -> Result<Option<(String, String)>, StoreError> {
    Ok(policy_versions::table
        .order(policy_versions::id.desc())
        .select((policy_versions::version, policy_versions::text))
        .first(connection)
        .optional()?)
}

/// How many lines a version adds to the one before, and removes: counted before anything is locked.
struct Counted {
    before: Option<String>,
    added: u32,
    removed: u32,
}

impl Counted {
    fn of(before: Option<(String, String)>, new: NewPolicyVersion<'_>) -> Self {
        let (before, old) = before.unzip();
        let diff = Diff::of(&old.unwrap_or_default(), &clean(new.text), COUNT_AT_MOST);
        Self { before, added: diff.added, removed: diff.removed }
    }

    /// Counts once more where another version came meanwhile.
    fn against(self, before: Option<(String, String)>, new: NewPolicyVersion<'_>) -> Self {
        let is_same = before.as_ref().map(|(version, _)| version) == self.before.as_ref();
        if is_same { self } else { Self::of(before, new) }
    }
}

/// Writes the version down; its number.
fn keep(
    connection: &mut AnyConnection,
    new: NewPolicyVersion<'_>,
    author: &str,
    now: UnixMillis,
    counted: &Counted,
) -> Result<i64, StoreError> {
    let text = clean(new.text);
    diesel::insert_into(policy_versions::table)
        .values((
            policy_versions::version.eq(new.version),
            policy_versions::text.eq(text),
            policy_versions::author.eq(clean(author)),
            policy_versions::reason.eq(new.reason.map(clean)),
            policy_versions::at.eq(now.0),
            policy_versions::added.eq(i64::from(counted.added)),
            policy_versions::removed.eq(i64::from(counted.removed)),
        ))
        .execute(connection)?;
    let newest = policy_versions::table.order(policy_versions::id.desc());
    Ok(newest.select(policy_versions::id).first(connection)?)
}

/// Removes what is too much, the oldest first.
fn forget_old(
    connection: &mut AnyConnection,
    most_versions: i64,
    most_characters: i64,
) -> Result<(), StoreError> {
    let kept: Vec<(i64, i32)> = policy_versions::table
        .order(policy_versions::id.desc())
        .select((policy_versions::id, length(policy_versions::text)))
        .load(connection)?;
    let mut characters = 0;
    let too_much = kept.into_iter().zip(0_i64..).find(|((_, length), index)| {
        characters += i64::from(*length);
        *index > 0 && (*index >= most_versions || characters > most_characters)
    });
    if let Some(((id, _), _)) = too_much {
        diesel::delete(policy_versions::table.filter(policy_versions::id.le(id)))
            .execute(connection)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};

    on_both_databases!(
        versions_are_listed_from_the_newest_with_what_changed,
        a_version_whose_file_was_not_written_is_not_kept,
        what_is_in_force_is_kept_once,
        what_was_saved_since_is_no_edit_whatever_came_after_it,
        what_is_no_longer_in_force_is_not_written_down,
        the_oldest_versions_are_forgotten,
    );

    fn new<'a>(version: &'a str, text: &'a str) -> NewPolicyVersion<'a> {
        NewPolicyVersion { version, text, reason: Some("because") }
    }

    fn save(store: &Store, version: &str, text: &str, at: i64) {
        let done: Result<(), ()> = store
            .save_policy_version(new(version, text), "policy.saved", "ada", UnixMillis(at), || {
                Ok(())
            })
            .unwrap();
        done.unwrap();
    }

    fn versions_are_listed_from_the_newest_with_what_changed(store: &Store) {
        save(store, "v1", "a\nb\n", 1);
        save(store, "v2", "a\nc\nd\n", 2);
        save(store, "v1", "a\nb\n", 3);
        let rows = store.policy_versions(2, None).unwrap();
        let shown: Vec<_> =
            rows.iter().map(|it| (it.version.as_str(), it.at, it.added, it.removed)).collect();
        assert_eq!(shown, [("v1", 3, 1, 2), ("v2", 2, 2, 1)]);
        let rest = store.policy_versions(9, Some(rows[1].id)).unwrap();
        assert_eq!(rest.iter().map(|it| it.at).collect::<Vec<_>>(), [1]);
        let (row, text) = store.policy_version(rows[1].id).unwrap().unwrap();
        assert_eq!((&row, text.as_str()), (&rows[1], "a\nc\nd\n"));
        assert_eq!((row.author.as_str(), row.reason.as_deref()), ("ada", Some("because")));
        assert_eq!(store.policy_version_id("v1").unwrap(), Some(rows[0].id));
        assert_eq!(store.policy_version(0).unwrap(), None);
        let changes = store.changes_after(0, 9).unwrap();
        assert_eq!(changes.len(), 3);
        assert_eq!((changes[1].kind.as_str(), changes[1].subject.as_str()), ("policy.saved", "v2"));
        assert_eq!(changes[1].detail["added"], 2);
    }

    fn a_version_whose_file_was_not_written_is_not_kept(store: &Store) {
        save(store, "v1", "a\n", 1);
        let failed = store
            .save_policy_version(new("v2", "b\n"), "policy.saved", "ada", UnixMillis(2), || {
                Err("read-only")
            })
            .unwrap();
        assert_eq!(failed, Err("read-only"));
        let rows = store.policy_versions(9, None).unwrap();
        assert_eq!(rows.iter().map(|it| it.version.as_str()).collect::<Vec<_>>(), ["v1"]);
        assert_eq!(store.changes_after(0, 9).unwrap().len(), 1);
    }

    /// Has a gate find a version in its file, whose text is its name; what it had before, next time.
    fn note(store: &Store, version: &str, before: Option<&Before>) -> Before {
        let seen = store.latest_policy_version().unwrap();
        let new = NewPolicyVersion { reason: None, ..new(version, version) };
        let at = UnixMillis(5);
        let seen = store.note_policy_in_force(new, before, seen, at, || true).unwrap().unwrap();
        Before { version: version.into(), seen }
    }

    /// Versions and authors, from the newest.
    fn kept(store: &Store) -> Vec<String> {
        let rows = store.policy_versions(9, None).unwrap().into_iter();
        rows.map(|it| format!("{} {}", it.version, it.author)).collect()
    }

    fn what_is_in_force_is_kept_once(store: &Store) {
        let v1 = note(store, "v1", None);
        assert_eq!(store.changes_after(0, 9).unwrap(), [], "a first start changes nothing");
        save(store, "v2", "v2", 3);
        let v2 = note(store, "v2", Some(&v1));
        note(store, "v1", None);
        assert_eq!(kept(store), ["v2 ada", "v1 file"], "another gate's file");
        let v1 = note(store, "v1", Some(&v2));
        assert_eq!(kept(store), ["v1 file", "v2 ada", "v1 file"]);
        let changes = store.changes_after(0, 9).unwrap();
        let kinds: Vec<_> = changes.iter().map(|change| &*change.kind).collect();
        assert_eq!(kinds, ["policy.saved", "policy.edited"]);
        let detail = json!({ "id": v1.seen, "version_before": "v2", "added": 1, "removed": 1 });
        assert_eq!(changes[1].detail, detail);
        assert_eq!(store.policy_version_id("v1").unwrap(), Some(v1.seen));
    }

    fn what_was_saved_since_is_no_edit_whatever_came_after_it(store: &Store) {
        let v1 = note(store, "v1", None);
        save(store, "v2", "v2", 3);
        save(store, "v3", "v3", 3);
        let v2 = note(store, "v2", Some(&v1));
        note(store, "v3", Some(&v2));
        assert_eq!(kept(store).len(), 3);
        note(store, "v4", Some(&v1));
        let edited = store.changes_after(0, 9).unwrap().pop().unwrap();
        assert_eq!(edited.detail["version_before"], "v1", "what this gate had, not the latest");
    }

    fn what_is_no_longer_in_force_is_not_written_down(store: &Store) {
        let v1 = note(store, "v1", None);
        let note_v2 = |seen, is_still| {
            let new = new("v2", "b");
            store.note_policy_in_force(new, Some(&v1), seen, UnixMillis(5), || is_still).unwrap()
        };
        let seen = store.latest_policy_version().unwrap();
        assert_eq!(note_v2(seen, false), None);
        save(store, "v3", "c", 5);
        assert_eq!(note_v2(seen, true), None, "the save may have replaced it");
        assert_eq!(kept(store), ["v3 ada", "v1 file"]);
        assert_eq!(store.changes_after(0, 9).unwrap().len(), 1);
    }

    fn the_oldest_versions_are_forgotten(store: &Store) {
        for version in ["v1", "v2", "v3", "v4"] {
            save(store, version, "0123456789", 1);
        }
        let left_of = |most_versions, most_characters| {
            let forget =
                |connection: &mut _| forget_old(connection, most_versions, most_characters);
            store.state.write(None, forget).unwrap();
            let rows = store.policy_versions(9, None).unwrap();
            rows.into_iter().map(|it| it.version).collect::<Vec<_>>()
        };
        assert_eq!(left_of(4, 40), ["v4", "v3", "v2", "v1"]);
        assert_eq!(left_of(4, 39), ["v4", "v3", "v2"]);
        assert_eq!(left_of(2, 40), ["v4", "v3"]);
        assert_eq!(left_of(2, 5), ["v4"], "the newest stays");
    }
}
