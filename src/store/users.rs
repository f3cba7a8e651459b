//! The dashboard's users.
//!
//! Owns their rows and what must stay as it is: the configuration's administrator, and the last one there is. A
//! change of what a user may do ends the user's sessions with it. It must never see a password, only its hash.

mod row;
mod sessions;
mod standing;
#[cfg(test)]
mod tests;

pub use row::{NewUser, User, UserSource};
pub use sessions::{NewSession, Session};

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::{sessions as sessions_table, users, users::dsl},
};
use crate::types::{Role, Sensitive, UnixMillis};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _,
    SelectableHelper as _,
};
use row::Row;
use serde_json::json;

const NOT_FOUND: StoreError = StoreError::NotFound { what: "user" };

/// The configuration's administrator.
const CONFIGURED: StoreError = StoreError::UserStays {
    why: "this is the administrator of the configuration, who stays: change admin.username there",
};

/// Somebody must be left who can let others in.
const LAST_ADMIN: StoreError =
    StoreError::UserStays { why: "this is the last administrator: make another one first" };

const NO_PASSWORD: StoreError = StoreError::UserStays {
    why: "this user signs in at the identity provider and has no password here",
};

/// Who gives a user another password.
#[derive(Clone, Copy, Debug)]
pub enum PasswordChange<'a> {
    /// The user. One session goes on, all others end.
    Own {
        /// The hash of the password that the user showed.
        verified: &'a Sensitive<String>,
        /// The hash of the session's token.
        kept: &'a [u8; 32],
    },
    /// An administrator. All sessions end.
    Reset,
}

impl Store {
    /// Adds a user. `Taken` when the name or the identity is in use.
    pub fn create_user(
        &self,
        new: &NewUser,
        actor: &str,
        now: UnixMillis,
    ) -> Result<User, StoreError> {
        let row = Row::of(new, now);
        self.change(("user.created", &row.username), actor, now, |connection| {
            if row_of(connection, &row.username)?.is_some() {
                return Err(StoreError::Taken { what: "user name" });
            }
            if known_as(connection, row.identity())?.is_some() {
                return Err(StoreError::Taken { what: "identity" });
            }
            diesel::insert_into(users::table).values(row.clone()).execute(connection)?;
            Ok(json!({ "role": row.role, "source": row.source }))
        })?;
        row.user()
    }

