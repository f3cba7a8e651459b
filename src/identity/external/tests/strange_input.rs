//! Whatever comes in, a verdict comes out.

use super::*;
use crate::identity::{KeySet, verify, verify_at_any_age};
use proptest::prelude::*;

static OWN: LazyLock<KeySet> = LazyLock::new(|| KeySet::new(SigningKey::generate().unwrap()));

/// Every reader of tokens gives this one a verdict, and none takes it.
fn refuse_everywhere(token: &str) {
    unverified_issuer(token);
    assert!(check(token).is_err());
    assert!(verify(&OWN, token, "portcullis", "portcullis", NOW).is_err());
    assert!(verify_at_any_age(&OWN, token, "portcullis", "portcullis", NOW).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused(text in ".{0,200}", parts in "[A-Za-z0-9_.=-]{0,200}") {
        refuse_everywhere(&text);
        refuse_everywhere(&parts);
        let _parsed = ExternalKeys::parse(text.as_bytes());
    }

    #[test]
    fn any_parts_are_refused(
        header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>(),
    ) {
        let token = [&header, &payload, &signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        refuse_everywhere(&token.join("."));
        let _parsed = ExternalKeys::parse(&payload);
    }

    #[test]
    fn any_signed_claims_have_a_verdict(name in "iss|aud|sub|exp|iat|nbf|jti|sid|realm_access", text in ".{0,80}", number in any::<f64>()) {
        for value in [json!(text), json!(number), json!([text]), json!({"roles": text})] {
            if let Ok(claims) = check_with(&name, &value) {
                prop_assert!(!claims.subject.is_empty());
                prop_assert!(claims.session_id.starts_with("corp:"));
                prop_assert!(!claims.session_id.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn any_members_make_a_key_or_none(
        kty in "RSA|EC|OKP|oct", crv in "P-256|Ed25519|X",
        n in any::<Vec<u8>>(), e in any::<Vec<u8>>(), x in any::<[u8; 32]>(), y in any::<[u8; 32]>(),
    ) {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({
            "kty": kty, "crv": crv, "kid": "k",
            "n": encode(&n), "e": encode(&e), "x": encode(&x), "y": encode(&y),
        });
        let keys = key_set(&[jwk]);
        let finds = |algorithm: &SignatureAlgorithm| keys.find(Some("k"), algorithm.as_str()).is_ok();
        prop_assert!(keys.is_empty() || SignatureAlgorithm::ALL.iter().any(finds));
    }
}
