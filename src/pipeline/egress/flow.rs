//! What flows from the provider to the client, and how it ends.
//!
//! Owns the answer's end: what was complete ends cleanly, everything else reaches the client as an error event or a
//! cut, never as a clean end; and the exchange is told once, whoever ends it.

mod ending;
mod waiting;

use super::{Cut, Gate, Plan, counted::Listener, maker::Maker, reader::Reader, screen::Screen};
use crate::bus::upstream::UpstreamError;
use crate::detect::Report;
use crate::openai::PING;
use crate::pipeline::{
    record::{Counting, Durable, Exchange},
    screening::aside,
};
use crate::types::Refusal;
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
    screen: Screen,
    plan: Plan,
    /// A long answer that is judged; the answer's end waits for it.
    judging: Option<LocalBoxFuture<'static, Option<Report>>>,
    listener: Listener,
    /// Of an answer that is whole but silent about its tokens; the answer's end waits for it.
    counting: Option<Counting>,
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
    /// The record's end is being written; nothing more goes out before it is.
    writing: Option<Durable>,
    failed_status: bool,
    /// Bytes of the whole body, where its head says so.
    length: Option<u64>,
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

/// What the answer's head says.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// Its status is 400 or above.
    pub(super) failed_status: bool,
    /// Bytes of its body, where it says so.
    pub(super) length: Option<u64>,
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
        (mut plan, screen): (Plan, Screen),
        maker: Option<Maker>,
        upstream: LocalBoxStream<'static, Result<Bytes, UpstreamError>>,
        Head { failed_status, length }: Head,
    ) -> Self {
        Self {
            upstream: Some(upstream),
            listener: Listener::of(gate, &mut plan, &reader, failed_status),
            counting: None,
            reader,
            screen,
            plan,
            judging: None,
            maker,
            binding: None,
            released: Vec::new(),
            ready: VecDeque::new(),
            end: None,
            exchange,
            writing: None,
            failed_status,
            length,
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
            let is_complete = self.reader.is_complete();
            if is_complete && (self.is_binding(cx) || self.is_judging(cx) || self.is_counting(cx)) {
                return self.wait(cx);
            }
            self.record_whole();
            if self.is_writing(cx) {
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
        self.listener.hear(&chunk);
        let fed = self.reader.feed(chunk, &mut self.released);
        let screened = self.screen.feed(&mut self.released, &mut self.ready);
        self.note_whole();
        match screened {
            Err(stop) => self.stop_for(stop),
            Ok(()) if fed.is_err() => self.stop(Refusal::UpstreamInvalid),
            Ok(()) => {}
        }
    }

    /// What has to happen before the end of an answer that is whole goes out.
    fn note_whole(&mut self) {
        self.note_maker();
        if self.reader.is_complete() {
            self.count();
        }
        if self.reader.is_complete()
            && let Some(passed) = self.screen.take_long()
        {
            let (endpoint, guard) = (self.plan.endpoint, self.plan.guard.clone());
            let judged = aside(move || passed.judge(endpoint, &guard));
            self.judging = Some(Box::pin(async { judged.await.ok() }));
        }
    }

    /// Has the answer's tokens counted, where the provider has not told them.
    fn count(&mut self) {
        let counting = self.listener.count(self.reader.facts(), self.exchange.model());
        self.counting = self.counting.take().or(counting);
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
        let screened = self.screen.feed(&mut self.released, &mut self.ready);
        let screened = screened.and_then(|()| self.screen.finish(&mut self.ready));
        self.note_whole();
        match screened {
            Err(stop) => self.stop_for(stop),
            Ok(()) if !is_whole => self.fail(UpstreamError::Cut),
            Ok(()) if self.judging.is_some() => {}
            Ok(()) => self.end_whole(),
        }
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

    /// Whether a comment or an event of ours may be put in now.
    fn at_boundary(&self) -> bool {
        let at_boundary = self.screen.at_boundary().unwrap_or_else(|| self.reader.at_boundary());
        self.reader.is_event_stream() && at_boundary
    }

    fn due(&self) -> Instant {
        let gives_up = self.last_received + self.idle_timeout;
        if self.at_boundary() { gives_up.min(self.last_sent + self.ping_every) } else { gives_up }
    }

    fn break_silence(&mut self) {
        if self.last_received.elapsed() >= self.idle_timeout {
            self.stop(Refusal::UpstreamTimeout);
        } else {
            self.ready.push_back(Bytes::from_static(PING));
        }
    }
}
