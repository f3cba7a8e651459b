//! Public keys, and the algorithms that each of them is for.
//!
//! Owns the reading of single JWKs (RFC 7517, 7518, 8037) and the checking of signatures. A key must
//! never be used with an algorithm of another kind of key, nor with another than it names, whatever a token's header says.

use crate::types::text_enum;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::fmt;

/// Smaller moduli can be factored; larger ones the library refuses.
const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// No real exponent is longer (65537 nearly always); long ones only cost time.
const MAX_RSA_EXPONENT_BYTES: usize = 4;

const P256_BYTES: usize = 32;
const P384_BYTES: usize = 48;
const ED25519_BYTES: usize = 32;

/// What an RSA key that names no algorithm may be used with: whoever signs chooses.
const RSA: [(SignatureAlgorithm, &RsaParameters); 6] = [
    (SignatureAlgorithm::RS256, &RSA_PKCS1_2048_8192_SHA256),
    (SignatureAlgorithm::RS384, &RSA_PKCS1_2048_8192_SHA384),
    (SignatureAlgorithm::RS512, &RSA_PKCS1_2048_8192_SHA512),
    (SignatureAlgorithm::PS256, &RSA_PSS_2048_8192_SHA256),
    (SignatureAlgorithm::PS384, &RSA_PSS_2048_8192_SHA384),
    (SignatureAlgorithm::PS512, &RSA_PSS_2048_8192_SHA512),
];

/// What only the owner of a private key, or of a shared secret, may hold.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

text_enum! {
    /// How tokens may be signed, by the names of RFC 7518 and RFC 8037.
    SignatureAlgorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        RS256 = "RS256",
        /// RSASSA-PKCS1-v1_5 with SHA-384.
        RS384 = "RS384",
        /// RSASSA-PKCS1-v1_5 with SHA-512.
        RS512 = "RS512",
        /// RSASSA-PSS with SHA-256.
        PS256 = "PS256",
        /// RSASSA-PSS with SHA-384.
        PS384 = "PS384",
        /// RSASSA-PSS with SHA-512.
        PS512 = "PS512",
        /// ECDSA on P-256 with SHA-256.
        ES256 = "ES256",
        /// ECDSA on P-384 with SHA-384.
        ES384 = "ES384",
        /// Ed25519.
        EdDSA = "EdDSA",
    }
}

/// A key that checks signatures.
pub(super) struct PublicKey {
    /// The key as each algorithm takes it; all but RSA keys have one.
    forms: Vec<(SignatureAlgorithm, ParsedPublicKey)>,
}

impl PublicKey {
    /// The key in a JWK; `None` when it is of another kind, for another use, too weak or not public.
    pub(super) fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let mut key = match (text("kty")?, text("crv")) {
            ("RSA", None) => Self::rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some("P-256")) => Self::p256(&bytes("x")?, &bytes("y")?)?,
            ("EC", Some("P-384")) => Self::p384(&bytes("x")?, &bytes("y")?)?,
            ("OKP", Some("Ed25519")) => Self::ed25519(&bytes("x")?)?,
            _ => return None,
        };
        if let Some(named) = jwk.get("alg") {
            key.forms.retain(|(algorithm, _)| *named == algorithm.as_str());
        }
        let has_private_part = PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name));
        (!key.forms.is_empty() && may_verify(jwk) && !has_private_part).then_some(key)
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
        let form = |(algorithm, parameters)| {
            Some((algorithm, components.to_parsed_public_key(parameters).ok()?))
        };
        Some(Self { forms: RSA.into_iter().map(form).collect::<Option<_>>()? })
    }

    fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = point(x, y, P256_BYTES)?;
        Self::only(SignatureAlgorithm::ES256, &ECDSA_P256_SHA256_FIXED, &point)
    }

    fn p384(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = point(x, y, P384_BYTES)?;
        Self::only(SignatureAlgorithm::ES384, &ECDSA_P384_SHA384_FIXED, &point)
    }

    fn ed25519(x: &[u8]) -> Option<Self> {
        let known = x.len() == ED25519_BYTES;
        known.then(|| Self::only(SignatureAlgorithm::EdDSA, &ED25519, x))?
    }

    /// A key that one algorithm alone takes.
    fn only(
        algorithm: SignatureAlgorithm,
        verification: &'static dyn VerificationAlgorithm,
        key: &[u8],
    ) -> Option<Self> {
        let key = ParsedPublicKey::new(verification, key).ok()?;
        Some(Self { forms: vec![(algorithm, key)] })
    }

    /// The key as the algorithm of this name takes it; `None` when it is not one of the key's own.
    pub(super) fn with(&self, algorithm: &str) -> Option<&ParsedPublicKey> {
        let own = self.forms.iter().find(|(own, _)| own.as_str() == algorithm);
        own.map(|(_, key)| key)
    }
}

/// SEC 1 §2.3.3: 4 stands before a point with both coordinates. Points off the curve fail later.
fn point(x: &[u8], y: &[u8], bytes: usize) -> Option<Vec<u8>> {
    (x.len() == bytes && y.len() == bytes).then(|| [&[4], x, y].concat())
}

/// Whether `use` and `key_ops`, where they are present, leave a key to us.
fn may_verify(jwk: &Map<String, Value>) -> bool {
    let operations = jwk.get("key_ops").map(Value::as_array);
    let verifies =
        |list: &Vec<Value>| list.iter().any(|operation| operation.as_str() == Some("verify"));
    jwk.get("use").is_none_or(|it| it == "sig")
        && operations.is_none_or(|list| list.is_some_and(verifies))
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.forms.iter().map(|(algorithm, _)| algorithm).collect();
        f.debug_struct("PublicKey").field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
