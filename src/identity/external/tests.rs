//! Tokens of a scripted issuer: the good ones pass, whatever they are signed with.

mod attacks;
mod id_tokens;
mod key_sets;
mod signatures;
mod strange_input;

use super::*;
use crate::identity::SigningKey;
use crate::types::Role;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::json;
use std::sync::LazyLock;

const NOW: UnixMillis = UnixMillis(1_800_000_000_500);

/// One key of the scripted issuer.
enum Signer {
    Rsa(SigningKey),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    fn all() -> [Self; 3] {
        [
            Self::Rsa(SigningKey::generate().unwrap()),
            Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
        ]
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    /// Its public half, with its algorithm as `kid`.
    fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rsa(key) => serde_json::from_str(&key.jwk()).unwrap(),
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref())})
            }
        };
        jwk["kid"] = self.algorithm().into();
        jwk
    }

    fn sign(&self, message: &str) -> String {
        let message = message.as_bytes();
        match self {
            Self::Rsa(key) => {
                jsonwebtoken::crypto::sign(message, key.private(), Algorithm::RS256).unwrap()
            }
            Self::P256(key) => {
                URL_SAFE_NO_PAD.encode(key.sign(&SystemRandom::new(), message).unwrap())
            }
            Self::Ed25519(key) => URL_SAFE_NO_PAD.encode(key.sign(message)),
        }
    }

    fn header(&self) -> Value {
        json!({"alg": self.algorithm(), "typ": "JWT", "kid": self.algorithm()})
    }

    /// A token with this header and these claims as they are written, truly signed.
    fn token(&self, header: &str, claims: &str) -> String {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign(&message);
        format!("{message}.{signature}")
    }

    fn issue(&self, claims: &Value) -> String {
        self.token(&self.header().to_string(), &claims.to_string())
    }
}

static SIGNERS: LazyLock<[Signer; 3]> = LazyLock::new(Signer::all);

static KEYS: LazyLock<ExternalKeys> =
    LazyLock::new(|| key_set(&SIGNERS.each_ref().map(Signer::jwk)));

fn key_set(keys: &[Value]) -> ExternalKeys {
    ExternalKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn issuer() -> Issuer {
    Issuer {
        name: "corp".into(),
        issuer: "https://id.corp.example/".into(),
        audience: "portcullis".into(),
        algorithms: SignatureAlgorithm::ALL.to_vec(),
        agent_claim: ClaimPath::parse("sub").unwrap(),
        roles_claim: ClaimPath::parse("realm_access.roles").unwrap(),
        role_map: [("dev", "developer"), ("eng", "developer"), ("ops", "operator")]
            .map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()))
            .to_vec(),
        agent_type: "autonomous".into(),
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.corp.example/", "aud": "portcullis", "sub": "Alice Example",
        "exp": NOW.as_secs() + 600, "iat": NOW.as_secs(), "jti": "session-1",
        "realm_access": {"roles": ["ops", "dev", "eng", "offline_access"]},
    })
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

fn check(token: &str) -> Result<ExternalClaims, TokenError> {
    verify_external(&issuer(), &KEYS, token, NOW)
}

/// The verdict on the usual claims with one changed (`null` takes it out), truly signed.
fn check_with(name: &str, value: &Value) -> Result<ExternalClaims, TokenError> {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value.clone();
    }
    check(&SIGNERS[1].issue(&claims))
}

#[test]
fn every_pinned_algorithm_is_accepted_and_claims_are_mapped() {
    for signer in &*SIGNERS {
        let token = signer.issue(&claims());
        let expected = ExternalClaims {
            subject: "Alice Example".into(),
            session_id: "corp:session-1".into(),
            expires_at: UnixMillis((NOW.as_secs() + 600) * 1_000),
            roles: vec!["developer".into(), "operator".into()],
        };
        assert_eq!(check(&token), Ok(expected), "{}", signer.algorithm());
        assert_eq!(unverified_issuer(&token).as_deref(), Some("https://id.corp.example/"));
    }
}

#[test]
fn an_algorithm_that_is_not_pinned_is_refused() {
    let pinned = Issuer { algorithms: vec![SignatureAlgorithm::ES256], ..issuer() };
    for signer in &*SIGNERS {
        let verdict = verify_external(&pinned, &KEYS, &signer.issue(&claims()), NOW);
        assert_eq!(verdict.is_ok(), signer.algorithm() == "ES256", "{}", signer.algorithm());
    }
}

