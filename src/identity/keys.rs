//! The keys that agent tokens are signed and checked with.
//!
//! Owns their generation, their PEM form, the set of them and the public JWKS document. It must never
//! show a private key, nor take a key from anywhere but the caller.

mod verifying;

use super::public_key::PublicKey;
use crate::types::{Sensitive, UnixMillis};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::EncodingKey;
use serde_json::json;
use std::{collections::BTreeMap, fmt, sync::Arc};
use verifying::VerifyingKey;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key could be generated or written down.
    #[error("a signing key cannot be generated")]
    Generation,
    /// The text is not a key that we sign with.
    #[error("not an RSA private key of 2048 to 8192 bits in PEM form")]
    NotRsaPem,
    /// The text is not the public half of a key of ours.
    #[error("not the public JWK of a signing key")]
    NotPublicJwk,
    /// The document of an external issuer is no JWKS.
    #[error("not a JSON Web Key Set")]
    NotAKeySet,
    /// The document of an external issuer has too many bytes or keys.
    #[error("the key set has more than 1 MiB or 100 keys")]
    KeySetTooLarge,
}

/// A key that signs, and checks what it signed.
pub struct SigningKey {
    pair: KeyPair,
    private: EncodingKey,
    public: VerifyingKey,
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
        )
        .ok_or(KeyError::NotRsaPem)?;
        Ok(Self { pair, private, public })
    }

    /// PKCS#8 in PEM form, for a file that only we may read.
    pub fn to_pem(&self) -> Result<Sensitive<String>, KeyError> {
        pem_of(&self.pair)
    }

    /// The key's id: base64url of the SHA-256 of its public half's canonical form.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The public half as a JWK (RFC 7517), for the other nodes and [`KeySet::add_public`].
    pub fn jwk(&self) -> String {
        self.public.jwk().to_string()
    }

    pub(super) const fn private(&self) -> &EncodingKey {
        &self.private
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid()).finish_non_exhaustive()
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
#[derive(Clone, Debug)]
pub struct KeySet {
    current: Arc<SigningKey>,
    others: BTreeMap<String, Verifying>,
}

#[derive(Clone, Debug)]
struct Verifying {
    key: VerifyingKey,
    until: Option<UnixMillis>,
}

impl Verifying {
    fn is_good_at(&self, now: UnixMillis) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl KeySet {
    /// This key signs and checks.
    pub fn new(current: impl Into<Arc<SigningKey>>) -> Self {
        Self { current: current.into(), others: BTreeMap::new() }
    }

    /// The same key that signs, with no others.
    pub fn signing_alone(&self) -> Self {
        Self::new(Arc::clone(&self.current))
    }

    /// The public half of another node's key or of a retired one, as [`SigningKey::jwk`] wrote it:
    /// its tokens are good until then. The current key needs no adding and has no end.
    pub fn add_public(
        &mut self,
        jwk: &str,
        verify_until: Option<UnixMillis>,
    ) -> Result<(), KeyError> {
        let key = VerifyingKey::from_jwk(jwk).ok_or(KeyError::NotPublicJwk)?;
        if key.kid() != self.current.kid() {
            let entry = Verifying { key, until: verify_until };
            self.others.insert(entry.key.kid().to_owned(), entry);
        }
        Ok(())
    }

    /// The JWKS document (RFC 7517) with all keys that are good now, the current one first.
    pub fn jwks(&self, now: UnixMillis) -> String {
        let others = self.others.values().filter(|it| it.is_good_at(now)).map(|it| it.key.jwk());
        let keys: Vec<_> = std::iter::once(self.current.public.jwk()).chain(others).collect();
        json!({ "keys": keys }).to_string()
    }

    /// The key that signs.
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The key with this id, and only that, while its tokens are good.
    pub(super) fn find(&self, kid: &str, now: UnixMillis) -> Option<&PublicKey> {
        if kid == self.current.kid() {
            return Some(self.current.public.key());
        }
        self.others.get(kid).filter(|it| it.is_good_at(now)).map(|it| it.key.key())
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
    fn the_jwks_lists_public_members_only_and_each_key_once() {
        let (current, old) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let same = SigningKey::from_pem(current.to_pem().unwrap().expose()).unwrap();
        let mut set = KeySet::new(current);
        set.add_public(&old.jwk(), None).unwrap();
        set.add_public(&same.jwk(), Some(UnixMillis(0))).unwrap();
        let document: Value = serde_json::from_str(&set.jwks(UnixMillis(1))).unwrap();
        let keys = document["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0]["kid"], set.current().kid());
        for key in keys {
            let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        }
    }

    #[test]
    fn a_key_checks_until_its_end_and_is_published_as_long() {
        let (current, old) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let mut set = KeySet::new(current);
        set.add_public(&old.jwk(), Some(UnixMillis(1_000))).unwrap();
        let published = |now| set.jwks(UnixMillis(now)).contains(old.kid());
        assert!(published(999) && set.find(old.kid(), UnixMillis(999)).is_some());
        assert!(!published(1_000) && set.find(old.kid(), UnixMillis(1_000)).is_none());
        assert!(set.find(set.current().kid(), UnixMillis(i64::MAX)).is_some());
    }

    #[test]
    fn only_the_public_half_of_a_key_of_ours_is_added() {
        let key = SigningKey::generate().unwrap();
        let mut set = KeySet::new(SigningKey::generate().unwrap());
        let jwk: Value = serde_json::from_str(&key.jwk()).unwrap();
        let with = |name: &str, value: &str| {
            let mut changed = jwk.clone();
            changed[name] = value.into();
            changed.to_string()
        };
        let table = [
            String::new(),
            "{}".into(),
            with("kid", "other"),
            with("e", "AQ"),
            with("n", "AQAB"),
            with("d", "AQAB"),
            with("alg", "RS512"),
            key.jwk().replacen('{', "{\"e\":\"AQAB\",", 1),
        ];
        for text in table {
            assert!(set.add_public(&text, None).is_err(), "{text}");
        }
        assert!(set.find(key.kid(), UnixMillis(0)).is_none());
    }
}
