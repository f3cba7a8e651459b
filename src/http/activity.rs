//! Live activity as server-sent events.
//!
//! Owns the stream's pings and its end: with the session, with the server, or with the follower.

use super::{AdminState, access::Signed, problem, session::has_ended};
use crate::bus::broadcast::{Subscribe, Subscription};
use crate::openai::PING;
use crate::pipeline::Gate;
use crate::types::Sensitive;
use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use bytes::Bytes;
use futures_util::stream;
use std::{
    collections::VecDeque,
    convert::Infallible,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

const PING_EVERY: Duration = Duration::from_secs(15);
/// How soon the stream notices that the server stops.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How soon the stream notices that its session was signed out.
const SESSION_LOOK_EVERY: Duration = Duration::from_secs(5);

/// `GET /api/v1/activity/stream`.
pub(super) async fn stream_activity(
    request: HttpRequest,
    signed: Signed,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let last_event_id = request.headers().get("last-event-id");
    let last_event_id = last_event_id.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let subscription = gate.bus().record.subscribe.ask(Subscribe { last_event_id }).await;
    let Ok(Subscription { backlog, frames }) = subscription else {
        return problem(
            503,
            "gateway_unavailable",
            "Live activity cannot be followed. Try again shortly.",
        );
    };
    let left = u64::try_from(signed.expires_at.0 - crate::clock::now().0).unwrap_or(0);
    let follower = Follower {
        backlog: backlog.into(),
        frames,
        state,
        token: signed.token,
        session_seen: Instant::now(),
        ends_at: Instant::now() + Duration::from_millis(left),
        last_sent: Instant::now(),
    };
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream::unfold(follower, Follower::next))
}

struct Follower {
    backlog: VecDeque<Bytes>,
    frames: mpsc::Receiver<Bytes>,
    state: Data<AdminState>,
    token: Sensitive<String>,
    session_seen: Instant,
    ends_at: Instant,
    last_sent: Instant,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let frame = match self.backlog.pop_front() {
            Some(frame) => frame,
            None => self.wait().await?,
        };
        self.last_sent = Instant::now();
        Some((Ok(frame), self))
    }

    async fn wait(&mut self) -> Option<Bytes> {
        loop {
            let is_over = self.state.drain.is_stopping() || Instant::now() >= self.ends_at;
            if is_over || !self.is_signed_in().await {
                return None;
            }
            match tokio::time::timeout(LOOK_EVERY, self.frames.recv()).await {
                Ok(frame) => return frame,
                Err(_) if self.last_sent.elapsed() >= PING_EVERY => {
                    return Some(Bytes::from_static(PING));
                }
                Err(_) => {}
            }
        }
    }

    /// Looks at the session again now and then; following is no use of it, so it ends when nothing else is done.
    async fn is_signed_in(&mut self) -> bool {
        if self.session_seen.elapsed() < SESSION_LOOK_EVERY {
            return true;
        }
        self.session_seen = Instant::now();
        !has_ended(&self.state, self.token.clone()).await
    }
}
