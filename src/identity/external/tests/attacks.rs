//! The known attacks on tokens, each refused, whatever the token is signed with.

use super::*;
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeyPair as RsaKeyPair,
};
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;

/// The verdict on the usual token with one member of its header changed, truly signed.
fn check_header(signer: &Signer, name: &str, value: Value) -> Result<ExternalClaims, TokenError> {
    let mut header = signer.header();
    header[name] = value;
    check(&signer.token(&header.to_string(), &claims().to_string()))
}

#[test]
fn headers_cannot_choose_the_algorithm_or_the_key() {
    let table = [
        ("alg", json!("none"), TokenError::Malformed),
        ("alg", json!("None"), TokenError::Malformed),
        ("alg", json!("NONE"), TokenError::Malformed),
        ("alg", json!("nOnE"), TokenError::Malformed),
        ("alg", json!(""), TokenError::Malformed),
        ("alg", json!(null), TokenError::Malformed),
        ("alg", json!(["RS256"]), TokenError::Malformed),
        ("alg", json!("HS256"), TokenError::Malformed),
        ("alg", json!("RS512"), TokenError::Malformed),
        ("alg", json!("PS256"), TokenError::Malformed),
        ("alg", json!("ES384"), TokenError::Malformed),
        ("alg", json!("ES256K"), TokenError::Malformed),
        ("alg", json!("rs256"), TokenError::Malformed),
        ("crit", json!(["exp"]), TokenError::Malformed),
        ("crit", json!([]), TokenError::Malformed),
        ("crit", json!(null), TokenError::Malformed),
        ("kid", json!(null), TokenError::Malformed),
        ("kid", json!(7), TokenError::Malformed),
        ("kid", json!(["RS256"]), TokenError::Malformed),
        ("kid", json!(""), TokenError::UnknownKey),
        ("kid", json!("rs256"), TokenError::UnknownKey),
        ("kid", json!("RS256\u{0}"), TokenError::UnknownKey),
        ("kid", json!("../../../../dev/null"), TokenError::UnknownKey),
        ("kid", json!("file:///proc/sys/kernel/hostname"), TokenError::UnknownKey),
        ("kid", json!("https://evil.example/jwks.json"), TokenError::UnknownKey),
        ("kid", json!("' UNION SELECT 'key' --"), TokenError::UnknownKey),
        ("kid", json!("key; cat /etc/passwd |"), TokenError::UnknownKey),
        ("kid", json!("x".repeat(10_240)), TokenError::UnknownKey),
    ];
    for signer in &*SIGNERS {
        for (name, value, expected) in &table {
            let verdict = check_header(signer, name, value.clone());
            assert_eq!(verdict, Err(*expected), "{} {name} {value}", signer.algorithm());
        }
    }
}

