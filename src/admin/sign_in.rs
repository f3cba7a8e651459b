//! Signing in to the dashboard.
//!
//! Owns sessions and the first administrator. A session's token leaves here once and is stored hashed.

use super::AdminError;
use crate::config::Admin;
use crate::identity::secret;
use crate::store::{NewSession, Session, Store};
use crate::types::{Sensitive, UnixMillis};

const ROLE: &str = "admin";
/// The actor of changes that the gate makes by itself.
const GATE: &str = "portcullis";

/// A session that has just begun.
#[derive(Debug)]
pub struct SignedIn {
    /// Opaque; shown this once.
    pub access_token: Sensitive<String>,
    /// Whose.
    pub username: String,
    /// The user's role.
    pub role: String,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// Makes sure that the administrator exists. A configured password applies at every start; without
/// one, a password is generated at the first start and returned to be shown once.
pub fn ensure_administrator(
    store: &Store,
    settings: &Admin,
    now: UnixMillis,
) -> Result<Option<Sensitive<String>>, AdminError> {
    let known = store.user(&settings.username)?;
    let (password, generated) = match (&settings.password, &known) {
        (Some(password), Some(user)) => {
            if secret::verify_password(password.expose(), user.password_hash.expose()) {
                return Ok(None);
            }
            (password.clone(), false)
        }
        (Some(password), None) => (password.clone(), false),
        (None, Some(_)) => return Ok(None),
        (None, None) => (secret::generate_password()?, true),
    };
    let hash = secret::hash_password(password.expose())?;
    store.upsert_user(&settings.username, ROLE, &hash, GATE, now)?;
    Ok(generated.then_some(password))
}

/// Checks a password and begins a session. Only the configured administrator signs in: a name of an
/// earlier configuration is unknown. An unknown user costs as much time as a wrong password.
pub fn sign_in(
    store: &Store,
    settings: &Admin,
    username: &str,
    password: &Sensitive<String>,
    now: UnixMillis,
) -> Result<SignedIn, AdminError> {
    let user = store.user(username)?.filter(|user| user.username == settings.username);
    let matches = match &user {
        Some(user) => secret::verify_password(password.expose(), user.password_hash.expose()),
        None => secret::verify_nobodys_password(password.expose()),
    };
    let Some(user) = user.filter(|_| matches) else { return Err(AdminError::InvalidCredentials) };
    let access_token = secret::generate_access_token()?;
    let expires_at = now.plus_secs(i64::from(settings.session_hours) * 3_600);
    store.delete_expired_sessions(now)?;
    store.create_session(&NewSession {
        token_hash: secret::hash(access_token.expose()),
        username: user.username.clone(),
        role: user.role.clone(),
        created_at: now,
        expires_at,
    })?;
    Ok(SignedIn { access_token, username: user.username, role: user.role, expires_at })
}

/// The session behind a token, if it is still good and the configured administrator's.
pub fn session_of(
    store: &Store,
    settings: &Admin,
    token: &Sensitive<String>,
    now: UnixMillis,
) -> Result<Option<Session>, AdminError> {
    let session = store.session(&secret::hash(token.expose()), now)?;
    Ok(session.filter(|session| session.username == settings.username))
}

/// Ends a session.
pub fn sign_out(store: &Store, token: &Sensitive<String>) -> Result<(), AdminError> {
    Ok(store.delete_session(&secret::hash(token.expose()))?)
}
