//! The sessions of users: signed in, in use, over.
//!
//! Owns when a session is still good. What its user may do is read from the user each time. It must never see a
//! session's token, only its hash.

use super::{NOT_FOUND, UserSource, end_sessions, row_of};
use crate::store::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::{oidc_sign_ins, sessions, sessions::dsl, users},
};
use crate::types::{Role, Sensitive, UnixMillis};
use diesel::{
    ExpressionMethods as _, JoinOnDsl as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _,
};
use serde_json::json;
use std::collections::HashMap;

/// A sign-in to keep.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the session's token.
    pub token_hash: [u8; 32],
    /// An existing user.
    pub username: String,
    /// The user's password hash when it was shown who the user is. Another one by now opens nothing.
    pub password_hash: Sensitive<String>,
    /// When.
    pub created_at: UnixMillis,
    /// From when on it is worth nothing.
    pub expires_at: UnixMillis,
    /// SHA-256 of the nonce of a sign-in at the identity provider, and until when such a one may be completed.
    pub nonce: Option<([u8; 32], UnixMillis)>,
}

/// A sign-in that is still good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Whose.
    pub username: String,
    /// What the user may do now.
    pub role: Role,
    /// Where the user signs in.
    pub source: UserSource,
    /// When it began.
    pub created_at: UnixMillis,
    /// From when on it is worth nothing.
    pub expires_at: UnixMillis,
    /// When it was last used, as far as that was written down.
    pub last_used_at: UnixMillis,
}

impl Store {
    /// Keeps a sign-in. `NotFound` when the user is gone, disabled or has another password by now, `Taken`
    /// when its nonce was used before.
    pub fn begin_session(&self, new: &NewSession) -> Result<(), StoreError> {
        let (username, now) = (clean(&new.username), new.created_at);
        self.change(("user.signed_in", &username), &username, now, |connection| {
            let user = row_of(connection, &username)?.filter(|user| !user.disabled);
            let user = user.filter(|user| user.password_hash == *new.password_hash.expose());
            let user = user.ok_or(NOT_FOUND)?;
            if let Some((nonce_hash, until)) = &new.nonce {
                use_nonce(connection, nonce_hash, *until, now)?;
            }
            diesel::insert_into(sessions::table)
                .values((
                    dsl::token_hash.eq(new.token_hash.as_slice()),
                    dsl::username.eq(&username),
                    dsl::created_at.eq(now.0),
                    dsl::expires_at.eq(new.expires_at.0),
                    dsl::last_used_at.eq(now.0),
                ))
                .execute(connection)?;
            diesel::update(users::table.find(&username))
                .set(users::last_sign_in_at.eq(now.0))
                .execute(connection)?;
            Ok(json!({ "role": user.role, "source": user.source }))
        })
    }

    /// The session of this token's hash, unless it has expired, was not used since `idle_since`, or its user may not
    /// sign in.
    pub fn session(
        &self,
        token_hash: &[u8; 32],
        idle_since: UnixMillis,
        now: UnixMillis,
    ) -> Result<Option<Session>, StoreError> {
        let row: Option<(String, String, String, i64, i64, i64)> =
            self.state.run(|connection| {
                Ok(sessions::table
                    .inner_join(users::table.on(users::username.eq(dsl::username)))
                    .filter(dsl::token_hash.eq(token_hash.as_slice()))
                    .filter(dsl::expires_at.gt(now.0))
                    .filter(dsl::last_used_at.gt(idle_since.0))
                    .filter(users::disabled.eq(false))
                    .select((
                        dsl::username,
                        users::role,
                        users::source,
                        dsl::created_at,
                        dsl::expires_at,
                        dsl::last_used_at,
                    ))
                    .first(connection)
                    .optional()?)
            })?;
        let Some((username, role, source, created_at, expires_at, last_used_at)) = row else {
            return Ok(None);
        };
        let corrupt = |what| StoreError::Corrupt { what };
        Ok(Some(Session {
            username,
            role: Role::parse(&role).ok_or(corrupt("users.role"))?,
            source: UserSource::parse(&source).ok_or(corrupt("users.source"))?,
            created_at: UnixMillis(created_at),
            expires_at: UnixMillis(expires_at),
            last_used_at: UnixMillis(last_used_at),
        }))
    }

