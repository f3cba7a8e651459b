//! Signing in at the identity provider: whom the gate lets in on its word.
//!
//! Owns how users of the provider become users here: known for ever by issuer and subject, with the role that each
//! sign-in says. It must never let one take over a user who signs in otherwise.

use super::{AdminError, SignedIn, sign_in::begin_session, users::is_user_name};
use crate::config::Admin;
use crate::identity::{IdClaims, SIGN_IN_SECS, secret};
use crate::store::{ExternalIdentity, NewUser, Store, StoreError, User};
use crate::types::{Role, Sensitive, UnixMillis};

/// The actor of what the provider's word changes.
const PROVIDER: &str = crate::types::actor::PROVIDER;

/// What comes of a sign-in for which the provider vouches.
#[derive(Debug)]
pub enum ExternalSignIn {
    /// A session has begun.
    SignedIn(SignedIn),
    /// Not with these claims; for the log.
    NotAllowed(&'static str),
    /// This sign-in has been completed before.
    Replayed,
}

/// Begins a session for whoever the provider vouches for, if one of our roles is among theirs. Whom it vouches for
/// without one has no session any more either.
pub fn sign_in_external(
    store: &Store,
    settings: &Admin,
    issuer: &str,
    claims: &IdClaims,
    nonce: &str,
    now: UnixMillis,
) -> Result<ExternalSignIn, AdminError> {
    let known = store.user_of(issuer, &claims.subject)?;
    let Some(role) = claims.role else {
        if let Some(user) = known {
            store.end_sessions_of(&user.username, PROVIDER, now)?;
        }
        return Ok(ExternalSignIn::NotAllowed("none of the user's roles is in admin.oidc.roles"));
    };
    let user = match known {
        Some(user) if user.disabled => {
            return Ok(ExternalSignIn::NotAllowed("the user is disabled here"));
        }
        Some(user) => {
            store.set_user_role(&user.username, role, PROVIDER, now)?;
            User { role, ..user }
        }
        None => match create(store, issuer, claims, role, now)? {
            Ok(user) => user,
            Err(why) => return Ok(ExternalSignIn::NotAllowed(why)),
        },
    };
    let nonce = (secret::hash(nonce), now.plus_secs(SIGN_IN_SECS));
    match begin_session(store, settings, &user, Some(nonce), now) {
        Ok(signed_in) => Ok(ExternalSignIn::SignedIn(signed_in)),
        Err(AdminError::Store(StoreError::Taken { .. })) => Ok(ExternalSignIn::Replayed),
        Err(AdminError::Store(StoreError::NotFound { .. })) => {
            Ok(ExternalSignIn::NotAllowed("the user was removed or disabled meanwhile"))
        }
        Err(error) => Err(error),
    }
}

/// A user at the first sign-in, or why there cannot be one.
fn create(
    store: &Store,
    issuer: &str,
    claims: &IdClaims,
    role: Role,
    now: UnixMillis,
) -> Result<Result<User, &'static str>, AdminError> {
    let username = claims.username.as_deref().unwrap_or_default().to_lowercase();
    if !is_user_name(&username) {
        return Ok(Err("admin.oidc.username_claim holds no name that a user may have here"));
    }
    let identity = ExternalIdentity { issuer: issuer.to_owned(), subject: claims.subject.clone() };
    let password_hash = Sensitive::new(String::new());
    let new = NewUser { username, role, password_hash, identity: Some(identity) };
    match store.create_user(&new, PROVIDER, now) {
        Ok(user) => Ok(Ok(user)),
        Err(StoreError::Taken { .. }) => Ok(Err("another user here has this name")),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
