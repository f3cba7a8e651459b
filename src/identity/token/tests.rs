//! Good tokens pass; the known attacks do not.

use super::*;
use crate::identity::SigningKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use std::sync::LazyLock;

const NOW: UnixMillis = UnixMillis(1_800_000_000_500);

static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::new(SigningKey::generate().unwrap()));
static FOREIGN: LazyLock<KeySet> = LazyLock::new(|| KeySet::new(SigningKey::generate().unwrap()));

fn claims() -> Claims {
    Claims {
        iss: "portcullis".into(),
        sub: "019a0000-0000-7000-8000-000000000001".into(),
        aud: "portcullis".into(),
        client_id: "agent_1".into(),
        iat: NOW.as_secs(),
        exp: NOW.as_secs() + 3_600,
        jti: "019a0000-0000-7000-8000-000000000002".into(),
        roles: vec!["developer".into()],
        permissions: vec!["web:write".into()],
        risk_tier: "low".into(),
    }
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": KEYS.current().kid()})
}

/// A token with any header and claims, truly signed by `keys`.
fn forge(keys: &KeySet, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let private = keys.current().private();
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), private, Algorithm::RS256).unwrap();
    format!("{message}.{signature}")
}

fn check(token: &str) -> Result<Claims, TokenError> {
    verify(&KEYS, token, "portcullis", "portcullis", NOW)
}

/// Our own claims with one of them changed, truly signed.
fn with_claim(name: &str, value: Value) -> String {
    let mut claims = serde_json::to_value(claims()).unwrap();
    claims[name] = value;
    forge(&KEYS, &header(), &claims)
}

/// Our own header with one member changed, truly signed.
fn with_header(name: &str, value: Value) -> String {
    let mut header = header();
    header[name] = value;
    forge(&KEYS, &header, &serde_json::to_value(claims()).unwrap())
}

#[test]
fn an_issued_token_is_accepted_and_says_what_it_was_given() {
    let token = issue(&KEYS, &claims()).unwrap().reveal();
    assert_eq!(check(&token), Ok(claims()));
    let first = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&first).unwrap(), header());
}

#[test]
fn a_retired_key_still_checks_and_a_forgotten_one_does_not() {
    let token = issue(&FOREIGN, &claims()).unwrap().reveal();
    assert_eq!(check(&token), Err(TokenError::UnknownKey));
    let mut rotated = KeySet::new(SigningKey::generate().unwrap());
    rotated.add_public(&FOREIGN.current().jwk(), None).unwrap();
    assert!(verify(&rotated, &token, "portcullis", "portcullis", NOW).is_ok());
}

#[test]
fn a_token_ends_to_the_second_and_may_start_a_little_early() {
    let seconds = NOW.as_secs();
    let table = [
        ("exp", seconds + 1, Ok(())),
        ("exp", seconds, Err(TokenError::Expired)),
        ("exp", i64::MIN, Err(TokenError::Expired)),
        ("iat", seconds + 30, Ok(())),
        ("iat", seconds + 31, Err(TokenError::NotYetValid)),
        ("nbf", seconds + 30, Ok(())),
        ("nbf", i64::MAX, Err(TokenError::NotYetValid)),
    ];
    for (name, value, expected) in table {
        let token = with_claim(name, value.into());
        assert_eq!(check(&token).map(|_| ()), expected, "{name} {value}");
    }
}

#[test]
fn claims_of_others_or_of_another_form_are_refused() {
    let table = [
        ("iss", json!("https://evil.example"), TokenError::WrongIssuer),
        ("aud", json!("billing"), TokenError::WrongAudience),
        ("aud", json!(["portcullis"]), TokenError::Malformed),
        ("sub", Value::Null, TokenError::Malformed),
        ("exp", json!("never"), TokenError::Malformed),
        ("exp", json!(1e30), TokenError::Malformed),
        ("nbf", json!("now"), TokenError::Malformed),
    ];
    for (name, value, expected) in table {
        assert_eq!(check(&with_claim(name, value.clone())), Err(expected), "{name} {value}");
    }
    let mut endless = serde_json::to_value(claims()).unwrap();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(check(&forge(&KEYS, &header(), &endless)), Err(TokenError::Malformed));
}

