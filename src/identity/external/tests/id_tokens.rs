//! ID tokens: the right one signs a user in, and each wrong one is told apart.

use super::*;

const NONCE: &str = "the nonce of this sign-in";

fn provider() -> SignInIssuer {
    SignInIssuer {
        issuer: "https://id.corp.example/".to_owned(),
        client_id: "gate".to_owned(),
        username_claim: ClaimPath::parse("preferred_username").unwrap(),
        role_claim: ClaimPath::parse("realm_access.roles").unwrap(),
        roles: [("staff", Role::Viewer), ("ops", Role::Admin), ("audit", Role::Analyst)]
            .map(|(theirs, ours)| (theirs.to_owned(), ours))
            .to_vec(),
    }
}

fn id_claims() -> Value {
    json!({
        "iss": "https://id.corp.example/", "aud": "gate", "sub": "1234", "nonce": NONCE,
        "exp": NOW.as_secs() + 60, "iat": NOW.as_secs(), "preferred_username": "ann",
        "realm_access": {"roles": ["staff", "audit", "offline_access"]},
    })
}

fn check(token: &str) -> Result<IdClaims, IdTokenError> {
    verify_id_token(&provider(), &KEYS, token, NONCE, NOW)
}

fn check_with(name: &str, value: Value) -> Result<IdClaims, IdTokenError> {
    let mut claims = id_claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims.as_object_mut().unwrap().insert(name.to_owned(), value),
    };
    check(&SIGNERS[0].issue(&claims))
}

#[test]
fn a_user_has_the_highest_of_the_roles_that_are_ours() {
    for signer in SIGNERS.iter() {
        let claims = check(&signer.issue(&id_claims())).unwrap();
        assert_eq!((claims.subject.as_str(), claims.username.as_deref()), ("1234", Some("ann")));
        assert_eq!(claims.role, Some(Role::Analyst));
    }
    let role =
        |roles: Value| check_with("realm_access", json!({ "roles": roles })).map(|it| it.role);
    assert_eq!(role(json!(["ops", "staff"])), Ok(Some(Role::Admin)));
    assert_eq!(role(json!("staff")), Ok(Some(Role::Viewer)));
    assert_eq!(role(json!(["Staff", "staffs"])), Ok(None));
    assert!(role(json!({"staff": true})).is_err());
    assert_eq!(check_with("realm_access", Value::Null).unwrap().role, None);
    assert_eq!(check_with("preferred_username", Value::Null).unwrap().username, None);
}

#[test]
fn a_token_for_another_sign_in_or_another_client_is_none() {
    use IdTokenError::{Token, WrongNonce, WrongParty};
    for (name, value, error) in [
        ("nonce", json!("another"), WrongNonce),
        ("nonce", Value::Null, WrongNonce),
        ("aud", json!("another"), Token(TokenError::WrongAudience)),
        ("aud", json!(["gate", "another"]), WrongParty),
        ("azp", json!("another"), WrongParty),
        ("azp", json!(["gate"]), WrongParty),
        ("iss", json!("https://id.corp.example"), Token(TokenError::WrongIssuer)),
        ("exp", json!(NOW.as_secs()), Token(TokenError::Expired)),
        ("exp", Value::Null, Token(TokenError::Malformed)),
        ("iat", json!(NOW.as_secs() + 60), Token(TokenError::NotYetValid)),
        ("iat", Value::Null, Token(TokenError::Malformed)),
        ("sub", Value::Null, Token(TokenError::NoSubject)),
        ("sub", json!(7), Token(TokenError::NoSubject)),
    ] {
        assert_eq!(check_with(name, value.clone()), Err(error), "{name} {value}");
    }
    assert!(check_with("azp", json!("gate")).is_ok());
    assert!(check_with("aud", json!(["gate"])).is_ok());
}

/// Signs a message.
type Sign = Box<dyn Fn(&[u8]) -> String>;

