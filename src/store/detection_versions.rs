//! Which versions of the rules of detection were in force: enough to know a file that was edited by hand.
//!
//! Owns the list of these versions and how many are kept. It must never hold the rules themselves: the file does.

use super::{
    FILE_AUTHOR, Found, Store, StoreError, changes,
    connection::AnyConnection,
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

    /// Keeps what was found in force, if it is not known: then somebody has edited the file, which is a change.
    pub fn note_detections_in_force(
        &self,
        version: &str,
        found: Found,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        if self.state.run(|connection| is_known(connection, version, found))? {
            return Ok(());
        }
        self.state.write(Some("changes"), |connection| {
            // It may have become known meanwhile.
            if is_known(connection, version, found)? {
                return Ok(());
            }
            let before = latest(connection)?;
            keep(connection, version)?;
            // What the first start finds, nobody has edited.
            let Some(before) = before else { return Ok(()) };
            let what = ("detections.edited", version);
            changes::note(connection, what, FILE_AUTHOR, now, &json!({ "version_before": before }))
        })
    }
}

fn is_known(
    connection: &mut AnyConnection,
    version: &str,
    found: Found,
) -> Result<bool, StoreError> {
    if latest(connection)?.as_deref() == Some(version) {
        return Ok(true);
    }
    let kept = dsl::detection_versions.filter(dsl::version.eq(version)).select(dsl::id);
    Ok(found == Found::AtStart && kept.first::<i64>(connection).optional()?.is_some())
}

fn latest(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let newest = dsl::detection_versions.order(dsl::id.desc()).select(dsl::version);
    Ok(newest.first(connection).optional()?)
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
        what_was_not_written_is_not_known,
        the_oldest_versions_are_forgotten,
    );

    fn note(store: &Store, version: &str, found: Found) {
        store.note_detections_in_force(version, found, UnixMillis(5)).unwrap();
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

    fn a_file_that_was_edited_by_hand_is_a_change_exactly_once(store: &Store) {
        note(store, "v1", Found::AtStart);
        note(store, "v1", Found::Later);
        save(store, "v2", Ok(()));
        note(store, "v2", Found::Later);
        note(store, "v1", Found::AtStart);
        let saved = "detections.changed owl ada".to_owned();
        assert_eq!(changes(store), [&*saved], "first start, a save, another gate's file");
        note(store, "v3", Found::Later);
        note(store, "v3", Found::Later);
        note(store, "v3", Found::AtStart);
        let edited = |version: &str| format!("detections.edited {version} file");
        assert_eq!(changes(store), [saved.clone(), edited("v3")]);
        assert_eq!(store.changes_after(0, 9).unwrap()[1].detail, json!({ "version_before": "v2" }));
        note(store, "v1", Found::Later);
        assert_eq!(changes(store), [saved.clone(), edited("v3"), edited("v1")], "put back");
        note(store, "v4", Found::AtStart);
        assert_eq!(
            changes(store),
            [saved, edited("v3"), edited("v1"), edited("v4")],
            "edited while away"
        );
    }

    fn what_was_not_written_is_not_known(store: &Store) {
        note(store, "v1", Found::AtStart);
        save(store, "v2", Err(()));
        assert_eq!(changes(store), [""; 0]);
        note(store, "v1", Found::Later);
        assert_eq!(changes(store), [""; 0]);
        note(store, "v2", Found::Later);
        assert_eq!(changes(store), ["detections.edited v2 file"]);
    }

    fn the_oldest_versions_are_forgotten(store: &Store) {
        let keep_many = |connection: &mut AnyConnection| {
            (0..=MAX_VERSIONS)
                .try_for_each(|number| keep(connection, &format!("v{number}")).map(|_| ()))
        };
        store.state.write(None, keep_many).unwrap();
        note(store, "v1", Found::AtStart);
        assert_eq!(changes(store), [""; 0]);
        note(store, "v0", Found::AtStart);
        assert_eq!(changes(store), ["detections.edited v0 file"]);
    }
}
