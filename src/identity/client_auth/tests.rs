//! The three ways to ask, and each way to get it wrong.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";
const GRANT: &str = "grant_type=client_credentials";

fn read(
    authorization: Option<&str>,
    content_type: &str,
    body: &str,
) -> Result<(String, String), TokenRefusal> {
    TokenRequest::parse(authorization, Some(content_type), body.as_bytes())
        .map(|request| (request.client_id, request.client_secret.reveal()))
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

fn code(result: Result<(String, String), TokenRefusal>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn json_form_and_basic_say_the_same() {
    let expected = Ok(("agent_1".to_owned(), "s/+ %é".to_owned()));
    let json = r#"{"client_id":"agent_1","client_secret":"s/+ %é","grant_type":"client_credentials",
                   "scope":["ignored"],"audience":null}"#;
    assert_eq!(read(None, "application/json; charset=utf-8", json), expected);
    let form = format!("{GRANT}&client_id=agent_1&client_secret=s%2F%2B+%25%C3%A9&scope=x");
    assert_eq!(read(None, FORM, &form), expected);
    let header = basic("agent_1:s%2F%2B+%25%C3%A9");
    assert_eq!(read(Some(&header), FORM, GRANT), expected);
    assert_eq!(read(Some(&header.replace("Basic", "bASIC")), FORM, GRANT), expected);
    let json_grant = r#"{"grant_type":"client_credentials"}"#;
    assert_eq!(read(Some(&header), "Application/JSON", json_grant), expected);
}

#[test]
fn a_plain_secret_with_separators_survives_basic() {
    let header = basic("agent_1:a=b&c:d");
    assert_eq!(read(Some(&header), FORM, GRANT), Ok(("agent_1".into(), "a=b&c:d".into())));
}

#[test]
fn credentials_come_once() {
    let header = basic("agent_1:s");
    for extra in ["client_id=agent_1&client_secret=s", "client_secret=s", "client_id=agent_2"] {
        let body = format!("{GRANT}&{extra}");
        assert_eq!(code(read(Some(&header), FORM, &body)), "invalid_request", "{extra}");
    }
    let body = format!("{GRANT}&client_id=agent_1");
    assert!(read(Some(&header), FORM, &body).is_ok(), "naming the client is no second credential");
}

#[test]
fn repeated_parameters_are_refused() {
    let form = format!("{GRANT}&client_id=a&client_secret=s&client_id=b");
    assert_eq!(code(read(None, FORM, &form)), "invalid_request");
    let json = r#"{"grant_type":"client_credentials","client_id":"a","client_secret":"s",
                   "client_\u0069d":"b"}"#;
    assert_eq!(code(read(None, "application/json", json)), "invalid_request");
}

#[test]
fn missing_or_strange_credentials_are_an_invalid_client() {
    for body in [
        GRANT.to_owned(),
        format!("{GRANT}&client_id=a"),
        format!("{GRANT}&client_id=&client_secret=s"),
    ] {
        assert_eq!(code(read(None, FORM, &body)), "invalid_client", "{body}");
    }
    let no_colon = basic("agent_1");
    let no_secret = basic("agent_1:");
    for header in ["Bearer abc", "Basic", "Basic ***", "", &no_colon, &no_secret] {
        assert_eq!(code(read(Some(header), FORM, GRANT)), "invalid_client", "{header}");
    }
}

#[test]
fn only_client_credentials_are_granted() {
    let body = "client_id=a&client_secret=s";
    let password = format!("{body}&grant_type=password");
    assert_eq!(code(read(None, FORM, &password)), "unsupported_grant_type");
    assert_eq!(code(read(None, FORM, body)), "invalid_request");
}

#[test]
fn bodies_that_cannot_be_read_are_invalid_requests() {
    for body in ["", "[]", "null", "{", "{\"client_id\":1}", "{\"grant_type\":{}}", "{} {}"] {
        assert_eq!(code(read(None, "application/json", body)), "invalid_request", "{body}");
    }
    assert_eq!(code(read(None, "text/plain", GRANT)), "invalid_request");
    let none = TokenRequest::parse(None, None, GRANT.as_bytes()).unwrap_err();
    assert_eq!(none.code(), "invalid_request");
}

#[test]
fn refusals_have_the_status_and_form_of_the_rfc() {
    let table = [
        (TokenRefusal::InvalidRequest("Send it."), 400, false),
        (TokenRefusal::InvalidClient, 401, true),
        (TokenRefusal::UnsupportedGrantType, 400, false),
    ];
    for (refusal, status, challenges) in table {
        assert_eq!(refusal.status(), status);
        assert_eq!(refusal.www_authenticate().is_some(), challenges);
        let body = refusal.body();
        assert_eq!(body["error"], refusal.code());
        let description = body["error_description"].as_str().unwrap();
        let allowed = |byte: u8| matches!(byte, 0x20..=0x7e) && !matches!(byte, b'"' | b'\\');
        assert!(description.bytes().all(allowed), "{description}");
    }
    let request = TokenRequest::parse(Some(&basic("a:canary")), Some(FORM), GRANT.as_bytes());
    assert!(!format!("{request:?}").contains("canary"));
}

#[test]
fn a_revocation_names_its_client_and_its_token() {
    let revoke = |authorization: Option<&str>, content_type: &str, body: &str| {
        RevocationRequest::parse(authorization, Some(content_type), body.as_bytes())
            .map(|it| (it.client_id, it.client_secret.reveal(), it.token.reveal()))
    };
    let expected = Ok(("agent_1".to_owned(), "s".to_owned(), "a.b.c".to_owned()));
    let form = "client_id=agent_1&client_secret=s&token=a.b.c&token_type_hint=access_token";
    assert_eq!(revoke(None, FORM, form), expected);
    let json =
        r#"{"client_id":"agent_1","client_secret":"s","token":"a.b.c","token_type_hint":"?"}"#;
    assert_eq!(revoke(None, "application/json", json), expected);
    let header = basic("agent_1:s");
    assert_eq!(revoke(Some(&header), FORM, "token=a.b.c"), expected);
    for (authorization, body, expected) in [
        (Some(&*header), "", "invalid_request"),
        (Some(&*header), "token=", "invalid_request"),
        (Some(&*header), "token=a&token=b", "invalid_request"),
        (Some(&*header), "token=a&client_secret=s", "invalid_request"),
        (None, "token=a", "invalid_client"),
        (Some("Bearer a.b.c"), "token=a", "invalid_client"),
    ] {
        let refusal = revoke(authorization, FORM, body).unwrap_err();
        assert_eq!(refusal.code(), expected, "{body}");
    }
    let request = RevocationRequest::parse(Some(&header), Some(FORM), b"token=canary").unwrap();
    assert!(!format!("{request:?}").contains("canary"));
}
