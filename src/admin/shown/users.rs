//! How users are shown to administrators.

use super::super::ListedUser;
use crate::store::UserSource;
use crate::types::{Role, Sensitive, UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;

/// All users.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Users {
    /// By name.
    users: Vec<UserView>,
}

/// A user of the dashboard.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "User")]
pub struct UserView {
    username: String,
    role: Role,
    source: UserSource,
    /// Whether the user is kept from signing in.
    disabled: bool,
    /// Whether this is the administrator of the configuration.
    configured: bool,
    created_at: UnixMillis,
    updated_at: UnixMillis,
    last_sign_in_at: Option<UnixMillis>,
    /// Good sessions.
    sessions: u64,
}

/// A new user.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NewUser")]
pub struct NewUserView {
    #[serde(flatten)]
    user: UserView,
    /// The password if it was generated: the only time that it is shown.
    password: Option<String>,
}

/// A user's new password: the only time that it is shown.
#[derive(JsonSchema, Serialize)]
pub struct NewPassword {
    username: String,
    password: String,
}

/// A user that is gone.
#[derive(Debug, JsonSchema, Serialize)]
pub struct DeletedUser {
    username: String,
    /// Always true.
    deleted: bool,
}

/// What a user was signed out of.
#[derive(Debug, JsonSchema, Serialize)]
pub struct EndedSessions {
    /// How many sessions ended.
    pub sessions: usize,
}

/// All users.
pub fn users(users: &[ListedUser]) -> Users {
    Users { users: users.iter().map(user).collect() }
}

/// A user.
pub fn user(ListedUser { user, sessions }: &ListedUser) -> UserView {
    UserView {
        username: user.username.clone(),
        role: user.role,
        source: user.source,
        disabled: user.disabled,
        configured: user.configured,
        created_at: user.created_at,
        updated_at: user.updated_at,
        last_sign_in_at: user.last_sign_in_at,
        sessions: *sessions,
    }
}

/// A new user, with the password if it was generated.
pub fn new_user(user: &ListedUser, password: Option<&Sensitive<String>>) -> NewUserView {
    NewUserView { user: self::user(user), password: password.map(|it| it.expose().clone()) }
}

/// A user's new password.
pub fn new_password(username: &str, password: &Sensitive<String>) -> NewPassword {
    NewPassword { username: username.to_owned(), password: password.expose().clone() }
}

/// A user that is gone.
pub fn deleted_user(username: &str) -> DeletedUser {
    DeletedUser { username: username.to_owned(), deleted: true }
}