#[test]
fn headers_cannot_choose_the_algorithm_the_type_or_the_key() {
    let own = KEYS.current().kid();
    let table = [
        ("alg", json!("none"), TokenError::Malformed),
        ("alg", json!("None"), TokenError::Malformed),
        ("alg", json!("HS256"), TokenError::Malformed),
        ("alg", json!("RS512"), TokenError::Malformed),
        ("alg", json!("PS256"), TokenError::Malformed),
        ("typ", json!("JWT"), TokenError::Malformed),
        ("typ", Value::Null, TokenError::Malformed),
        ("crit", json!(["exp"]), TokenError::Malformed),
        ("kid", Value::Null, TokenError::UnknownKey),
        ("kid", json!(""), TokenError::UnknownKey),
        ("kid", json!("../../../../dev/null"), TokenError::UnknownKey),
        ("kid", json!("' OR '1'='1"), TokenError::UnknownKey),
        ("kid", json!(own.to_lowercase()), TokenError::UnknownKey),
        ("kid", json!([own]), TokenError::Malformed),
    ];
    for (name, value, expected) in table {
        assert_eq!(check(&with_header(name, value.clone())), Err(expected), "{name} {value}");
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_shared_secret() {
    let document: Value = serde_json::from_str(&KEYS.jwks(NOW)).unwrap();
    let modulus = document["keys"][0]["n"].as_str().unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("at+jwt".into());
    header.kid = Some(KEYS.current().kid().into());
    for secret in [modulus.as_bytes(), KEYS.jwks(NOW).as_bytes()] {
        let token = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(check(&token), Err(TokenError::Malformed));
    }
}

#[test]
fn keys_that_a_token_brings_along_are_ignored() {
    let foreign: Value = serde_json::from_str(&FOREIGN.jwks(NOW)).unwrap();
    let body = serde_json::to_value(claims()).unwrap();
    for (name, value) in [
        ("jwk", foreign["keys"][0].clone()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/key.pem")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = header();
        header[name] = value;
        assert_eq!(
            check(&forge(&FOREIGN, &header, &body)),
            Err(TokenError::BadSignature),
            "{name}"
        );
        header["kid"] = json!(FOREIGN.current().kid());
        assert_eq!(check(&forge(&FOREIGN, &header, &body)), Err(TokenError::UnknownKey), "{name}");
    }
}

#[test]
fn every_changed_or_missing_part_is_refused() {
    let token = issue(&KEYS, &claims()).unwrap().reveal();
    let parts: Vec<&str> = token.split('.').collect();
    let mut admin = claims();
    admin.sub = "somebody else".into();
    let other_body = URL_SAFE_NO_PAD.encode(serde_json::to_string(&admin).unwrap());
    let swapped = format!("{}.{other_body}.{}", parts[0], parts[2]);
    assert_eq!(check(&swapped), Err(TokenError::BadSignature));
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(check(&unsigned), Err(TokenError::BadSignature));
    let nonsense = [
        String::new(),
        ".".into(),
        "..".into(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.{}", parts[2]),
        format!("{token}="),
        format!(" {token}"),
        token.replace('.', ".."),
        "é.é.é".into(),
        "a".repeat(1 << 20),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(1 << 20)),
    ];
    for text in nonsense {
        let verdict = check(&text);
        assert!(verdict.is_err(), "{} bytes: {verdict:?}", text.len());
    }
    for end in 0..token.len() {
        assert!(check(&token[..end]).is_err(), "cut after {end} bytes");
    }
}

#[test]
fn a_token_that_says_anything_twice_is_refused() {
    let sign = |header: &str, claims: &str| {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let private = KEYS.current().private();
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), private, Algorithm::RS256).unwrap();
        format!("{message}.{signature}")
    };
    let header = header().to_string();
    let claims = serde_json::to_string(&claims()).unwrap();
    assert!(check(&sign(&header, &claims)).is_ok());
    let twice = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    for member in [r#""alg":"none""#, r#""kid":"x""#, r#""typ":"at+jwt""#] {
        let token = sign(&twice(&header, member), &claims);
        assert_eq!(check(&token), Err(TokenError::Malformed), "{member}");
    }
    for member in [r#""sub":"x""#, r#""s\u0075b":"x""#, r#""client_id":"x""#, r#""exp":9000000000"#]
    {
        let token = sign(&header, &twice(&claims, member));
        assert_eq!(check(&token), Err(TokenError::Malformed), "{member}");
    }
}

#[test]
fn an_expired_token_can_still_be_revoked_and_a_forged_one_cannot() {
    let verify = |token: &str| verify_at_any_age(&KEYS, token, "portcullis", "portcullis", NOW);
    let expired = with_claim("exp", (NOW.as_secs() - 1).into());
    assert_eq!(check(&expired), Err(TokenError::Expired));
    assert_eq!(verify(&expired).unwrap().jti, claims().jti);
    let body = serde_json::to_value(claims()).unwrap();
    assert_eq!(verify(&forge(&FOREIGN, &header(), &body)), Err(TokenError::BadSignature));
    assert_eq!(verify(&with_claim("iss", "x".into())), Err(TokenError::WrongIssuer));
    assert_eq!(verify(&with_claim("iat", i64::MAX.into())), Err(TokenError::NotYetValid));
}

#[test]
fn a_key_checks_no_longer_than_its_own_time() {
    let token = issue(&FOREIGN, &claims()).unwrap().reveal();
    let mut rotated = KeySet::new(SigningKey::generate().unwrap());
    for (until, expected) in [(NOW.plus_secs(1), Ok(claims())), (NOW, Err(TokenError::UnknownKey))]
    {
        rotated.add_public(&FOREIGN.current().jwk(), Some(until)).unwrap();
        assert_eq!(verify(&rotated, &token, "portcullis", "portcullis", NOW), expected);
    }
}
