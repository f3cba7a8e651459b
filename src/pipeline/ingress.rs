//! Reading what comes in: the body, under its limits, as a call.
//!
//! Owns size, time and encoding of the request body, and whether it is held whole or streams through. It must
//! never forward a byte that the call was not read from, or that is not read as it passes.

mod pace;
mod upload;

pub(super) use upload::{Tail, UploadEnded};

use super::{
    Gate, Inbound, Stop,
    budget::Held,
    encoding::{DecodeError, Decoder},
    record::Exchange,
};
use crate::openai::{BodyKind, Call, ReadOptions, Route};
use crate::types::Refusal;
use actix_http::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::{borrow::Cow, time::Instant};

/// Room taken at once for a body whose length is announced; a larger one grows as it arrives.
const RESERVE_AT_MOST: usize = 1024 * 1024;

/// A larger body is read on a thread of its own.
const READ_AT_ONCE: usize = 256 * 1024;

/// A call that has been read.
pub(super) struct Incoming {
    pub(super) call: Call,
    /// What streams in behind the bytes that the call was read from.
    pub(super) tail: Option<Tail>,
}

/// A whole body and the room that it takes.
struct Body {
    bytes: Bytes,
    held: Held,
}

/// Reads the call. A form whose fields come before its file is read as far as they go.
pub(super) async fn read_call(
    gate: &Gate,
    exchange: &mut Exchange,
    inbound: &mut Inbound<'_>,
    route: Route,
    options: ReadOptions,
) -> Result<Incoming, Stop> {
    let request = inbound.request;
    let query = Some(request.query_string()).filter(|query| !query.is_empty());
    let content_type = content_type(request.headers())?;
    let encoding = encoding(request.headers())?;
    let is_form = matches!(route.endpoint.body, BodyKind::Form(_));
    if is_form && encoding.is_none() && has_body(request.headers()) {
        return upload::read(gate, exchange, inbound, route, query, content_type, options).await;
    }
    let (settings, caller) = (&gate.settings, &exchange.principal().agent_id);
    let (limit, held) = if is_form {
        (settings.upload_limit, settings.budget.upload(caller))
    } else {
        (settings.body_limit, settings.budget.body(caller))
    };
    let body = read_body(gate, exchange, inbound, encoding, limit, held).await?;
    let (query, content_type) = (query.map(str::to_owned), content_type.map(str::to_owned));
    let call = read_aside(exchange, body, move |body| {
        Call::read(route, query.as_deref(), content_type.as_deref(), body, options)
    });
    Ok(Incoming { call: call.await?, tail: None })
}

/// Reads a large body away from the worker, which could serve nobody else meanwhile. Its room is taken until it
/// is read, also when its client has gone.
async fn read_aside(
    exchange: &mut Exchange,
    body: Body,
    read: impl FnOnce(Bytes) -> Result<Call, Refusal> + Send + 'static,
) -> Result<Call, Stop> {
    let Body { bytes, held } = body;
    let size = bytes.len();
    let (call, held) = if size <= READ_AT_ONCE {
        (read(bytes), held)
    } else {
        let reading = tokio::task::spawn_blocking(move || (read(bytes), held));
        reading.await.map_err(|error| {
            tracing::error!(%error, "a body could not be read");
            Refusal::Unavailable { what: "reader" }
        })?
    };
    exchange.note_body(size, held);
    Ok(call?)
}

/// The whole body, decoded. A body that came in one piece is not copied.
async fn read_body(
    gate: &Gate,
    exchange: &mut Exchange,
    inbound: &mut Inbound<'_>,
    encoding: Option<Decoder>,
    limit: usize,
    mut held: Held,
) -> Result<Body, Stop> {
    let headers = inbound.request.headers();
    if !has_body(headers) {
        return Ok(Body { bytes: Bytes::new(), held });
    }
    let announced = announced(headers);
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let waiting_since = Instant::now();
    let collected = collect(&mut inbound.payload, announced, encoding, limit, &mut held);
    let body = tokio::time::timeout(gate.settings.body_timeout, collected).await;
    exchange.note_wait(waiting_since.elapsed());
    match body {
        Err(_) => Err(Refusal::BodyTooSlow.into()),
        Ok(Err(error)) => Err(stop_of(error, limit)),
        Ok(Ok(bytes)) => Ok(Body { bytes, held }),
    }
}

/// Why a body could not be had.
enum Unread {
    TooLarge,
    NoRoom,
    Gone,
    Malformed,
    Undecodable,
}

