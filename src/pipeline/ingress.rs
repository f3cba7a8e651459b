//! Reading what comes in: the body, under its limits.
//!
//! Owns size, time and encoding of the request body. It must never look into it.

use super::{Gate, Inbound, Stop, budget::Held, record::Exchange};
use crate::types::Refusal;
use actix_http::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::{borrow::Cow, time::Instant};

/// Room taken at once for a body whose length is announced; a larger one grows as it arrives.
const RESERVE_AT_MOST: usize = 1024 * 1024;

/// The whole body. A body that came in one piece is not copied.
pub(super) async fn read_body(
    gate: &Gate,
    exchange: &mut Exchange,
    inbound: &mut Inbound<'_>,
) -> Result<Bytes, Stop> {
    let headers = inbound.request.headers();
    let announced = header_text(headers, &header::CONTENT_LENGTH);
    let announced = announced.and_then(|text| text.parse::<usize>().ok());
    if announced == Some(0)
        || (announced.is_none() && !headers.contains_key(header::TRANSFER_ENCODING))
    {
        return Ok(Bytes::new());
    }
    refuse_encoding(headers)?;
    let too_large = || Refusal::BodyTooLarge {
        limit_bytes: u64::try_from(gate.settings.body_limit).unwrap_or(u64::MAX),
    };
    if announced.is_some_and(|length| length > gate.settings.body_limit) {
        return Err(too_large().into());
    }
    let waiting_since = Instant::now();
    let mut held = gate.settings.budget.open();
    let collected = collect(&mut inbound.payload, announced, gate.settings.body_limit, &mut held);
    let body = tokio::time::timeout(gate.settings.body_timeout, collected).await;
    exchange.note_wait(waiting_since.elapsed());
    let body = match body {
        Err(_) => return Err(Refusal::BodyTooSlow.into()),
        Ok(Err(Unread::TooLarge)) => return Err(too_large().into()),
        Ok(Err(Unread::NoRoom)) => return Err(Refusal::Unavailable { what: "memory" }.into()),
        Ok(Err(Unread::Gone)) => return Err(Stop::ClientGone),
        Ok(Err(Unread::Malformed)) => return Err(malformed("The request body cannot be read.")),
        Ok(Ok(body)) => body,
    };
    exchange.note_body(body.len(), held);
    Ok(body)
}

enum Unread {
    TooLarge,
    NoRoom,
    Gone,
    Malformed,
}

async fn collect(
    payload: &mut actix_web::dev::Payload,
    announced: Option<usize>,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Unread> {
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(unread)?;
    if announced == Some(first.len()) {
        return if held.take(first.len()) { Ok(first) } else { Err(Unread::NoRoom) };
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(RESERVE_AT_MOST));
    let mut next = Some(Ok(first));
    while let Some(chunk) = next {
        let chunk = chunk.map_err(unread)?;
        if body.len() + chunk.len() > limit {
            return Err(Unread::TooLarge);
        }
        if !held.take(chunk.len()) {
            return Err(Unread::NoRoom);
        }
        body.extend_from_slice(&chunk);
        next = payload.next().await;
    }
    Ok(body.freeze())
}

fn unread(error: PayloadError) -> Unread {
    match error {
        PayloadError::Overflow => Unread::TooLarge,
        PayloadError::Incomplete(_) | PayloadError::Io(_) => Unread::Gone,
        _ => Unread::Malformed,
    }
}

fn refuse_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Refusal::UnsupportedMedia {
            message: Cow::Borrowed("Content-Encoding is not read here. Send the body plain."),
        });
    }
    Ok(())
}

/// What goes on behind an upgrade could not be read. Offers of HTTP/2, which some clients make, are only not
/// taken up.
pub(super) fn refuse_websocket(headers: &HeaderMap) -> Result<(), Stop> {
    let asks = |value: &header::HeaderValue| {
        value.as_bytes().to_ascii_lowercase().starts_with(b"websocket")
    };
    if headers.get_all(header::UPGRADE).any(asks) {
        return Err(malformed("WebSockets are not served here."));
    }
    Ok(())
}

/// The content type, from at most one header.
pub(super) fn content_type(headers: &HeaderMap) -> Result<Option<&str>, Stop> {
    let mut values = headers.get_all(header::CONTENT_TYPE);
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(malformed("Send exactly one readable Content-Type header.")),
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn malformed(message: &'static str) -> Stop {
    Stop::Refused(Refusal::Malformed { message: Cow::Borrowed(message), param: None })
}