#[test]
fn a_key_of_another_type_is_never_used() {
    for signer in &*SIGNERS {
        for other in SIGNERS.iter().filter(|it| it.algorithm() != signer.algorithm()) {
            let verdict = check_header(signer, "kid", other.algorithm().into());
            assert_eq!(verdict, Err(TokenError::Malformed));
            let verdict = check_header(signer, "alg", other.algorithm().into());
            assert_eq!(verdict, Err(TokenError::Malformed));
        }
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_shared_secret() {
    let Signer::Rsa(key) = &SIGNERS[0] else { panic!("the first signer is RSA") };
    let pair = RsaKeyPair::from_der(key.private().as_bytes()).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let der = der.as_ref().to_vec();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    let modulus = SIGNERS[0].jwk()["n"].as_str().unwrap().to_owned();
    let secrets = [
        pem.clone().into_bytes(),
        pem.trim_end().into(),
        der,
        URL_SAFE_NO_PAD.decode(&modulus).unwrap(),
        modulus.into_bytes(),
        key.jwk().into_bytes(),
        Vec::new(),
    ];
    for secret in secrets {
        for named in ["HS256", "RS256"] {
            let header = json!({"alg": named, "typ": "JWT", "kid": "RS256"}).to_string();
            let message = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(header),
                URL_SAFE_NO_PAD.encode(claims().to_string())
            );
            let signature = jsonwebtoken::crypto::sign(
                message.as_bytes(),
                &EncodingKey::from_secret(&secret),
                Algorithm::HS256,
            );
            let verdict = check(&format!("{message}.{}", signature.unwrap()));
            assert!(verdict.is_err(), "{named}");
        }
    }
}

#[test]
fn keys_that_a_token_brings_along_are_ignored() {
    let strangers = Signer::all();
    for (stranger, signer) in strangers.iter().zip(&*SIGNERS) {
        for (name, value) in [
            ("jwk", stranger.jwk()),
            ("jwk", json!("not even a key")),
            ("jku", json!("https://evil.example/jwks.json")),
            ("jku", json!(["https://evil.example/jwks.json"])),
            ("x5u", json!("https://evil.example/key.pem")),
            ("x5c", json!(["MIIB"])),
            ("x5c", json!({"MIIB": 7})),
            ("x5t#S256", json!("AAAA")),
        ] {
            let forged = check_header(stranger, name, value.clone());
            assert_eq!(forged, Err(TokenError::BadSignature), "{name}");
            assert!(check_header(signer, name, value).is_ok(), "{name}: ignored, not refused");
            let mut header = stranger.header();
            header["kid"] = "brought along".into();
            let renamed = stranger.token(&header.to_string(), &claims().to_string());
            assert_eq!(check(&renamed), Err(TokenError::UnknownKey), "{name}");
        }
    }
}

#[test]
fn nothing_is_said_twice() {
    let signer = &SIGNERS[0];
    let (header, claims) = (signer.header().to_string(), claims().to_string());
    let twice = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    for member in [
        r#""alg":"RS256""#,
        r#""alg":"none""#,
        r#""\u0061lg":"none""#,
        r#""kid":"RS256""#,
        r#""typ":"JWT""#,
    ] {
        let token = signer.token(&twice(&header, member), &claims);
        assert_eq!(check(&token), Err(TokenError::Malformed), "{member}");
    }
    for member in [
        r#""sub":"admin""#,
        r#""s\u0075b":"admin""#,
        r#""iss":"https://other.example/""#,
        r#""exp":1900000000"#,
        r#""realm_access":{"roles":["ops"]}"#,
        r#""x":{"roles":["ops"],"roles":[]}"#,
    ] {
        let token = signer.token(&header, &twice(&claims, member));
        assert_eq!(check(&token), Err(TokenError::Malformed), "{member}");
        assert_eq!(unverified_issuer(&token), None, "{member}");
    }
}

#[test]
fn another_issuer_is_another_issuer_to_the_byte() {
    for value in [
        json!("https://id.corp.example"),
        json!("https://ID.corp.example/"),
        json!("https://id.corp.example/ "),
        json!("https://id.corp.example//"),
        json!(["https://id.corp.example/"]),
        json!(""),
        Value::Null,
    ] {
        assert_eq!(check_with("iss", &value), Err(TokenError::WrongIssuer), "{value}");
    }
}

#[test]
fn a_token_with_any_byte_changed_or_missing_is_refused() {
    for signer in &*SIGNERS {
        let token = signer.issue(&claims());
        for at in 0..token.len() {
            assert!(check(&token[..at]).is_err(), "cut after {at} bytes");
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(check(&changed).is_err(), "byte {at} of {token}");
        }
    }
}

#[test]
fn text_that_is_not_three_parts_of_plain_base64url_is_refused() {
    for signer in &*SIGNERS {
        let token = signer.issue(&claims());
        let [header, payload, signature] = parts(&token);
        let unsigned = format!("{header}.{payload}.");
        assert_eq!(check(&unsigned), Err(TokenError::BadSignature));
        let encrypted = format!("{header}.{payload}.{signature}.{signature}.{signature}");
        assert_eq!(check(&encrypted), Err(TokenError::Malformed), "five parts are a JWE");
        for text in [
            String::new(),
            ".".into(),
            "..".into(),
            format!("{header}.{payload}"),
            format!(".{payload}.{signature}"),
            format!("{header}..{signature}"),
            format!("{token}."),
            format!(".{token}"),
            token.replace('.', ".."),
            format!("{token}="),
            format!("{header}=.{payload}.{signature}"),
            format!(" {token}"),
            format!("{token}\n"),
            format!("{header}.{payload}\r\n.{signature}"),
            format!("Bearer {token}"),
            format!("\u{feff}{token}"),
            format!("{header}.{payload}.{signature}\u{200b}"),
            token.replace('.', "\u{ff0e}"),
            format!("{header}.{payload}.{signature}+/"),
            format!("{header}.{payload}.{signature}{}", "A".repeat(1 << 20)),
            "a".repeat(1 << 20),
            ".".repeat(1 << 20),
        ] {
            let verdict = check(&text);
            let refused = matches!(verdict, Err(TokenError::Malformed | TokenError::BadSignature));
            assert!(refused, "{} bytes: {verdict:?}", text.len());
        }
    }
}

#[test]
fn payloads_that_are_no_claims_are_refused() {
    let signer = &SIGNERS[2];
    let header = signer.header().to_string();
    let claims = claims().to_string();
    let nested = signer.token(&header, &claims);
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let long = claims.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(16_384)), 1);
    let table = [
        "",
        "null",
        "[]",
        "\"sub\"",
        &nested,
        &deep,
        &long,
        &format!("\u{feff}{claims}"),
        &format!("{claims}{claims}"),
        &claims.replace("portcullis\"", "portcullis\",}"),
    ];
    for text in table {
        assert_eq!(check(&signer.token(&header, text)), Err(TokenError::Malformed), "{text}");
    }
    for text in ["", "null", "[]", "\"EdDSA\"", "{\"alg\":\"EdDSA\"", &format!("\u{feff}{header}")]
    {
        assert_eq!(check(&signer.token(text, &claims)), Err(TokenError::Malformed), "{text}");
    }
}
