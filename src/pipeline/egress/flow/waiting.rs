//! What an answer's last bytes wait for.
//!
//! Owns the order: its maker is written down, it is judged, its tokens are counted, and then the record's end is
//! written. It must never let the last byte out before that.

use super::{End, Flow};
use bytes::Bytes;
use futures_util::FutureExt;
use std::task::{Context, Poll};

impl Flow {
    /// Writes the record's end as soon as the whole answer is here: before its last byte goes out.
    pub(super) fn record_whole(&mut self) {
        if self.end.is_none() && self.exchange.is_open() && self.is_here() {
            self.close(self.whole_outcome(), None);
        }
    }

    /// Whether nothing of the answer is missing any more, its provider's last words aside.
    fn is_here(&self) -> bool {
        if self.reader.is_complete() {
            return self.screen.is_settled() && self.judging.is_none();
        }
        let Some(length) = self.length else { return false };
        let unsent: usize = self.ready.iter().map(Bytes::len).sum();
        self.sent_bytes + u64::try_from(unsent).unwrap_or(0) >= length
    }

    /// Whether the record's end is still being made safe. Where that fails the answer is cut.
    pub(super) fn is_writing(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(writing) = &mut self.writing else { return false };
        let Poll::Ready(written) = writing.poll_unpin(cx) else { return true };
        self.writing = None;
        if written.is_err() {
            self.ready.clear();
            self.upstream = None;
            self.end = Some(End::Cut);
        }
        false
    }

    /// Whether the answer's maker is still being written down.
    pub(super) fn is_binding(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(binding) = &mut self.binding else { return false };
        let is_pending = binding.as_mut().poll(cx).is_pending();
        if !is_pending {
            self.binding = None;
        }
        is_pending
    }

    /// Whether the answer is still being judged.
    pub(super) fn is_judging(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(judging) = &mut self.judging else { return false };
        let Poll::Ready(report) = judging.as_mut().poll(cx) else { return true };
        self.judging = None;
        if let Some(report) = report {
            self.exchange.note_report(report);
        }
        false
    }

    /// Whether the answer's tokens are still being counted.
    pub(super) fn is_counting(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(counting) = &mut self.counting else { return false };
        let Poll::Ready(count) = counting.as_mut().poll(cx) else { return true };
        self.counting = None;
        if let Some(count) = count {
            self.exchange.note_count(&count);
        }
        false
    }
}
