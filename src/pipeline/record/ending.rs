//! How an exchange ends.
//!
//! Owns its outcome. It must never tell an exchange's end twice.

use super::{Exchange, kept::Kept, millis};
use crate::bus::{
    RecordLines,
    audit::{Closed, Told},
};
use crate::journal::Written;
use crate::openai::Blocked;
use crate::pipeline::{Refused, drain::UnderWay};
use crate::types::{ExchangeId, Outcome, Record, Refusal, Scan, ScanExtent, UnixMillis};
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
        self.refused(id, refusal, None)
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
        self.refused(id, refusal, shape)
    }

    fn refused(&self, id: ExchangeId, refusal: Refusal, shape: Option<Box<Blocked>>) -> Refused {
        let receipt = self.receipt().map(Box::new);
        Refused { id, refusal, shape, receipt, written: self.written }
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
        let Some(kept) = self.kept.take() else { return };
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
        let ending = Ending { told: Some((record, kept)), lines, _under_way: under_way };
        match self.counting.take() {
            None => self.written = ending.tell(),
            Some(counting) => self.pending = Some(ending.tell_after(counting)),
        }
    }
}

/// An exchange that has ended. Its end is written and told when this is dropped, if it was not before.
pub(super) struct Ending {
    pub(super) told: Option<(Record, Kept)>,
    lines: RecordLines,
    _under_way: UnderWay,
}

impl Ending {
    /// Writes the end down, and tells it.
    pub(super) fn tell(mut self) -> Option<Written> {
        self.tell_once()
    }

    fn tell_once(&mut self) -> Option<Written> {
        let (record, kept) = self.told.take()?;
        let record = Arc::new(record);
        match kept {
            Kept::Room { place, room } => {
                let mark = room.end(&record);
                self.lines.audit.tell(Told::Closed(Closed { record, mark, place }));
                Some(mark.written())
            }
            Kept::Nowhere => {
                self.lines.audit.tell(Told::Lost(record));
                None
            }
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.tell_once();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close_with(self.abandoned(), None);
    }
}
