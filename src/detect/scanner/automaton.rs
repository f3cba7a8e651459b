//! One automaton for many patterns, and how far it has come in a text.
//!
//! Owns the search: at each place where a match may begin, all patterns are tried at once, until
//! none can match any more. It must never skip a place where one could.

use super::{cache, cache::Slot, escapes, needle::is_word, pattern::Problem, prefixes::Prefixes};
use regex_automata::{
    Anchored, MatchKind,
    hybrid::{
        LazyStateID,
        dfa::{Builder, DFA},
    },
    nfa::thompson::{Compiler, Config, WhichCaptures},
    util::start,
};
use regex_syntax::hir::Hir;
use std::{mem, sync::Arc};

/// Room for lazily built states, per thread; when it is full they are built anew.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// A byte that is part of a word.
const WORD: u8 = 1;
/// A byte with which a match may begin.
const START: u8 = 2;

/// The patterns of several rules as one automaton.
pub(super) struct Automaton {
    dfa: Arc<DFA>,
    /// Per byte: [`WORD`] and [`START`].
    bytes: [u8; 256],
    /// One byte of each class of bytes that all patterns treat alike.
    representatives: Vec<u8>,
    /// How matches begin, where the patterns spell it out.
    prefixes: Option<Prefixes>,
    /// Whether matches begin only where a word may.
    at_words: bool,
}

/// Where the longest match of a pattern ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) pattern: usize,
    pub(super) at: usize,
}

/// How far an automaton has come in a text.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Where the next match may begin.
    next: usize,
    /// Where one may have begun that has not ended, in the order of the text.
    runs: Vec<Run>,
}

/// A place where a match may have begun.
#[derive(Debug)]
struct Run {
    start: usize,
    /// How far it was read.
    at: usize,
    /// From where it goes on.
    state: cache::Saved,
    ends: Vec<End>,
}

impl Sweep {
    /// Everything before is decided.
    pub(super) fn settled(&self) -> usize {
        self.runs.first().map_or(self.next, |run| run.start)
    }

    /// The text has lost its first `bytes` bytes.
    pub(super) fn shift(&mut self, bytes: usize) {
        self.next = self.next.saturating_sub(bytes);
        for run in &mut self.runs {
            run.start -= bytes;
            run.at -= bytes;
            run.ends.iter_mut().for_each(|end| end.at -= bytes);
        }
    }
}

