//! Server-sent events at the pace of a model.
//!
//! Owns the pauses and the frame's form.

use actix_web::{Error, HttpResponse, http::header, web::Bytes};
use futures_util::stream::unfold;
use serde_json::Value;
use std::time::Duration;

/// Sends each chunk after a short pause, then `[DONE]`.
pub(super) fn stream(chunks: Vec<Value>) -> HttpResponse {
    let frames = chunks.into_iter().map(|chunk| chunk.to_string());
    let frames = frames.chain(std::iter::once("[DONE]".to_owned())).enumerate();
    let events = unfold(frames, |mut frames| async move {
        let (position, data) = frames.next()?;
        tokio::time::sleep(pause_before(position)).await;
        Some((Ok::<_, Error>(Bytes::from(format!("data: {data}\n\n"))), frames))
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
