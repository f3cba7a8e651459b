//! Which versions of the rules of detection were in force: enough to know a file that was edited by hand.
//!
//! Owns the list of these versions and how many are kept. It must never hold the rules themselves: the file does.

use super::{
    Before, FILE_AUTHOR, Store, StoreError, changes,
    connection::AnyConnection,
    in_force::known,
    schema::detection_versions::{self, dsl},
};
use crate::types::UnixMillis;
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _};
use serde_json::{Value, json};

/// As many are kept; the oldest go first.
const MAX_VERSIONS: i64 = 1_000;

impl Store {
    /// Keeps a version and puts it in its place, both or neither. `rule` was changed, as `detail` says. `put` may fail in
    /// its own way.
    pub fn save_detections_version<E>(
        &self,
        (version, rule): (&str, &str),
        actor: &str,
        now: UnixMillis,
        detail: Value,
        put: impl FnOnce() -> Result<(), E>,
    ) -> Result<Result<(), E>, StoreError> {
        let mut outcome = Ok(());
        self.change_if(("detections.changed", rule), actor, now, |connection| {
            // Nothing that can fail is left for later but what writes the change down.
            let id = keep(connection, version)?;
            outcome = put();
            if outcome.is_err() {
                diesel::delete(dsl::detection_versions.find(id)).execute(connection)?;
                return Ok(None);
            }
            Ok(Some(detail))
        })?;
        Ok(outcome)
    }

    /// The number of the newest version.
    pub fn latest_detections_version(&self) -> Result<Option<i64>, StoreError> {
        self.state.run(|connection| Ok(latest(connection)?.map(|(id, _)| id)))
    }

    /// Keeps what a gate has in force, unless it is known, as [`note_policy_in_force`](Self::note_policy_in_force) does.
    pub fn note_detections_in_force(
        &self,
        version: &str,
        before: Option<&Before>,
        seen: Option<i64>,
        now: UnixMillis,
        is_still: impl FnOnce() -> bool,
    ) -> Result<Option<i64>, StoreError> {
        let known = self.state.run(|connection| {
            known(version, before, seen, |version| newest_id(connection, version))
        })?;
        if known.is_some() {
            return Ok(known);
        }
        self.state.write(Some("changes"), |connection| {
            let (latest, replaced) = latest(connection)?.unzip();
            if latest != seen || !is_still() {
                return Ok(None);
            }
            let id = keep(connection, version)?;
            // What the first start finds, nobody has edited.
            if let Some(replaced) = before.map(|before| &*before.version).or(replaced.as_deref()) {
                let what = ("detections.edited", version);
                let detail = json!({ "version_before": replaced });
                changes::note(connection, what, FILE_AUTHOR, now, &detail)?;
            }
            Ok(Some(id))
        })
    }
}

/// The number under which this version was kept last.
fn newest_id(connection: &mut AnyConnection, version: &str) -> Result<Option<i64>, StoreError> {
    let kept = dsl::detection_versions.filter(dsl::version.eq(version)).order(dsl::id.desc());
    Ok(kept.select(dsl::id).first(connection).optional()?)
}

/// Number and version of the latest.
fn latest(connection: &mut AnyConnection) -> Result<Option<(i64, String)>, StoreError> {
    let newest = dsl::detection_versions.order(dsl::id.desc());
    Ok(newest.select((dsl::id, dsl::version)).first(connection).optional()?)
}

