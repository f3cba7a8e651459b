//! Server-sent events at the pace of a model.
//!
//! Owns the pauses and the frame's form.

use actix_web::{Error, HttpResponse, http::header, web::Bytes};
use futures_util::stream::unfold;
use serde_json::Value;
use std::time::Duration;

/// Sends each chunk after a short pause, then `[DONE]`.
pub(super) fn stream(chunks: Vec<Value>) -> HttpResponse {
    let frames = chunks.into_iter().map(|chunk| format!("data: {chunk}\n\n"));
    send(frames.chain(std::iter::once("data: [DONE]\n\n".to_owned())))
}

/// Sends each event after a short pause, named like its type; the last one says that it is the last.
pub(super) fn stream_events(events: Vec<Value>) -> HttpResponse {
    send(events.into_iter().map(|event| {
        let name = event.get("type").and_then(Value::as_str).unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n")
    }))
}

fn send(frames: impl Iterator<Item = String> + 'static) -> HttpResponse {
    let events = unfold(frames.enumerate(), |mut frames| async move {
        let (position, frame) = frames.next()?;
        tokio::time::sleep(pause_before(position)).await;
        Some((Ok::<_, Error>(Bytes::from(frame)), frames))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .streaming(events)
}

/// 15 to 30 milliseconds, uneven but the same in every run.
fn pause_before(position: usize) -> Duration {
    let uneven = u64::try_from(position.wrapping_mul(7) % 16).unwrap_or_default();
    Duration::from_millis(15 + uneven)
}
