//! Where a text matches: candidates, matches and what could still become one.
//!
//! Owns the meaning of a hit, which is the same for a whole text and for one that comes in pieces.
//! It must never decide what a hit leads to, nor how hits of several rules stand to each other.

mod automaton;
mod cache;
mod escapes;
mod needle;
mod pass;
mod pattern;
mod prefixes;

pub(super) use needle::{MARKER_RULE, Needle};
pub(super) use pattern::Problem;

use super::{View, decoded, fold::Folded};
use pass::{Pass, Searches};
use std::{ops::Range, sync::Arc};

/// Payloads in payloads are scanned down to this depth.
const MAX_DEPTH: u8 = 2;

/// Some rules, searched for together.
pub(super) struct Scanner {
    text: Searches,
    folded: Searches,
}

/// What a rule has found.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// The rule's number, or [`MARKER_RULE`].
    pub(super) rule: usize,
    pub(super) priority: u8,
    /// The match, in the text as it stands.
    pub(super) span: Range<usize>,
    /// What is redacted and correlated, in the text as it stands.
    pub(super) value: Range<usize>,
    /// The value where it stands in an encoded payload.
    pub(super) decoded: Option<Box<str>>,
}

/// A text, or as much of it as has come.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    /// Its folded form; `None`: not wanted.
    pub(super) folded: Option<&'a Folded>,
    /// Whether it ends here.
    pub(super) is_end: bool,
}

impl<'a> Text<'a> {
    fn view(self, view: View) -> &'a str {
        match (view, self.folded) {
            (View::Text, _) => self.text,
            (View::Folded, folded) => folded.map_or("", |folded| &folded.text),
        }
    }

    /// Where a span of a view stands in the text.
    fn source(self, view: View, span: Range<usize>) -> Range<usize> {
        match (view, self.folded) {
            (View::Folded, Some(folded)) => folded.source(span),
            _ => span,
        }
    }
}

/// How far the search has come in a text.
#[derive(Debug, Default)]
pub(super) struct Progress {
    text: Pass,
    folded: Pass,
    /// Per encoding, from where payloads are looked for.
    payloads: [usize; decoded::Encoding::ALL.len()],
}

impl Scanner {
    pub(super) fn build(needles: &[Arc<Needle>]) -> Result<Self, Problem> {
        Ok(Self {
            text: Searches::build(needles, View::Text)?,
            folded: Searches::build(needles, View::Folded)?,
        })
    }

    /// Goes on to the end of the text, and tells `hit` of what `wanted` rules find. Everything before
    /// the returned place is decided: no hit begins there any more.
    pub(super) fn advance(
        &self,
        progress: &mut Progress,
        text: Text<'_>,
        wanted: &dyn Fn(usize) -> bool,
        hit: &mut dyn FnMut(Hit),
    ) -> usize {
        self.descend(progress, text, MAX_DEPTH, wanted, hit)
    }

    fn descend(
        &self,
        progress: &mut Progress,
        it: Text<'_>,
        depth: u8,
        wanted: &dyn Fn(usize) -> bool,
        hit: &mut dyn FnMut(Hit),
    ) -> usize {
        let mut settled = self.text.advance(&mut progress.text, View::Text, it, wanted, hit);
        if let Some(folded) = it.folded {
            let at = self.folded.advance(&mut progress.folded, View::Folded, it, wanted, hit);
            if at < folded.text.len() {
                settled = settled.min(folded.source(at..folded.text.len()).start);
            }
        }
        if depth > 0 {
            for (encoding, from) in decoded::Encoding::ALL.iter().zip(&mut progress.payloads) {
                *from = encoding.payloads(it.text, *from, it.is_end, &mut |run, payload| {
                    self.payload(&run, &payload, (it.folded.is_some(), depth - 1), wanted, hit);
                });
                settled = settled.min(*from);
            }
        }
        settled
    }

    /// Scans a payload as a text of its own; what is found in it stands for the whole run.
    fn payload(
        &self,
        run: &Range<usize>,
        payload: &str,
        (is_folded, depth): (bool, u8),
        wanted: &dyn Fn(usize) -> bool,
        hit: &mut dyn FnMut(Hit),
    ) {
        let folded = is_folded.then(|| Folded::of(payload, false));
        let text = Text { text: payload, folded: folded.as_ref(), is_end: true };
        self.descend(&mut Progress::default(), text, depth, wanted, &mut |inner| {
            if inner.rule == MARKER_RULE {
                return;
            }
            let value = inner.decoded.or_else(|| payload.get(inner.value).map(Into::into));
            hit(Hit { span: run.clone(), value: run.clone(), decoded: value, ..inner });
        });
    }
}

impl Progress {
    /// The text has lost its first bytes: so many, and so many of its folded form.
    pub(super) fn shift(&mut self, text: usize, folded: usize) {
        self.text.shift(text);
        self.folded.shift(folded);
        self.payloads.iter_mut().for_each(|at| *at -= text);
    }
}

#[cfg(test)]
mod tests;
