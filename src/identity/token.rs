//! Agent tokens: RFC 9068 access tokens, signed with RS256.
//!
//! Owns what a token says and every reason to refuse one. The algorithm is ours and the key comes
//! from our set by its id: it must never follow a token's own word on how it is to be checked
//! (`alg`, `jwk`, `jku`, `x5u`, `x5c`), nor look at claims before the signature is good.

use super::{KeySet, jws::Jws};
use crate::types::{Sensitive, UnixMillis};
use jsonwebtoken::{Algorithm, Header, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Too long, not a JWT, of another type or algorithm, ambiguous, or a claim has another form.
    #[error("the token does not have the expected form")]
    Malformed,
    /// No key of its issuer has its `kid`.
    #[error("the token names a key that its issuer does not have")]
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
    /// The claim that names the agent is missing or unusable.
    #[error("the token does not say which agent it is for")]
    NoSubject,
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
    let claims = verify_at_any_age(keys, token, issuer, audience, now)?;
    check_end(claims.exp, now)?;
    Ok(claims)
}

/// [`verify`] for a token that may have expired: its agent may still revoke it (RFC 7009 §2.2).
pub fn verify_at_any_age(
    keys: &KeySet,
    token: &str,
    issuer: &str,
    audience: &str,
    now: UnixMillis,
) -> Result<Claims, TokenError> {
    let jws = Jws::read(token, MAX_TOKEN_BYTES)?;
    if jws.algorithm() != Some("RS256") || jws.token_type() != Some(TOKEN_TYPE) {
        return Err(TokenError::Malformed);
    }
    let key = jws.kid().and_then(|kid| keys.find(kid, now)).ok_or(TokenError::UnknownKey)?;
    let received = serde_json::from_value(Value::Object(jws.claims(key)?));
    let ReceivedClaims { nbf, claims } = received.map_err(|_other_claims| TokenError::Malformed)?;
    if claims.iss != issuer {
        return Err(TokenError::WrongIssuer);
    }
    if claims.aud != audience {
        return Err(TokenError::WrongAudience);
    }
    check_start(&[Some(claims.iat), nbf], now)?;
    Ok(claims)
}

/// A token is over in the very second of its `exp`.
pub(super) const fn check_end(exp: i64, now: UnixMillis) -> Result<(), TokenError> {
    if now.as_secs() >= exp { Err(TokenError::Expired) } else { Ok(()) }
}

/// A token may start a little early: `iat` and `nbf` come from another clock.
pub(super) fn check_start(starts: &[Option<i64>], now: UnixMillis) -> Result<(), TokenError> {
    let latest = now.as_secs().saturating_add(CLOCK_LEEWAY_SECS);
    if starts.iter().flatten().any(|start| *start > latest) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
