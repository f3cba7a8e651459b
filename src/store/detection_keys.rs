//! The detection keys: what a caller shows on the detection-key surface.
//!
//! Owns their rows. It must never see a key, only its hash and its last four characters.

use super::{
    Store, StoreError,
    agents::refuse_if_revoked,
    app_contexts::usable_context,
    clean,
    connection::AnyConnection,
    schema::detection_keys::{self, dsl},
};
use crate::types::UnixMillis;
use diesel::{
    ExpressionMethods as _, Insertable, OptionalExtension as _, QueryDsl as _, Queryable,
    RunQueryDsl as _, Selectable, SelectableHelper as _,
};
use serde_json::json;

/// What is needed to create a detection key.
#[derive(Clone, Debug)]
pub struct NewDetectionKey {
    /// `key_…`, unique.
    pub id: String,
    /// SHA-256 of the key; unique.
    pub key_hash: [u8; 32],
    /// The key's last four characters, to tell keys apart.
    pub last4: String,
    /// The AppContext through which it is used.
    pub app_context_id: String,
    /// The agent that uses it.
    pub agent_id: String,
    /// From when on it is worth nothing.
    pub expires_at: Option<UnixMillis>,
}

/// A detection key as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DetectionKey {
    /// `key_…`, unique.
    pub id: String,
    /// SHA-256 of the key; unique.
    pub key_hash: [u8; 32],
    /// The key's last four characters, to tell keys apart.
    pub last4: String,
    /// The AppContext through which it is used.
    pub app_context_id: String,
    /// The agent that uses it.
    pub agent_id: String,
    /// When it was created.
    pub created_at: UnixMillis,
    /// From when on it is worth nothing.
    pub expires_at: Option<UnixMillis>,
    /// When it was revoked.
    pub revoked_at: Option<UnixMillis>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = detection_keys, treat_none_as_default_value = false)]
