//! The provider's answer on its way out: chunk by chunk, as it comes.
//!
//! Owns the answer's end: what was complete ends cleanly, everything else reaches the client as an error
//! event or a cut, never as a clean end. It must never hold back a byte that the reader has released.

mod maker;
mod plan;
mod reader;
mod whole;

pub(super) use plan::Plan;
pub(super) use whole::settle;

use super::{Answer, Gate, headers, leash::Leash, record::Exchange};
use crate::bus::upstream::{UpstreamError, UpstreamReply};
use crate::openai::{PING, stream_error_event};
use crate::types::{Outcome, Refusal};
use actix_web::{
    body::{BodySize, MessageBody},
    http::StatusCode,
};
use bytes::Bytes;
use futures_util::stream::LocalBoxStream;
use maker::Maker;
use reader::Reader;
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep_until};

/// Begins the answer.
pub(super) fn answer(
    gate: &Gate,
    mut exchange: Exchange,
    reply: UpstreamReply,
    plan: &Plan,
    leash: Leash,
) -> Answer {
    exchange.note_status(reply.status.as_u16());
    let failed_status = reply.status.as_u16() >= 400;
    let reader = Reader::for_answer(&reply.headers, failed_status, plan);
    let maker = Maker::of(gate, &exchange, plan, failed_status);
    // A stream has another length than announced once a ping or an edit has changed it.
    let length = reply.content_length.filter(|_| !reader.is_event_stream());
    let size = match (reply.status, length) {
        (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _) => BodySize::None,
        (_, Some(length)) => BodySize::Sized(length),
        (_, None) => BodySize::Stream,
    };
    let headers = headers::to_client(&reply.headers, exchange.id(), gate.settings.sandbox);
    let mut body = Egress {
        size,
        upstream: Some(reply.body.take()),
        reader,
        maker,
        leash,
        released: Vec::new(),
        ready: VecDeque::new(),
        end: None,
        exchange,
        failed_status,
        sent_bytes: 0,
        ping_every: gate.settings.ping_every,
        idle_timeout: gate.settings.idle_timeout,
        last_received: Instant::now(),
        last_sent: Instant::now(),
        alarm: None,
    };
    if matches!(size, BodySize::None | BodySize::Sized(0)) {
        // The connection never asks for a body that is not there.
        body.end_whole();
    }
    Answer { status: reply.status, headers, body }
}