#[test]
fn types_of_access_tokens_are_accepted_in_any_case() {
    let signer = &SIGNERS[2];
    let table = [
        (Value::Null, true),
        (json!("jwt"), true),
        (json!("AT+JWT"), true),
        (json!("application/at+jwt"), true),
        (json!(""), false),
        (json!("dpop+jwt"), false),
        (json!("logout+jwt"), false),
        (json!(["JWT"]), false),
    ];
    for (value, accepted) in table {
        let mut header = signer.header();
        header["typ"] = value.clone();
        let token = signer.token(&header.to_string(), &claims().to_string());
        assert_eq!(check(&token).is_ok(), accepted, "{value}");
    }
}

#[test]
fn an_audience_may_be_one_of_several() {
    for (value, expected) in [
        (json!(["account", "portcullis"]), Ok(())),
        (json!([]), Err(TokenError::WrongAudience)),
        (json!(["Portcullis"]), Err(TokenError::WrongAudience)),
        (json!("portcullis account"), Err(TokenError::WrongAudience)),
        (json!([["portcullis"]]), Err(TokenError::WrongAudience)),
        (json!({"portcullis": true}), Err(TokenError::WrongAudience)),
        (Value::Null, Err(TokenError::WrongAudience)),
    ] {
        assert_eq!(check_with("aud", &value).map(|_| ()), expected, "{value}");
    }
}

#[test]
fn a_token_ends_to_the_second_and_may_start_a_little_early() {
    let seconds = NOW.as_secs();
    for (name, value, expected) in [
        ("exp", json!(seconds + 1), Ok(())),
        ("exp", json!(1_800_000_001.75), Ok(())),
        ("exp", json!(seconds), Err(TokenError::Expired)),
        ("exp", json!(-1), Err(TokenError::Expired)),
        ("exp", Value::Null, Err(TokenError::Malformed)),
        ("exp", json!("1900000000"), Err(TokenError::Malformed)),
        ("exp", json!(1e30), Err(TokenError::Malformed)),
        ("exp", json!(u64::MAX), Err(TokenError::Malformed)),
        ("exp", json!(i64::MAX), Ok(())),
        ("iat", Value::Null, Ok(())),
        ("iat", json!(seconds + 30), Ok(())),
        ("iat", json!(seconds + 31), Err(TokenError::NotYetValid)),
        ("nbf", json!(seconds + 30), Ok(())),
        ("nbf", json!(i64::MAX), Err(TokenError::NotYetValid)),
        ("nbf", json!("now"), Err(TokenError::Malformed)),
    ] {
        assert_eq!(check_with(name, &value).map(|_| ()), expected, "{name} {value}");
    }
}

#[test]
fn the_agent_must_have_a_name_that_can_be_stored_and_shown() {
    for value in [
        Value::Null,
        json!(""),
        json!(7),
        json!(["Alice"]),
        json!("a\nb"),
        json!("a\u{85}b"),
        json!("x".repeat(257)),
    ] {
        assert_eq!(check_with("sub", &value), Err(TokenError::NoSubject), "{value}");
    }
    assert_eq!(check_with("sub", &json!("Zoë|7")).unwrap().subject, "Zoë|7");
}

#[test]
fn a_session_is_named_by_its_issuer_or_by_what_was_signed() {
    let mut claims = claims();
    let session = |claims: &Value| check(&SIGNERS[1].issue(claims)).unwrap().session_id;
    claims["sid"] = "browser-7".into();
    assert_eq!(session(&claims), "corp:session-1");
    claims["jti"] = "bad\u{0}".into();
    assert_eq!(session(&claims), "corp:browser-7");
    claims["sid"] = Value::Null;
    let digest = session(&claims);
    assert_eq!(digest.len(), "corp:".len() + 32);
    assert_eq!(session(&claims), digest, "a new signature is no new session");
    claims["exp"] = (NOW.as_secs() + 601).into();
    assert_ne!(session(&claims), digest);
}

#[test]
fn roles_come_as_a_list_or_as_scopes_and_unreadable_ones_are_refused() {
    let roles = |value: Value| check_with("realm_access", &json!({ "roles": value }));
    let table = [
        (json!([]), Some("")),
        (Value::Null, Some("")),
        (json!(["unknown", "DEV", "dev "]), Some("")),
        (json!("openid ops  dev"), Some("developer operator")),
        (json!(["ops", 7]), None),
        (json!({"ops": true}), None),
        (json!(true), None),
    ];
    for (value, expected) in table {
        let mapped = roles(value.clone()).map(|claims| claims.roles.join(" "));
        assert_eq!(mapped.as_deref().ok(), expected, "{value}");
    }
    assert_eq!(check_with("realm_access", &Value::Null).unwrap().roles, []);
}
