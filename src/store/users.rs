//! The dashboard's users and their sessions.
//!
//! Owns their rows. It must never see a password or a session token, only their hashes.

use super::{
    Store, StoreError, clean,
    schema::{sessions, users},
};
use crate::types::{Sensitive, UnixMillis};
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _};
use serde_json::json;

/// Somebody who may sign in to the dashboard.
#[derive(Clone, Debug)]
pub struct User {
    /// Unique.
    pub username: String,
    /// `viewer`, `analyst`, `policy_author` or `admin`.
    pub role: String,
    /// argon2, in its own text form.
    pub password_hash: Sensitive<String>,
    /// When the user was added.
    pub created_at: UnixMillis,
    /// When role or password last changed.
    pub updated_at: UnixMillis,
}

/// A sign-in to keep.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the session's token.
    pub token_hash: [u8; 32],
    /// An existing user.
    pub username: String,
    /// The user's role at sign-in.
    pub role: String,
    /// When.
    pub created_at: UnixMillis,
    /// From when on it is worth nothing.
    pub expires_at: UnixMillis,
}

/// A sign-in that is still good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Whose.
    pub username: String,
    /// The user's role at sign-in.
    pub role: String,
    /// When.
    pub created_at: UnixMillis,
    /// From when on it is worth nothing.
    pub expires_at: UnixMillis,
}

impl Store {
    /// Adds a user or gives it another role and password. The user's sessions end.
    pub fn upsert_user(
        &self,
        username: &str,
        role: &str,
        password_hash: &Sensitive<String>,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        use users::dsl;
        let username = clean(username);
        let password = dsl::password_hash.eq(password_hash.expose());
        let values = (dsl::role.eq(role), password, dsl::updated_at.eq(now.0));
        self.change(("user.password", &username), actor, now, |connection| {
            let changed =
                diesel::update(dsl::users.find(&username)).set(values).execute(connection)?;
            if changed == 0 {
                let (role, password, updated_at) = values;
                let added = (dsl::username.eq(&username), dsl::created_at.eq(now.0));
                diesel::insert_into(users::table)
                    .values((added.0, role, password, added.1, updated_at))
                    .execute(connection)?;
            }
            diesel::delete(sessions::table.filter(sessions::username.eq(&username)))
                .execute(connection)?;
            Ok(json!({ "role": role, "added": changed == 0 }))
        })
    }

    /// The user of this name.
    pub fn user(&self, username: &str) -> Result<Option<User>, StoreError> {
        let row: Option<(String, String, String, i64, i64)> = self.state.run(|connection| {
            Ok(users::table.find(clean(username)).first(connection).optional()?)
        })?;
        Ok(row.map(|(username, role, password_hash, created_at, updated_at)| User {
            username,
            role,
            password_hash: Sensitive::new(password_hash),
            created_at: UnixMillis(created_at),
            updated_at: UnixMillis(updated_at),
        }))
    }

    /// Keeps a sign-in. `NotFound` when the user is gone.
    pub fn create_session(&self, new: &NewSession) -> Result<(), StoreError> {
        use sessions::dsl;
        self.state.write(None, |connection| {
            let user: Option<String> = users::table
                .find(clean(&new.username))
                .select(users::username)
                .first(connection)
                .optional()?;
            let username = user.ok_or(StoreError::NotFound { what: "user" })?;
            diesel::insert_into(sessions::table)
                .values((
                    dsl::token_hash.eq(new.token_hash.as_slice()),
                    dsl::username.eq(username),
                    dsl::role.eq(&new.role),
                    dsl::created_at.eq(new.created_at.0),
                    dsl::expires_at.eq(new.expires_at.0),
                ))
                .execute(connection)?;
            Ok(())
        })
    }

