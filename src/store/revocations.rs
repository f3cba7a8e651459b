//! The sessions of agents that were revoked before their time.
//!
//! Owns the list of them, which is short: a session leaves it when its token would have expired anyway.
//! It must never hold a token.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::{
        agents,
        revoked_sessions::{self, dsl},
    },
};
use crate::types::UnixMillis;
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _};
use serde_json::json;

/// A session of an agent that is worth nothing any more.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RevokedSession {
    /// Whose.
    pub agent_id: String,
    /// The token's `jti`.
    pub session_id: String,
    /// When its token expires.
    pub expires_at: UnixMillis,
}

impl Store {
    /// Revokes a session until its token expires. Once is enough. `NotFound` when there is no such agent.
    pub fn revoke_session(
        &self,
        agent_id: &str,
        session_id: &str,
        expires_at: UnixMillis,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (agent_id, session_id) = (clean(agent_id), clean(session_id));
        self.change_if(("session.revoked", &agent_id), actor, now, |connection| {
            refuse_if_unknown(connection, &agent_id)?;
            let row = dsl::revoked_sessions.find((&agent_id, &session_id));
            let known: Option<i64> = row.select(dsl::expires_at).first(connection).optional()?;
            match known {
                None => diesel::insert_into(revoked_sessions::table)
                    .values((
                        dsl::agent_id.eq(&agent_id),
                        dsl::session_id.eq(&session_id),
                        dsl::expires_at.eq(expires_at.0),
                    ))
                    .execute(connection)?,
                // An issuer may give one session several tokens: the longest-lived counts.
                Some(until) if until < expires_at.0 => {
                    diesel::update(row).set(dsl::expires_at.eq(expires_at.0)).execute(connection)?
                }
                Some(_) => return Ok(None),
            };
            Ok(Some(json!({ "session_id": session_id, "expires_at": expires_at })))
        })
    }

    /// The revoked sessions whose tokens have not expired, in order.
    pub fn revoked_sessions(&self, now: UnixMillis) -> Result<Vec<RevokedSession>, StoreError> {
        let rows: Vec<(String, String, i64)> = self.state.run(|connection| {
            Ok(dsl::revoked_sessions.filter(dsl::expires_at.gt(now.0)).load(connection)?)
        })?;
        let mut sessions: Vec<RevokedSession> = rows
            .into_iter()
            .map(|(agent_id, session_id, expires_at)| RevokedSession {
                agent_id,
                session_id,
                expires_at: UnixMillis(expires_at),
            })
            .collect();
        // Not in SQL: collations differ.
        sessions.sort();
        Ok(sessions)
    }

    /// Forgets revoked sessions whose tokens have expired and says how many.
    pub fn forget_revoked_sessions(&self, now: UnixMillis) -> Result<usize, StoreError> {
        self.state.write(None, |connection| {
            let expired = dsl::revoked_sessions.filter(dsl::expires_at.le(now.0));
            Ok(diesel::delete(expired).execute(connection)?)
        })
    }
}

fn refuse_if_unknown(connection: &mut AnyConnection, agent_id: &str) -> Result<(), StoreError> {
    let id: Option<String> =
        agents::table.find(agent_id).select(agents::id).first(connection).optional()?;
    id.map(drop).ok_or(StoreError::NotFound { what: "agent" })
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{create_agent, on_both_databases},
        *,
    };

    on_both_databases!(
        a_session_is_revoked_until_its_token_expires,
        a_session_revoked_again_is_written_down_only_if_it_lasts_longer,
        a_revoked_session_needs_an_agent,
    );

    fn ids(store: &Store, now: i64) -> Vec<String> {
        let sessions = store.revoked_sessions(UnixMillis(now)).unwrap();
        sessions.into_iter().map(|session| session.session_id).collect()
    }

    fn a_session_is_revoked_until_its_token_expires(store: &Store) {
        let agent = create_agent(store, "one").id;
        for (session, expires_at) in [("b", 200), ("a", 100), ("c\0", 300)] {
            store
                .revoke_session(&agent, session, UnixMillis(expires_at), "one", UnixMillis(1))
                .unwrap();
        }
        assert_eq!(ids(store, 99), ["a", "b", "c\u{fffd}"]);
        assert_eq!(ids(store, 100), ["b", "c\u{fffd}"]);
        assert_eq!(store.forget_revoked_sessions(UnixMillis(200)).unwrap(), 2);
        assert_eq!(ids(store, 0), ["c\u{fffd}"]);

        let change = &store.changes_after(2, 1).unwrap()[0];
        assert_eq!((change.kind.as_str(), &change.subject), ("session.revoked", &agent));
        assert_eq!(change.detail["session_id"], "a");
        assert_eq!(change.detail["expires_at"], json!(UnixMillis(100)));
    }

    fn a_session_revoked_again_is_written_down_only_if_it_lasts_longer(store: &Store) {
        let agent_id = create_agent(store, "one").id;
        for expires_at in [200, 200, 100, 300] {
            store
                .revoke_session(&agent_id, "a", UnixMillis(expires_at), "one", UnixMillis(1))
                .unwrap();
        }
        let session_id = "a".to_owned();
        let until = RevokedSession { agent_id, session_id, expires_at: UnixMillis(300) };
        assert_eq!(store.revoked_sessions(UnixMillis(0)).unwrap(), [until]);
        assert_eq!(store.latest_change().unwrap(), 3);
    }

    fn a_revoked_session_needs_an_agent(store: &Store) {
        let refused = store.revoke_session("none", "a", UnixMillis(100), "x", UnixMillis(1));
        assert!(matches!(refused, Err(StoreError::NotFound { what: "agent" })));
        assert_eq!(store.latest_change().unwrap(), 0);
    }
}
