//! The two doors to the API: `/api/v1/openai/v1/X` (also without its `/v1`) for agents with a token, `/v1/X` for
//! callers with a detection key.
//!
//! Owns the doors and the form of refusals. What happens in between is the pipeline's, and the same for both.

use crate::limits::rate_headers;
use crate::openai::{CONTENT_TYPE, methods_of, render};
use crate::pipeline::{DECISION, Gate, Inbound, RECEIPT, Refused, relay as run};
use crate::types::{LimitKind, Refusal, Surface};
use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderValue},
    },
    web::{Data, Payload},
};

const AGENT_BASE: &str = "/api/v1/openai";
const DETECTION_KEY_BASE: &str = "/v1";
const SHOULD_RETRY: header::HeaderName = header::HeaderName::from_static("x-should-retry");

/// Serves one call of an agent.
pub(super) async fn relay_agent(
    request: HttpRequest,
    payload: Payload,
    gate: Data<Gate>,
) -> HttpResponse {
    let rest = request.uri().path().strip_prefix(AGENT_BASE).unwrap_or_default();
    let path = match rest.strip_prefix("/v1") {
        Some(versioned) if versioned.is_empty() || versioned.starts_with('/') => versioned,
        _ => rest,
    };
    relay(&request, path, Surface::Agent, payload, &gate).await
}

/// Serves one call with a detection key.
pub(super) async fn relay_detection_key(
    request: HttpRequest,
    payload: Payload,
    gate: Data<Gate>,
) -> HttpResponse {
    let path = request.uri().path().strip_prefix(DETECTION_KEY_BASE).unwrap_or_default();
    relay(&request, path, Surface::DetectionKey, payload, &gate).await
}

async fn relay(
    request: &HttpRequest,
    path: &str,
    surface: Surface,
    payload: Payload,
    gate: &Gate,
) -> HttpResponse {
    let inbound = Inbound { request, path, surface, payload: payload.into_inner() };
    match run(gate, inbound).await {
        Ok(answer) => {
            let mut response = HttpResponse::new(answer.status).set_body(answer.body);
            *response.headers_mut() = answer.headers;
            response.map_into_boxed_body()
        }
        Err(Some(refused)) => refuse(&refused, gate.is_stopping(), request, path, surface),
        Err(None) => nobody_reads_this(),
    }
}

fn refuse(
    refused: &Refused,
    is_stopping: bool,
    request: &HttpRequest,
    path: &str,
    surface: Surface,
) -> HttpResponse {
    let mut response = refusal_of(refused, request, path, surface);
    if is_stopping {
        // The next call goes to another gate.
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some(receipt) = &refused.receipt {
        response.headers_mut().insert(RECEIPT, HeaderValue::clone(receipt));
    }
    response
}

fn refusal_of(
    refused: &Refused,
    request: &HttpRequest,
    path: &str,
    surface: Surface,
) -> HttpResponse {
    let refusal = &refused.refusal;
    if let Some(shape) = &refused.shape {
        let mut response = HttpResponse::Ok();
        response.insert_header((DECISION, refused.id.to_string()));
        return response.content_type(shape.content_type).body(shape.body.clone());
    }
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = HttpResponse::build(status);
    response.insert_header((DECISION, refused.id.to_string())).content_type(CONTENT_TYPE);
    if !is_worth_a_retry(refusal) {
        response.insert_header((SHOULD_RETRY, "false"));
    }
    if let Some(secs) = refusal.retry_after_secs() {
        response.insert_header((header::RETRY_AFTER, secs));
    }
    if let Refusal::MethodNotAllowed = refusal {
        response.insert_header((header::ALLOW, methods_of(path).join(", ")));
    }
    if refusal.status() == 401 {
        let showed_token =
            surface == Surface::Agent && request.headers().contains_key(header::AUTHORIZATION);
        response.insert_header((header::WWW_AUTHENTICATE, challenge(refusal, showed_token)));
    }
    for (name, value) in rate_headers(refusal).into_iter().flatten() {
        response.insert_header((name, value));
    }
    response.body(render(refusal, surface))
}

/// How to show who one is, and what is wrong with the token that was shown (RFC 6750 §3).
fn challenge(refusal: &Refusal, showed_token: bool) -> &'static str {
    match refusal {
        Refusal::ExpiredIdentity if showed_token => {
            r#"Bearer realm="portcullis", error="invalid_token", error_description="the token has expired""#
        }
        Refusal::InvalidIdentity if showed_token => {
            r#"Bearer realm="portcullis", error="invalid_token""#
        }
        _ => r#"Bearer realm="portcullis""#,
    }
}

/// A denial stays one, and a month is longer than an SDK's patience.
fn is_worth_a_retry(refusal: &Refusal) -> bool {
    let is_quota =
        matches!(refusal, Refusal::LimitReached { kind: LimitKind::MonthlyRequests, .. });
    !is_quota && !matches!(refusal.status(), 401 | 403 | 451)
}

/// The client has gone; the connection is closed without a word.
fn nobody_reads_this() -> HttpResponse<BoxBody> {
    let mut response = HttpResponse::BadRequest();
    response.force_close().finish()
}
