//! Agent tokens: RFC 9068 access tokens, signed with RS256.
//!
//! Owns what a token says and every reason to refuse one. The algorithm is ours and the key comes
//! from our set by its id: it must never follow a token's own word on how it is to be checked
//! (`alg`, `jwk`, `jku`, `x5u`, `x5c`), nor look at claims before the signature is good.

use super::KeySet;
use crate::types::{Sensitive, UnixMillis};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

/// RFC 9068 §2.1: keeps other tokens of the same issuer from being taken for access tokens.
const TOKEN_TYPE: &str = "at+jwt";

/// Ours have about 800 bytes; nothing longer is worth any work.
const MAX_TOKEN_BYTES: usize = 8 * 1_024;

/// How far the clocks of two gates may be apart. Never applied to a token's end.
const CLOCK_LEEWAY_SECS: i64 = 30;

/// What an agent token says. Roles, permissions and risk inform only: the live standing decides.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// The agent's id.
    pub sub: String,
    /// Whom it is for.
    pub aud: String,
    /// The OAuth client.
    pub client_id: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// The session.
    pub jti: String,
    /// The agent's roles when it was issued.
    pub roles: Vec<String>,
    /// What these roles were permitted when it was issued.
    pub permissions: Vec<String>,
    /// The agent's risk tier when it was issued.
    pub risk_tier: String,
}

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

/// Why a token is refused. Callers learn only "expired" or "not valid"; the rest is for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// Too long, not a JWT, or not of our type and algorithm.
    #[error("the token does not have the form of ours")]
    Malformed,
    /// No key of ours has its `kid`.
    #[error("the token names a key that is not ours")]
    UnknownKey,
    /// Its signature is not that of the key.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is from the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another issuer's.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// For somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
}

#[derive(Deserialize)]
struct ReceivedClaims {
    nbf: Option<i64>,
    #[serde(flatten)]
    claims: Claims,
}

/// Signs the claims with the current key. Takes about a millisecond: call it off the event loops.
pub fn issue(keys: &KeySet, claims: &Claims) -> Result<Sensitive<String>, SignError> {
    let key = keys.current();
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some(key.kid().to_owned());
    Ok(Sensitive::new(encode(&header, claims, key.private())?))
}

/// Checks form, type, algorithm, key, signature, issuer, audience and time, in this order.
pub fn verify(
    keys: &KeySet,
    token: &str,
    issuer: &str,
    audience: &str,
    now: UnixMillis,
) -> Result<Claims, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::Malformed);
    }
    let header = decode_header(token).map_err(|_not_a_jwt| TokenError::Malformed)?;
    let ours = header.alg == Algorithm::RS256
        && header.typ.as_deref() == Some(TOKEN_TYPE)
        && header.crit.is_none();
    if !ours {
        return Err(TokenError::Malformed);
    }
    let key = header.kid.as_deref().and_then(|kid| keys.find(kid)).ok_or(TokenError::UnknownKey)?;

    let received = decode::<ReceivedClaims>(token, key, &signature_only()).map_err(|error| {
        match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::BadSignature,
            _ => TokenError::Malformed,
        }
    })?;
    let ReceivedClaims { nbf, claims } = received.claims;
    if claims.iss != issuer {
        return Err(TokenError::WrongIssuer);
    }
    if claims.aud != audience {
        return Err(TokenError::WrongAudience);
    }
    let now_secs = now.as_secs();
    if now_secs >= claims.exp {
        return Err(TokenError::Expired);
    }
    let latest_start = claims.iat.max(nbf.unwrap_or(claims.iat));
    if latest_start > now_secs.saturating_add(CLOCK_LEEWAY_SECS) {
        return Err(TokenError::NotYetValid);
    }
    Ok(claims)
}

/// The library checks the signature; claims are compared here, with the `now` that we were given.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests;