/// Its number.
fn keep(connection: &mut AnyConnection, version: &str) -> Result<i64, StoreError> {
    diesel::insert_into(detection_versions::table)
        .values(dsl::version.eq(version))
        .execute(connection)?;
    let newest = dsl::detection_versions.order(dsl::id.desc()).select(dsl::id);
    let id: i64 = newest.first(connection)?;
    let old = dsl::detection_versions.filter(dsl::id.le(id - MAX_VERSIONS));
    diesel::delete(old).execute(connection)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};

    on_both_databases!(
        a_file_that_was_edited_by_hand_is_a_change_exactly_once,
        a_gate_that_begins_with_an_older_version_tells_when_the_newer_one_is_put_back,
        what_was_saved_since_is_no_edit_whatever_came_after_it,
        gates_that_share_a_file_tell_of_an_edit_once,
        what_is_no_longer_in_force_is_not_written_down,
        what_was_not_written_is_not_known,
        the_oldest_versions_are_forgotten,
    );

    /// Has a gate find a version in its file; what it had before, next time.
    fn note(store: &Store, version: &str, before: Option<&Before>) -> Before {
        let seen = store.latest_detections_version().unwrap();
        let at = UnixMillis(5);
        let seen = store.note_detections_in_force(version, before, seen, at, || true);
        Before { version: version.into(), seen: seen.unwrap().unwrap() }
    }

    fn save(store: &Store, version: &str, put: Result<(), ()>) {
        let detail = json!({ "version": version });
        let saved = store
            .save_detections_version((version, "owl"), "ada", UnixMillis(4), detail, || put)
            .unwrap();
        assert_eq!(saved, put);
    }

    /// Kind, subject and author of each.
    fn changes(store: &Store) -> Vec<String> {
        let changes = store.changes_after(0, 9).unwrap().into_iter();
        changes.map(|it| format!("{} {} {}", it.kind, it.subject, it.actor)).collect()
    }

    fn edited(version: &str) -> String {
        format!("detections.edited {version} file")
    }

    fn a_file_that_was_edited_by_hand_is_a_change_exactly_once(store: &Store) {
        let v1 = note(store, "v1", None);
        save(store, "v2", Ok(()));
        let v2 = note(store, "v2", Some(&v1));
        note(store, "v1", None);
        let saved = "detections.changed owl ada".to_owned();
        assert_eq!(changes(store), [&*saved], "first start, a save, another gate's file");
        let v3 = note(store, "v3", Some(&v2));
        note(store, "v3", None);
        assert_eq!(changes(store), [saved.clone(), edited("v3")]);
        assert_eq!(store.changes_after(0, 9).unwrap()[1].detail, json!({ "version_before": "v2" }));
        let v1 = note(store, "v1", Some(&v3));
        note(store, "v3", Some(&v1));
        let by_hand = ["v3", "v1", "v3"].map(edited);
        assert_eq!(changes(store)[1..], by_hand, "put back, and back again");
        note(store, "v4", None);
        assert_eq!(changes(store)[4..], [edited("v4")], "edited while away");
    }

    fn a_gate_that_begins_with_an_older_version_tells_when_the_newer_one_is_put_back(
        store: &Store,
    ) {
        let v1 = note(store, "v1", None);
        note(store, "v2", Some(&v1));
        let v1 = note(store, "v1", None);
        note(store, "v2", Some(&v1));
        assert_eq!(changes(store), ["v2", "v2"].map(edited));
    }

    fn what_was_saved_since_is_no_edit_whatever_came_after_it(store: &Store) {
        let v1 = note(store, "v1", None);
        save(store, "v2", Ok(()));
        save(store, "v3", Ok(()));
        let v2 = note(store, "v2", Some(&v1));
        note(store, "v3", Some(&v2));
        assert_eq!(changes(store).len(), 2, "both were saved");
        note(store, "v4", Some(&v1));
        let edited = store.changes_after(0, 9).unwrap().pop().unwrap();
        assert_eq!(edited.detail, json!({ "version_before": "v1" }), "what this gate had");
    }

    fn gates_that_share_a_file_tell_of_an_edit_once(store: &Store) {
        let v1 = note(store, "v1", None);
        for _gate in ["g1", "g2"] {
            let v2 = note(store, "v2", Some(&v1));
            note(store, "v3", Some(&v2));
        }
        // One that has slept through v2.
        note(store, "v3", Some(&v1));
        assert_eq!(changes(store), ["v2", "v3"].map(edited));
    }

    fn what_is_no_longer_in_force_is_not_written_down(store: &Store) {
        let v1 = note(store, "v1", None);
        let note_v2 = |seen, is_still| {
            let at = UnixMillis(5);
            store.note_detections_in_force("v2", Some(&v1), seen, at, || is_still).unwrap()
        };
        let seen = store.latest_detections_version().unwrap();
        assert_eq!(note_v2(seen, false), None);
        save(store, "v3", Ok(()));
        assert_eq!(note_v2(seen, true), None, "the save may have replaced it");
        assert_eq!(changes(store), ["detections.changed owl ada"]);
        note(store, "v2", Some(&v1));
        assert_eq!(changes(store)[1..], [edited("v2")]);
    }

    fn what_was_not_written_is_not_known(store: &Store) {
        let v1 = note(store, "v1", None);
        save(store, "v2", Err(()));
        assert_eq!(changes(store), [""; 0]);
        note(store, "v2", Some(&v1));
        assert_eq!(changes(store), [edited("v2")]);
    }

    fn the_oldest_versions_are_forgotten(store: &Store) {
        let keep_many = |connection: &mut AnyConnection| {
            (0..=MAX_VERSIONS)
                .try_for_each(|number| keep(connection, &format!("v{number}")).map(|_| ()))
        };
        store.state.write(None, keep_many).unwrap();
        note(store, "v1", None);
        assert_eq!(changes(store), [""; 0]);
        note(store, "v0", None);
        assert_eq!(changes(store), [edited("v0")]);
    }
}
