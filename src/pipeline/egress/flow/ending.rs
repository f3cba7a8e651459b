//! How an answer ends.
//!
//! Owns what the client and the record get: a whole answer ends cleanly, one that a rule stops with an event that
//! says so, anything else with an error event or a cut. It must never end an answer twice.

use super::{End, Flow};
use crate::bus::upstream::UpstreamError;
use crate::detect::StreamStop;
use crate::journal::SyncFailed;
use crate::openai::{BlockedAnswer, stream_error_event};
use crate::types::{Outcome, Refusal};
use bytes::Bytes;

impl Flow {
    /// Ends an answer without a body: nothing of it waits for the record, so the answer itself does.
    pub(in crate::pipeline::egress) async fn end_bodiless(&mut self) -> Result<(), SyncFailed> {
        self.end_whole();
        match self.writing.take() {
            Some(writing) => writing.await,
            None => Ok(()),
        }
    }

    /// Nothing is missing, and nothing more comes.
    pub(super) fn end_whole(&mut self) {
        self.upstream = None;
        self.close(self.whole_outcome(), None);
        self.end = Some(End::Clean);
    }

    /// How an answer ended that reached its end: an error that the provider tells is one.
    pub(super) fn whole_outcome(&self) -> Outcome {
        let failed = self.failed_status || self.reader.facts().has_error();
        if failed { Outcome::UpstreamError } else { Outcome::Completed }
    }

    pub(super) fn fail(&mut self, error: UpstreamError) {
        tracing::warn!(%error, id = %self.exchange.id(), "an answer did not reach its end");
        self.upstream = None;
        self.close(Outcome::UpstreamError, Some("upstream_cut"));
        self.cut_at_once();
    }

    /// Ends an answer that goes on: a stream with an error event that the SDKs read, then with a cut. What was
    /// released and not yet taken leaves before it.
    pub(in crate::pipeline::egress) fn stop(&mut self, refusal: Refusal) {
        if self.end.is_some() {
            return;
        }
        tracing::warn!(code = refusal.code(), id = %self.exchange.id(), "an answer was ended");
        self.upstream = None;
        self.binding = None;
        if self.at_boundary() {
            let surface = self.exchange.principal().surface;
            self.ready.push_back(stream_error_event(&refusal, surface));
        }
        self.close(refusal.outcome(), Some(refusal.code()));
        self.cut_at_once();
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    /// What is cut is not taken for whole: it does not wait for its record's end.
    fn cut_at_once(&mut self) {
        self.writing = None;
        self.end = Some(End::CutAfterFlush);
    }

    /// Ends an answer that may not go on.
    pub(super) fn stop_for(&mut self, stop: StreamStop) {
        match stop {
            StreamStop::Violation => self.block(),
            StreamStop::TooMuchHeld | StreamStop::Unreadable => self.stop(Refusal::Unscreenable),
        }
    }

    /// Ends a stream because a rule stops it: with an event that says so and the endpoint's own end, cleanly.
    /// An answer that is no stream is cut.
    pub(super) fn block(&mut self) {
        let id = self.exchange.id().to_string();
        let event = self.screen.blocked_event(&BlockedAnswer {
            id: self.reader.facts().id.as_deref().unwrap_or(&id),
            model: self.exchange.model(),
            created_secs: self.exchange.started_at().0 / 1_000,
        });
        tracing::info!(%id, "an answer was stopped by a detection rule");
        self.upstream = None;
        self.binding = None;
        self.end = Some(if event.is_some() { End::Clean } else { End::CutAfterFlush });
        self.ready.extend(event);
        self.close(Outcome::Blocked, Some(Refusal::ContentBlocked.code()));
    }

    pub(super) fn close(&mut self, outcome: Outcome, error_code: Option<&'static str>) {
        if !self.exchange.is_open() {
            return;
        }
        if self.sent_bytes == 0 && !self.ready.is_empty() {
            // It leaves as soon as this is written down.
            self.exchange.note_first_byte();
        }
        let unsent: usize = self.ready.iter().map(Bytes::len).sum();
        let bytes = self.sent_bytes + u64::try_from(unsent).unwrap_or(0);
        if let Some(report) = self.screen.report(&self.plan) {
            self.exchange.note_report(report);
        }
        self.exchange.note_answer(self.reader.facts(), bytes);
        self.count();
        self.exchange.end_after(self.counting.take());
        self.exchange.close_with(outcome, error_code);
        self.writing = self.exchange.durable();
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
