//! Screening: the only maker of [`Screened`], without which nothing is forwarded.
//!
//! Owns the rules and the verdict on what goes in and comes out. It must never keep or name the
//! text that it sees: what leaves this room of a text is a [`Tally`] of findings.

mod amend;
mod answer;
mod coverage;
mod decoded;
mod detections;
mod error;
mod file;
mod fold;
mod judge;
mod lane;
mod parse;
mod profile;
mod rule;
mod rule_actions;
mod scanner;
mod selector;
mod shipped;
mod stream;
mod tally;
mod trial;
mod validators;

pub use amend::{
    AmendError, NewAction, NewRule, Scope, add_rule, description_of, remove_rule, set_action,
};
pub use answer::{AnswerGuard, ScreenedAnswer, screen_answer, screen_text};
pub use coverage::{Coverage, Covered, EndpointCoverage, coverage};
pub use detections::{CorrelationKey, Detections, FailedExample};
pub use error::DetectionError;
pub use file::{RuleFile, TEMPLATES, Template, read, version_of};
pub use judge::{Judged, Redaction, judge};
pub use lane::{Lane, Stopped};
pub use profile::{Audience, Profile};
pub use rule::{Boundary, Override, Rule, View};
pub use rule_actions::RuleActions;
pub use selector::Selector;
pub use shipped::is_shipped;
pub use stream::{Report, StreamScreen, StreamSettings, StreamStop, TextScreen};
pub use tally::Tally;
pub use trial::{Trial, TrialHit};

use crate::openai::{Call, Edit, Texts, UNKNOWN_ENDPOINT};
use crate::policy::Permitted;
use crate::types::{Governed, Lifecycle, Scan, ScanExtent, TextSurface};
use std::borrow::Cow;

/// How far before a match its context reaches.
pub const CONTEXT_BYTES: usize = 128;

/// The longest match that a rule may have.
pub const MAX_MATCH_BYTES: usize = 16 * 1024;

/// Why nothing is screened of a call to an endpoint that we do not know, nor of its answer.
pub const UNREAD: &str = "the endpoint is not known: its call is forwarded unread";

/// A call that was authorised and screened: what the upstream actor accepts.
#[derive(Debug)]
pub struct Screened<C> {
    call: C,
    scan: Scan,
}

impl<C> Screened<C> {
    /// The call.
    pub fn call(&self) -> &C {
        &self.call
    }

    /// What was screened.
    pub fn scan(&self) -> &Scan {
        &self.scan
    }
}

/// Screens an authorised call: what is found goes to `tally`, what may not leave is taken out. `Err`: a
/// rule stops the call, of which this much was screened.
pub fn screen(
    permitted: Permitted<Call>,
    profile: &Profile,
    tally: &mut Tally,
) -> Result<Screened<Call>, Scan> {
    let call = permitted.into_call();
    if call.facts().endpoint == UNKNOWN_ENDPOINT {
        let scan = none(UNREAD);
        return Ok(Screened { call, scan });
    }
    if !profile.watches(Lifecycle::Ingress) {
        return Ok(Screened { call, scan: none("no detection rule applies to the call") });
    }
    let (edits, mut stops) =
        judge_texts(call.body(), call.texts(), profile, Lifecycle::Ingress, tally);
    if let Some(query) = call.query_text() {
        let judged = judge(profile, Lifecycle::Ingress, TextSurface::Other, &query, tally);
        // Nothing can be taken out of a query without making it another one.
        stops |= judged.stops || !judged.redactions.is_empty();
    }
    let scan = extent_of(call.texts());
    if stops {
        return Err(scan);
    }
    let call = if edits.is_empty() { call } else { call.redact(edits) };
    Ok(Screened { call, scan })
}

/// Judges every text of a body: what is to be replaced, and whether it is stopped.
fn judge_texts(
    body: &[u8],
    texts: &Texts,
    profile: &Profile,
    lifecycle: Lifecycle,
    tally: &mut Tally,
) -> (Vec<Edit>, bool) {
    let mut edits = Vec::new();
    let mut stops = false;
    for span in texts.spans() {
        let judged = judge(profile, lifecycle, span.surface, &span.text(body), tally);
        stops |= judged.stops;
        if !judged.redactions.is_empty() {
            let pieces = judged.redactions.iter().map(|it| (it.range.clone(), it.label.as_ref()));
            edits.extend(span.redact(body, pieces));
        }
    }
    (edits, stops)
}

/// Everything was read, but for what the texts say was not.
fn extent_of(texts: &Texts) -> Scan {
    let mut reasons: Vec<&'static str> = texts.unread().iter().map(|it| it.as_str()).collect();
    reasons.dedup();
    if reasons.is_empty() {
        return Scan { extent: ScanExtent::Full, reason: None };
    }
    Scan { extent: ScanExtent::Partial, reason: Some(reasons.join("; ").into()) }
}

fn none(reason: &'static str) -> Scan {
    Scan { extent: ScanExtent::None, reason: Some(Cow::Borrowed(reason)) }
}
