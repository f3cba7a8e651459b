//! The agent surface: `/api/v1/openai/v1/X`, and the same without its `/v1`.
//!
//! Owns the door and the form of refusals. What happens in between is the pipeline's.

use crate::openai::{CONTENT_TYPE, render};
use crate::pipeline::{DECISION, Gate, Inbound, Refused, relay as run};
use crate::types::Surface;
use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{StatusCode, header},
    web::{Data, Payload},
};

const BASE: &str = "/api/v1/openai";
const SHOULD_RETRY: header::HeaderName = header::HeaderName::from_static("x-should-retry");

/// Serves one call.
pub(super) async fn relay(
    request: HttpRequest,
    payload: Payload,
    gate: Data<Gate>,
) -> HttpResponse {
    let rest = request.uri().path().strip_prefix(BASE).unwrap_or_default();
    let path = match rest.strip_prefix("/v1") {
        Some(versioned) if versioned.is_empty() || versioned.starts_with('/') => versioned,
        _ => rest,
    };
    let inbound =
        Inbound { request: &request, path, surface: Surface::Agent, payload: payload.into_inner() };
    match run(&gate, inbound).await {
        Ok(answer) => {
            let mut response = HttpResponse::new(answer.status).set_body(answer.body);
            *response.headers_mut() = answer.headers;
            response.map_into_boxed_body()
        }
        Err(Some(refused)) => refuse(&refused, Surface::Agent),
        Err(None) => nobody_reads_this(),
    }
}

fn refuse(refused: &Refused, surface: Surface) -> HttpResponse {
    let refusal = &refused.refusal;
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = HttpResponse::build(status);
    response.insert_header((DECISION, refused.id.to_string())).content_type(CONTENT_TYPE);
    if matches!(refusal.status(), 401 | 403) {
        response.insert_header((SHOULD_RETRY, "false"));
    }
    if let Some(secs) = refusal.retry_after_secs() {
        response.insert_header((header::RETRY_AFTER, secs));
    }
    response.body(render(refusal, surface))
}

/// The client has gone; the connection is closed without a word.
fn nobody_reads_this() -> HttpResponse<BoxBody> {
    let mut response = HttpResponse::BadRequest();
    response.force_close().finish()
}
