//! Is it clean: the call before it goes on, an answer that is read whole before it comes back.
//!
//! Owns where the judging runs and what a stopped call becomes. It must never let a call on that was not
//! judged, nor keep what was found but its findings.

use super::{Gate, Stop, egress::Plan, record::Exchange};
use crate::bus::upstream::UpstreamReply;
use crate::detect::{AnswerGuard, Screened, Tally, screen, screen_answer, screen_text};
use crate::openai::{AnswerKind, BlockedAnswer, BodyKind, Call, Endpoint, blocked_answer};
use crate::policy::{Permit, Permitted};
use crate::types::{Governed, Refusal, Scan, ScanExtent};
use bytes::Bytes;
use std::{
    borrow::Cow,
    num::NonZeroUsize,
    sync::{Arc, LazyLock},
};
use tokio::sync::Semaphore;

/// More text than that is judged away from the worker, which could serve nobody else meanwhile.
pub(super) const JUDGE_AT_ONCE: usize = 64 * 1024;

/// A longer answer cannot be judged before it leaves.
pub(super) const MOST_JUDGED_BYTES: u64 = 64 * 1024 * 1024;

/// Binds the permit to the call, without the tools that it does not cover, and judges it.
pub(super) async fn screen_call(
    gate: &Gate,
    exchange: &mut Exchange,
    call: Call,
    permit: Permit,
    guard: &AnswerGuard,
) -> Result<Screened<Call>, Stop> {
    let denied = permit.denied_tools(&call.facts().tool_names);
    exchange.note_tools_removed(&denied);
    let work = Work {
        principal: Arc::clone(exchange.principal()),
        guard: guard.clone(),
        denied: denied.into_iter().map(|(name, _)| name).collect(),
        permit,
    };
    let (endpoint, stream) = (call.endpoint(), call.facts().stream);
    let (tally, screened) = if call.body().len() <= JUDGE_AT_ONCE {
        work.run(call)
    } else {
        aside(move || work.run(call)).await?
    };
    exchange.note_findings(tally);
    match screened? {
        Ok(screened) => {
            exchange.note_scan(screened.scan());
            Ok(screened)
        }
        Err(scan) => {
            exchange.note_scan(&scan);
            Err(stopped(gate, exchange, endpoint, stream))
        }
    }
}

/// What judging one call takes.
struct Work {
    principal: Arc<crate::types::Principal>,
    guard: AnswerGuard,
    permit: Permit,
    denied: Vec<Box<str>>,
}

impl Work {
    /// Inside, `Err`: a rule stops the call.
    fn run(self, call: Call) -> (Tally, Result<Result<Screened<Call>, Scan>, Refusal>) {
        let mut tally = Tally::new();
        let permitted = self.permitted(call);
        let screened =
            permitted.map(|permitted| screen(permitted, &self.guard.profile, &mut tally));
        (tally, screened)
    }

    fn permitted(&self, call: Call) -> Result<Permitted<Call>, Refusal> {
        let call = if self.denied.is_empty() { call } else { call.without_tools(&self.denied)? };
        self.permit.cover(&self.principal, call).map_err(|error| {
            tracing::error!(%error, "a permit did not cover the call that it was asked for");
            Refusal::Unavailable { what: "policy" }
        })
    }
}

/// What a stopped call, or answer, becomes for its caller.
pub(super) fn stopped(
    gate: &Gate,
    exchange: &Exchange,
    endpoint: &'static Endpoint,
    stream: bool,
) -> Stop {
    if exchange.is_to_be_quarantined() {
        return Stop::Blocked { refusal: Refusal::AgentQuarantined, shape: None };
    }
    let id = exchange.id().to_string();
    let shape = gate.settings.blocked_as_answer.then(|| {
        let model = exchange.model();
        let created_secs = exchange.started_at().0 / 1_000;
        blocked_answer(endpoint, stream, &BlockedAnswer { id: &id, model, created_secs })
    });
    Stop::Blocked { refusal: Refusal::ContentBlocked, shape: shape.flatten().map(Box::new) }
}

/// Whether an answer has to be read whole and judged before it may begin: all that is no stream, whatever it calls
/// itself, but for sound and what is too long to be anything but binary.
pub(super) fn holds_answer(
    endpoint: &Endpoint,
    guard: &AnswerGuard,
    reply: &UpstreamReply,
    is_event_stream: bool,
) -> bool {
    let is_read = match endpoint.body {
        BodyKind::Unread | BodyKind::Speech => !reply.status.is_success(),
        // Vectors are no text, and long.
        BodyKind::Embedding => !reply.status.is_success(),
        _ => true,
    };
    let is_known = endpoint.body != BodyKind::Unread;
    let too_long = endpoint.answer == AnswerKind::Opaque
        && reply.content_length.is_some_and(|length| length > MOST_JUDGED_BYTES);
    guard.acts() && is_known && is_read && !is_event_stream && !too_long
}

/// Judges an answer that was read whole.
pub(super) async fn screen_whole(
    gate: &Gate,
    exchange: &mut Exchange,
    plan: &Plan,
    answer: Bytes,
    failed: bool,
) -> Result<Bytes, Stop> {
    let (endpoint, guard) = (plan.endpoint, plan.guard.clone());
    let judge = {
        let answer = answer.clone();
        move || {
            let mut tally = Tally::new();
            let mut screened = screen_answer(endpoint, &answer, &guard, &mut tally);
            if screened.is_none() && failed {
                // A provider's error need not be the JSON that it says.
                screened = screen_text(&answer, &guard, &mut tally);
            }
            (tally, screened)
        }
    };
    let is_short = answer.len() <= JUDGE_AT_ONCE;
    let (tally, screened) = if is_short { judge() } else { aside(judge).await? };
    exchange.note_findings(tally);
    let Some(screened) = screened else {
        let reason = Some(Cow::Borrowed("the answer could not be read"));
        exchange.note_scan(&Scan { extent: ScanExtent::Partial, reason });
        return Err(Refusal::Unscreenable.into());
    };
    exchange.note_scan(&screened.scan);
    exchange.note_calls_removed(screened.tools_removed);
    if screened.stops {
        return Err(stopped(gate, exchange, endpoint, false));
    }
    Ok(screened.answer)
}

/// As many as there are cores: each takes one, and room for its automata.
static JUDGES: LazyLock<Semaphore> = LazyLock::new(|| {
    Semaphore::new(std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
});

/// Runs on a thread of its own.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    // The semaphore is never closed.
    let _turn = JUDGES.acquire().await;
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a text could not be judged");
        Refusal::Unavailable { what: "screening" }
    })
}
