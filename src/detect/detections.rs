//! One version of the rules, compiled.
//!
//! Owns everything that the rules of a version share: automata, labels, the key of the HMACs and the
//! profiles made so far. It must never change what it says: a new version is another one.

use super::{
    Audience, Override, Profile, Rule, RuleFile, Selector,
    fold::Folded,
    profile::{Surfaces, resolve},
    scanner::{MARKER_RULE, Needle, Problem, Progress, Scanner, Text},
    tally::{Digest, Group},
};
use crate::types::{Action, Lifecycle, Sensitive, TextSurface};
use aws_lc_rs::hmac;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// What makes equal values recognisable without showing them.
pub struct CorrelationKey(Sensitive<[u8; 32]>);

/// An example of a rule that is not judged as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailedExample {
    /// Which rule, from 0.
    pub rule: usize,
    /// The line of the file where the rule begins.
    pub line: u32,
    /// Whether it is one of `matches`, else of `clean`.
    pub expected_match: bool,
    /// Which of them, from 0.
    pub example_index: usize,
}

/// One version of the rules, compiled. Immutable.
pub struct Detections {
    version: Arc<str>,
    template: &'static str,
    rules: Vec<Arc<Rule>>,
    surfaces: Vec<Surfaces>,
    needles: Vec<Arc<Needle>>,
    marker: Arc<Needle>,
    scanner: Arc<Scanner>,
    /// Each with the rules that it means.
    overrides: Vec<(Override, Box<[bool]>)>,
    key: Option<hmac::Key>,
    profiles: Interned<[Box<[Action]>; 2], Profile>,
    scanners: Interned<Vec<usize>, Scanner>,
}

/// What was made and is still in use, by what it was made of.
type Interned<K, V> = Mutex<HashMap<K, Weak<V>>>;

/// A rule's line, what is wrong with it, and what to do about it.
type Wrong = (u32, String, String);

impl CorrelationKey {
    /// Wraps a key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(Sensitive::new(key))
    }
}

