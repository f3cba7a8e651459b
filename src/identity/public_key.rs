//! Public keys, and the one algorithm that each of them is for.
//!
//! Owns the reading of single JWKs (RFC 7517, 7518, 8037) and the checking of signatures. A key must
//! never be used with another algorithm than its own, whatever a token's header says.

use crate::types::text_enum;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::fmt;

/// Smaller moduli can be factored; larger ones the library refuses.
const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// No real exponent is longer (65537 nearly always); long ones only cost time.
const MAX_RSA_EXPONENT_BYTES: usize = 4;

/// The bytes of a P-256 coordinate and of an Ed25519 key.
const CURVE_BYTES: usize = 32;

/// What only the owner of a private key, or of a shared secret, may hold.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

text_enum! {
    /// How tokens may be signed, by the names of RFC 7518 and RFC 8037.
    SignatureAlgorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        RS256 = "RS256",
        /// ECDSA on P-256 with SHA-256.
        ES256 = "ES256",
        /// Ed25519.
        EdDSA = "EdDSA",
    }
}

/// A key that checks signatures.
pub(super) struct PublicKey {
    algorithm: SignatureAlgorithm,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// The key in a JWK; `None` when it is of another kind, for another use, too weak or not public.
    pub(super) fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let key = match (text("kty")?, text("crv")) {
            ("RSA", None) => Self::rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some("P-256")) => Self::p256(&bytes("x")?, &bytes("y")?)?,
            ("OKP", Some("Ed25519")) => Self::ed25519(&bytes("x")?)?,
            _ => return None,
        };
        let has_private_part = PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name));
        (key.may_verify(jwk) && !has_private_part).then_some(key)
    }

    /// An RSA key from its big-endian numbers, of which some issuers write a leading zero.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let unused_bits = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        let sound = RSA_MODULUS_BITS.contains(&(modulus.len() * 8 - unused_bits))
            && odd(modulus)
            && exponent.len() <= MAX_RSA_EXPONENT_BYTES
            && odd(exponent)
            && exponent != [1];
        if !sound {
            return None;
        }
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let key = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
        Some(Self { algorithm: SignatureAlgorithm::RS256, key })
    }

    fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        if x.len() != CURVE_BYTES || y.len() != CURVE_BYTES {
            return None;
        }
        // SEC 1 §2.3.3: 4 stands before a point with both coordinates. Points off the curve fail.
        let point = [&[4], x, y].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
        Some(Self { algorithm: SignatureAlgorithm::ES256, key })
    }

    fn ed25519(x: &[u8]) -> Option<Self> {
        if x.len() != CURVE_BYTES {
            return None;
        }
        let key = ParsedPublicKey::new(&ED25519, x).ok()?;
        Some(Self { algorithm: SignatureAlgorithm::EdDSA, key })
    }

    /// Whether `use`, `key_ops` and `alg`, where they are present, leave this key to us.
    fn may_verify(&self, jwk: &Map<String, Value>) -> bool {
        let says = |name: &str, value: &str| jwk.get(name).is_none_or(|it| it == value);
        let operations = jwk.get("key_ops").map(Value::as_array);
        let verifies =
            |list: &Vec<Value>| list.iter().any(|operation| operation.as_str() == Some("verify"));
        says("use", "sig")
            && says("alg", self.algorithm.as_str())
            && operations.is_none_or(|list| list.is_some_and(verifies))
    }

    /// What its signatures must be made with.
    pub(super) const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Whether this is the key's signature of the message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
