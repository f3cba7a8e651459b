//! Signing in to the dashboard with a password, and whose session it is.
//!
//! Owns sessions, how long they last, and the first administrator. A session's token leaves here once and is
//! stored hashed.

use super::AdminError;
use crate::config::Admin;
use crate::identity::{device, secret};
use crate::store::{NewSession, Session, Store, StoreError, User, UserSource};
use crate::types::{Role, Sensitive, UnixMillis};

/// The actor of changes that the gate makes by itself.
const GATE: &str = crate::types::actor::GATE;
/// A session's use is written down this often at most, and within a sixth of what it may be idle.
const USE_KEPT_EVERY_SECS: i64 = 60;

/// A session that has just begun.
#[derive(Debug)]
pub struct SignedIn {
    /// Opaque; shown this once.
    pub access_token: Sensitive<String>,
    /// By which the browser is known again; only after a sign-in with a password.
    pub device: Option<Sensitive<String>>,
    /// Whose.
    pub username: String,
    /// The user's role.
    pub role: Role,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// Makes sure that the administrator of the configuration exists and may sign in; the one of an earlier
/// configuration may not any more. A configured password applies at every start; without one, a password is
/// generated at the first start and returned to be shown once.
pub fn ensure_administrator(
    store: &Store,
    settings: &Admin,
    now: UnixMillis,
) -> Result<Option<Sensitive<String>>, AdminError> {
    let name = &settings.username;
    let known = store.user(name)?;
    let stands = known.as_ref().is_some_and(|user| {
        let may = user.role == Role::Admin && !user.disabled;
        user.configured && may && user.source == UserSource::Password
    });
    let mut generated = None;
    let hash = match (&settings.password, &known) {
        (Some(password), Some(user)) if stands && is_password_of(user, password) => None,
        (Some(password), _) => Some(secret::hash_password(password.expose())?),
        (None, Some(_)) if stands => None,
        (None, Some(user)) if user.source == UserSource::Password => {
            Some(user.password_hash.clone())
        }
        (None, _) => {
            let password = generated.insert(secret::generate_password()?);
            Some(secret::hash_password(password.expose())?)
        }
    };
    if let Some(hash) = hash {
        store.set_administrator(name, &hash, GATE, now)?;
    }
    for former in store.users()?.iter().filter(|user| user.configured && user.username != *name) {
        store.retire_administrator(&former.username, GATE, now)?;
    }
    Ok(generated)
}

fn is_password_of(user: &User, password: &Sensitive<String>) -> bool {
    secret::verify_password(password.expose(), user.password_hash.expose())
}

/// Checks a password and begins a session. Whoever is unknown, disabled or has no password here costs as much
/// time as a wrong password.
pub fn sign_in(
    store: &Store,
    settings: &Admin,
    username: &str,
    password: &Sensitive<String>,
    now: UnixMillis,
) -> Result<SignedIn, AdminError> {
    let user = store.user(username)?;
    let user = user.filter(|user| !user.disabled && user.source == UserSource::Password);
    let matches = match &user {
        Some(user) => is_password_of(user, password),
        None => secret::verify_nobodys_password(password.expose()),
    };
    let Some(user) = user.filter(|_| matches) else { return Err(AdminError::InvalidCredentials) };
    let device = device::mark(&user.username, &user.password_hash)?;
    let signed_in = begin_session(store, settings, &user, None, now);
    match signed_in {
        // Disabled, removed or given another password in these milliseconds.
        Err(AdminError::Store(StoreError::NotFound { .. })) => Err(AdminError::InvalidCredentials),
        signed_in => Ok(SignedIn { device: Some(device), ..signed_in? }),
    }
}

/// Whether somebody signed in as this user with this browser before, with the password that is still good.
pub fn knows_device(store: &Store, username: &str, mark: &str) -> Result<bool, AdminError> {
    let user = store.user(username)?.filter(|user| user.source == UserSource::Password);
    Ok(user.is_some_and(|user| device::is_marked(mark, &user.username, &user.password_hash)))
}

/// Begins a session of a user who has shown who it is.
pub(super) fn begin_session(
    store: &Store,
    settings: &Admin,
    user: &User,
    nonce: Option<([u8; 32], UnixMillis)>,
    now: UnixMillis,
) -> Result<SignedIn, AdminError> {
    let access_token = secret::generate_access_token()?;
    let expires_at = now.plus_secs(i64::from(settings.session_hours) * 3_600);
    store.forget_sessions(idle_since(settings, now), now)?;
    store.begin_session(&NewSession {
        token_hash: secret::hash(access_token.expose()),
        username: user.username.clone(),
        password_hash: user.password_hash.clone(),
        created_at: now,
        expires_at,
        nonce,
    })?;
    let username = user.username.clone();
    Ok(SignedIn { access_token, device: None, username, role: user.role, expires_at })
}

/// The session behind a token, if it is still good. This counts as its use.
pub fn session_of(
    store: &Store,
    settings: &Admin,
    token: &Sensitive<String>,
    now: UnixMillis,
) -> Result<Option<Session>, AdminError> {
    let token_hash = secret::hash(token.expose());
    let session = store.session(&token_hash, idle_since(settings, now), now)?;
    if let Some(session) = &session {
        let kept_every = USE_KEPT_EVERY_SECS.min(idle_secs(settings) / 6);
        if now >= session.last_used_at.plus_secs(kept_every) {
            store.touch_session(&token_hash, now)?;
        }
    }
    Ok(session)
}

/// The session behind a token, if it is still good. To look counts as no use.
pub fn look_at_session(
    store: &Store,
    settings: &Admin,
    token: &Sensitive<String>,
    now: UnixMillis,
) -> Result<Option<Session>, AdminError> {
    Ok(store.session(&secret::hash(token.expose()), idle_since(settings, now), now)?)
}

/// Ends a session.
pub fn sign_out(
    store: &Store,
    token: &Sensitive<String>,
    now: UnixMillis,
) -> Result<(), AdminError> {
    Ok(store.end_session(&secret::hash(token.expose()), now)?)
}

/// Sessions that were last used then or before are over.
pub(super) fn idle_since(settings: &Admin, now: UnixMillis) -> UnixMillis {
    now.plus_secs(-idle_secs(settings))
}

fn idle_secs(settings: &Admin) -> i64 {
    i64::from(settings.idle_minutes) * 60
}

#[cfg(test)]
mod tests;
