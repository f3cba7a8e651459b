//! Tokens of external issuers: agents that somebody else vouches for.
//!
//! Owns which of them are believed, and what they say of an agent. The issuer's algorithms are those
//! of the configuration and its keys those that were fetched for it: a token must never choose its
//! own algorithm, name a place to fetch from, or be taken for another issuer's.

mod claim_path;
mod id_token;
mod keys;

pub use claim_path::ClaimPath;
pub use id_token::{IdClaims, IdTokenError, SignInIssuer, verify_id_token};
pub use keys::ExternalKeys;

use super::{SignatureAlgorithm, TokenError, jws::Jws, token};
use crate::types::{UnixMillis, hex};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// Identity providers put groups into their tokens; ours are half as long.
const MAX_TOKEN_BYTES: usize = 16 * 1_024;

/// The longest subject and session id.
const MAX_NAME_BYTES: usize = 256;

/// Ordinary JWTs and RFC 9068 access tokens; what keeps ID tokens away is their audience.
const TOKEN_TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// An issuer whose tokens agents may present, as the configuration says.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What we call it.
    pub name: Arc<str>,
    /// Its `iss`, compared byte for byte.
    pub issuer: String,
    /// What its tokens must name in `aud`.
    pub audience: String,
    /// How its tokens may be signed.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// Where its tokens name the agent.
    pub agent_claim: ClaimPath,
    /// Where its tokens list roles.
    pub roles_claim: ClaimPath,
    /// Its roles and ours; roles that are not in here are dropped.
    pub role_map: Vec<(String, String)>,
    /// The type of agents that are created for its subjects.
    pub agent_type: String,
}

/// What a token of an external issuer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExternalClaims {
    /// The agent, as the issuer names it.
    pub subject: String,
    /// The session, with the issuer's name before it.
    pub session_id: String,
    /// When the token ends.
    pub expires_at: UnixMillis,
    /// The agent's roles in our words, each once.
    pub roles: Vec<Arc<str>>,
}

/// Whose token this claims to be. Anybody may have written it: only to choose whose keys to look in.
pub fn unverified_issuer(token: &str) -> Option<String> {
    let claims = Jws::read(token, MAX_TOKEN_BYTES).ok()?.unverified_claims().ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// Checks form, type, algorithm, key, signature, issuer, audience, time and subject, in this order.
/// [`TokenError::UnknownKey`] means that the issuer may have a newer key than these.
pub fn verify_external(
    issuer: &Issuer,
    keys: &ExternalKeys,
    token: &str,
    now: UnixMillis,
) -> Result<ExternalClaims, TokenError> {
    let jws = Jws::read(token, MAX_TOKEN_BYTES)?;
    let wanted = Wanted {
        issuer: &issuer.issuer,
        audience: &issuer.audience,
        algorithms: &issuer.algorithms,
        types: &TOKEN_TYPES,
    };
    let (claims, exp) = wanted.claims(&jws, keys, now)?;
    let subject = issuer.agent_claim.find(&claims).and_then(plain_text);
    Ok(ExternalClaims {
        subject: subject.ok_or(TokenError::NoSubject)?.to_owned(),
        session_id: session_id(issuer, &claims, &jws),
        expires_at: UnixMillis(0).plus_secs(exp),
        roles: mapped_roles(issuer, &claims)?,
    })
}

/// What every token from outside must be.
struct Wanted<'a> {
    issuer: &'a str,
    audience: &'a str,
    algorithms: &'a [SignatureAlgorithm],
    types: &'a [&'a str],
}

impl Wanted<'_> {
    /// Checks type, algorithm, key, signature, issuer, audience and time, in this order. Returns the claims and the
    /// token's end.
    fn claims(
        &self,
        jws: &Jws<'_>,
        keys: &ExternalKeys,
        now: UnixMillis,
    ) -> Result<(Map<String, Value>, i64), TokenError> {
        let pinned = |name: &&str| self.algorithms.iter().any(|it| it.as_str() == *name);
        let known = |name: &str| self.types.iter().any(|it| it.eq_ignore_ascii_case(name));
        let algorithm = jws.algorithm().filter(pinned).ok_or(TokenError::Malformed)?;
        if !jws.token_type().is_none_or(known) {
            return Err(TokenError::Malformed);
        }
        let claims = jws.claims(keys.find(jws.kid(), algorithm)?)?;
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer) {
            return Err(TokenError::WrongIssuer);
        }
        if !claims.get("aud").is_some_and(|aud| names_audience(aud, self.audience)) {
            return Err(TokenError::WrongAudience);
        }
        let exp = moment(&claims, "exp")?.ok_or(TokenError::Malformed)?;
        token::check_end(exp, now)?;
        token::check_start(&[moment(&claims, "iat")?, moment(&claims, "nbf")?], now)?;
        Ok((claims, exp))
    }
}

fn names_audience(aud: &Value, audience: &str) -> bool {
    match aud {
        Value::Array(list) => list.iter().any(|it| it == audience),
        single => single == audience,
    }
}

/// A NumericDate (RFC 7519 §2) in whole seconds; some issuers write fractions.
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = |fraction| Duration::try_from_secs_f64(fraction).ok()?.as_secs().try_into().ok();
    let seconds = value.as_i64().or_else(|| value.as_f64().and_then(whole));
    seconds.map(Some).ok_or(TokenError::Malformed)
}

/// Text that may be stored and shown: not empty, not long, without control characters.
fn plain_text(value: &Value) -> Option<&str> {
    let text = value.as_str()?;
    let plain =
        !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control);
    plain.then_some(text)
}

/// The issuer's own name for the session, or a digest of what it signed. The signature stays out of
/// it: one that was respelled by its holder must not make a new session.
fn session_id(issuer: &Issuer, claims: &Map<String, Value>, jws: &Jws<'_>) -> String {
    let given = ["jti", "sid"].iter().find_map(|name| claims.get(*name).and_then(plain_text));
    let digest = || {
        let bytes = Sha256::digest(jws.signed());
        hex(bytes.get(..16).unwrap_or_default())
    };
    format!("{}:{}", issuer.name, given.map_or_else(digest, str::to_owned))
}

/// What a token lists in a claim. A list in a form that we cannot read is an error: without its
/// roles a caller would also be without what is denied to them.
fn listed<'a>(
    path: &ClaimPath,
    claims: &'a Map<String, Value>,
) -> Result<Vec<&'a str>, TokenError> {
    match path.find(claims) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(scopes)) => Ok(scopes.split(' ').collect()),
        Some(Value::Array(list)) => {
            let names: Option<_> = list.iter().map(Value::as_str).collect();
            names.ok_or(TokenError::Malformed)
        }
        Some(_) => Err(TokenError::Malformed),
    }
}

/// The token's roles in our words.
fn mapped_roles(issuer: &Issuer, claims: &Map<String, Value>) -> Result<Vec<Arc<str>>, TokenError> {
    let external = listed(&issuer.roles_claim, claims)?;
    let mut roles: Vec<Arc<str>> = Vec::new();
    for (theirs, ours) in &issuer.role_map {
        if external.contains(&&**theirs) && !roles.iter().any(|role| **role == **ours) {
            roles.push(ours.as_str().into());
        }
    }
    Ok(roles)
}

#[cfg(test)]
mod tests;
