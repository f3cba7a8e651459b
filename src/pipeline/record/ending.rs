//! How an exchange ends.
//!
//! Owns its outcome. It must never tell an exchange's end twice.

use super::{Exchange, millis};
use crate::bus::{
    RecordLines,
    audit::{Closed, Place, Told},
};
use crate::openai::Blocked;
use crate::pipeline::{Refused, drain::UnderWay};
use crate::types::{Outcome, Record, Refusal, Scan, ScanExtent, UnixMillis};
use std::{borrow::Cow, sync::Arc};

/// Why an answer ends that a rule stops, in the provider's words.
const CONTENT_FILTER: &str = "content_filter";

impl Exchange {
    /// Ends the exchange with a refusal of ours.
    pub(in crate::pipeline) fn refuse(mut self, refusal: Refusal) -> Refused {
        self.record.status_code = Some(refusal.status());
        self.record.error_code = Some(Cow::Borrowed(refusal.code()));
        let id = self.record.id;
        self.close(refusal.outcome());
        Refused { id, refusal, shape: None }
    }

    /// Ends the exchange because a rule stops it, with an answer of this shape or with the refusal.
    pub(in crate::pipeline) fn block(
        mut self,
        refusal: Refusal,
        shape: Option<Box<Blocked>>,
    ) -> Refused {
        let status = if shape.is_some() { 200 } else { refusal.status() };
        self.record.status_code = Some(status);
        self.record.error_code = Some(Cow::Borrowed(refusal.code()));
        self.record.finish_reason = shape.as_ref().map(|_| CONTENT_FILTER.into());
        let id = self.record.id;
        self.close(Outcome::Blocked);
        Refused { id, refusal, shape }
    }

    /// Ends the exchange after its answer began. Only the first end counts.
    pub(in crate::pipeline) fn close_with(
        &mut self,
        outcome: Outcome,
        error_code: Option<&'static str>,
    ) {
        if let Some(code) = error_code {
            self.record.error_code = Some(Cow::Borrowed(code));
        }
        self.note_missing_usage(outcome);
        self.close(outcome);
    }

    /// How an exchange ended that nobody ended: with its client, or with the gate.
    pub(in crate::pipeline) fn abandoned(&self) -> Outcome {
        if self.under_way.is_stopping() { Outcome::Interrupted } else { Outcome::Cancelled }
    }

    fn close(&mut self, outcome: Outcome) {
        let Some(place) = self.place.take() else { return };
        if !self.is_screened {
            let reason = "the call ended before it was screened";
            self.record.scan =
                Scan { extent: ScanExtent::None, reason: Some(Cow::Borrowed(reason)) };
        }
        self.record.outcome = Some(outcome);
        self.weigh(outcome);
        self.record.findings = std::mem::take(&mut self.tally).into_findings();
        if let Some(uploaded) = &self.uploaded {
            self.record.request_bytes = Some(uploaded.get());
        }
        self.record.latency_ms = Some(millis(self.at.elapsed()));
        let vacant = Record::new(
            self.record.id,
            UnixMillis(0),
            Arc::clone(&self.record.node),
            self.record.surface,
        );
        let record = std::mem::replace(&mut *self.record, vacant);
        let (lines, under_way) = (self.lines.clone(), self.under_way.clone());
        let ending = Ending { told: Some((record, place)), lines, _under_way: under_way };
        ending.tell_after(self.counting.take());
    }
}

/// An exchange that has ended. Its end is told when this is dropped.
pub(super) struct Ending {
    pub(super) told: Option<(Record, Place)>,
    lines: RecordLines,
    _under_way: UnderWay,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some((record, place)) = self.told.take() else { return };
        self.lines.audit.tell(Told::Closed(Closed { record: Arc::new(record), place }));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close_with(self.abandoned(), None);
    }
}