struct Row {
    id: String,
    key_hash: Vec<u8>,
    last4: String,
    app_context_id: String,
    agent_id: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl Store {
    /// Creates a key. `NotFound` or `Revoked` when AppContext or agent are; `Taken` when its id or hash is
    /// in use.
    pub fn create_detection_key(
        &self,
        new: &NewDetectionKey,
        actor: &str,
        now: UnixMillis,
    ) -> Result<DetectionKey, StoreError> {
        let key = DetectionKey {
            id: clean(&new.id),
            key_hash: new.key_hash,
            last4: clean(&new.last4),
            app_context_id: clean(&new.app_context_id),
            agent_id: clean(&new.agent_id),
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        self.change(("key.created", &key.id), actor, now, |connection| {
            usable_context(connection, &key.app_context_id)?;
            refuse_if_revoked(connection, &key.agent_id)?;
            refuse_if_taken(connection, &key)?;
            diesel::insert_into(detection_keys::table).values(row_of(&key)).execute(connection)?;
            Ok(json!({
                "last4": key.last4,
                "app_context_id": key.app_context_id,
                "agent_id": key.agent_id,
                "expires_at": key.expires_at,
            }))
        })?;
        Ok(key)
    }

    /// All keys, oldest first, those that are worth nothing any more too.
    pub fn detection_keys(&self) -> Result<Vec<DetectionKey>, StoreError> {
        let rows: Vec<Row> = self.state.run(|connection| {
            Ok(dsl::detection_keys.select(Row::as_select()).load(connection)?)
        })?;
        let mut keys = rows.into_iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
        // Not in SQL: collations differ.
        keys.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(keys)
    }

    /// Revokes a key, for good. Once is enough.
    pub fn revoke_detection_key(
        &self,
        id: &str,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change_if(("key.revoked", id), actor, now, |connection| {
            if is_revoked(connection, id)? {
                return Ok(None);
            }
            diesel::update(dsl::detection_keys.find(id))
                .set(dsl::revoked_at.eq(now.0))
                .execute(connection)?;
            Ok(Some(json!({})))
        })
    }

    /// Sets from when on a key is worth nothing. `Revoked` when it is revoked.
    pub fn expire_detection_key(
        &self,
        id: &str,
        at: UnixMillis,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change(("key.expires", id), actor, now, |connection| {
            if is_revoked(connection, id)? {
                return Err(StoreError::Revoked { what: "detection key" });
            }
            diesel::update(dsl::detection_keys.find(id))
                .set(dsl::expires_at.eq(at.0))
                .execute(connection)?;
            Ok(json!({ "expires_at": at }))
        })
    }
}

fn is_revoked(connection: &mut AnyConnection, id: &str) -> Result<bool, StoreError> {
    let revoked_at: Option<Option<i64>> =
        dsl::detection_keys.find(id).select(dsl::revoked_at).first(connection).optional()?;
    let revoked_at = revoked_at.ok_or(StoreError::NotFound { what: "detection key" })?;
    Ok(revoked_at.is_some())
}

fn refuse_if_taken(connection: &mut AnyConnection, key: &DetectionKey) -> Result<(), StoreError> {
    let in_use: Option<String> = dsl::detection_keys
        .filter(dsl::id.eq(&key.id))
        .or_filter(dsl::key_hash.eq(key.key_hash.as_slice()))
        .select(dsl::id)
        .first(connection)
        .optional()?;
    match in_use {
        None => Ok(()),
        Some(id) if id == key.id => Err(StoreError::Taken { what: "detection key id" }),
        Some(_) => Err(StoreError::Taken { what: "detection key" }),
    }
}

fn row_of(key: &DetectionKey) -> Row {
    Row {
        id: key.id.clone(),
        key_hash: key.key_hash.to_vec(),
        last4: key.last4.clone(),
        app_context_id: key.app_context_id.clone(),
        agent_id: key.agent_id.clone(),
        created_at: key.created_at.0,
        expires_at: key.expires_at.map(|at| at.0),
        revoked_at: key.revoked_at.map(|at| at.0),
    }
}

fn key_of(row: Row) -> Result<DetectionKey, StoreError> {
    let key_hash = row.key_hash.try_into();
    Ok(DetectionKey {
        id: row.id,
        key_hash: key_hash.or(Err(StoreError::Corrupt { what: "detection_keys.key_hash" }))?,
        last4: row.last4,
        app_context_id: row.app_context_id,
        agent_id: row.agent_id,
        created_at: UnixMillis(row.created_at),
        expires_at: row.expires_at.map(UnixMillis),
        revoked_at: row.revoked_at.map(UnixMillis),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            NewAppContext,
            testing::{create_agent, on_both_databases},
        },
        *,
    };
    use crate::types::{AgentStatus, CallerLimits};

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);
    const LATER: UnixMillis = UnixMillis(1_795_233_600_456);

    on_both_databases!(
        a_key_is_listed_with_its_hash_and_end,
        a_key_needs_an_agent_and_a_context_that_may_be_used,
        what_is_taken_is_named,
        a_revoked_key_stays_revoked_from_the_first_time_on,
        an_unknown_key_is_not_found,
    );

    /// A key for a new agent and a new AppContext.
    fn new_key(store: &Store, name: &str) -> NewDetectionKey {
        let context = NewAppContext {
            id: format!("ac_{name}"),
            name: name.to_owned(),
            allowed_models: Vec::new(),
            provider_key: None,
            detectors: Vec::new(),
            limits: CallerLimits::default(),
        };
        NewDetectionKey {
            id: format!("key_{name}"),
            key_hash: [u8::try_from(name.len()).unwrap(); 32],
            last4: "wxyz".to_owned(),
            app_context_id: store.create_app_context(&context, "cli", NOW).unwrap().id,
            agent_id: create_agent(store, name).id,
            expires_at: None,
        }
    }

    fn a_key_is_listed_with_its_hash_and_end(store: &Store) {
        let later = NewDetectionKey { expires_at: Some(LATER), ..new_key(store, "one") };
        let later = store.create_detection_key(&later, "cli", LATER).unwrap();
        let first = store.create_detection_key(&new_key(store, "second"), "cli", NOW).unwrap();
        assert_eq!((first.key_hash, first.expires_at), ([6; 32], None));
        assert_eq!(store.detection_keys().unwrap(), [first.clone(), later]);

        store.expire_detection_key(&first.id, LATER, "admin", NOW).unwrap();
        assert_eq!(store.detection_keys().unwrap()[0].expires_at, Some(LATER));
        let changes = store.changes_after(store.latest_change().unwrap() - 2, 2).unwrap();
        assert_eq!((changes[0].kind.as_str(), &changes[0].subject), ("key.created", &first.id));
        assert_eq!(
            changes[0].detail,
            json!({
                "last4": "wxyz",
                "app_context_id": first.app_context_id,
                "agent_id": first.agent_id,
                "expires_at": null,
            })
        );
        assert_eq!(changes[1].kind, "key.expires");
        assert_eq!(changes[1].detail, json!({ "expires_at": LATER }));
    }

    fn a_key_needs_an_agent_and_a_context_that_may_be_used(store: &Store) {
        let new = new_key(store, "one");
        let create = |new: &NewDetectionKey| store.create_detection_key(new, "cli", NOW);
        let unknown = || "none".to_owned();
        assert!(matches!(
            create(&NewDetectionKey { agent_id: unknown(), ..new.clone() }),
            Err(StoreError::NotFound { what: "agent" })
        ));
        assert!(matches!(
            create(&NewDetectionKey { app_context_id: unknown(), ..new.clone() }),
            Err(StoreError::NotFound { what: "AppContext" })
        ));
        store.set_agent_status(&new.agent_id, AgentStatus::Revoked, "cli", NOW).unwrap();
        assert!(matches!(create(&new), Err(StoreError::Revoked { what: "agent" })));
        store.revoke_app_context(&new.app_context_id, "cli", NOW).unwrap();
        assert!(matches!(create(&new), Err(StoreError::Revoked { what: "AppContext" })));
        assert_eq!(store.detection_keys().unwrap(), []);
    }

    fn what_is_taken_is_named(store: &Store) {
        let new = new_key(store, "one");
        store.create_detection_key(&new, "cli", NOW).unwrap();
        let taken = |new: NewDetectionKey| match store.create_detection_key(&new, "cli", NOW) {
            Err(StoreError::Taken { what }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(taken(new.clone()), "detection key id");
        assert_eq!(taken(NewDetectionKey { id: "key_2".to_owned(), ..new }), "detection key");
        assert_eq!(store.detection_keys().unwrap().len(), 1);
    }

    fn a_revoked_key_stays_revoked_from_the_first_time_on(store: &Store) {
        let key = store.create_detection_key(&new_key(store, "one"), "cli", NOW).unwrap();
        store.revoke_detection_key(&key.id, "admin", NOW).unwrap();
        let before = store.latest_change().unwrap();
        store.revoke_detection_key(&key.id, "admin", LATER).unwrap();
        let refused = store.expire_detection_key(&key.id, LATER, "admin", LATER);
        assert!(matches!(refused, Err(StoreError::Revoked { what: "detection key" })));
        let revoked = DetectionKey { revoked_at: Some(NOW), ..key };
        assert_eq!(store.detection_keys().unwrap(), [revoked]);
        assert_eq!(store.latest_change().unwrap(), before);
    }

    fn an_unknown_key_is_not_found(store: &Store) {
        for refused in [
            store.revoke_detection_key("none", "cli", NOW),
            store.expire_detection_key("none", LATER, "cli", NOW),
        ] {
            assert!(matches!(refused, Err(StoreError::NotFound { what: "detection key" })));
        }
    }
}
