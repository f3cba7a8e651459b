//! The OAuth 2.0 endpoints: tokens (RFC 6749 §4.4), their revocation (RFC 7009), metadata (RFC 8414) and the
//! public keys (RFC 7517).
//!
//! Owns the HTTP form of requests and replies; credentials are checked by the actors.

use super::problem;
use crate::bus::auth::{IssueError, IssueToken, ListKeys, RevokeError, RevokeToken};
use crate::identity::{RevocationRequest, TokenRefusal, TokenRequest};
use crate::pipeline::Gate;
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::{Bytes, Data},
};
use serde_json::json;

/// A token request is short.
pub(super) const BODY_LIMIT: usize = 16 * 1024;

/// `POST /api/v1/auth/token`: JSON or form body, body or Basic client authentication.
pub(super) async fn create_token(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    gate: Data<Gate>,
) -> HttpResponse {
    let token_request = match read(&request, body, TokenRequest::parse) {
        Ok(token_request) => token_request,
        Err(refused) => return *refused,
    };
    match gate.bus().issue_token.ask(IssueToken { request: token_request }).await {
        Ok(Ok(issued)) => uncached(HttpResponse::Ok()).json(json!({
            "access_token": issued.access_token.expose(),
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "agent_id": issued.agent_id,
            "risk_tier": issued.risk_tier,
        })),
        Ok(Err(IssueError::Refused(refusal))) => refuse(refusal),
        Ok(Err(IssueError::Standing(status))) => uncached(HttpResponse::Forbidden()).json(json!({
            "error": "unauthorized_client",
            "error_description": format!("This agent is {status}. Ask its administrator."),
        })),
        Ok(Err(IssueError::Unavailable)) | Err(_) => unavailable("No token can be issued now."),
    }
}

/// `POST /api/v1/auth/revoke`: the same client authentication, and `token`. A token that is not good, or is
/// over, is as good as revoked (RFC 7009 §2.2).
pub(super) async fn revoke_token(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    gate: Data<Gate>,
) -> HttpResponse {
    let revocation = match read(&request, body, RevocationRequest::parse) {
        Ok(revocation) => revocation,
        Err(refused) => return *refused,
    };
    match gate.bus().revoke_token.ask(RevokeToken { request: revocation }).await {
        Ok(Ok(())) => uncached(HttpResponse::Ok()).finish(),
        Ok(Err(RevokeError::Refused(refusal))) => refuse(refusal),
        Ok(Err(RevokeError::Unavailable)) | Err(_) => unavailable("No token can be revoked now."),
    }
}

/// Reads a request of a client from its two headers and its body.
fn read<T>(
    request: &HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    parse: impl FnOnce(Option<&str>, Option<&str>, &[u8]) -> Result<T, TokenRefusal>,
) -> Result<T, Box<HttpResponse>> {
    let body = body.map_err(|error| Box::new(unreadable(&error)))?;
    let header_text = |name| {
        let mut values = request.headers().get_all(name);
        match (values.next(), values.next()) {
            // Which of them counts is not ours to guess (RFC 6749 §5.2).
            (_, Some(_)) => Err(TokenRefusal::InvalidRequest("A header is there more than once.")),
            (value, None) => Ok(value.map(|value| value.to_str().unwrap_or_default())),
        }
    };
    let read =
        || parse(header_text(header::AUTHORIZATION)?, header_text(header::CONTENT_TYPE)?, &body);
    read().map_err(|refusal| Box::new(refuse(refusal)))
}

/// `GET /.well-known/oauth-authorization-server`. Clients that insist on RFC 8414 §3.3 need the public URL as
/// `auth.issuer`.
pub(super) async fn show_metadata(request: HttpRequest, gate: Data<Gate>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let base = if let Some(public_url) = gate.public_url() {
        response.insert_header((header::CACHE_CONTROL, "public, max-age=300"));
        public_url.to_owned()
    } else {
        // What one client says of the way it came must reach no other.
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.insert_header((header::VARY, "host, x-forwarded-proto"));
        asked_url(&request)
    };
    let authentication = ["client_secret_basic", "client_secret_post"];
    response.json(json!({
        "issuer": gate.token_issuer(),
        "token_endpoint": format!("{base}/api/v1/auth/token"),
        "token_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint": format!("{base}/api/v1/auth/revoke"),
        "revocation_endpoint_auth_methods_supported": authentication,
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
    }))
}

/// The URL by which this request's client knows the gate. Other headers that claim to know it are not believed.
pub(super) fn asked_url(request: &HttpRequest) -> String {
    let config = request.app_config();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or(config.host());
    let forwarded = request.headers().get(header::X_FORWARDED_PROTO);
    let scheme = match forwarded.map(header::HeaderValue::as_bytes) {
        Some(b"https") => "https",
        Some(b"http") => "http",
        _ if config.secure() => "https",
        _ => "http",
    };
    format!("{scheme}://{host}")
}

fn unavailable(what: &str) -> HttpResponse {
    uncached(HttpResponse::ServiceUnavailable()).insert_header((header::RETRY_AFTER, 1)).json(
        json!({
            "error": "temporarily_unavailable",
            "error_description": format!("{what} Try again shortly."),
        }),
    )
}

/// RFC 6749 §5.2 has no word for a body that is too long: it is a malformed request.
fn unreadable(error: &actix_web::Error) -> HttpResponse {
    let too_long = error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE;
    let (response, description) = if too_long {
        (HttpResponse::PayloadTooLarge(), "The request is longer than any token request.")
    } else {
        (HttpResponse::BadRequest(), "The request's body cannot be read.")
    };
    uncached(response).json(json!({
        "error": "invalid_request",
        "error_description": description,
    }))
}

fn refuse(refusal: TokenRefusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = uncached(HttpResponse::build(status));
    if let Some(challenge) = refusal.www_authenticate() {
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    response.json(refusal.body())
}

/// RFC 6749 §5.1: credentials are not to be cached.
fn uncached(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::PRAGMA, "no-cache"));
    response
}

/// `GET /.well-known/jwks.json`.
pub(super) async fn list_keys(gate: Data<Gate>) -> HttpResponse {
    match gate.bus().list_keys.ask(ListKeys).await {
        Ok(jwks) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
            .content_type("application/jwk-set+json")
            .body(jwks.to_string()),
        Err(_) => {
            problem(503, "gateway_unavailable", "The keys cannot be read. Try again shortly.")
        }
    }
}