fn stop_of(error: Unread, limit: usize) -> Stop {
    match error {
        Unread::TooLarge => too_large(limit),
        Unread::NoRoom => Refusal::Unavailable { what: "memory" }.into(),
        Unread::Gone => Stop::ClientGone,
        Unread::Malformed => malformed("The request body cannot be read."),
        Unread::Undecodable => malformed("The request body is not what its Content-Encoding says."),
    }
}

fn too_large(limit: usize) -> Stop {
    let limit_bytes = u64::try_from(limit).unwrap_or(u64::MAX);
    Refusal::BodyTooLarge { limit_bytes }.into()
}

async fn collect(
    payload: &mut actix_web::dev::Payload,
    announced: Option<usize>,
    encoding: Option<Decoder>,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Unread> {
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(unread)?;
    if announced == Some(first.len()) && encoding.is_none() {
        return if held.take(first.len()) { Ok(first) } else { Err(Unread::NoRoom) };
    }
    let mut decoder = encoding;
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(RESERVE_AT_MOST));
    let mut next = Some(Ok(first));
    let mut received = 0;
    while let Some(chunk) = next {
        let chunk = chunk.map_err(unread)?;
        // Compressed bytes may unfold to nothing at all.
        received += chunk.len();
        if received > limit {
            return Err(Unread::TooLarge);
        }
        match &mut decoder {
            Some(decoder) => unfold(decoder, &chunk, &mut body, limit, held).await?,
            None if !held.take(chunk.len()) => return Err(Unread::NoRoom),
            None => body.extend_from_slice(&chunk),
        }
        next = payload.next().await;
    }
    if let Some(decoder) = decoder {
        grow(&mut body, limit, held, |body, most| decoder.finish(body, most))?;
    }
    Ok(body.freeze())
}

/// Decodes a chunk step by step: there is room for each, and other calls have their turn in between.
async fn unfold(
    decoder: &mut Decoder,
    mut chunk: &[u8],
    body: &mut BytesMut,
    limit: usize,
    held: &mut Held,
) -> Result<(), Unread> {
    while grow(body, limit, held, |body, most| decoder.step(&mut chunk, body, most))? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Lets the body grow as far as the limit and the room allow.
fn grow<T>(
    body: &mut BytesMut,
    limit: usize,
    held: &mut Held,
    decode: impl FnOnce(&mut BytesMut, usize) -> Result<T, DecodeError>,
) -> Result<T, Unread> {
    let before = body.len();
    let room = before.saturating_add(held.room());
    let decoded = decode(body, limit.min(room)).map_err(|error| undecoded(error, room < limit))?;
    if held.take(body.len() - before) { Ok(decoded) } else { Err(Unread::NoRoom) }
}

fn unread(error: PayloadError) -> Unread {
    match error {
        PayloadError::Overflow => Unread::TooLarge,
        PayloadError::Incomplete(_) | PayloadError::Io(_) => Unread::Gone,
        _ => Unread::Malformed,
    }
}

/// `short_of_room`: not the limit but the memory that is left was too small.
fn undecoded(error: DecodeError, short_of_room: bool) -> Unread {
    match error {
        DecodeError::TooLarge if short_of_room => Unread::NoRoom,
        DecodeError::TooLarge => Unread::TooLarge,
        DecodeError::Malformed => Unread::Undecodable,
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn has_body(headers: &HeaderMap) -> bool {
    match announced(headers) {
        Some(length) => length > 0,
        None => headers.contains_key(header::TRANSFER_ENCODING),
    }
}

/// How the body is encoded: at most one coding that we read.
fn encoding(headers: &HeaderMap) -> Result<Option<Decoder>, Refusal> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        if value.as_bytes().eq_ignore_ascii_case(b"identity") {
            continue;
        }
        let decoder = value.to_str().ok().and_then(Decoder::for_encoding);
        let Some(decoder) = decoder.filter(|_| found.is_none()) else {
            return Err(Refusal::UnsupportedMedia {
                message: Cow::Borrowed(
                    "This Content-Encoding is not read here. Send the body plain, or in one of gzip \
                     and zstd.",
                ),
            });
        };
        found = Some(decoder);
    }
    Ok(found)
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
fn content_type(headers: &HeaderMap) -> Result<Option<&str>, Stop> {
    let mut values = headers.get_all(header::CONTENT_TYPE);
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(malformed("Send exactly one readable Content-Type header.")),
    }
}

fn malformed(message: &'static str) -> Stop {
    Stop::Refused(Refusal::Malformed { message: Cow::Borrowed(message), param: None })
}
