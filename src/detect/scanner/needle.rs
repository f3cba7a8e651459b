//! One rule, compiled: its patterns, and what a match of theirs must pass to count.
//!
//! Owns when a match counts. It must never look further than at the match, at the text shortly
//! before it and at the one character behind it.

use super::{escapes, pattern, pattern::Problem, prefixes};
use crate::detect::{Boundary, Rule, View, validators};
use crate::policy::closest;
use aho_corasick::AhoCorasick;
use regex_automata::{Anchored, Input, meta};
use regex_syntax::hir::{Hir, Look};
use std::ops::Range;

/// What the gate itself writes where something stood. No rule matches across it.
const MARKER: &str = r"\[REDACTED:[A-Z][A-Z0-9_]{0,63}\]";

/// The number that stands for no rule, but for what the gate itself wrote.
pub(in crate::detect) const MARKER_RULE: usize = usize::MAX;

/// A rule as it is searched for.
pub(in crate::detect) struct Needle {
    /// Which rule of the file it is, from 0.
    pub(super) rule: usize,
    pub(super) priority: u8,
    pub(super) view: View,
    pub(super) boundary: Boundary,
    pub(super) patterns: Vec<Hir>,
    /// Per pattern: whether it spells out how its matches begin.
    pub(super) spells: Vec<bool>,
    /// Per pattern with a group named `value`: what finds it.
    values: Vec<Option<meta::Regex>>,
    validators: Vec<validators::Validator>,
    min_entropy: u32,
    context: Option<AhoCorasick>,
    unless: Option<AhoCorasick>,
    not_after: Option<meta::Regex>,
}

/// A match that a pattern made.
#[derive(Clone, Copy)]
pub(super) struct Match<'a> {
    /// The text in which it was made, in the rule's view.
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Which of the rule's patterns made it.
    pub(super) pattern: usize,
    /// What stands before it.
    pub(super) context: &'a [u8],
}

impl Needle {
    /// Compiles a rule.
    pub(in crate::detect) fn build(index: usize, rule: &Rule) -> Result<Self, Problem> {
        let patterns = rule
            .patterns
            .iter()
            .map(|written| pattern::parse(written, rule.view))
            .collect::<Result<Vec<_>, _>>()?;
        let values = patterns.iter().map(value_finder).collect::<Result<_, _>>()?;
        let validators =
            rule.validators.iter().map(|name| validator(name)).collect::<Result<_, _>>()?;
        Ok(Self {
            rule: index,
            priority: rule.priority,
            view: rule.view,
            boundary: rule.boundary,
            spells: patterns.iter().map(|it| prefixes::beginnings(it).is_some()).collect(),
            patterns,
            values,
            validators,
            min_entropy: rule.min_entropy,
            context: words(&rule.context)?,
            unless: words(&rule.unless)?,
            not_after: ending(&rule.not_after)?,
        })
    }

    /// What finds the gate's own marks.
    pub(in crate::detect) fn marker() -> Result<Self, Problem> {
        Ok(Self {
            rule: MARKER_RULE,
            priority: u8::MAX,
            view: View::Text,
            boundary: Boundary::None,
            spells: vec![true],
            patterns: vec![pattern::parse(MARKER, View::Text)?],
            values: vec![None],
            validators: Vec::new(),
            min_entropy: 0,
            context: None,
            unless: None,
            not_after: None,
        })
    }

    /// The longest match that one of its patterns can make.
    pub(in crate::detect) fn longest(&self) -> Option<usize> {
        self.patterns.iter().filter_map(|it| it.properties().maximum_len()).max()
    }

    /// Where the value of a match stands; `None`: the match does not count.
    pub(super) fn value(&self, it: Match<'_>) -> Option<Range<usize>> {
        if self.boundary == Boundary::Word && !stands_alone(it) {
            return None;
        }
        let range = self.value_range(it)?;
        let value = it.text.get(range.clone()).filter(|value| !value.is_empty())?;
        let counts = self.validators.iter().all(|is_valid| is_valid(value))
            && (self.min_entropy == 0 || entropy(value) * 100.0 >= f64::from(self.min_entropy))
            && !self.unless.as_ref().is_some_and(|words| words.is_match(value))
            && self.context.as_ref().is_none_or(|words| words.is_match(it.context))
            && !self.not_after.as_ref().is_some_and(|ending| ending.is_match(it.context));
        counts.then_some(range)
    }

