//! Tokens, key sets and credentials that nobody of ours has made.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    identity::{
        ClaimPath, Claims, ExternalKeys, Issuer, KeySet, RevocationRequest, SignatureAlgorithm,
        SigningKey, TokenRequest, issue, unverified_issuer, verify, verify_at_any_age,
        verify_external,
    },
    types::UnixMillis,
};
use std::sync::LazyLock;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "gate";

/// The public keys of RFC 7517 §A.1 and RFC 8037 §A.2, and one of ours.
const JWKS: &str = r#"{"keys":[
    {"kty":"EC","crv":"P-256","kid":"ec","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
    {"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwaaPJHURo0"},
    RSA]}"#;

struct World {
    keys: KeySet,
    issuer: Issuer,
    external: ExternalKeys,
    claims: Claims,
    /// The signature of a token with these claims.
    signature: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::generate().unwrap();
    let external = ExternalKeys::parse(JWKS.replace("RSA", &key.jwk()).as_bytes()).unwrap();
    assert_eq!(external.len(), 3);
    let keys = KeySet::new(key);
    let claims = Claims {
        iss: ISSUER.into(),
        sub: "agent".into(),
        aud: AUDIENCE.into(),
        client_id: "agent".into(),
        iat: NOW.as_secs(),
        exp: NOW.as_secs() + 60,
        jti: "session".into(),
        roles: Vec::new(),
        permissions: Vec::new(),
        risk_tier: "low".into(),
    };
    let token = issue(&keys, &claims).unwrap().reveal();
    assert_eq!(verify(&keys, &token, ISSUER, AUDIENCE, NOW).as_ref(), Ok(&claims));
    let issuer = Issuer {
        name: "test".into(),
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        algorithms: vec![
            SignatureAlgorithm::RS256,
            SignatureAlgorithm::ES256,
            SignatureAlgorithm::EdDSA,
        ],
        agent_claim: ClaimPath::parse("sub").unwrap(),
        roles_claim: ClaimPath::parse("realm.roles").unwrap(),
        role_map: vec![("a".into(), "developer".into())],
        agent_type: "external".into(),
    };
    let signature = token.rsplit('.').next().unwrap().to_owned();
    World { keys, issuer, external, claims, signature }
});

/// Nothing is a token that was not signed. The input stands for itself, and its lines for the header, the claims and
/// the signature of a token; `KID` in the header is our key's id.
pub fn check(input: &[u8]) {
    let world = &*WORLD;
    if let Ok(text) = str::from_utf8(input) {
        check_token(world, text, None);
    }
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let [header, claims, rest] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let header = String::from_utf8_lossy(header).replace("KID", world.keys.current().kid());
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    check_token(world, &format!("{signed}.{}", URL_SAFE_NO_PAD.encode(rest)), None);
    check_token(world, &format!("{signed}.{}", world.signature), Some(&world.claims));

    check_key_set(input);
    check_credentials(input);
}

/// Only the token with exactly our claims may pass, and only with our signature.
fn check_token(world: &World, token: &str, ours: Option<&Claims>) {
    let _unverified = unverified_issuer(token);
    for verified in [
        verify(&world.keys, token, ISSUER, AUDIENCE, NOW),
        verify_at_any_age(&world.keys, token, ISSUER, AUDIENCE, NOW),
    ] {
        assert_eq!(
            verified.as_ref().ok(),
            ours.filter(|_| verified.is_ok()),
            "an unsigned token passes"
        );
    }
    let external = verify_external(&world.issuer, &world.external, token, NOW);
    assert!(external.is_err() || ours.is_some(), "an unsigned token passes");
}

/// No more keys are usable than serde_json finds.
fn check_key_set(input: &[u8]) {
    let Ok(keys) = ExternalKeys::parse(input) else { return };
    let document: serde_json::Value = serde_json::from_slice(input).unwrap();
    let listed = document["keys"].as_array().unwrap();
    assert!(keys.len() <= listed.len());
}

/// Both requests of a client, read from `Authorization`, `Content-Type` and body, are the same client's.
fn check_credentials(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n').map(str::from_utf8);
    let [authorization, content_type, body] = [(); 3].map(|()| lines.next().and_then(Result::ok));
    let body = body.unwrap_or_default().as_bytes();
    let authorization = authorization.filter(|value| !value.is_empty());
    let asks = TokenRequest::parse(authorization, content_type, body);
    let revokes = RevocationRequest::parse(authorization, content_type, body);
    if let (Ok(asks), Ok(revokes)) = (asks, revokes) {
        assert_eq!(asks.client_id, revokes.client_id);
        assert_eq!(asks.client_secret.expose(), revokes.client_secret.expose());
    }
}
