//! ID tokens (OpenID Connect Core 1.0 §3.1.3.7): a user whom an identity provider vouches for.
//!
//! Owns which of them are believed, and what they say of the user. A token that was made for another client, or for
//! another sign-in, must never count.

use super::{ClaimPath, ExternalKeys, MAX_TOKEN_BYTES, Wanted, listed, plain_text};
use crate::identity::{SignatureAlgorithm, TokenError, jws::Jws};
use crate::types::{Role, UnixMillis};
use serde_json::Value;

/// Access tokens say `at+jwt`.
const ID_TOKEN_TYPES: [&str; 1] = ["jwt"];

/// The provider that vouches for users, as the configuration says.
#[derive(Clone, Debug)]
pub struct SignInIssuer {
    /// Its `iss`, compared byte for byte.
    pub issuer: String,
    /// Our id there: what its tokens must name in `aud`.
    pub client_id: String,
    /// Where its tokens name the user.
    pub username_claim: ClaimPath,
    /// Where its tokens list roles.
    pub role_claim: ClaimPath,
    /// Its roles and ours.
    pub roles: Vec<(String, Role)>,
}

/// What an ID token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdClaims {
    /// The user, as the provider knows one for ever.
    pub subject: String,
    /// What the user is called there.
    pub username: Option<String>,
    /// The highest of the user's roles; `None`: none of ours.
    pub role: Option<Role>,
}

/// Why an ID token is refused; for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdTokenError {
    /// As any token may be wrong.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Made for another client.
    #[error("the token was issued to another client")]
    WrongParty,
    /// Made for another sign-in.
    #[error("the token belongs to another sign-in")]
    WrongNonce,
}

/// Checks an ID token of the sign-in with this nonce. [`TokenError::UnknownKey`] means that the provider may have a
/// newer key than these.
pub fn verify_id_token(
    issuer: &SignInIssuer,
    keys: &ExternalKeys,
    token: &str,
    nonce: &str,
    now: UnixMillis,
) -> Result<IdClaims, IdTokenError> {
    let wanted = Wanted {
        issuer: &issuer.issuer,
        audience: &issuer.client_id,
        algorithms: SignatureAlgorithm::ALL,
        types: &ID_TOKEN_TYPES,
    };
    let (claims, _) = wanted.claims(&Jws::read(token, MAX_TOKEN_BYTES)?, keys, now)?;
    let others = claims.get("aud").and_then(Value::as_array).is_some_and(|list| list.len() > 1);
    match claims.get("azp") {
        Some(azp) if *azp != *issuer.client_id => return Err(IdTokenError::WrongParty),
        None if others => return Err(IdTokenError::WrongParty),
        _ => {}
    }
    if claims.get("nonce").and_then(Value::as_str) != Some(nonce) {
        return Err(IdTokenError::WrongNonce);
    }
    if !claims.contains_key("iat") {
        return Err(TokenError::Malformed.into());
    }
    let subject = claims.get("sub").and_then(plain_text).ok_or(TokenError::NoSubject)?;
    let username = issuer.username_claim.find(&claims).and_then(plain_text);
    let said = listed(&issuer.role_claim, &claims)?;
    let ours = issuer.roles.iter().filter(|(theirs, _)| said.contains(&theirs.as_str()));
    let highest = |one: Role, other: Role| if one.includes(other) { one } else { other };
    Ok(IdClaims {
        subject: subject.to_owned(),
        username: username.map(str::to_owned),
        role: ours.map(|(_, role)| *role).reduce(highest),
    })
}