    /// Writes down that a session is in use.
    pub fn touch_session(&self, token_hash: &[u8; 32], now: UnixMillis) -> Result<(), StoreError> {
        self.state.write(None, |connection| {
            let older = dsl::sessions.find(token_hash.as_slice());
            let older = older.filter(dsl::last_used_at.lt(now.0));
            diesel::update(older).set(dsl::last_used_at.eq(now.0)).execute(connection)?;
            Ok(())
        })
    }

    /// How many good sessions each user has; users without one are left out.
    pub fn session_counts(
        &self,
        idle_since: UnixMillis,
        now: UnixMillis,
    ) -> Result<HashMap<String, u64>, StoreError> {
        let names: Vec<String> = self.state.run(|connection| {
            Ok(dsl::sessions
                .filter(dsl::expires_at.gt(now.0))
                .filter(dsl::last_used_at.gt(idle_since.0))
                .select(dsl::username)
                .load(connection)?)
        })?;
        let mut counts = HashMap::new();
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
        Ok(counts)
    }

    /// Ends a session; one that does not exist is already ended.
    pub fn end_session(&self, token_hash: &[u8; 32], now: UnixMillis) -> Result<(), StoreError> {
        let session = dsl::sessions.find(token_hash.as_slice());
        let username: Option<String> = self
            .state
            .run(|connection| Ok(session.select(dsl::username).first(connection).optional()?))?;
        let Some(username) = username else { return Ok(()) };
        self.change_if(("user.signed_out", &username), &username, now, |connection| {
            let ended = diesel::delete(session).execute(connection)?;
            Ok((ended > 0).then(|| json!({})))
        })
    }

    /// Ends all sessions of a user and says how many there were. `NotFound` when there is no such user.
    pub fn end_sessions_of(
        &self,
        username: &str,
        actor: &str,
        now: UnixMillis,
    ) -> Result<usize, StoreError> {
        let username = clean(username);
        let mut ended = 0;
        self.change_if(("user.sessions_ended", &username), actor, now, |connection| {
            row_of(connection, &username)?.ok_or(NOT_FOUND)?;
            ended = end_sessions(connection, &username, None)?;
            Ok((ended > 0).then(|| json!({ "sessions": ended })))
        })?;
        Ok(ended)
    }

    /// Forgets sessions that are over and says how many.
    pub fn forget_sessions(
        &self,
        idle_since: UnixMillis,
        now: UnixMillis,
    ) -> Result<usize, StoreError> {
        self.state.write(None, |connection| {
            let over = dsl::sessions
                .filter(dsl::expires_at.le(now.0))
                .or_filter(dsl::last_used_at.le(idle_since.0));
            Ok(diesel::delete(over).execute(connection)?)
        })
    }
}

/// Each sign-in at the identity provider counts once.
fn use_nonce(
    connection: &mut AnyConnection,
    nonce_hash: &[u8; 32],
    until: UnixMillis,
    now: UnixMillis,
) -> Result<(), StoreError> {
    use oidc_sign_ins::dsl;
    diesel::delete(dsl::oidc_sign_ins.filter(dsl::expires_at.le(now.0))).execute(connection)?;
    let known: Option<i64> = dsl::oidc_sign_ins
        .find(nonce_hash.as_slice())
        .select(dsl::expires_at)
        .first(connection)
        .optional()?;
    if known.is_some() {
        return Err(StoreError::Taken { what: "sign-in" });
    }
    diesel::insert_into(oidc_sign_ins::table)
        .values((dsl::nonce_hash.eq(nonce_hash.as_slice()), dsl::expires_at.eq(until.0)))
        .execute(connection)?;
    Ok(())
}
