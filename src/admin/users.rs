//! The dashboard's users: create, list, change, remove.
//!
//! Owns what makes a valid user name and password. A generated password leaves here once.

use super::{AdminError, InvalidRequest};
use crate::config::Admin;
use crate::identity::secret;
use crate::store::{NewUser, PasswordChange, Store, StoreError, User, UserSource};
use crate::types::{Role, Sensitive, UnixMillis, actor};
use schemars::JsonSchema;
use serde::Deserialize;

use super::sign_in::idle_since;

/// NIST SP 800-63B asks for length and nothing else.
const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 12..=256;
const MOST_NAME_BYTES: usize = 128;

/// What an administrator says of a new user.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserRequest {
    /// Unique, `[a-z0-9][a-z0-9._@+-]{0,127}`.
    pub username: String,
    /// What the user may do.
    pub role: Role,
    /// At least 12 characters; without one, a password is generated.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<Sensitive<String>>,
}

/// What is to be different in a user; what is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserChangeRequest {
    /// What the user may do.
    pub role: Option<Role>,
    /// Whether the user is kept from signing in.
    pub disabled: Option<bool>,
}

/// What a user says to get another password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The one that is good so far.
    #[schemars(with = "String")]
    pub current_password: Sensitive<String>,
    /// At least 12 characters.
    #[schemars(with = "String")]
    pub new_password: Sensitive<String>,
}

/// A user as administrators see one.
#[derive(Clone, Debug)]
pub struct ListedUser {
    /// The user.
    pub user: User,
    /// Good sessions.
    pub sessions: u64,
}

/// All users by name.
pub fn list_users(
    store: &Store,
    settings: &Admin,
    now: UnixMillis,
) -> Result<Vec<ListedUser>, AdminError> {
    let counts = store.session_counts(idle_since(settings, now), now)?;
    let listed = |user: User| {
        let sessions = counts.get(&user.username).copied().unwrap_or_default();
        ListedUser { user, sessions }
    };
    Ok(store.users()?.into_iter().map(listed).collect())
}

/// The user of this name.
pub fn find_user(
    store: &Store,
    settings: &Admin,
    username: &str,
    now: UnixMillis,
) -> Result<ListedUser, AdminError> {
    let user = known(store, username)?;
    let mut counts = store.session_counts(idle_since(settings, now), now)?;
    let sessions = counts.remove(&user.username).unwrap_or_default();
    Ok(ListedUser { user, sessions })
}

/// Adds a user. Returns the password if it was generated.
pub fn create_user(
    store: &Store,
    request: NewUserRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<(ListedUser, Option<Sensitive<String>>), AdminError> {
    let NewUserRequest { username, role, password } = request;
    if !is_user_name(&username) {
        return Err(InvalidRequest::Username.into());
    }
    let (password, generated) = match password {
        Some(chosen) => (chosen, false),
        None => (secret::generate_password()?, true),
    };
    check_password(&username, &password)?;
    let password_hash = secret::hash_password(password.expose())?;
    let new = NewUser { username, role, password_hash, identity: None };
    let user = store.create_user(&new, actor, now)?;
    Ok((ListedUser { user, sessions: 0 }, generated.then_some(password)))
}

/// Changes what a user may do. The user's sessions end.
pub fn change_user(
    store: &Store,
    settings: &Admin,
    username: &str,
    request: UserChangeRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<ListedUser, AdminError> {
    let user = known(store, username)?;
    let UserChangeRequest { role, disabled } = request;
    if role.is_none() && disabled.is_none() {
        return Err(InvalidRequest::NothingToChange.into());
    }
    if user.source == UserSource::Oidc && role.is_some_and(|role| role != user.role) {
        let why = "the identity provider says this user's role: change it there";
        return Err(StoreError::UserStays { why }.into());
    }
    store.change_user(&user.username, role, disabled, actor, now)?;
    find_user(store, settings, username, now)
}

/// Gives a user a generated password. The user's sessions end.
pub fn reset_password(
    store: &Store,
    settings: &Admin,
    username: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Sensitive<String>, AdminError> {
    let user = known(store, username)?;
    refuse_if_configured(settings, &user)?;
    let password = secret::generate_password()?;
    let hash = secret::hash_password(password.expose())?;
    store.set_password(&user.username, &hash, PasswordChange::Reset, actor, now)?;
    Ok(password)
}

/// Gives a user the password that the user chose. All sessions of the user end but this one.
pub fn change_own_password(
    store: &Store,
    settings: &Admin,
    username: &str,
    token: &Sensitive<String>,
    request: &PasswordRequest,
    now: UnixMillis,
) -> Result<(), AdminError> {
    let user = known(store, username)?;
    refuse_if_configured(settings, &user)?;
    let current = request.current_password.expose();
    if user.source == UserSource::Password
        && !secret::verify_password(current, user.password_hash.expose())
    {
        return Err(AdminError::InvalidCredentials);
    }
    check_password(username, &request.new_password)?;
    let hash = secret::hash_password(request.new_password.expose())?;
    let own = secret::hash(token.expose());
    let change = PasswordChange::Own { verified: &user.password_hash, kept: &own };
    match store.set_password(username, &hash, change, username, now) {
        // Removed or given another password in these milliseconds.
        Err(StoreError::NotFound { .. }) => Err(AdminError::InvalidCredentials),
        changed => Ok(changed?),
    }
}

/// Removes a user and the user's sessions.
pub fn delete_user(
    store: &Store,
    username: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<(), AdminError> {
    Ok(store.delete_user(&known(store, username)?.username, actor, now)?)
}

/// Ends all sessions of a user and says how many there were.
pub fn sign_out_everywhere(
    store: &Store,
    username: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<usize, AdminError> {
    Ok(store.end_sessions_of(&known(store, username)?.username, actor, now)?)
}

/// Whether a user may be called so: what needs no escape in an address, in one case only, and is nobody else's name in
/// the list of changes.
pub(super) fn is_user_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let sign = |byte: u8| b"._@+-".contains(&byte);
    name.len() <= MOST_NAME_BYTES
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || sign(byte))
        && !actor::ALL.contains(&name)
}

fn known(store: &Store, username: &str) -> Result<User, AdminError> {
    store.user(username)?.ok_or_else(|| AdminError::NoSuch {
        what: "user",
        wanted: username.to_owned(),
        list: "user list",
    })
}

fn check_password(username: &str, password: &Sensitive<String>) -> Result<(), InvalidRequest> {
    let text = password.expose();
    let good = PASSWORD_CHARACTERS.contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && !text.eq_ignore_ascii_case(username);
    if good { Ok(()) } else { Err(InvalidRequest::Password) }
}

/// The next start would take another password back.
fn refuse_if_configured(settings: &Admin, user: &User) -> Result<(), StoreError> {
    if user.configured && settings.password.is_some() {
        let why = "this password stands in the configuration: change admin.password there";
        return Err(StoreError::UserStays { why });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