    /// The session of this token's hash, unless it has expired.
    pub fn session(
        &self,
        token_hash: &[u8; 32],
        now: UnixMillis,
    ) -> Result<Option<Session>, StoreError> {
        use sessions::dsl;
        let row: Option<(String, String, i64, i64)> = self.state.run(|connection| {
            Ok(dsl::sessions
                .find(token_hash.as_slice())
                .filter(dsl::expires_at.gt(now.0))
                .select((dsl::username, dsl::role, dsl::created_at, dsl::expires_at))
                .first(connection)
                .optional()?)
        })?;
        Ok(row.map(|(username, role, created_at, expires_at)| Session {
            username,
            role,
            created_at: UnixMillis(created_at),
            expires_at: UnixMillis(expires_at),
        }))
    }

    /// Ends a session; one that does not exist is already ended.
    pub fn delete_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        self.state.write(None, |connection| {
            diesel::delete(sessions::table.find(token_hash.as_slice())).execute(connection)?;
            Ok(())
        })
    }

    /// Forgets sessions that have expired and says how many.
    pub fn delete_expired_sessions(&self, now: UnixMillis) -> Result<usize, StoreError> {
        self.state.write(None, |connection| {
            let expired = sessions::table.filter(sessions::expires_at.le(now.0));
            Ok(diesel::delete(expired).execute(connection)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};

    on_both_databases!(
        a_users_new_password_ends_the_sessions_of_the_old_one,
        a_session_ends_when_it_expires_or_is_deleted,
        a_session_needs_a_user,
    );

    fn hash(text: &str) -> Sensitive<String> {
        Sensitive::new(text.to_owned())
    }

    fn new_session(token: u8, expires_at: i64) -> NewSession {
        NewSession {
            token_hash: [token; 32],
            username: "admin".to_owned(),
            role: "admin".to_owned(),
            created_at: UnixMillis(1),
            expires_at: UnixMillis(expires_at),
        }
    }

    fn a_users_new_password_ends_the_sessions_of_the_old_one(store: &Store) {
        assert!(store.user("admin").unwrap().is_none());
        store.upsert_user("admin", "admin", &hash("canary-1"), "start", UnixMillis(1)).unwrap();
        store.create_session(&new_session(1, 100)).unwrap();
        store.upsert_user("admin", "viewer", &hash("canary-2"), "start", UnixMillis(2)).unwrap();

        let user = store.user("admin").unwrap().unwrap();
        assert_eq!(
            (user.role.as_str(), user.password_hash.expose().as_str()),
            ("viewer", "canary-2")
        );
        assert_eq!((user.created_at, user.updated_at), (UnixMillis(1), UnixMillis(2)));
        assert_eq!(store.session(&[1; 32], UnixMillis(2)).unwrap(), None);
        let changes = store.changes_after(0, 10).unwrap();
        assert_eq!(changes.len(), 2);
        assert!(changes.iter().all(|change| change.kind == "user.password"));
        assert!(!format!("{changes:?} {user:?}").contains("canary"));
    }

    fn a_session_ends_when_it_expires_or_is_deleted(store: &Store) {
        store.upsert_user("admin", "admin", &hash("x"), "start", UnixMillis(1)).unwrap();
        for (token, expires_at) in [(1, 100), (2, 200), (3, 300)] {
            store.create_session(&new_session(token, expires_at)).unwrap();
        }
        let is_good =
            |token: u8, now: i64| store.session(&[token; 32], UnixMillis(now)).unwrap().is_some();
        assert!(is_good(1, 99) && !is_good(1, 100));
        assert_eq!(store.delete_expired_sessions(UnixMillis(200)).unwrap(), 2);
        assert!(!is_good(2, 0) && is_good(3, 200));
        store.delete_session(&[3; 32]).unwrap();
        store.delete_session(&[3; 32]).unwrap();
        assert!(!is_good(3, 200));
    }

    fn a_session_needs_a_user(store: &Store) {
        let refused = store.create_session(&new_session(1, 100));
        assert!(matches!(refused, Err(StoreError::NotFound { what: "user" })));
    }
}
