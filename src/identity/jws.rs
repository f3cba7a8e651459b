//! Signed tokens in compact form (RFC 7515): `header.payload.signature`.
//!
//! Owns their reading. It must never show a claim before the signature is good, with one marked
//! exception, nor follow anything that a header says of keys (`jwk`, `jku`, `x5u`, `x5c`).

use super::{TokenError, json, public_key::PublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// A token whose signature nobody has looked at yet.
pub(super) struct Jws<'a> {
    header: Map<String, Value>,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// Three parts with a header that we understand, in at most `max_bytes`. The decoder refuses
    /// padding and stray trailing bits, so that each token has one spelling.
    pub(super) fn read(token: &'a str, max_bytes: usize) -> Result<Self, TokenError> {
        if token.len() > max_bytes {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if payload.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header = object(header)?;
        // An extension marked critical must be understood (RFC 7515 §4.1.11); we know none.
        let understood = !header.contains_key("crit")
            && ["alg", "typ", "kid"].iter().all(|name| {
                header.get(*name).is_none_or(|value| value.is_string() || value.is_null())
            });
        if !understood {
            return Err(TokenError::Malformed);
        }
        Ok(Self { header, signed, payload, signature })
    }

    /// What the header calls the algorithm.
    pub(super) fn algorithm(&self) -> Option<&str> {
        self.header_text("alg")
    }

    /// What the header calls the token's type.
    pub(super) fn token_type(&self) -> Option<&str> {
        self.header_text("typ")
    }

    /// What the header calls the key.
    pub(super) fn kid(&self) -> Option<&str> {
        self.header_text("kid")
    }

    /// The part that is signed: two spellings of one signature leave it the same.
    pub(super) const fn signed(&self) -> &'a str {
        self.signed
    }

    /// The claims, once the key has found its signature under them and the header names one of the key's
    /// own algorithms.
    pub(super) fn claims(&self, key: &PublicKey) -> Result<Map<String, Value>, TokenError> {
        let own = self.algorithm().and_then(|algorithm| key.with(algorithm));
        let key = own.ok_or(TokenError::Malformed)?;
        let signature = decode(self.signature)?;
        if key.verify_sig(self.signed.as_bytes(), &signature).is_err() {
            return Err(TokenError::BadSignature);
        }
        object(self.payload)
    }

    /// The claims as anybody may have written them: only to choose whose keys to look in.
    pub(super) fn unverified_claims(&self) -> Result<Map<String, Value>, TokenError> {
        object(self.payload)
    }

    fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    json::read_object(&decode(part)?).ok_or(TokenError::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_not_base64| TokenError::Malformed)
}
