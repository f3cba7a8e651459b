//! Sending a screened call.
//!
//! Owns the choice of the provider key and what a failed call is for the caller. It must never log a key.

use super::{Gate, Stop, admit::unavailable, headers, record::Exchange};
use crate::bus::upstream::{Forward, UpstreamError, UpstreamReply};
use crate::types::{Refusal, Sensitive};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use std::borrow::Cow;

/// A provider key as an `Authorization` value, and whose it is.
pub(super) struct ProviderKey {
    pub(super) value: Sensitive<HeaderValue>,
    pub(super) is_ours: bool,
}

/// The caller's key, or the gate's own where the caller sends none.
pub(super) fn provider_key(gate: &Gate, request: &HeaderMap) -> Result<ProviderKey, Refusal> {
    let mut sent = request.get_all(&headers::OPENAI_KEY);
    let (key, another) = (sent.next(), sent.next());
    if another.is_some() {
        return Err(unreadable_key());
    }
    match key.filter(|key| !key.is_empty()) {
        Some(key) => {
            let key = key.to_str().map_err(|_not_text| unreadable_key())?;
            let value = headers::bearer(key).map_err(|_not_a_value| unreadable_key())?;
            Ok(ProviderKey { value: Sensitive::new(value), is_ours: false })
        }
        None => {
            let value = gate.settings.provider_key.clone().ok_or(Refusal::ProviderKeyMissing)?;
            Ok(ProviderKey { value, is_ours: true })
        }
    }
}

fn unreadable_key() -> Refusal {
    Refusal::Malformed {
        message: Cow::Borrowed("Send exactly one readable X-OpenAI-Key header."),
        param: None,
    }
}

/// The head of the provider's answer. Dropping the future ends the provider's call.
pub(super) async fn forward(
    gate: &Gate,
    exchange: &mut Exchange,
    message: Forward,
) -> Result<UpstreamReply, Stop> {
    exchange.note_forwarded();
    let reply = gate.bus.forward.ask(message).await;
    let reply = reply.map_err(|error| unavailable("upstream", error))?;
    let reply = reply.map_err(refusal_of)?;
    if is_encoded(&reply.headers) {
        tracing::warn!("the provider encoded an answer that was asked for plain");
        return Err(Refusal::UpstreamInvalid.into());
    }
    Ok(reply)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// What a failed call is for the caller.
pub(super) fn refusal_of(error: UpstreamError) -> Refusal {
    match error {
        UpstreamError::Timeout => Refusal::UpstreamTimeout,
        UpstreamError::Invalid => Refusal::UpstreamInvalid,
        UpstreamError::Unreachable | UpstreamError::Disconnected | UpstreamError::Cut => {
            Refusal::UpstreamUnreachable
        }
    }
}
