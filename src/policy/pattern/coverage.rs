//! Whether one pattern covers another: every name that fits the one fits the other.
//!
//! Owns an exact answer, byte by byte, over all texts of any length. It must never say yes without having looked at
//! everything: where that would take too long, the answer is no.

use super::{Pattern, Piece};
use std::collections::{BTreeSet, HashSet};

/// How much work may still be done, in places of patterns looked at.
#[derive(Debug)]
pub(in crate::policy) struct Effort(pub(in crate::policy) usize);

impl Effort {
    /// Takes so much of it. `false`: that much was not left, and now nothing is.
    pub(in crate::policy) fn spend(&mut self, cost: usize) -> bool {
        let left = self.0.checked_sub(cost);
        self.0 = left.unwrap_or_default();
        left.is_some()
    }
}

/// As many steps of finding a name in a pattern take as long as one place of the exact answer.
const STEPS_PER_PLACE: usize = 256;

/// A pattern as a machine that reads a name byte by byte and may stand at several places at once.
struct Machine {
    places: Vec<Place>,
    negated: bool,
}

enum Place {
    /// This byte, then the next place.
    Byte(u8),
    /// Any byte, then the next place.
    AnyByte,
    /// Any byte, and here again; or the next place.
    AnyBytes,
    /// One of these places.
    OneOf(Vec<usize>),
    /// That place.
    GoTo(usize),
    End,
}

/// Where a machine stands, sorted; only places that read a byte, and the end.
type Stand = Vec<usize>;

impl Pattern {
    /// Whether every text that fits `inner` fits this pattern. No, also where `effort` does not suffice to find out.
    pub(in crate::policy) fn covers(&self, inner: &Self, effort: &mut Effort) -> bool {
        let steps = self.text.len().saturating_mul(inner.text.len());
        if !effort.spend(1 + steps / STEPS_PER_PLACE) {
            return false;
        }
        if self == inner {
            return true;
        }
        if inner.sample().is_some_and(|name| !self.matches(&name))
            || !effort.spend(self.text.len() + inner.text.len())
        {
            return false;
        }
        let (outer, inner) = (Machine::of(self), Machine::of(inner));
        let mut seen: HashSet<(Stand, Stand)> = HashSet::new();
        let mut waiting = vec![(inner.start(), outer.start())];
        while let Some(stands) = waiting.pop() {
            let (inside, outside) = &stands;
            let is_witness = inner.fits(inside) && !outer.fits(outside);
            let cost = inside.len() + outside.len() + 1;
            if is_witness || !effort.spend(cost) {
                return false;
            }
            if seen.contains(&stands) || inner.is_lost(inside) {
                continue;
            }
            for letter in letters(&[(&inner, inside), (&outer, outside)]) {
                if !effort.spend(cost) {
                    return false;
                }
                waiting.push((inner.after(inside, letter), outer.after(outside, letter)));
            }
            seen.insert(stands);
        }
        true
    }

    /// Whether no text fits, for certain.
    pub(in crate::policy) fn fits_nothing(&self, effort: &mut Effort) -> bool {
        Self::nothing().covers(self, effort)
    }

    /// A name that fits, where one is easily found.
    fn sample(&self) -> Option<String> {
        let mut name = Vec::new();
        shortest(&self.pieces, &mut name);
        let name = String::from_utf8(name).ok();
        name.filter(|name| self.matches(name))
    }
}

/// The name with every group's first alternative and as few other bytes as can be.
fn shortest(pieces: &[Piece], name: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => name.extend_from_slice(literal),
            Piece::OneByte => name.push(b'~'),
            Piece::AnyBytes => {}
            Piece::OneOf(branches) => {
                branches.first().into_iter().for_each(|branch| shortest(branch, name));
            }
        }
    }
}

/// The bytes that the places ask for, and `None` for all others: these lead to the same places.
fn letters(stands: &[(&Machine, &Stand)]) -> BTreeSet<Option<u8>> {
    let asked = stands.iter().flat_map(|(machine, stand)| {
        stand.iter().filter_map(|place| match machine.places.get(*place) {
            Some(Place::Byte(byte)) => Some(Some(*byte)),
            _ => None,
        })
    });
    // Some byte is no letter of any pattern: UTF-8 never holds 0xff.
    asked.chain([None]).collect()
}

impl Machine {
    fn of(pattern: &Pattern) -> Self {
        let mut machine = Self { places: Vec::new(), negated: pattern.negated };
        machine.add(&pattern.pieces);
        machine.places.push(Place::End);
        machine
    }

