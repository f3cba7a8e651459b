//! Tests of the scanner against a naive one that tries every pattern at every place.

use super::needle::Match;
use super::*;
use crate::detect::CONTEXT_BYTES;
use crate::detect::detections::testing::detections;
use proptest::prelude::*;
use regex_automata::{
    Anchored, Input, MatchKind,
    hybrid::dfa::{Builder, DFA},
    nfa::thompson::Compiler,
};

/// Every pattern alone, at every place of the text: what a rule finds, read off its definition.
fn plainly(needle: &Needle, text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let ends = needle.patterns.iter().map(|pattern| longest(pattern, text, start));
        let ends: Vec<_> = ends.collect();
        let end = ends.iter().flatten().max().copied();
        let pattern = ends.iter().position(|it| *it == end);
        let context = &text.as_bytes()[start.saturating_sub(CONTEXT_BYTES)..start];
        let value = end
            .zip(pattern)
            .and_then(|(end, pattern)| needle.value(Match { text, start, end, pattern, context }));
        match value.and(end) {
            Some(end) => {
                found.push(start..end);
                start = end;
            }
            None => start += 1,
        }
    }
    found
}

fn longest(pattern: &regex_syntax::hir::Hir, text: &str, start: usize) -> Option<usize> {
    let nfa = Compiler::new().build_from_hir(pattern).unwrap();
    let config = DFA::config().match_kind(MatchKind::All);
    let dfa = Builder::new().configure(config).build_from_nfa(nfa).unwrap();
    let input = Input::new(text).range(start..).anchored(Anchored::Yes);
    dfa.try_search_fwd(&mut dfa.create_cache(), &input).unwrap().map(|it| it.offset())
}

fn found(rule: usize, text: &str) -> Vec<Range<usize>> {
    let detections = detections_once();
    let text = Text { text, folded: None, is_end: true };
    let mut found = Vec::new();
    let mut hit = |hit: Hit| {
        if hit.rule == rule && hit.decoded.is_none() {
            found.push(hit.span);
        }
    };
    detections.scanner().advance(&mut Progress::default(), text, &|_| true, &mut hit);
    found.sort_by_key(|range| range.start);
    found
}

fn detections_once() -> &'static crate::detect::Detections {
    static DETECTIONS: std::sync::OnceLock<Arc<crate::detect::Detections>> =
        std::sync::OnceLock::new();
    DETECTIONS.get_or_init(|| detections(""))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn all_patterns_at_once_find_what_each_finds_alone(
        parts in prop::collection::vec(prop_oneof![
            "[a-z@.#é]{1,6}", "[0-9 -]{1,9}", Just("sk-abcdef12".to_owned()), Just("4111 1111 1111 1111".to_owned()),
            Just("a.b@c.org".to_owned()), Just("passport".to_owned()), Just("\n<|user|>\n".to_owned()),
            Just("pwd=hunter2!x".to_owned()), Just("NIGHTJAR".to_owned()), Just(" ".to_owned()),
            Just("#ab€uro".to_owned()), Just("_".to_owned()),
        ], 0..10)
    ) {
        let text = parts.concat();
        for (rule, needle) in detections_once().needles().iter().enumerate() {
            if needle.view == View::Text {
                prop_assert_eq!(found(rule, &text), plainly(needle, &text), "{} in {:?}", rule, text);
            }
        }
    }
}

#[test]
fn what_could_still_match_is_not_settled() {
    let scanner = detections_once().scanner();
    for (text, settled) in
        [("Hello (", 7), ("Hello", 0), ("the a.b@c.org", 4), ("x -----BEG", 2), ("x\n<|sys", 2)]
    {
        let text = Text { text, folded: None, is_end: false };
        let at = scanner.advance(&mut Progress::default(), text, &|_| true, &mut |_| {});
        assert_eq!(at, settled, "{:?}", text.text);
    }
}

#[test]
fn states_are_forgotten_with_their_automaton() {
    let slots = cache::slots();
    let scanner = Scanner::build(&[Arc::new(Needle::marker().unwrap())]).unwrap();
    assert_eq!(cache::slots(), slots + 1);
    drop(scanner);
    let scanner = Scanner::build(&[Arc::new(Needle::marker().unwrap())]).unwrap();
    assert_eq!(cache::slots(), slots + 1);
    drop(scanner);
}
