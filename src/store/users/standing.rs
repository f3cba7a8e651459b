//! What a user may do: the role, and whether the user may sign in.
//!
//! Owns changes of these: both or neither, each written down by itself, and the user's sessions end with them.

use super::{NOT_FOUND, end_sessions, refuse_if_needed, row_of};
use crate::store::{
    Store, StoreError, changes::note, clean, connection::AnyConnection, schema::users::dsl,
};
use crate::types::{Role, UnixMillis};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};
use serde_json::{Value, json};

impl Store {
    /// Gives a user another role, keeps the user from signing in or lets the user sign in again; what is `None` stays as
    /// it is. The user's sessions end if anything changes.
    pub fn change_user(
        &self,
        username: &str,
        role: Option<Role>,
        disabled: Option<bool>,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let username = clean(username);
        self.state.write(Some("changes"), |connection| {
            if let Some(role) = role
                && let Some(detail) = set_role(connection, &username, role, now)?
            {
                note(connection, ("user.role_changed", &username), actor, now, &detail)?;
            }
            if let Some(disabled) = disabled
                && set_disabled(connection, &username, disabled, now)?
            {
                let kind = if disabled { "user.disabled" } else { "user.enabled" };
                note(connection, (kind, &username), actor, now, &json!({}))?;
            }
            Ok(())
        })
    }

    /// Gives a user another role, and ends the user's sessions.
    pub fn set_user_role(
        &self,
        username: &str,
        role: Role,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change_user(username, Some(role), None, actor, now)
    }

    /// Keeps a user from signing in, or lets the user sign in again. The sessions of a disabled user end.
    pub fn set_user_disabled(
        &self,
        username: &str,
        disabled: bool,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change_user(username, None, Some(disabled), actor, now)
    }
}

/// What is different now, if anything is.
fn set_role(
    connection: &mut AnyConnection,
    username: &str,
    role: Role,
    now: UnixMillis,
) -> Result<Option<Value>, StoreError> {
    let user = row_of(connection, username)?.ok_or(NOT_FOUND)?;
    if user.role == role.as_str() {
        return Ok(None);
    }
    refuse_if_needed(connection, &user)?;
    let values = (dsl::role.eq(role.as_str()), dsl::updated_at.eq(now.0));
    diesel::update(dsl::users.find(username)).set(values).execute(connection)?;
    end_sessions(connection, username, None)?;
    Ok(Some(json!({ "role": role, "before": user.role })))
}

/// Whether anything is different now.
fn set_disabled(
    connection: &mut AnyConnection,
    username: &str,
    disabled: bool,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let user = row_of(connection, username)?.ok_or(NOT_FOUND)?;
    if user.disabled == disabled {
        return Ok(false);
    }
    if disabled {
        refuse_if_needed(connection, &user)?;
    }
    let values = (dsl::disabled.eq(disabled), dsl::updated_at.eq(now.0));
    diesel::update(dsl::users.find(username)).set(values).execute(connection)?;
    end_sessions(connection, username, None)?;
    Ok(true)
}
