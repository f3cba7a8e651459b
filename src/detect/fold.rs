//! The folded form of a text, in which tricks of writing are undone, and the way back to the original.
//!
//! Owns what folding means: compatibility forms (fullwidth, mathematical, circled), accents, case,
//! look-alike letters, typographic marks and spacing are made equal; what is invisible is left out,
//! and ASCII hidden in invisible characters is written out. It must never look further than at one
//! character and whether a space stands before it, so that a text may come in pieces.

mod glyphs;
mod lookalikes;

use glyphs::Glyph;
use std::ops::Range;
use unicode_normalization::char::decompose_compatible;

/// A folded text with the way back.
///
/// Spaces, controls, `_`, `*` and backticks become one space together, so that emphasis and names in
/// code read as words. Letters of other scripts that look like Latin ones become those, always: a
/// pattern is brought into the same form by [`pattern`].
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) text: String,
    /// Where the way back changes; empty where it is the same text but for ASCII case.
    pieces: Vec<Piece>,
}

/// A stretch of units that are all alike: each is `from` bytes of the source and `to` bytes folded.
#[derive(Clone, Copy, Debug)]
struct Piece {
    folded: u32,
    source: u32,
    from: u8,
    to: u8,
}

impl Piece {
    const START: Self = Self { folded: 0, source: 0, from: 1, to: 1 };

    /// Where in the source the unit begins that `folded` stands in (or that ends there, rounded up).
    fn source_of(&self, folded: usize, round_up: bool) -> usize {
        let (from, to) = (usize::from(self.from), usize::from(self.to));
        let offset = folded.saturating_sub(wide(self.folded));
        let units = if round_up { offset.div_ceil(to) } else { offset / to };
        wide(self.source) + units * from
    }
}

impl Folded {
    /// Folds a text; `after_space` where the text before it ended in a (folded) space.
    pub(super) fn of(text: &str, after_space: bool) -> Self {
        let mut folded = Self::default();
        folded.fold(text, after_space);
        folded
    }

    /// Folds another text, keeping the memory.
    pub(super) fn fold(&mut self, text: &str, after_space: bool) {
        self.text.clear();
        self.pieces.clear();
        self.text.reserve(text.len());
        let mut after_space = after_space;
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let (plain, ends_in_space) = plain_run(rest.as_bytes(), after_space);
            if let Some(run) = rest.get(..plain).filter(|run| !run.is_empty()) {
                self.unit(at, (1, 1));
                let from = self.text.len();
                self.text.push_str(run);
                if let Some(run) = self.text.get_mut(from..) {
                    run.make_ascii_lowercase();
                }
                at += plain;
                after_space = ends_in_space;
            }
            let Some(rest) = rest.get(plain..) else { break };
            let gap = rest.bytes().take_while(|&byte| glyphs::is_gap(byte)).count();
            if gap > 0 {
                if !after_space {
                    self.unit(at, (1, 1));
                    self.text.push(' ');
                    after_space = true;
                }
                at += gap;
            } else if let Some(c) = rest.chars().next() {
                after_space = self.char(c, at, after_space);
                at += c.len_utf8();
            }
        }
    }

    /// The original span of a span of the folded text; what was left out inside of it is in it.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.piece_at(range.start).source_of(range.start, false);
        if range.is_empty() {
            return start..start;
        }
        start..self.piece_at(range.end - 1).source_of(range.end, true)
    }

    fn piece_at(&self, folded: usize) -> Piece {
        let after = self.pieces.partition_point(|piece| wide(piece.folded) <= folded);
        after.checked_sub(1).and_then(|at| self.pieces.get(at)).copied().unwrap_or(Piece::START)
    }

    /// Folds one character that stands at `at`; says whether a space stands at the end now.
    fn char(&mut self, c: char, at: usize, after_space: bool) -> bool {
        let before = self.text.len();
        let mut space = after_space;
        fold_char(c, &mut |glyph| match glyph {
            Glyph::Space if space => {}
            Glyph::Space => {
                self.text.push(' ');
                space = true;
            }
            Glyph::Char(c) => {
                self.text.push(c);
                space = false;
            }
            Glyph::Nothing => {}
        });
        let (from, to) = (c.len_utf8(), self.text.len() - before);
        let same = from == to && self.text.get(before..).is_some_and(|it| it.chars().count() == 1);
        // Whole characters of equal length are like bytes: one piece holds all of them.
        let unit = if same { (1, 1) } else { (from, to) };
        if to > 0 {
            self.unit_before(before, at, unit);
        }
        space
    }

    fn unit(&mut self, at: usize, unit: (usize, usize)) {
        self.unit_before(self.text.len(), at, unit);
    }

    /// Notes that what stands at `folded` came from `at`, unless the last piece says so already.
    fn unit_before(&mut self, folded: usize, at: usize, (from, to): (usize, usize)) {
        // A character has at most 4 bytes, and no expansion comes near 255.
        let (from, to) =
            (u8::try_from(from).unwrap_or(u8::MAX), u8::try_from(to).unwrap_or(u8::MAX));
        let last = self.pieces.last().copied().unwrap_or(Piece::START);
        if (last.from, last.to) != (from, to) || last.source_of(folded, true) != at {
            self.pieces.push(Piece { folded: narrow(folded), source: narrow(at), from, to });
        }
    }
}

/// Positions are kept in four bytes: no body is larger.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn wide(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// How many bytes, from the first, are folded by lowering their case alone; and whether they end in
/// a space.
fn plain_run(bytes: &[u8], after_space: bool) -> (usize, bool) {
    let mut space = after_space;
    for (at, &byte) in bytes.iter().enumerate() {
        let plain = if byte == b' ' { !space } else { glyphs::is_plain(byte) };
        if !plain {
            return (at, space);
        }
        space = byte == b' ';
    }
    (bytes.len(), space)
}

/// Folds one character, whatever stands around it.
fn fold_char(c: char, emit: &mut impl FnMut(Glyph)) {
    if glyphs::stands_for_itself(c) {
        return emit(Glyph::Char(c));
    }
    if let Some(glyph) = glyphs::of(c) {
        return emit(glyph);
    }
    if matches!(c, 'а'..='я') {
        return emit(Glyph::Char(c));
    }
    decompose_compatible(c, |part| match glyphs::of(part) {
        Some(glyph) => emit(glyph),
        None => part
            .to_lowercase()
            .for_each(|lower| emit(glyphs::of(lower).unwrap_or(Glyph::Char(lower)))),
    });
}

/// Brings what a pattern spells out into folded form, so that an author writes words as they are
/// written: `пароль`, `für`. Only characters beyond ASCII change; one that is folded to several
/// becomes a group, and so cannot stand in a class (`[ß]`).
pub(super) fn pattern(written: &str) -> String {
    let mut pattern = String::with_capacity(written.len());
    let mut letter = String::new();
    for c in written.chars() {
        if c.is_ascii() {
            pattern.push(c);
            continue;
        }
        letter.clear();
        fold_char(c, &mut |glyph| match glyph {
            Glyph::Space => letter.push(' '),
            Glyph::Char(c) => letter.push(c),
            Glyph::Nothing => {}
        });
        let escaped = regex_syntax::escape(&letter);
        match letter.chars().nth(1) {
            Some(_) => pattern.extend(["(?:", escaped.as_str(), ")"]),
            None => pattern.push_str(&escaped),
        }
    }
    pattern
}

#[cfg(test)]
mod tests;