impl Detections {
    /// Compiles the rules; an error names the rule's line, what is wrong and what to do about it.
    pub fn build(
        file: RuleFile,
        key: Option<CorrelationKey>,
    ) -> Result<Self, Vec<(u32, String, String)>> {
        let (needles, wrong) = compile(&file.rules);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let of_all = |problem: Problem| vec![(1, problem.reason, problem.remedy)];
        let marker = Arc::new(Needle::marker().map_err(of_all)?);
        let all: Vec<_> = needles.iter().chain([&marker]).map(Arc::clone).collect();
        let scanner = Arc::new(Scanner::build(&all).map_err(of_all)?);
        let rules: Vec<_> = file.rules.into_iter().map(Arc::new).collect();
        let overrides = file.overrides.into_iter().map(|it| {
            let meant = meant(&rules, &it.rules);
            (it, meant)
        });
        Ok(Self {
            version: file.version,
            template: file.template,
            surfaces: rules.iter().map(|rule| Surfaces::of(rule)).collect(),
            needles,
            marker,
            scanner,
            overrides: overrides.collect(),
            key: key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.0.expose())),
            profiles: Mutex::default(),
            scanners: Mutex::default(),
            rules,
        })
    }

    /// Names this version.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The template that the file names.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// The overrides that mean a rule, the template's among them, in their order.
    pub fn overrides_of(&self, rule: usize) -> impl Iterator<Item = &Override> + Clone {
        let is_meant = move |meant: &[bool]| meant.get(rule).copied().unwrap_or_default();
        self.overrides.iter().filter(move |(_, meant)| is_meant(meant)).map(|(it, _)| it)
    }

    /// The longest text that a rule can match, in bytes of its view.
    pub fn longest_match(&self, rule: usize) -> Option<usize> {
        self.needles.get(rule)?.longest()
    }

    /// What the rules do for one caller. The first time for a new set of actions it takes milliseconds;
    /// whoever asks keeps it.
    pub fn profile(self: &Arc<Self>, audience: &Audience<'_>) -> Arc<Profile> {
        let mut enabled = meant(&self.rules, audience.detectors);
        // None named means all; and selectors that select nothing any more do not switch everything off.
        if !enabled.contains(&true) {
            enabled.fill(true);
        }
        let actions =
            |lifecycle| resolve(&self.rules, &self.overrides, audience, &enabled, lifecycle);
        let actions = [actions(Lifecycle::Ingress), actions(Lifecycle::Egress)];
        let profile = intern(&self.profiles, actions, |actions| {
            Arc::new(Profile::new(Arc::clone(self), actions.clone()))
        });
        // Answers are what comes in pieces; better now than at the first piece.
        if profile.acts(Lifecycle::Egress) {
            profile.acting_scanner(Lifecycle::Egress);
        }
        profile
    }

    /// Runs each rule's own examples: those that are not judged as they should be.
    pub fn failed_examples(&self) -> Vec<FailedExample> {
        let mut failed = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            for (expected_match, examples) in [(true, &rule.matches), (false, &rule.clean)] {
                for (example_index, example) in examples.iter().enumerate() {
                    if self.finds(index, example) != expected_match {
                        let line = rule.line;
                        failed.push(FailedExample {
                            rule: index,
                            line,
                            expected_match,
                            example_index,
                        });
                    }
                }
            }
        }
        failed
    }

    /// Searches for all rules.
    pub(super) fn scanner(&self) -> &Arc<Scanner> {
        &self.scanner
    }

    #[cfg(test)]
    pub(super) fn needles(&self) -> &[Arc<Needle>] {
        &self.needles
    }

    /// Searches for some rules.
    pub(super) fn scanner_of(&self, rules: Vec<usize>) -> Arc<Scanner> {
        intern(&self.scanners, rules, |rules| {
            let needles = rules.iter().filter_map(|rule| self.needles.get(*rule));
            let needles: Vec<_> = needles.chain([&self.marker]).map(Arc::clone).collect();
            // What can be compiled together with others can be compiled without them.
            Scanner::build(&needles).map_or_else(|_| Arc::clone(&self.scanner), Arc::new)
        })
    }

    /// Whether a rule is searched for on a surface.
    pub(super) fn searches(&self, rule: usize, surface: TextSurface) -> bool {
        self.surfaces.get(rule).is_some_and(|surfaces| surfaces.has(surface))
    }

    /// What stands where a rule has redacted.
    pub(super) fn label(&self, rule: usize) -> String {
        let kind = self.rules.get(rule).map(|rule| &*rule.kind).unwrap_or_default();
        format!("[REDACTED:{kind}]")
    }

    /// One finding of a rule, to be counted.
    pub(super) fn group(
        &self,
        rule: usize,
        value: &str,
        (lifecycle, surface): (Lifecycle, TextSurface),
        action: Action,
    ) -> Option<Group> {
        let rule = Arc::clone(self.rules.get(rule)?);
        let digest = self.digest(&rule.kind, value);
        Some(Group { rule, lifecycle, surface, action, digest, count: 1 })
    }

    fn digest(&self, kind: &str, value: &str) -> Option<Digest> {
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        context.sign().as_ref().first_chunk().copied()
    }

    fn finds(&self, rule: usize, example: &str) -> bool {
        let folded = Folded::of(example, false);
        let text = Text { text: example, folded: Some(&folded), is_end: true };
        let mut is_found = false;
        let wanted = |it| it == rule;
        self.scanner.advance(&mut Progress::default(), text, &wanted, &mut |hit| {
            is_found |= hit.rule != MARKER_RULE;
        });
        is_found
    }
}

fn compile(rules: &[Rule]) -> (Vec<Arc<Needle>>, Vec<Wrong>) {
    let mut needles = Vec::with_capacity(rules.len());
    let mut wrong = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        match Needle::build(index, rule) {
            Ok(needle) => needles.push(Arc::new(needle)),
            Err(problem) => wrong.push((rule.line, problem.reason, problem.remedy)),
        }
    }
    (needles, wrong)
}

/// For each rule whether a selector means it. Selectors were read before; one that cannot be read
/// means none.
fn meant(rules: &[Arc<Rule>], selectors: &[Box<str>]) -> Box<[bool]> {
    let selectors: Vec<_> =
        selectors.iter().filter_map(|selector| Selector::parse(selector).ok()).collect();
    rules.iter().map(|rule| selectors.iter().any(|selector| selector.selects(rule))).collect()
}

fn intern<K: Clone + Eq + std::hash::Hash, V>(
    interned: &Interned<K, V>,
    key: K,
    make: impl FnOnce(&K) -> Arc<V>,
) -> Arc<V> {
    let known = || interned.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known().get(&key).and_then(Weak::upgrade) {
        return known;
    }
    // Nobody waits meanwhile: two may make the same, and one is kept.
    let made = make(&key);
    let mut interned = known();
    if let Some(known) = interned.get(&key).and_then(Weak::upgrade) {
        return known;
    }
    interned.retain(|_, it| it.strong_count() > 0);
    interned.insert(key, Arc::downgrade(&made));
    made
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
