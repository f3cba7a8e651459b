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
