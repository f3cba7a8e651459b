//! Events as frames of a `text/event-stream` (WHATWG HTML, §9.2).
//!
//! Owns the names and the JSON of the live page's events.

use crate::bus::broadcast::Greeting;
use crate::bus::policy::{DetectionsFault, PolicyFault};
use crate::types::{Record, Surface};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

pub(super) fn hello(greeting: &Greeting) -> Bytes {
    frame("hello", None, greeting)
}

pub(super) fn started(record: &Record) -> Bytes {
    frame("started", None, record)
}

pub(super) fn finished(epoch: i64, id: u64, record: &Record) -> Bytes {
    let name = if record.surface == Surface::Admin { "change" } else { "exchange" };
    frame(name, Some((epoch, id)), record)
}

pub(super) fn policy(version: &str, fault: Option<&PolicyFault>) -> Bytes {
    frame("policy", None, &json!({ "version": version, "error": fault }))
}

pub(super) fn detections(version: &str, fault: Option<&DetectionsFault>) -> Bytes {
    frame("detections", None, &json!({ "version": version, "error": fault }))
}

/// `None`: it is not known how many.
pub(super) fn lost(count: Option<u64>) -> Bytes {
    frame("lost", None, &json!({ "lost": count }))
}

fn frame(name: &str, id: Option<(i64, u64)>, data: &impl Serialize) -> Bytes {
    let mut frame = format!("event: {name}\n").into_bytes();
    if let Some((epoch, id)) = id {
        frame.extend_from_slice(format!("id: {epoch}-{id}\n").as_bytes());
    }
    frame.extend_from_slice(b"data: ");
    // Our own values always serialise; JSON has no line breaks of its own.
    if serde_json::to_writer(&mut frame, data).is_err() {
        frame.extend_from_slice(b"null");
    }
    frame.extend_from_slice(b"\n\n");
    Bytes::from(frame)
}
