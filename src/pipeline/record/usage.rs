//! Tokens, and who says how many.
//!
//! Owns the record's counts and where they come from. It must never put a count in place of what the provider told.

use super::{Exchange, ending::Ending, kept::Pending};
use crate::types::{Outcome, Record, Usage, UsageSource};
use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;

/// What the gate itself has counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::pipeline) struct Count {
    pub(in crate::pipeline) usage: Usage,
    /// Nothing is missing of what the model read and said.
    pub(in crate::pipeline) is_all: bool,
}

/// A count under way; `None`: it could not be made.
pub(in crate::pipeline) type Counting = LocalBoxFuture<'static, Option<Count>>;

impl Exchange {
    /// Notes what the provider told.
    pub(super) fn note_usage(&mut self, usage: &Usage) {
        if usage.input_tokens.is_some() || usage.output_tokens.is_some() {
            write(&mut self.record, usage, UsageSource::Provider);
        }
    }

    /// Notes what was counted because the provider told nothing.
    pub(in crate::pipeline) fn note_count(&mut self, count: &Count) {
        note_count(&mut self.record, count);
    }

    /// Has the exchange's end, when it comes, told after this count.
    pub(in crate::pipeline) fn end_after(&mut self, counting: Option<Counting>) {
        self.counting = counting;
    }

    /// Notes that tokens of a stream that broke off are missing, as long as nobody has counted them.
    pub(super) fn note_missing_usage(&mut self, outcome: Outcome) {
        let unfinished =
            matches!(outcome, Outcome::Cancelled | Outcome::Interrupted | Outcome::UpstreamError);
        if unfinished && self.record.stream == Some(true) && self.record.usage_source.is_none() {
            self.record.usage_source = Some(UsageSource::Partial);
        }
    }
}

impl Ending {
    /// Tells the end after the count, and says when that is done. The gate does not stop before; where it is cut
    /// short, the end is told without it.
    pub(super) fn tell_after(mut self, counting: Counting) -> Pending {
        let (done, pending) = oneshot::channel();
        actix_web::rt::spawn(async move {
            let count = counting.await;
            if let (Some((record, _)), Some(count)) = (&mut self.told, count) {
                note_count(record, &count);
            }
            // Whoever waited may have gone: the client has.
            let _ = done.send(self.tell());
        });
        pending
    }
}

fn note_count(record: &mut Record, count: &Count) {
    let source = if count.is_all { UsageSource::Counted } else { UsageSource::Partial };
    write(record, &count.usage, source);
}

fn write(record: &mut Record, usage: &Usage, source: UsageSource) {
    record.input_tokens = usage.input_tokens;
    record.output_tokens = usage.output_tokens;
    record.cached_tokens = usage.cached_tokens;
    record.reasoning_tokens = usage.reasoning_tokens;
    record.usage_source = Some(source);
}
