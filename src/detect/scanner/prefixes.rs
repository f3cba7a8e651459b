//! How matches begin: a quick look that spares most of the text a search.
//!
//! Owns the first bytes that patterns spell out. It must never say no where a match could begin.

use regex_syntax::hir::{Hir, literal::Extractor};

/// So many bytes are looked at.
const LENGTH: usize = 3;

/// A pattern whose matches begin in more ways than this spells nothing out.
const MAX_WAYS: usize = 16 * 1024;

/// A class of more characters than this spells nothing out.
const MAX_CLASS: usize = 64;

/// Bytes are told apart as far as 64 kinds go: letters of either case are one kind.
const KINDS: usize = 64;

const KIND_OF: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte: u8 = 0;
    while byte < u8::MAX {
        byte += 1;
        #[expect(
            clippy::as_conversions,
            clippy::indexing_slicing,
            reason = "a constant: checked when compiled"
        )]
        {
            kinds[byte as usize] = match byte {
                b'a'..=b'z' => byte - b'a',
                b'A'..=b'Z' => byte - b'A',
                b'0'..=b'9' => 26 + (byte - b'0'),
                _ => 36 + byte % 28,
            };
        }
    }
    kinds
};

/// The beginnings of the matches of some patterns.
pub(super) struct Prefixes {
    /// Per kinds of the first and the second byte: the kinds of the third.
    thirds: Vec<u64>,
}

/// How the matches of a pattern begin; `None`: in too many ways, or in too short ones.
pub(super) fn beginnings(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    let found = Extractor::new()
        .limit_literal_len(LENGTH)
        .limit_class(MAX_CLASS)
        .limit_total(MAX_WAYS)
        .extract(pattern);
    let beginnings: Vec<_> =
        found.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    let ways = |beginning: &Vec<u8>| match LENGTH.checked_sub(beginning.len()) {
        None | Some(0) => 1,
        Some(1) => KINDS,
        Some(_) => MAX_WAYS + 1,
    };
    (beginnings.iter().map(ways).sum::<usize>() <= MAX_WAYS).then_some(beginnings)
}

impl Prefixes {
    /// Of patterns of which each has [`beginnings`]; `None` where one has not.
    pub(super) fn of(patterns: &[&Hir]) -> Option<Self> {
        let mut prefixes = Self { thirds: vec![0; KINDS * KINDS] };
        for pattern in patterns {
            for beginning in beginnings(pattern)? {
                let (pair, rest) = beginning.split_first_chunk()?;
                let thirds = rest.first().map_or(u64::MAX, |third| bit(*third));
                *prefixes.thirds.get_mut(place(*pair))? |= thirds;
            }
        }
        Some(prefixes)
    }

    /// Whether a match could begin here. Where the text goes on too shortly to tell, it could.
    #[inline]
    pub(super) fn may_begin(&self, bytes: &[u8], start: usize) -> bool {
        let Some([first, second, third]) = bytes.get(start..).and_then(<[u8]>::first_chunk) else {
            return true;
        };
        self.thirds.get(place([*first, *second])).is_some_and(|thirds| thirds & bit(*third) != 0)
    }
}

#[inline]
fn place([first, second]: [u8; 2]) -> usize {
    usize::from(kind(first)) * KINDS + usize::from(kind(second))
}

#[inline]
fn bit(third: u8) -> u64 {
    1 << kind(third)
}

#[inline]
fn kind(byte: u8) -> u8 {
    KIND_OF.get(usize::from(byte)).copied().unwrap_or_default()
}
