//! Which keys of a JWKS document count.

use super::*;
use crate::identity::KeyError;
use std::slice;

fn parse(document: &str) -> Result<usize, KeyError> {
    ExternalKeys::parse(document.as_bytes()).map(|keys| keys.len())
}

/// The signer's key with one member changed.
fn with(signer: usize, name: &str, value: Value) -> Value {
    let mut jwk = SIGNERS[signer].jwk();
    jwk[name] = value;
    jwk
}

fn encoded(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[test]
fn usable_keys_are_taken() {
    let x5c = with(0, "x5c", json!(["MIIB"]));
    let modulus = URL_SAFE_NO_PAD.decode(SIGNERS[0].jwk()["n"].as_str().unwrap()).unwrap();
    let with_leading_zero = with(0, "n", encoded(&[&[0], &*modulus].concat()));
    let operations = with(1, "key_ops", json!(["verify", "sign"]));
    let table =
        [SIGNERS[0].jwk(), SIGNERS[1].jwk(), SIGNERS[2].jwk(), x5c, with_leading_zero, operations];
    for jwk in table {
        assert_eq!(key_set(slice::from_ref(&jwk)).len(), 1, "{jwk}");
    }
}

#[test]
fn keys_of_other_kinds_uses_or_strengths_are_ignored() {
    let small = "w".repeat(170);
    let table = [
        json!({"kty": "oct", "kid": "x", "k": "c2VjcmV0"}),
        json!({"kty": "RSA", "kid": "x", "n": small, "e": "AQAB"}),
        json!({"kty": "RSA"}),
        json!({}),
        json!("key"),
        with(0, "use", json!("enc")),
        with(0, "use", json!(7)),
        with(0, "alg", json!("HS256")),
        with(0, "alg", json!("none")),
        with(0, "alg", json!("ES256")),
        with(0, "alg", json!(null)),
        with(0, "alg", json!("RSA-OAEP")),
        with(0, "kty", json!("rsa")),
        with(0, "kid", json!(7)),
        with(0, "e", json!("AQ")),
        with(0, "e", json!("AA")),
        with(0, "e", encoded(&[1, 0, 0])),
        with(0, "e", encoded(&[1, 0, 0, 0, 1])),
        with(0, "e", json!("")),
        with(0, "n", json!("")),
        with(0, "n", json!("AAAA")),
        with(0, "n", encoded(&[0xfe; 256])),
        with(0, "n", encoded(&[0xff; 1_025])),
        with(0, "n", json!(format!("{}=", SIGNERS[0].jwk()["n"].as_str().unwrap()))),
        with(0, "d", json!("AQAB")),
        with(0, "p", json!("AQAB")),
        with(1, "d", json!("AQAB")),
        with(1, "crv", json!("P-384")),
        with(1, "crv", json!("secp256k1")),
        with(1, "alg", json!("ES384")),
        with(1, "key_ops", json!(["sign"])),
        with(1, "key_ops", json!("verify")),
        with(1, "x", encoded(&[0; 32])),
        with(1, "x", encoded(&[0xff; 32])),
        with(1, "y", encoded(&[1; 31])),
        with(1, "y", encoded(&[1; 33])),
        with(2, "crv", json!("X25519")),
        with(2, "crv", json!("Ed448")),
        with(2, "x", encoded(&[1; 31])),
        with(2, "d", json!("AQAB")),
        with(2, "kty", json!("EC")),
    ];
    for jwk in table {
        assert!(key_set(slice::from_ref(&jwk)).is_empty(), "{jwk}");
        let beside_a_good_one = key_set(&[jwk.clone(), SIGNERS[2].jwk()]);
        assert!(beside_a_good_one.find(Some("EdDSA"), "EdDSA").is_ok(), "{jwk}");
    }
}

#[test]
fn of_two_keys_with_one_name_the_first_counts() {
    let [_, other, _] = Signer::all();
    let token = SIGNERS[1].issue(&claims());
    let verdict = |keys: &[Value]| verify_external(&issuer(), &key_set(keys), &token, NOW);
    assert!(verdict(&[SIGNERS[1].jwk(), other.jwk()]).is_ok());
    assert_eq!(verdict(&[other.jwk(), SIGNERS[1].jwk()]), Err(TokenError::BadSignature));
}

#[test]
fn of_keys_with_one_name_the_one_of_the_tokens_algorithm_counts() {
    let signer = &SIGNERS[0];
    let mut of_another = signer.jwk();
    let members = of_another.as_object_mut().unwrap();
    members.insert("alg".into(), json!("PS256"));
    let keys = key_set(&[of_another.clone(), signer.jwk()]);
    let token = signer.issue(&claims());
    assert!(verify_external(&issuer(), &keys, &token, NOW).is_ok());
    let keys = key_set(&[of_another]);
    assert_eq!(verify_external(&issuer(), &keys, &token, NOW), Err(TokenError::Malformed));
}

#[test]
fn a_token_without_a_key_id_needs_a_set_of_one_key() {
    let signer = &SIGNERS[1];
    let token = signer.token(r#"{"alg":"ES256"}"#, &claims().to_string());
    let verdict = |keys: &[Value]| verify_external(&issuer(), &key_set(keys), &token, NOW);
    let mut nameless = signer.jwk();
    nameless.as_object_mut().unwrap().remove("kid");
    assert!(verdict(&[signer.jwk()]).is_ok());
    assert!(verdict(&[nameless.clone(), with(0, "use", json!("enc"))]).is_ok());
    assert_eq!(verdict(&[nameless, SIGNERS[2].jwk()]), Err(TokenError::Malformed));
    assert_eq!(verdict(&[]), Err(TokenError::UnknownKey));
    assert_eq!(verdict(&[SIGNERS[2].jwk()]), Err(TokenError::Malformed), "of another algorithm");
}

#[test]
fn documents_that_are_no_key_set_are_refused() {
    let good = json!({"keys": [SIGNERS[2].jwk()]}).to_string();
    assert!(matches!(parse(&good), Ok(1)));
    let repeated = good.replacen("\"x\":", "\"x\":\"AQAB\",\"x\":", 1);
    for text in [
        "",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":null}",
        "<html>",
        &repeated,
        "\u{feff}{\"keys\":[]}",
    ] {
        assert!(matches!(parse(text), Err(KeyError::NotAKeySet)), "{text}");
    }
    let keys = |count: usize| json!({ "keys": vec![json!({}); count] }).to_string();
    assert!(matches!(parse(&keys(100)), Ok(0)));
    assert!(matches!(parse(&keys(101)), Err(KeyError::KeySetTooLarge)));
    let padded = format!("{good}{}", " ".repeat(1_024 * 1_024));
    assert!(matches!(parse(&padded), Err(KeyError::KeySetTooLarge)));
}
