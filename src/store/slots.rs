//! How long calls took, kept so that percentiles can be told: how many of them fell into each of some 450 slots.
//!
//! Owns the slots and how they are written down; it is pure. A slot is at most as wide as a tenth of where it begins, so
//! that its middle differs from whatever is in it by 5 % at most. Up to 20 each number has a slot of its own.
//!
//! Written down are two letters for a slot, and how many fell into it unless it is one: `aqcp12cq3`.

use std::{fmt, iter::successors, sync::LazyLock};

/// Where each slot begins; it ends where the next begins. The last goes on to the end of numbers.
static BEGINS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    successors(Some(0_u64), |begin| begin.checked_add((begin / 10).max(1))).collect()
});

const LETTERS: u8 = 26;

/// How many values fell into each slot, up to the highest that has any.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Slots(Vec<u64>);

impl Slots {
    /// Reads what was written down; `None` for anything else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut slots = Self::default();
        slots.add_written(text)?;
        Some(slots)
    }

    /// Counts what was written down; `None` for anything else, of which a part may have been counted.
    pub(super) fn add_written(&mut self, text: &str) -> Option<()> {
        let mut bytes = text.bytes().peekable();
        while let Some(first) = bytes.next() {
            let slot = number(first)? * usize::from(LETTERS) + number(bytes.next()?)?;
            BEGINS.get(slot)?;
            let mut times = None;
            while let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
                let tens = times.unwrap_or(0_u64).checked_mul(10)?;
                times = Some(tens.checked_add(u64::from(digit - b'0'))?);
            }
            self.add_times(slot, times.unwrap_or(1));
        }
        Some(())
    }

    /// Counts one value.
    pub(super) fn add(&mut self, value: u64) {
        self.add_times(BEGINS.partition_point(|begin| *begin <= value) - 1, 1);
    }

    /// Counts what the other has counted.
    pub(super) fn add_all(&mut self, other: &Self) {
        for (slot, times) in other.0.iter().enumerate() {
            self.add_times(slot, *times);
        }
    }

    /// What so many of a hundred values do not exceed, to within 5 %; `None` when there are no values.
    pub(super) fn percentile(&self, percent: u8) -> Option<u64> {
        let all: u128 = self.0.iter().map(|times| u128::from(*times)).sum();
        let wanted = (all * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let slot = self.0.iter().position(|times| {
            seen += u128::from(*times);
            seen >= wanted
        })?;
        let begin = BEGINS.get(slot)?;
        let last = BEGINS.get(slot + 1).map_or(u64::MAX, |next| next - 1);
        Some(begin + (last - begin) / 2)
    }

    fn add_times(&mut self, slot: usize, times: u64) {
        if times > 0 && self.0.len() <= slot {
            self.0.resize(slot + 1, 0);
        }
        if let Some(sum) = self.0.get_mut(slot) {
            *sum = sum.saturating_add(times);
        }
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let letters = usize::from(LETTERS);
        for (slot, times) in self.0.iter().enumerate().filter(|(_, times)| **times > 0) {
            f.write_char(letter(slot / letters))?;
            f.write_char(letter(slot % letters))?;
            if *times > 1 {
                times.fmt(f)?;
            }
        }
        Ok(())
    }
}

/// `a` for 0.
fn letter(number: usize) -> char {
    u8::try_from(number).map_or('?', |number| char::from(b'a' + number.min(LETTERS)))
}

fn number(letter: u8) -> Option<usize> {
    letter.is_ascii_lowercase().then(|| usize::from(letter - b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Slots {
        let mut slots = Slots::default();
        values.iter().for_each(|value| slots.add(*value));
        slots
    }

    /// Numbers of every size.
    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = (any::<u64>(), 0_u32..64).prop_map(|(bits, shift)| bits >> shift);
        prop::collection::vec(value, 1..200)
    }

    proptest! {
        #[test]
        fn a_percentile_is_within_five_percent_of_the_exact_one(mut sample in values(), percent in 1_u8..=100) {
            let told = of(&sample).percentile(percent).unwrap();
            sample.sort_unstable();
            let exact = sample[(sample.len() * usize::from(percent)).div_ceil(100) - 1];
            prop_assert!(u128::from(told.abs_diff(exact)) * 20 <= u128::from(exact), "{told} for {exact}");
        }

        #[test]
        fn what_is_written_down_is_read_again_and_added_to(one in values(), other in values()) {
            let both = of(&[one.clone(), other.clone()].concat());
            let (one, other) = (of(&one), of(&other));
            let mut read = Slots::read(&one.to_string()).unwrap();
            prop_assert_eq!(&read, &one);
            read.add_written(&other.to_string()).unwrap();
            prop_assert_eq!(&read, &both);
            let mut added = one;
            added.add_all(&other);
            prop_assert_eq!(added, both);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*|[a-z]{2}[0-9]*([a-z]{2}[0-9]*)*") {
            if let Some(slots) = Slots::read(&text) {
                prop_assert_eq!(Slots::read(&slots.to_string()), Some(slots));
            }
        }
    }

    #[test]
    fn small_numbers_are_told_exactly_and_great_ones_have_a_slot_too() {
        for value in 0..20 {
            assert_eq!(of(&[value]).percentile(50), Some(value));
        }
        assert_eq!(of(&[0, u64::MAX]).to_string().len(), 4);
        assert!(BEGINS.len() < usize::from(LETTERS) * usize::from(LETTERS), "two letters suffice");
    }

    #[test]
    fn what_is_written_down_stays_short_and_the_same() {
        assert_eq!(of(&[]).to_string(), "");
        assert_eq!(of(&[0, 0, 0, 16, 1_500, 1_500]).to_string(), "aa3aqcp2");
        assert_eq!(Slots::default().percentile(50), None);
        for wrong in ["a", "3", "a3", "AB", "aa-1", "zz", "aa99999999999999999999", "aa 3", "äb"] {
            assert_eq!(Slots::read(wrong), None, "{wrong}");
        }
    }
}