    fn value_range(&self, it: Match<'_>) -> Option<Range<usize>> {
        let whole = it.start..it.end;
        let Some(Some(finder)) = self.values.get(it.pattern) else { return Some(whole) };
        let matched = it.text.get(whole.clone())?;
        let mut groups = finder.create_captures();
        finder.captures(Input::new(matched).anchored(Anchored::Yes), &mut groups);
        Some(match groups.get_group_by_name("value") {
            Some(value) => it.start + value.start..it.start + value.end,
            None => whole,
        })
    }
}

/// Whether a byte is part of a word.
pub(in crate::detect) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn stands_alone(it: Match<'_>) -> bool {
    let is_word_at = |at: usize| it.text.as_bytes().get(at).is_some_and(|byte| is_word(*byte));
    let is_in_word = |at: usize| is_word_at(at) && at.checked_sub(1).is_some_and(is_word_at);
    let bytes = it.text.as_bytes();
    let begins = !is_in_word(it.start) || escapes::end_before(bytes, it.start);
    begins && !escapes::is_letter(bytes, it.start) && !is_in_word(it.end)
}

/// Finds the group `value` in exactly what the pattern has matched.
fn value_finder(pattern: &Hir) -> Result<Option<meta::Regex>, Problem> {
    if !pattern::has_value(pattern) {
        return Ok(None);
    }
    let whole = Hir::concat(vec![pattern.clone(), Hir::look(Look::End)]);
    let config = meta::Config::new().auto_prefilter(false).hybrid(false).dfa(false);
    match meta::Builder::new().configure(config).build_from_hir(&whole) {
        Ok(finder) => Ok(Some(finder)),
        Err(error) => Err(Problem::new(
            format!("the group `value` cannot be compiled: {error}"),
            "give smaller bounds to the pattern's repetitions",
        )),
    }
}

/// Finds what a text must not end with; `None` where it may end with anything.
fn ending(written: &str) -> Result<Option<meta::Regex>, Problem> {
    if written.is_empty() {
        return Ok(None);
    }
    let ending = Hir::concat(vec![pattern::parse(written, View::Text)?, Hir::look(Look::End)]);
    match meta::Builder::new().build_from_hir(&ending) {
        Ok(finder) => Ok(Some(finder)),
        Err(error) => Err(Problem::new(
            format!("`not_after` cannot be compiled: {error}"),
            "give smaller bounds to its repetitions",
        )),
    }
}

fn validator(name: &str) -> Result<validators::Validator, Problem> {
    validators::named(name).ok_or_else(|| {
        let remedy = match closest(name, validators::NAMES.iter().copied()) {
            Some(meant) => format!("write `{meant}`"),
            None => "use one of those that docs/detections.md lists".to_owned(),
        };
        Problem::new(format!("there is no validator `{name}`"), remedy)
    })
}

/// Finds any of the words, whatever the case; `None` where there are none.
fn words(words: &[Box<str>]) -> Result<Option<AhoCorasick>, Problem> {
    if words.is_empty() {
        return Ok(None);
    }
    // The search knows the cases of ASCII alone.
    let cases =
        words.iter().flat_map(|word| [word.to_string(), word.to_lowercase(), word.to_uppercase()]);
    match AhoCorasick::builder().ascii_case_insensitive(true).build(cases) {
        Ok(finder) => Ok(Some(finder)),
        Err(error) => Err(Problem::new(format!("too many words: {error}"), "leave some out")),
    }
}

/// Shannon's entropy of a value, in bits per byte.
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    let mut total = 0.0;
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
        total += 1.0;
    }
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total);
    -shares.map(|share: f64| share * share.log2()).sum::<f64>()
}