impl Automaton {
    pub(super) fn build(patterns: &[&Hir], at_words: bool) -> Result<Self, Problem> {
        let too_big = |error: &dyn std::fmt::Display| {
            Problem::new(
                format!("the rules together cannot be compiled: {error}"),
                "give smaller bounds to the repetitions in their patterns",
            )
        };
        let nfa = Compiler::new()
            .configure(Config::new().which_captures(WhichCaptures::None))
            .build_many_from_hir(patterns)
            .map_err(|error| too_big(&error))?;
        // Its cache may be cleared as often as needed, so that no search ever fails.
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true);
        let dfa = Builder::new()
            .configure(config)
            .build_from_nfa(nfa)
            .map_err(|error| too_big(&error))?;
        let representatives = dfa
            .byte_classes()
            .representatives(0..=u8::MAX)
            .filter_map(|unit| unit.as_u8())
            .collect();
        let prefixes = Prefixes::of(patterns);
        let dfa = Arc::new(dfa);
        let mut automaton = Self { dfa, bytes: [0; 256], representatives, prefixes, at_words };
        automaton.learn_bytes();
        Ok(automaton)
    }

    /// Goes on to the end of the text. `found` is told where a match has begun and where each pattern's
    /// longest one ends, in any order; those that begin before what is settled are complete.
    pub(super) fn sweep(
        &self,
        sweep: &mut Sweep,
        text: &str,
        is_end: bool,
        found: &mut impl FnMut(usize, &[End]),
    ) {
        if sweep.next == text.len() && sweep.runs.is_empty() {
            return;
        }
        let bytes = text.as_bytes();
        cache::with(&self.dfa, |slot| {
            sweep.runs.retain_mut(|run| {
                let goes_on = self.resume(slot, run, bytes, is_end);
                if !goes_on {
                    found(run.start, &run.ends);
                }
                goes_on
            });
            self.begin(slot, sweep, bytes, is_end, found);
        });
    }

    /// Tries every place from where the last sweep ended.
    fn begin(
        &self,
        slot: &mut Slot,
        sweep: &mut Sweep,
        bytes: &[u8],
        is_end: bool,
        found: &mut impl FnMut(usize, &[End]),
    ) {
        let first = sweep.next;
        let mut before = first.checked_sub(1).and_then(|at| bytes.get(at)).copied();
        let mut ends = Vec::new();
        // Seldom; it is looked at closely only then.
        let has_escapes = self.at_words && memchr::memchr(b'\\', bytes).is_some();
        for (start, &byte) in (first..).zip(bytes.get(first..).unwrap_or_default()) {
            let after = before.replace(byte);
            let mut may_begin = self.may_begin(after, byte);
            if has_escapes && self.kind(byte) & START != 0 {
                may_begin |= escapes::end_before(bytes, start);
                may_begin &= !escapes::is_letter(bytes, start);
            }
            if !may_begin || !self.begins_well(bytes, start) {
                continue;
            }
            let state = self
                .start(slot, after)
                .and_then(|state| self.read(slot, state, bytes, start, &mut ends))
                .and_then(|state| self.pause(slot, state, bytes.len(), is_end, &mut ends));
            if let Some(state) = state {
                let ends = mem::take(&mut ends);
                sweep.runs.push(Run { start, at: bytes.len(), state, ends });
            } else if !ends.is_empty() {
                found(start, &ends);
                ends.clear();
            }
        }
        sweep.next = bytes.len();
    }

    /// Whether the run goes on behind the bytes.
    fn resume(&self, slot: &mut Slot, run: &mut Run, bytes: &[u8], is_end: bool) -> bool {
        let state = slot.restore(run.state).or_else(|| {
            run.ends.clear();
            run.at = run.start;
            let before = run.start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
            self.start(slot, before)
        });
        let state = state
            .and_then(|state| self.read(slot, state, bytes, run.at, &mut run.ends))
            .and_then(|state| self.pause(slot, state, bytes.len(), is_end, &mut run.ends));
        run.at = bytes.len();
        run.state = state.unwrap_or(run.state);
        state.is_some()
    }

    fn start(&self, slot: &mut Slot, before: Option<u8>) -> Option<LazyStateID> {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        self.dfa.start_state(&mut slot.cache, &config).ok()
    }

    /// Reads to the end of the bytes; `None`: nothing can match any more.
    fn read(
        &self,
        slot: &mut Slot,
        mut state: LazyStateID,
        bytes: &[u8],
        from: usize,
        ends: &mut Vec<End>,
    ) -> Option<LazyStateID> {
        for (at, &byte) in (from..).zip(bytes.get(from..)?) {
            state = self.dfa.next_state(&mut slot.cache, state, byte).ok()?;
            if state.is_tagged() {
                if !state.is_match() {
                    return None;
                }
                self.note(slot, state, at, ends);
            }
        }
        Some(state)
    }

    /// Where more may come, keeps the state; else the text ends here.
    fn pause(
        &self,
        slot: &mut Slot,
        state: LazyStateID,
        at: usize,
        is_end: bool,
        ends: &mut Vec<End>,
    ) -> Option<cache::Saved> {
        if is_end {
            let state = self.dfa.next_eoi_state(&mut slot.cache, state).ok()?;
            if state.is_match() {
                self.note(slot, state, at, ends);
            }
            return None;
        }
        (!self.is_spent(slot, state)).then(|| slot.save(state))
    }

    /// A match is known one byte late: its state may have nothing left to wait for.
    fn is_spent(&self, slot: &mut Slot, state: LazyStateID) -> bool {
        state.is_match() && self.representatives.iter().all(|byte| self.is_end(slot, state, *byte))
    }

    /// Whether nothing can match any more behind this byte.
    fn is_end(&self, slot: &mut Slot, state: LazyStateID, byte: u8) -> bool {
        self.dfa.next_state(&mut slot.cache, state, byte).is_ok_and(|next| next.is_dead())
    }

    fn note(&self, slot: &Slot, state: LazyStateID, at: usize, ends: &mut Vec<End>) {
        for index in 0..self.dfa.match_len(&slot.cache, state) {
            let pattern = self.dfa.match_pattern(&slot.cache, state, index).as_usize();
            match ends.iter_mut().find(|end| end.pattern == pattern) {
                Some(end) => end.at = at,
                None => ends.push(End { pattern, at }),
            }
        }
    }

    fn may_begin(&self, before: Option<u8>, byte: u8) -> bool {
        let kind = self.kind(byte);
        kind & START != 0
            && !(self.at_words
                && kind & WORD != 0
                && before.is_some_and(|before| self.kind(before) & WORD != 0))
    }

    fn begins_well(&self, bytes: &[u8], start: usize) -> bool {
        self.prefixes.as_ref().is_none_or(|prefixes| prefixes.may_begin(bytes, start))
    }

    fn kind(&self, byte: u8) -> u8 {
        self.bytes.get(usize::from(byte)).copied().unwrap_or_default()
    }

    fn learn_bytes(&mut self) {
        // One of each kind that an assertion in front of a pattern tells apart.
        let befores = [None, Some(b'\n'), Some(b'\r'), Some(b' '), Some(b'a')];
        let mut bytes = [0; 256];
        cache::with(&Arc::clone(&self.dfa), |slot| {
            for (byte, kind) in (0..=u8::MAX).zip(&mut bytes) {
                let begins = befores.iter().any(|before| {
                    let state = self.start(slot, *before);
                    state.is_some_and(|state| !self.is_end(slot, state, byte))
                });
                *kind = if begins { START } else { 0 } | if is_word(byte) { WORD } else { 0 };
            }
        });
        self.bytes = bytes;
    }
}
