//! Sending a screened call.
//!
//! Owns the choice of the provider key and what a failed call is for the caller. It must never log a key.

use super::{
    Gate, Inbound, Stop,
    admit::unavailable,
    headers,
    ingress::{Tail, UploadEnded},
    record::Exchange,
};
use crate::bus::upstream::{Forward, Rest, UploadCut, UpstreamError, UpstreamReply};
use crate::detect::Screened;
use crate::openai::Call;
use crate::types::{Principal, Refusal, Sensitive, Surface};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use futures_util::{StreamExt, TryStreamExt};
use send_wrapper::SendWrapper;
use std::borrow::Cow;

/// A provider key as an `Authorization` value, and whose it is.
#[derive(Clone)]
pub(super) struct ProviderKey {
    pub(super) value: Sensitive<HeaderValue>,
    /// The gate's: the account is shared by all who use it.
    pub(super) is_ours: bool,
}

/// What goes with a call.
pub(super) struct Outgoing {
    pub(super) headers: HeaderMap,
    pub(super) key: ProviderKey,
    pub(super) tail: Option<Tail>,
}

/// The AppContext's own key, or else the caller's, or else the gate's.
pub(super) fn provider_key(
    gate: &Gate,
    inbound: &Inbound<'_>,
    principal: &Principal,
) -> Result<ProviderKey, Refusal> {
    let settings = &gate.settings;
    let ours = |value: &Sensitive<HeaderValue>| ProviderKey { value: value.clone(), is_ours: true };
    let context = principal.app_context.as_ref();
    if let Some(name) = context.and_then(|context| context.provider_key.as_ref()) {
        let key = settings.provider_keys.get(&**name).map(ours);
        return key.ok_or_else(|| {
            tracing::warn!(
                name = &**name,
                "an AppContext names a provider key that is not configured"
            );
            Refusal::Unavailable { what: "provider key of the AppContext" }
        });
    }
    let headers = inbound.request.headers();
    let sent = if settings.caller_keys { sent_key(inbound.surface, headers)? } else { None };
    match sent {
        Some(value) => Ok(ProviderKey { value: Sensitive::new(value), is_ours: false }),
        None => settings.provider_key.as_ref().map(ours).ok_or(Refusal::ProviderKeyMissing),
    }
}

/// The caller's key, as an `Authorization` value.
fn sent_key(surface: Surface, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let (name, unreadable) = match surface {
        Surface::Agent | Surface::Admin => {
            (&headers::OPENAI_KEY, "Send exactly one readable X-OpenAI-Key header.")
        }
        Surface::DetectionKey => {
            (&header::AUTHORIZATION, "Send exactly one readable Authorization header.")
        }
    };
    let malformed = || Refusal::Malformed { message: Cow::Borrowed(unreadable), param: None };
    let mut sent = headers.get_all(name);
    let (key, another) = (sent.next().filter(|key| !key.is_empty()), sent.next());
    if another.is_some() {
        return Err(malformed());
    }
    let Some(key) = key else { return Ok(None) };
    let text = key.to_str().map_err(|_not_text| malformed())?;
    match surface {
        Surface::Agent | Surface::Admin => {
            headers::bearer(text).map(Some).map_err(|_not_a_value| malformed())
        }
        Surface::DetectionKey => Ok(Some(key.clone())),
    }
}

/// The head of the provider's answer. Dropping the future ends the provider's call. Where the upload behind
/// the call ended early, that is the reason for whatever else failed.
pub(super) async fn forward(
    gate: &Gate,
    exchange: &mut Exchange,
    call: Screened<Call>,
    outgoing: Outgoing,
) -> Result<UpstreamReply, Stop> {
    exchange.note_forwarded();
    send(gate, call, outgoing).await
}

/// The same for a call of which the record says nothing.
pub(super) async fn send(
    gate: &Gate,
    call: Screened<Call>,
    outgoing: Outgoing,
) -> Result<UpstreamReply, Stop> {
    let Outgoing { headers, key, tail } = outgoing;
    let why = tail.as_ref().map(Tail::why);
    let rest = tail.map(|tail| rest_of(tail, call.call()));
    let message = Forward { call, headers, provider_key: key.value, rest };
    let reply = gate.bus.forward.ask(message).await;
    let reply = reply.map_err(|error| unavailable("upstream", error))?;
    let reply = match (reply, why.and_then(|why| why.take())) {
        (_, Some(stop)) => return Err(stop),
        (reply, None) => reply.map_err(refusal_of)?,
    };
    if is_encoded(&reply.headers) {
        tracing::warn!("the provider encoded an answer that was asked for plain");
        return Err(Refusal::UpstreamInvalid.into());
    }
    Ok(reply)
}

fn rest_of(tail: Tail, head: &Call) -> Rest {
    let rest = tail.rest.map_err(|UploadEnded| UploadCut);
    // What was taken out of the head makes the whole as much shorter.
    let size = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let (came, goes) = (size(head.body().len()), size(head.outgoing_body().len()));
    let length = tail.length.map(|length| length.saturating_sub(came).saturating_add(goes));
    Rest { length, body: SendWrapper::new(rest.boxed_local()) }
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
