//! The keys of an external issuer, as its JWKS document lists them.
//!
//! Owns which of them are usable and how a token's `kid` chooses one. It must never try one key
//! after another: what a token does not name cannot vouch for it.

use crate::identity::{KeyError, TokenError, json, public_key::PublicKey};
use serde_json::Value;

const MAX_DOCUMENT_BYTES: usize = 1_024 * 1_024;
const MAX_KEYS: usize = 100;

/// The usable keys of an issuer: RSA from 2048 bits, P-256, P-384 and Ed25519, public and for signatures.
#[derive(Debug)]
pub struct ExternalKeys {
    keys: Vec<(Option<String>, PublicKey)>,
}

impl ExternalKeys {
    /// Reads a JWKS document (RFC 7517). Keys that we cannot use are left out, as the RFC demands;
    /// of two with the same `kid` and algorithm the first counts.
    pub fn parse(jwks: &[u8]) -> Result<Self, KeyError> {
        if jwks.len() > MAX_DOCUMENT_BYTES {
            return Err(KeyError::KeySetTooLarge);
        }
        let document = json::read_object(jwks).ok_or(KeyError::NotAKeySet)?;
        let listed = document.get("keys").and_then(Value::as_array).ok_or(KeyError::NotAKeySet)?;
        if listed.len() > MAX_KEYS {
            return Err(KeyError::KeySetTooLarge);
        }
        let usable = listed.iter().filter_map(|jwk| {
            let members = jwk.as_object()?;
            let kid = match members.get("kid") {
                None => None,
                Some(kid) => Some(kid.as_str()?.to_owned()),
            };
            Some((kid, PublicKey::from_jwk(members)?))
        });
        Ok(Self { keys: usable.collect() })
    }

    /// How many keys are usable. None is worth a warning: every token will be refused.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key is usable.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of a token's algorithm that it names. One without a name gets the only key there is (OpenID Connect
    /// Core, section 10.1).
    pub(super) fn find(
        &self,
        kid: Option<&str>,
        algorithm: &str,
    ) -> Result<&PublicKey, TokenError> {
        if kid.is_none() && self.keys.len() > 1 {
            return Err(TokenError::Malformed);
        }
        let mut named =
            self.keys.iter().filter(|(name, _)| kid.is_none() || name.as_deref() == kid);
        let (_, first) = named.next().ok_or(TokenError::UnknownKey)?;
        let mut all = std::iter::once(first).chain(named.map(|(_, key)| key));
        // To fetch the keys again would bring no other of this name.
        all.find(|key| key.with(algorithm).is_some()).ok_or(TokenError::Malformed)
    }
}