/// The body of an answer.
pub struct Egress {
    size: BodySize,
    upstream: Option<LocalBoxStream<'static, Result<Bytes, UpstreamError>>>,
    reader: Reader,
    /// Writes down who made the object that the answer is.
    maker: Option<Maker>,
    /// Ends the answer when its caller may no longer call.
    leash: Leash,
    /// What the reader has just released; kept for its room.
    released: Vec<Bytes>,
    /// Released, not yet taken by the connection.
    ready: VecDeque<Bytes>,
    end: Option<End>,
    exchange: Exchange,
    failed_status: bool,
    sent_bytes: u64,
    ping_every: Duration,
    idle_timeout: Duration,
    last_received: Instant,
    last_sent: Instant,
    /// Set only while the provider is silent.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// How the body ends once everything released is sent.
enum End {
    Clean,
    /// The connection writes what it has before it is cut.
    CutAfterFlush,
    Cut,
}

/// The answer was cut: actix closes the connection without the ending chunk.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut")]
pub struct Cut;

impl MessageBody for Egress {
    type Error = Cut;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(chunk) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(this.send(chunk))));
            }
            match this.end {
                Some(End::Clean) => return Poll::Ready(None),
                Some(End::Cut) => return Poll::Ready(Some(Err(Cut))),
                Some(End::CutAfterFlush) => {
                    this.end = Some(End::Cut);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => {}
            }
            match this.poll_upstream(cx) {
                Poll::Ready(Some(Ok(chunk))) => this.receive(chunk),
                Poll::Ready(Some(Err(error))) => this.fail(error),
                Poll::Ready(None) => this.finish(),
                Poll::Pending => {
                    if let Poll::Ready(refusal) = Pin::new(&mut this.leash).poll(cx) {
                        this.stop(refusal);
                    } else if this.is_overdue(cx) {
                        this.break_silence();
                    } else {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl Egress {
    fn poll_upstream(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        match &mut self.upstream {
            Some(upstream) => upstream.as_mut().poll_next(cx),
            None => Poll::Ready(None),
        }
    }

    fn send(&mut self, chunk: Bytes) -> Bytes {
        if self.sent_bytes == 0 {
            self.exchange.note_first_byte();
        }
        self.sent_bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.last_sent = Instant::now();
        chunk
    }

    fn receive(&mut self, chunk: Bytes) {
        self.alarm = None;
        self.last_received = Instant::now();
        let fed = self.reader.feed(chunk, &mut self.released);
        self.ready.extend(self.released.drain(..));
        if let Some(maker) = self.maker.take_if(|maker| maker.knows(self.reader.facts())) {
            maker.bind(self.reader.facts());
        }
        if fed.is_err() {
            self.stop(Refusal::UpstreamInvalid);
        }
    }

    /// The provider's body ended; whether the answer did is the reader's word.
    fn finish(&mut self) {
        self.upstream = None;
        let is_whole = self.reader.finish(&mut self.released);
        self.ready.extend(self.released.drain(..));
        if !is_whole {
            self.fail(UpstreamError::Cut);
            return;
        }
        self.end_whole();
    }

    /// Nothing is missing, and nothing more comes.
    fn end_whole(&mut self) {
        self.upstream = None;
        self.close(self.whole_outcome(), None);
        self.end = Some(End::Clean);
    }

    /// How an answer ended that reached its end: an error that the provider tells is one.
    fn whole_outcome(&self) -> Outcome {
        let failed = self.failed_status || self.reader.facts().has_error();
        if failed { Outcome::UpstreamError } else { Outcome::Completed }
    }

    fn fail(&mut self, error: UpstreamError) {
        tracing::warn!(%error, id = %self.exchange.id(), "an answer did not reach its end");
        self.upstream = None;
        self.close(Outcome::UpstreamError, Some("upstream_cut"));
        self.end = Some(End::CutAfterFlush);
    }

    /// Ends a stream with an error event that the SDKs read, then cuts.
    fn stop(&mut self, refusal: Refusal) {
        tracing::warn!(code = refusal.code(), id = %self.exchange.id(), "an answer was ended");
        self.upstream = None;
        if self.reader.is_event_stream() && self.reader.at_boundary() {
            self.ready.push_back(stream_error_event(&refusal));
        }
        self.close(refusal.outcome(), Some(refusal.code()));
        self.end = Some(End::CutAfterFlush);
    }

    fn close(&mut self, outcome: Outcome, error_code: Option<&'static str>) {
        let unsent: usize = self.ready.iter().map(Bytes::len).sum();
        let bytes = self.sent_bytes + u64::try_from(unsent).unwrap_or(0);
        self.exchange.note_answer(self.reader.facts(), bytes);
        self.exchange.close_with(outcome, error_code);
    }

    /// While the provider is silent: whether it is time for a ping, or for giving up.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.due();
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due.into())));
        let is_overdue = alarm.as_mut().poll(cx).is_ready();
        if is_overdue {
            self.alarm = None;
        }
        is_overdue
    }

    fn due(&self) -> Instant {
        let gives_up = self.last_received + self.idle_timeout;
        let pings = self.reader.is_event_stream() && self.reader.at_boundary();
        if pings { gives_up.min(self.last_sent + self.ping_every) } else { gives_up }
    }

    fn break_silence(&mut self) {
        if self.last_received.elapsed() >= self.idle_timeout {
            self.stop(Refusal::UpstreamTimeout);
        } else {
            self.ready.push_back(Bytes::from_static(PING));
        }
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        // The client may leave once it has read the end marker, before the connection asks again.
        let whole = self.ready.is_empty() && self.reader.is_complete();
        let outcome = if whole { self.whole_outcome() } else { self.exchange.abandoned() };
        self.close(outcome, None);
    }
}