    fn add(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => {
                    self.places.extend(literal.iter().map(|byte| Place::Byte(*byte)));
                }
                Piece::OneByte => self.places.push(Place::AnyByte),
                Piece::AnyBytes => self.places.push(Place::AnyBytes),
                Piece::OneOf(branches) => self.add_branches(branches),
            }
        }
    }

    fn add_branches(&mut self, branches: &[Vec<Piece>]) {
        let fork = self.places.len();
        self.places.push(Place::OneOf(Vec::new()));
        let mut starts = Vec::new();
        let mut ends = Vec::new();
        for branch in branches {
            starts.push(self.places.len());
            self.add(branch);
            ends.push(self.places.len());
            self.places.push(Place::GoTo(0));
        }
        let behind = self.places.len();
        for end in ends {
            self.set(end, Place::GoTo(behind));
        }
        self.set(fork, Place::OneOf(starts));
    }

    fn set(&mut self, at: usize, place: Place) {
        if let Some(old) = self.places.get_mut(at) {
            *old = place;
        }
    }

    fn start(&self) -> Stand {
        self.settle(vec![0])
    }

    /// Where the machine stands after one more byte; `None` is a byte that no pattern names.
    fn after(&self, stand: &Stand, letter: Option<u8>) -> Stand {
        let moves = stand.iter().filter_map(|&place| match self.places.get(place) {
            Some(Place::Byte(byte)) => (Some(*byte) == letter).then_some(place + 1),
            Some(Place::AnyByte) => Some(place + 1),
            Some(Place::AnyBytes) => Some(place),
            _ => None,
        });
        self.settle(moves.collect())
    }

    /// All places that are reached without reading a byte.
    fn settle(&self, mut waiting: Vec<usize>) -> Stand {
        let mut visited = BTreeSet::new();
        while let Some(place) = waiting.pop() {
            if !visited.insert(place) {
                continue;
            }
            match self.places.get(place) {
                Some(Place::AnyBytes) => waiting.push(place + 1),
                Some(Place::OneOf(starts)) => waiting.extend(starts),
                Some(Place::GoTo(behind)) => waiting.push(*behind),
                _ => {}
            }
        }
        let reads = |place: &usize| {
            !matches!(self.places.get(*place), Some(Place::OneOf(_) | Place::GoTo(_)))
        };
        visited.into_iter().filter(reads).collect()
    }

    fn fits(&self, stand: &Stand) -> bool {
        let is_at_end = stand.last().is_some_and(|place| place + 1 == self.places.len());
        is_at_end != self.negated
    }

    /// Whether nothing that begins so can fit any more.
    fn is_lost(&self, stand: &Stand) -> bool {
        stand.is_empty() && !self.negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLENTY: usize = 1_000_000;

    fn covers(outer: &str, inner: &str) -> bool {
        let read = |text| Pattern::parse(text).unwrap();
        read(outer).covers(&read(inner), &mut Effort(PLENTY))
    }

    #[test]
    fn a_pattern_covers_what_it_says_more_of() {
        for (outer, inner) in [
            ("*", "gpt-4o*"),
            ("*", "!gpt-4o"),
            ("gpt-*", "gpt-4o*"),
            ("gpt-*", "gpt-(4|5)*-mini"),
            ("(o1|o3|o4)*", "o3-mini"),
            ("(o|gpt-)*", "(o1|o3|gpt-4)*"),
            ("gpt-(4o|4.1)", "gpt-4(o|.1)"),
            ("gpt-4(o|.1)", "gpt-(4o|4.1)"),
            ("!(gpt-4o|o3)", "gpt-4o-mini"),
            ("!gpt-4o", "!gpt-4*"),
            ("!gpt-5*", "gpt-4*"),
            ("?*", "??"),
            ("*a*", "b*a?"),
        ] {
            assert!(covers(outer, inner), "{outer} covers {inner}");
        }
        for (outer, inner) in [
            ("gpt-4o*", "gpt-*"),
            ("gpt-4o", "gpt-4o*"),
            ("gpt-4o", "gpt-4?"),
            ("o?", "o*"),
            ("gpt-*", "!gpt-4o"),
            ("!gpt-4*", "!gpt-4o"),
            ("!(gpt-4o|o3)", "gpt-4*"),
            ("(a|b)*c", "(a|b)*"),
        ] {
            assert!(!covers(outer, inner), "{outer} does not cover {inner}");
        }
    }

    #[test]
    fn what_nothing_fits_is_known() {
        let nothing = |text| Pattern::parse(text).unwrap().fits_nothing(&mut Effort(PLENTY));
        assert!(nothing("!*") && nothing("!(*|gpt-4o)") && nothing("!(|?*)"));
        assert!(!nothing("gpt-4o") && !nothing("!?*") && !nothing("!gpt-*"));
    }

    #[test]
    fn where_the_effort_ends_the_answer_is_no() {
        let read = |text: &str| Pattern::parse(text).unwrap();
        let mut effort = Effort(20);
        assert!(!read("gpt-4(o|.1)*").covers(&read("gpt-(4o|4.1)*"), &mut effort));
        // Both are the same for `a`s and `b`s, but knowing it takes two to the power of twelve places.
        let far = format!("(a|b)*a{}", "(a|b)".repeat(12));
        let mut effort = Effort(20_000);
        let _either_is_fine = read(&format!("({far})")).covers(&read(&far), &mut effort);
    }

    fn pattern() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec!["a", "b", "ab", "?", "*", "(a|b)", "(|a)", "(a*|b)"]);
        let words = prop::collection::vec(word, 1..4).prop_map(|words| words.concat());
        (any::<bool>(), words).prop_map(
            |(negated, words)| {
                if negated { format!("!{words}") } else { words }
            },
        )
    }

    /// All names of at most six letters.
    fn names() -> Vec<String> {
        let mut names = vec![String::new()];
        let mut longest = names.clone();
        for _ in 0..6 {
            longest = longest
                .iter()
                .flat_map(|name| ["a", "b", "c"].map(|letter| format!("{name}{letter}")))
                .collect();
            names.extend(longest.iter().cloned());
        }
        names
    }

    proptest! {
        #[test]
        fn coverage_is_what_trying_all_short_names_says(outer in pattern(), inner in pattern()) {
            let (broad, narrow) = (Pattern::parse(&outer).unwrap(), Pattern::parse(&inner).unwrap());
            let found = broad.covers(&narrow, &mut Effort(PLENTY));
            let tried = names().iter().all(|name| !narrow.matches(name) || broad.matches(name));
            prop_assert_eq!(found, tried, "{} covers {}", outer, inner);
        }
    }
}
