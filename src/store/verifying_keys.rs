//! The public keys that verify the gateways' own tokens.
//!
//! Owns the list by which gateways accept each other's tokens, and those of keys that were rotated out.
//! It must never hold a private key.

use super::{
    Store, StoreError, clean,
    schema::verifying_keys::{self, dsl},
};
use crate::types::UnixMillis;
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _};
use serde_json::json;

/// A public key that verifies tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifyingKey {
    /// Its name in a token's head.
    pub kid: String,
    /// The key as a JWK, JSON text.
    pub jwk: String,
    /// The gateway that signs, or signed, with it.
    pub node: String,
    /// When it was added.
    pub created_at: UnixMillis,
    /// Until when it verifies; `None` while its gateway signs with it.
    pub verify_until: Option<UnixMillis>,
}

/// The columns in their order.
type Row = (String, String, String, i64, Option<i64>);

impl Store {
    /// Makes known that a gateway signs with this key; no change when that is known. A key that was
    /// retired verifies again without end. `Taken` when another key has this `kid`.
    pub fn register_key(
        &self,
        kid: &str,
        jwk: &str,
        node: &str,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (kid, jwk, node) = (clean(kid), clean(jwk), clean(node));
        self.change_if(("key_set.added", &kid), actor, now, |connection| {
            let row = dsl::verifying_keys.find(&kid);
            let known: Option<Row> = row.first(connection).optional()?;
            match known {
                None => diesel::insert_into(verifying_keys::table)
                    .values((
                        dsl::kid.eq(&kid),
                        dsl::public_key.eq(&jwk),
                        dsl::node.eq(&node),
                        dsl::created_at.eq(now.0),
                        dsl::verify_until.eq(None::<i64>),
                    ))
                    .execute(connection)?,
                Some((_, other, ..)) if other != jwk => {
                    return Err(StoreError::Taken { what: "key id" });
                }
                Some((_, _, same, _, None)) if same == node => return Ok(None),
                Some(_) => diesel::update(row)
                    .set((dsl::node.eq(&node), dsl::verify_until.eq(None::<i64>)))
                    .execute(connection)?,
            };
            Ok(Some(json!({ "node": node })))
        })
    }

    /// Lets a key verify only until a moment; one that has such a moment already keeps it.
    pub fn retire_key(
        &self,
        kid: &str,
        verify_until: UnixMillis,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let kid = clean(kid);
        self.change_if(("key_set.retired", &kid), actor, now, |connection| {
            let row = dsl::verifying_keys.find(&kid);
            let known: Option<Option<i64>> =
                row.select(dsl::verify_until).first(connection).optional()?;
            if known.ok_or(StoreError::NotFound { what: "signing key" })?.is_some() {
                return Ok(None);
            }
            diesel::update(row).set(dsl::verify_until.eq(verify_until.0)).execute(connection)?;
            Ok(Some(json!({ "verify_until": verify_until })))
        })
    }

    /// The keys that verify now, of all gateways, oldest first.
    pub fn verifying_keys(&self, now: UnixMillis) -> Result<Vec<VerifyingKey>, StoreError> {
        let rows: Vec<Row> = self.state.run(|connection| {
            Ok(dsl::verifying_keys
                .filter(dsl::verify_until.is_null())
                .or_filter(dsl::verify_until.gt(now.0))
                .load(connection)?)
        })?;
        let mut keys: Vec<VerifyingKey> = rows.into_iter().map(key_of).collect();
        // Not in SQL: collations differ.
        keys.sort_by(|one, other| (one.created_at, &one.kid).cmp(&(other.created_at, &other.kid)));
        Ok(keys)
    }
}

fn key_of((kid, jwk, node, created_at, verify_until): Row) -> VerifyingKey {
    let created_at = UnixMillis(created_at);
    VerifyingKey { kid, jwk, node, created_at, verify_until: verify_until.map(UnixMillis) }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};

    on_both_databases!(
        a_key_is_made_known_once,
        a_retired_key_verifies_until_its_moment,
        an_unknown_key_is_not_retired,
        a_retired_key_that_signs_again_verifies_without_end,
        a_key_moves_with_its_gateway_but_never_becomes_another_key,
    );

    fn register(store: &Store, kid: &str, node: &str, now: i64) {
        let jwk = format!("{{\"kid\":\"{kid}\"}}");
        store.register_key(kid, &jwk, node, "start", UnixMillis(now)).unwrap();
    }

    fn retire(store: &Store, kid: &str, until: i64) {
        store.retire_key(kid, UnixMillis(until), "cli", UnixMillis(1)).unwrap();
    }

    fn kids(store: &Store, now: i64) -> Vec<String> {
        let keys = store.verifying_keys(UnixMillis(now)).unwrap();
        keys.into_iter().map(|key| key.kid).collect()
    }

    fn a_key_is_made_known_once(store: &Store) {
        register(store, "k1", "gate-1", 1);
        register(store, "k1", "gate-1", 2);
        let known = VerifyingKey {
            kid: "k1".to_owned(),
            jwk: r#"{"kid":"k1"}"#.to_owned(),
            node: "gate-1".to_owned(),
            created_at: UnixMillis(1),
            verify_until: None,
        };
        assert_eq!(store.verifying_keys(UnixMillis(9)).unwrap(), [known]);
        let changes = store.changes_after(0, 10).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(
            (changes[0].kind.as_str(), changes[0].subject.as_str()),
            ("key_set.added", "k1")
        );
    }

    fn a_retired_key_verifies_until_its_moment(store: &Store) {
        for (kid, node, now) in [("k1", "gate-1", 1), ("k2", "gate-1", 2), ("other", "gate-2", 3)] {
            register(store, kid, node, now);
        }
        retire(store, "k1", 100);
        retire(store, "k1", 900);
        assert_eq!(kids(store, 99), ["k1", "k2", "other"]);
        assert_eq!(kids(store, 100), ["k2", "other"]);
        let changes = store.changes_after(3, 10).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(
            (changes[0].kind.as_str(), changes[0].subject.as_str()),
            ("key_set.retired", "k1")
        );
        assert_eq!(changes[0].detail, json!({ "verify_until": UnixMillis(100) }));
    }

    fn an_unknown_key_is_not_retired(store: &Store) {
        let refused = store.retire_key("k1", UnixMillis(100), "cli", UnixMillis(1));
        assert!(matches!(refused, Err(StoreError::NotFound { what: "signing key" })));
        assert_eq!(store.latest_change().unwrap(), 0);
    }

    fn a_retired_key_that_signs_again_verifies_without_end(store: &Store) {
        register(store, "k1", "gate-1", 1);
        retire(store, "k1", 100);
        register(store, "k1", "gate-1", 50);
        assert_eq!(kids(store, i64::MAX), ["k1"]);
        assert_eq!(store.latest_change().unwrap(), 3);
    }

    fn a_key_moves_with_its_gateway_but_never_becomes_another_key(store: &Store) {
        register(store, "k1", "old-name", 1);
        register(store, "k1", "new-name", 2);
        assert_eq!(store.verifying_keys(UnixMillis(0)).unwrap()[0].node, "new-name");
        let refused = store.register_key("k1", "{}", "new-name", "start", UnixMillis(3));
        assert!(matches!(refused, Err(StoreError::Taken { what: "key id" })));
    }
}
