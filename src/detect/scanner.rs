//! Where a text matches: candidates, matches and what could still become one.
//!
//! Owns the meaning of a hit, which is the same for a whole text and for one that comes in pieces.
//! It must never decide what a hit leads to, nor how hits of several rules stand to each other.

mod automaton;
mod cache;
mod needle;
mod pattern;

pub(super) use needle::{MARKER_RULE, Needle};
pub(super) use pattern::Problem;

use super::{Boundary, CONTEXT_BYTES, View, decoded, fold::Folded};
use automaton::{Automaton, End, Sweep};
use needle::Match;
use std::{ops::Range, sync::Arc};

/// Payloads in payloads are scanned down to this depth.
const MAX_DEPTH: u8 = 2;

/// Some rules, searched for together.
pub(super) struct Scanner {
    text: Vec<Search>,
    folded: Vec<Search>,
}

/// One automaton, and to which rule each of its patterns belongs.
struct Search {
    automaton: Automaton,
    owners: Vec<Owner>,
}

struct Owner {
    needle: Arc<Needle>,
    /// Which of the rule's patterns.
    pattern: usize,
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

/// How far the search has come in a text.
#[derive(Debug, Default)]
pub(super) struct Progress {
    text: Pass,
    folded: Pass,
    /// Per encoding, from where payloads are looked for.
    payloads: [usize; decoded::Encoding::ALL.len()],
}

/// How far it has come in one view.
#[derive(Debug, Default)]
struct Pass {
    sweeps: [Sweep; 2],
    /// Rules that go on only behind their last hit, and where.
    resume: Vec<(usize, usize)>,
}

impl Scanner {
    pub(super) fn build(needles: &[Arc<Needle>]) -> Result<Self, Problem> {
        Ok(Self { text: searches(needles, View::Text)?, folded: searches(needles, View::Folded)? })
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
        let mut settled =
            sweep_all(&self.text, &mut progress.text, (it.text, false), it, wanted, hit);
        if let Some(folded) = it.folded {
            let at = sweep_all(
                &self.folded,
                &mut progress.folded,
                (&folded.text, true),
                it,
                wanted,
                hit,
            );
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

impl Pass {
    fn shift(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.sweeps.iter_mut().for_each(|sweep| sweep.shift(bytes));
        self.resume.retain_mut(|(_, from)| {
            *from = from.saturating_sub(bytes);
            *from > 0
        });
    }

    fn settled(&self, searches: usize, end: usize) -> usize {
        self.sweeps.iter().take(searches).map(Sweep::settled).fold(end, usize::min)
    }
}

/// Up to two searches: of rules that begin where a word may, and of those that begin anywhere.
fn searches(needles: &[Arc<Needle>], view: View) -> Result<Vec<Search>, Problem> {
    let mut searches = Vec::new();
    for boundary in Boundary::ALL {
        let mut owners = Vec::new();
        let mut patterns = Vec::new();
        for needle in needles.iter().filter(|it| it.view == view && it.boundary == *boundary) {
            for (pattern, hir) in needle.patterns.iter().enumerate() {
                owners.push(Owner { needle: Arc::clone(needle), pattern });
                patterns.push(hir);
            }
        }
        if !patterns.is_empty() {
            let automaton = Automaton::build(&patterns, *boundary == Boundary::Word)?;
            searches.push(Search { automaton, owners });
        }
    }
    Ok(searches)
}

/// Goes on in one view of a text. Everything before the returned place of the view is decided.
fn sweep_all(
    searches: &[Search],
    pass: &mut Pass,
    (view, is_folded): (&str, bool),
    text: Text<'_>,
    wanted: &dyn Fn(usize) -> bool,
    hit: &mut dyn FnMut(Hit),
) -> usize {
    let Pass { sweeps, resume } = pass;
    for (search, sweep) in searches.iter().zip(sweeps) {
        search.automaton.sweep(sweep, view, text.is_end, &mut |start, ends| {
            for (owner, end) in search.longest(ends) {
                let rule = owner.needle.rule;
                let is_past = |(it, from): &(usize, usize)| *it == rule && start < *from;
                if !wanted(rule) || resume.iter().any(is_past) {
                    continue;
                }
                let Some(found) = owner.check(view, start..end, text, is_folded) else { continue };
                match resume.iter_mut().find(|(it, _)| *it == rule) {
                    Some((_, from)) => *from = end,
                    None => resume.push((rule, end)),
                }
                hit(found);
            }
        });
    }
    pass.settled(searches.len(), view.len())
}

impl Search {
    /// The longest match of each rule.
    fn longest(&self, ends: &mut [End]) -> impl Iterator<Item = (&Owner, usize)> {
        let rule = |end: &End| self.owners.get(end.pattern).map(|owner| owner.needle.rule);
        ends.sort_unstable_by_key(|end| (rule(end), usize::MAX - end.at, end.pattern));
        let mut last = None;
        ends.iter().filter_map(move |end| {
            let owner = self.owners.get(end.pattern)?;
            let previous = last.replace(owner.needle.rule);
            (previous != last).then_some((owner, end.at))
        })
    }
}

impl Owner {
    /// The hit, if the match counts.
    fn check(
        &self,
        view: &str,
        span: Range<usize>,
        text: Text<'_>,
        is_folded: bool,
    ) -> Option<Hit> {
        let source = |range: Range<usize>| match text.folded {
            Some(folded) if is_folded => folded.source(range),
            _ => range,
        };
        let place = source(span.clone());
        let before = place.start.saturating_sub(CONTEXT_BYTES)..place.start;
        let found = Match {
            text: view,
            start: span.start,
            end: span.end,
            pattern: self.pattern,
            context: text.text.as_bytes().get(before).unwrap_or_default(),
        };
        let value = self.needle.value(found)?;
        Some(Hit {
            rule: self.needle.rule,
            priority: self.needle.priority,
            span: place,
            value: source(value),
            decoded: None,
        })
    }
}

#[cfg(test)]
mod tests;