    /// All users by name.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        let rows: Vec<Row> = self
            .state
            .run(|connection| Ok(users::table.select(Row::as_select()).load(connection)?))?;
        let mut users = rows.into_iter().map(Row::user).collect::<Result<Vec<_>, _>>()?;
        // Not in SQL: collations differ.
        users.sort_by(|one, other| one.username.cmp(&other.username));
        Ok(users)
    }

    /// The user of this name.
    pub fn user(&self, username: &str) -> Result<Option<User>, StoreError> {
        let row = self.state.run(|connection| row_of(connection, &clean(username)))?;
        row.map(Row::user).transpose()
    }

    /// The user whom this issuer knows as this subject.
    pub fn user_of(&self, issuer: &str, subject: &str) -> Result<Option<User>, StoreError> {
        let (issuer, subject) = (clean(issuer), clean(subject));
        let row = self.state.run(|connection| known_as(connection, Some((&issuer, &subject))))?;
        row.map(Row::user).transpose()
    }

    /// Gives a user another password. `NotFound` when the one that the user showed is not good any more.
    pub fn set_password(
        &self,
        username: &str,
        password_hash: &Sensitive<String>,
        change: PasswordChange<'_>,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let username = clean(username);
        let (kind, own) = match change {
            PasswordChange::Own { verified, kept } => {
                ("user.password_changed", Some((verified, kept)))
            }
            PasswordChange::Reset => ("user.password_reset", None),
        };
        self.change((kind, &username), actor, now, |connection| {
            let user = row_of(connection, &username)?.ok_or(NOT_FOUND)?;
            if user.source != UserSource::Password.as_str() {
                return Err(NO_PASSWORD);
            }
            if own.is_some_and(|(verified, _)| user.password_hash != *verified.expose()) {
                return Err(NOT_FOUND);
            }
            let values = (dsl::password_hash.eq(password_hash.expose()), dsl::updated_at.eq(now.0));
            diesel::update(dsl::users.find(&username)).set(values).execute(connection)?;
            let kept = own.map(|(_, kept)| kept);
            Ok(json!({ "sessions": end_sessions(connection, &username, kept)? }))
        })
    }

    /// Removes a user and the user's sessions.
    pub fn delete_user(
        &self,
        username: &str,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let username = clean(username);
        self.change(("user.deleted", &username), actor, now, |connection| {
            let user = row_of(connection, &username)?.ok_or(NOT_FOUND)?;
            refuse_if_needed(connection, &user)?;
            diesel::delete(dsl::users.find(&username)).execute(connection)?;
            Ok(json!({ "role": user.role, "source": user.source }))
        })
    }

    /// Makes this user, who may be new, the administrator of the configuration, with this password. The user's
    /// sessions end.
    pub fn set_administrator(
        &self,
        username: &str,
        password_hash: &Sensitive<String>,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let new = NewUser {
            username: username.to_owned(),
            role: Role::Admin,
            password_hash: password_hash.clone(),
            identity: None,
        };
        let row = Row { configured: true, ..Row::of(&new, now) };
        self.change(("user.password", &row.username), actor, now, |connection| {
            let known = row_of(connection, &row.username)?;
            let added = known.is_none();
            if let Some(known) = known {
                let row = Row {
                    created_at: known.created_at,
                    last_sign_in_at: known.last_sign_in_at,
                    ..row.clone()
                };
                diesel::update(dsl::users.find(&row.username)).set(&row).execute(connection)?;
            } else {
                diesel::insert_into(users::table).values(row.clone()).execute(connection)?;
            }
            end_sessions(connection, &row.username, None)?;
            Ok(json!({ "role": row.role, "added": added }))
        })
    }

    /// Whoever was the administrator of an earlier configuration may not sign in any more.
    pub fn retire_administrator(
        &self,
        username: &str,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let username = clean(username);
        self.change(("user.disabled", &username), actor, now, |connection| {
            let values =
                (dsl::disabled.eq(true), dsl::configured.eq(false), dsl::updated_at.eq(now.0));
            diesel::update(dsl::users.find(&username)).set(values).execute(connection)?;
            end_sessions(connection, &username, None)?;
            Ok(json!({ "reason": "the configuration names another administrator" }))
        })
    }
}

fn row_of(connection: &mut AnyConnection, username: &str) -> Result<Option<Row>, StoreError> {
    Ok(dsl::users.find(username).select(Row::as_select()).first(connection).optional()?)
}

fn known_as(
    connection: &mut AnyConnection,
    identity: Option<(&str, &str)>,
) -> Result<Option<Row>, StoreError> {
    let Some((issuer, subject)) = identity else { return Ok(None) };
    Ok(dsl::users
        .filter(dsl::issuer.eq(issuer))
        .filter(dsl::subject.eq(subject))
        .select(Row::as_select())
        .first(connection)
        .optional()?)
}

/// Refuses to take from the gate an administrator that it needs.
fn refuse_if_needed(connection: &mut AnyConnection, user: &Row) -> Result<(), StoreError> {
    if user.configured {
        return Err(CONFIGURED);
    }
    let others: i64 = dsl::users
        .filter(dsl::role.eq(Role::Admin.as_str()))
        .filter(dsl::disabled.eq(false))
        .filter(dsl::username.ne(&user.username))
        .count()
        .get_result(connection)?;
    let counts = user.role == Role::Admin.as_str() && !user.disabled;
    if counts && others == 0 { Err(LAST_ADMIN) } else { Ok(()) }
}

/// Ends the sessions of a user, but for one, and says how many.
fn end_sessions(
    connection: &mut AnyConnection,
    username: &str,
    kept: Option<&[u8; 32]>,
) -> Result<usize, StoreError> {
    use sessions_table::dsl;
    let kept = kept.map_or(&[][..], |kept| kept.as_slice());
    let ended = dsl::sessions.filter(dsl::username.eq(username)).filter(dsl::token_hash.ne(kept));
    Ok(diesel::delete(ended).execute(connection)?)
}