/// A key of each kind, and all that it may sign with.
fn kinds() -> Vec<(Value, Vec<(&'static str, Sign)>)> {
    let Signer::Rsa(key) = &SIGNERS[0] else { unreachable!() };
    let rsa = |name, algorithm| {
        let sign: Sign = Box::new(move |message: &[u8]| {
            jsonwebtoken::crypto::sign(message, key.private(), algorithm).unwrap()
        });
        (name, sign)
    };
    let own = |signer: &'static Signer| {
        let sign: Sign =
            Box::new(move |message: &[u8]| signer.sign(std::str::from_utf8(message).unwrap()));
        (signer.jwk(), vec![(signer.algorithm(), sign)])
    };
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let point = p384.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..49]), URL_SAFE_NO_PAD.encode(&point[49..]));
    let jwk = json!({"kty": "EC", "crv": "P-384", "x": x, "y": y});
    let es384 = move |message: &[u8]| {
        URL_SAFE_NO_PAD.encode(p384.sign(&SystemRandom::new(), message).unwrap())
    };
    let all = vec![
        rsa("RS256", Algorithm::RS256),
        rsa("RS384", Algorithm::RS384),
        rsa("RS512", Algorithm::RS512),
        rsa("PS256", Algorithm::PS256),
        rsa("PS384", Algorithm::PS384),
        rsa("PS512", Algorithm::PS512),
    ];
    vec![
        (SIGNERS[0].jwk(), all),
        (jwk, vec![("ES384", Box::new(es384))]),
        own(&SIGNERS[1]),
        own(&SIGNERS[2]),
    ]
}

#[test]
fn each_algorithm_counts_with_its_own_kind_of_key_and_no_other_than_the_key_names() {
    let payload = URL_SAFE_NO_PAD.encode(id_claims().to_string());
    let signed = |alg: &str, sign: &dyn Fn(&[u8]) -> String| {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "kid": "k" }).to_string());
        let message = format!("{header}.{payload}");
        format!("{message}.{}", sign(message.as_bytes()))
    };
    let mut seen = Vec::new();
    for (mut jwk, algorithms) in kinds() {
        jwk["kid"] = "k".into();
        let key = |named: Option<&str>| {
            let mut jwk = jwk.clone();
            match named {
                Some(named) => jwk["alg"] = named.into(),
                None => drop(jwk.as_object_mut().unwrap().remove("alg")),
            }
            key_set(&[jwk])
        };
        let check = |keys: &ExternalKeys, token: &str| {
            verify_id_token(&provider(), keys, token, NONCE, NOW).map(|it| it.subject)
        };
        for (name, sign) in &algorithms {
            seen.push(*name);
            let token = signed(name, sign);
            assert!(check(&key(None), &token).is_ok(), "{name}, and the key names none");
            assert!(check(&key(Some(name)), &token).is_ok(), "{name}, as the key names it");
            for other in SignatureAlgorithm::ALL.iter().map(|it| it.as_str()) {
                if other == *name {
                    continue;
                }
                assert!(check(&key(Some(other)), &token).is_err(), "{name} for a key of {other}");
                let renamed = signed(other, sign);
                assert!(check(&key(None), &renamed).is_err(), "{name} that says {other}");
            }
            for other in ["none", "HS256", "HS384", "HS512", "ES512", ""] {
                assert!(check(&key(None), &signed(other, sign)).is_err(), "{name} says {other}");
                assert!(key(Some(other)).is_empty(), "a key of {other}");
            }
        }
    }
    seen.sort_unstable();
    let mut all: Vec<_> = SignatureAlgorithm::ALL.iter().map(|it| it.as_str()).collect();
    all.sort_unstable();
    assert_eq!(seen, all);
}

#[test]
fn only_public_keys_sign_and_access_tokens_are_no_id_tokens() {
    let claims = id_claims().to_string();
    let signer = &SIGNERS[0];
    let mut header = signer.header();
    for (name, value) in [("alg", json!("none")), ("alg", json!("HS256")), ("typ", json!("at+jwt"))]
    {
        let mut wrong = header.clone();
        wrong[name] = value;
        let token = signer.token(&wrong.to_string(), &claims);
        assert_eq!(check(&token), Err(TokenError::Malformed.into()), "{wrong}");
    }
    header["typ"] = Value::Null;
    assert!(check(&signer.token(&header.to_string(), &claims)).is_ok());
    let token = signer.issue(&id_claims());
    let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
    assert_eq!(check(&unsigned), Err(TokenError::BadSignature.into()));
}
