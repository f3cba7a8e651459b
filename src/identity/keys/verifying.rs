//! The public halves of keys that sign our tokens.
//!
//! Owns their ids (RFC 7638 thumbprints) and their JWK form. It must never hold a private part.

use crate::identity::{json, public_key::PublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The public half of an RSA key, named by its thumbprint.
#[derive(Clone, Debug)]
pub(super) struct VerifyingKey {
    kid: String,
    modulus: String,
    exponent: String,
    key: Arc<PublicKey>,
}

impl VerifyingKey {
    /// `None` for numbers that are no RSA key of 2048 to 8192 bits.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let key = Arc::new(PublicKey::rsa(modulus, exponent)?);
        let (modulus, exponent) =
            (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
        // RFC 7638: the required members alone, in this order, without spaces.
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        Some(Self { kid, modulus, exponent, key })
    }

    /// Reads what [`jwk`](Self::jwk) wrote, and nothing else: a key never goes by another name.
    pub(super) fn from_jwk(text: &str) -> Option<Self> {
        let members = json::read_object(text.as_bytes())?;
        let bytes = |name| URL_SAFE_NO_PAD.decode(members.get(name)?.as_str()?).ok();
        let key = Self::new(&bytes("n")?, &bytes("e")?)?;
        (key.jwk() == Value::Object(members)).then_some(key)
    }

    /// The key as a JWK.
    pub(super) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256",
            "kid": self.kid, "n": self.modulus, "e": self.exponent,
        })
    }

    /// Its id.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// What checks signatures.
    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\
             oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65\
             YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr\
             dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK\
             nqDKgw";
        let key = VerifyingKey::new(&URL_SAFE_NO_PAD.decode(modulus).unwrap(), &[1, 0, 1]).unwrap();
        assert_eq!(key.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
