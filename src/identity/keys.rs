//! The keys that agent tokens are signed and checked with.
//!
//! Owns their generation, their PEM form, their ids and the public JWKS document. It must never show
//! a private key, nor take a key from anywhere but the caller.

use crate::types::Sensitive;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key could be generated or written down.
    #[error("a signing key cannot be generated")]
    Generation,
    /// The text is not a key that we sign with.
    #[error("not an RSA private key of 2048 to 8192 bits in PEM form")]
    NotRsaPem,
}

/// A key that signs, and checks what it signed.
pub struct SigningKey {
    pair: KeyPair,
    private: EncodingKey,
    public: VerifyingKey,
}

/// The public half of a key, named by its RFC 7638 thumbprint.
#[derive(Clone)]
struct VerifyingKey {
    kid: String,
    modulus: String,
    exponent: String,
    key: DecodingKey,
}

impl SigningKey {
    /// A new RSA key of 2048 bits. Takes up to a second: call it off the event loops.
    pub fn generate() -> Result<Self, KeyError> {
        let pair =
            KeyPair::generate(KeySize::Rsa2048).map_err(|_unspecified| KeyError::Generation)?;
        Self::from_pem(pem_of(&pair)?.expose())
    }

    /// Reads what [`to_pem`](Self::to_pem) wrote, or any RSA private key of 2048 bits and more.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let private =
            EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_not_pem| KeyError::NotRsaPem)?;
        let pair =
            KeyPair::from_der(private.as_bytes()).map_err(|_rejected| KeyError::NotRsaPem)?;
        let public = pair.public_key();
        let public = VerifyingKey::new(
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        );
        Ok(Self { pair, private, public })
    }

    /// PKCS#8 in PEM form, for a file that only we may read.
    pub fn to_pem(&self) -> Result<Sensitive<String>, KeyError> {
        pem_of(&self.pair)
    }

    /// The key's id: base64url of the SHA-256 of its public half's canonical form.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    pub(super) const fn private(&self) -> &EncodingKey {
        &self.private
    }
}

impl VerifyingKey {
    fn new(modulus: &[u8], exponent: &[u8]) -> Self {
        let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
        let (modulus, exponent) =
            (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
        // RFC 7638: the required members alone, in this order, without spaces.
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        Self { kid, modulus, exponent, key }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid()).finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn pem_of(pair: &KeyPair) -> Result<Sensitive<String>, KeyError> {
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_unspecified| KeyError::Generation)?;
    let encoded = STANDARD.encode(der.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----");
    for (position, character) in encoded.chars().enumerate() {
        if position % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Ok(Sensitive::new(pem))
}

/// The key that signs now, and every key whose tokens are still good.
#[derive(Debug)]
pub struct KeySet {
    current: SigningKey,
    retired: BTreeMap<String, VerifyingKey>,
}

impl KeySet {
    /// This key signs and checks.
    pub const fn new(current: SigningKey) -> Self {
        Self { current, retired: BTreeMap::new() }
    }

    /// A key that was current once: its tokens are still good.
    pub fn add_verifying(&mut self, key: &SigningKey) {
        self.retired.insert(key.public.kid.clone(), key.public.clone());
    }

    /// The JWKS document (RFC 7517) with all public keys, the current one first.
    pub fn jwks(&self) -> String {
        let current = &self.current.public;
        let retired = self.retired.values().filter(|key| key.kid != current.kid);
        let keys: Vec<_> = std::iter::once(current)
            .chain(retired)
            .map(|key| {
                json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256",
                    "kid": key.kid, "n": key.modulus, "e": key.exponent,
                })
            })
            .collect();
        json!({ "keys": keys }).to_string()
    }

    /// The key that signs.
    pub const fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The key with this id, and only that.
    pub(super) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        let current = &self.current.public;
        if current.kid == kid {
            Some(&current.key)
        } else {
            self.retired.get(kid).map(|it| &it.key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_generated_key_survives_its_pem_form() {
        let key = SigningKey::generate().unwrap();
        let pem = key.to_pem().unwrap();
        assert!(pem.expose().lines().all(|line| line.len() <= 64));
        let again = SigningKey::from_pem(pem.expose()).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert_eq!(again.to_pem().unwrap(), pem);
        assert_eq!(key.kid().len(), 43);
        assert!(!format!("{key:?}").contains("private"), "{key:?}");
    }

    #[test]
    fn text_that_is_no_private_key_is_refused() {
        let pem = SigningKey::generate().unwrap().to_pem().unwrap().reveal();
        let cut = pem.lines().take(5).collect::<Vec<_>>().join("\n");
        for text in [String::new(), "nonsense".into(), cut, pem.replace("BEGIN", "")] {
            assert!(SigningKey::from_pem(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\
             oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65\
             YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr\
             dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK\
             nqDKgw";
        let key = VerifyingKey::new(&URL_SAFE_NO_PAD.decode(modulus).unwrap(), &[1, 0, 1]);
        assert_eq!(key.kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_jwks_lists_public_members_only_and_each_key_once() {
        let (current, old) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let same = SigningKey::from_pem(current.to_pem().unwrap().expose()).unwrap();
        let mut set = KeySet::new(current);
        set.add_verifying(&old);
        set.add_verifying(&same);
        let document: Value = serde_json::from_str(&set.jwks()).unwrap();
        let keys = document["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0]["kid"], set.current().kid());
        for key in keys {
            let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        }
    }
}
