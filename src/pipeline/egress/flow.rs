//! What flows from the provider to the client, and how it ends.
//!
//! Owns the answer's end: what was complete ends cleanly, everything else reaches the client as an error event or a
//! cut, never as a clean end; and the exchange is told once, whoever ends it.

use super::{Cut, Gate, maker::Maker, reader::Reader};
use crate::bus::upstream::UpstreamError;
use crate::openai::{PING, stream_error_event};
use crate::pipeline::record::Exchange;
use crate::types::{Outcome, Refusal};
use bytes::Bytes;
use futures_util::{
    future::LocalBoxFuture,
    stream::{LocalBoxStream, StreamExt},
};
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep_until};

/// One answer.
pub(super) struct Flow {
    upstream: Option<LocalBoxStream<'static, Result<Bytes, UpstreamError>>>,
    reader: Reader,
    /// Knows who made what the answer holds.
    maker: Option<Maker>,
    /// Being written down; the answer's end waits for it.
    binding: Option<LocalBoxFuture<'static, ()>>,
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
    /// The connection, while it waits for a chunk.
    waiting: Option<Waker>,
}

/// How the body ends once everything released is sent.
enum End {
    Clean,
    /// The connection writes what it has before it is cut.
    CutAfterFlush,
    Cut,
}

impl Flow {
    /// An answer whose head has come.
    pub(super) fn new(
        gate: &Gate,
        exchange: Exchange,
        reader: Reader,
        maker: Option<Maker>,
        upstream: LocalBoxStream<'static, Result<Bytes, UpstreamError>>,
        failed_status: bool,
    ) -> Self {
        Self {
            upstream: Some(upstream),
            reader,
            maker,
            binding: None,
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
            waiting: None,
        }
    }

    /// The next chunk for the connection.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if self.reader.is_complete() && self.is_binding(cx) {
                return self.wait(cx);
            }
            if let Some(chunk) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(self.send(chunk))));
            }
            match self.end {
                Some(End::Clean) => return Poll::Ready(None),
                Some(End::Cut) => return Poll::Ready(Some(Err(Cut))),
                Some(End::CutAfterFlush) => {
                    self.end = Some(End::Cut);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => {}
            }
            match self.poll_upstream(cx) {
                Poll::Ready(Some(Ok(chunk))) => self.receive(chunk),
                Poll::Ready(Some(Err(error))) => self.fail(error),
                Poll::Ready(None) => self.finish(),
                Poll::Pending if self.is_overdue(cx) => self.break_silence(),
                Poll::Pending => return self.wait(cx),
            }
        }
    }

    /// Whatever ends the answer meanwhile wakes the connection.
    fn wait(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if !self.waiting.as_ref().is_some_and(|waiting| waiting.will_wake(cx.waker())) {
            self.waiting = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn poll_upstream(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        match &mut self.upstream {
            Some(upstream) => upstream.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }

    /// Whether the answer's maker is still being written down.
    fn is_binding(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(binding) = &mut self.binding else { return false };
        let is_pending = binding.as_mut().poll(cx).is_pending();
        if !is_pending {
            self.binding = None;
        }
        is_pending
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
        self.note_maker();
        if fed.is_err() {
            self.stop(Refusal::UpstreamInvalid);
        }
    }

    /// Has the answer's maker written down: told as soon as its id is known, waited for at its end.
    fn note_maker(&mut self) {
        if let Some(maker) = self.maker.take_if(|_| self.reader.is_complete()) {
            self.binding = maker.bind(self.reader.facts());
        } else if let Some(maker) = &mut self.maker {
            maker.note(self.reader.facts());
        }
    }

    /// The provider's body ended; whether the answer did is the reader's word.
    fn finish(&mut self) {
        self.upstream = None;
        let is_whole = self.reader.finish(&mut self.released);
        self.ready.extend(self.released.drain(..));
        self.note_maker();
        if !is_whole {
            self.fail(UpstreamError::Cut);
            return;
        }
        self.end_whole();
    }

    /// Nothing is missing, and nothing more comes.
    pub(super) fn end_whole(&mut self) {
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

    /// Ends an answer that goes on: a stream with an error event that the SDKs read, then with a cut. What was
    /// released and not yet taken leaves before it.
    pub(super) fn stop(&mut self, refusal: Refusal) {
        if self.end.is_some() {
            return;
        }
        tracing::warn!(code = refusal.code(), id = %self.exchange.id(), "an answer was ended");
        self.upstream = None;
        self.binding = None;
        if self.reader.is_event_stream() && self.reader.at_boundary() {
            let surface = self.exchange.principal().surface;
            self.ready.push_back(stream_error_event(&refusal, surface));
        }
        self.close(refusal.outcome(), Some(refusal.code()));
        self.end = Some(End::CutAfterFlush);
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
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

impl Drop for Flow {
    fn drop(&mut self) {
        // The client may leave once it has read the end marker, before the connection asks again.
        let whole = self.ready.is_empty() && self.reader.is_complete();
        let outcome = if whole { self.whole_outcome() } else { self.exchange.abandoned() };
        self.close(outcome, None);
    }
}
