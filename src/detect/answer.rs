//! Screening an answer that is read whole.
//!
//! Owns the order of what is done to it: tool calls that the policy denies are taken out, what the
//! rules redact is replaced, and what they stop never leaves. It must never change a byte besides.

use super::{Profile, Tally, extent_of, judge, judge_texts, none};
use crate::openai::{AnswerTexts, Endpoint, answer_texts, apply};
use crate::policy::ToolPolicy;
use crate::types::{Lifecycle, Scan, ScanExtent, TextSurface};
use bytes::Bytes;
use std::sync::Arc;

/// What an answer is screened with.
#[derive(Clone)]
pub struct AnswerGuard {
    /// The rules and what they do for this caller.
    pub profile: Arc<Profile>,
    /// The tools that it may not call; `None` where no line speaks of tools.
    pub tools: Option<Arc<ToolPolicy>>,
}

impl AnswerGuard {
    /// Whether an answer may have to be changed or stopped, and so cannot pass before it is judged.
    pub fn acts(&self) -> bool {
        self.tools.is_some() || self.profile.acts(Lifecycle::Egress)
    }

    /// Whether anybody wants to know what an answer holds.
    pub fn watches(&self) -> bool {
        self.acts() || self.profile.watches(Lifecycle::Egress)
    }
}

/// An answer that was read whole and judged.
#[derive(Debug)]
pub struct ScreenedAnswer {
    /// What may go on.
    pub answer: Bytes,
    /// What was screened.
    pub scan: Scan,
    /// It may not go on at all.
    pub stops: bool,
    /// The tools whose calls were taken out.
    pub tools_removed: Vec<Box<str>>,
}

/// Judges a whole answer; `None` where it cannot be read.
pub fn screen_answer(
    endpoint: &Endpoint,
    answer: &Bytes,
    guard: &AnswerGuard,
    tally: &mut Tally,
) -> Option<ScreenedAnswer> {
    let parts = answer_texts(endpoint, answer)?;
    let (denied, tools_removed) = denied_calls(&parts, guard);
    let mut edits = parts.remove_tool_calls(answer, &denied);
    let (redactions, stops) =
        judge_texts(answer, &parts.texts, &guard.profile, Lifecycle::Egress, tally);
    // Probabilities spell the text once more, token by token, where no rule would find it.
    if guard.profile.acts(Lifecycle::Egress) {
        edits.extend(parts.all_logprobs());
    }
    edits.extend(redactions);
    let answer = if edits.is_empty() { answer.clone() } else { apply(answer, &edits) };
    let scan = if guard.profile.watches(Lifecycle::Egress) {
        extent_of(&parts.texts)
    } else {
        none("no detection rule applies to the answer")
    };
    Some(ScreenedAnswer { answer, scan, stops, tools_removed })
}

/// Judges a provider's error that cannot be read as an answer: as one text, of which nothing can be taken
/// out. `None` where a rule would do that.
pub fn screen_text(
    answer: &Bytes,
    guard: &AnswerGuard,
    tally: &mut Tally,
) -> Option<ScreenedAnswer> {
    let text = String::from_utf8_lossy(answer);
    let judged = judge(&guard.profile, Lifecycle::Egress, TextSurface::Other, &text, tally);
    judged.redactions.is_empty().then(|| ScreenedAnswer {
        answer: answer.clone(),
        scan: Scan { extent: ScanExtent::Full, reason: None },
        stops: judged.stops,
        tools_removed: Vec::new(),
    })
}

/// The calls of tools that the policy denies, by their place among the answer's calls, and by name.
fn denied_calls(parts: &AnswerTexts, guard: &AnswerGuard) -> (Vec<usize>, Vec<Box<str>>) {
    let Some(tools) = &guard.tools else { return (Vec::new(), Vec::new()) };
    let calls = parts.tool_calls.iter().enumerate();
    calls
        .filter(|(_, call)| tools.denies(&call.name).is_some())
        .map(|(index, call)| (index, call.name.clone()))
        .unzip()
}
