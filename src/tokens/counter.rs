//! Counting a text that comes in pieces.
//!
//! Owns at most [`MOST_HELD`] bytes of it. It must never let the pieces change the count: where it settles what it
//! holds depends on the text alone.

use super::Tokenizer;

/// What is held before some of it is settled. A stretch of this length without a place where the models' own first
/// step (words, numbers, signs, spaces) always splits is split all the same, which makes the count wrong by at most
/// three tokens: text of thousands of letters without a space, a line or a sign is no prose.
const MOST_HELD: usize = 4096;

/// A running count. It has no `Debug`, because it holds content.
pub struct Counter {
    tokenizer: Tokenizer,
    held: String,
    tokens: u64,
}

impl Counter {
    /// Nothing counted yet.
    pub const fn new(tokenizer: Tokenizer) -> Self {
        Self { tokenizer, held: String::new(), tokens: 0 }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &str) {
        let mut rest = piece;
        while self.held.len() + rest.len() > MOST_HELD {
            let room = MOST_HELD.saturating_sub(self.held.len());
            let (fits, later) = rest.split_at(rest.floor_char_boundary(room));
            self.held.push_str(fits);
            self.settle();
            rest = later;
        }
        self.held.push_str(rest);
    }

    /// The tokens of all of it.
    pub fn finish(self) -> u64 {
        self.tokens + self.tokens_of(&self.held)
    }

    /// Counts what is held up to the last place where it splits whatever follows.
    fn settle(&mut self) {
        let end = last_split(&self.held).unwrap_or(self.held.len());
        self.tokens += self.tokens_of(self.held.get(..end).unwrap_or_default());
        self.held.drain(..end);
    }

    fn tokens_of(&self, text: &str) -> u64 {
        u64::try_from(self.tokenizer.vocabulary().count(text)).unwrap_or(u64::MAX)
    }
}

fn last_split(text: &str) -> Option<usize> {
    let mut from_the_end = text.char_indices().rev().peekable();
    while let Some((at, next)) = from_the_end.next() {
        let (_, before) = from_the_end.peek()?;
        if splits(*before, next) {
            return Some(at);
        }
    }
    None
}

/// Whether both vocabularies split here, whatever stands around: spaces join the word behind them, a line's end
/// nothing behind it but a slash, and a sign no word before it but for an apostrophe.
fn splits(before: char, next: char) -> bool {
    let ends_word = !before.is_whitespace() && next.is_whitespace() && !is_line_end(next);
    let ends_line = before == '\n' && !next.is_whitespace() && next != '/';
    let ends_in_sign =
        before.is_ascii_alphanumeric() && next.is_ascii_punctuation() && next != '\'';
    ends_word || ends_line || ends_in_sign
}

const fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokenizers() -> [Tokenizer; 2] {
        ["gpt-4", "gpt-4o"].map(|model| Tokenizer::for_model(model).unwrap())
    }

    fn whole(tokenizer: Tokenizer, text: &str) -> u64 {
        tokenizer.vocabulary().count(text).try_into().unwrap()
    }

    fn in_pieces(tokenizer: Tokenizer, text: &str, size: usize) -> u64 {
        let mut counter = Counter::new(tokenizer);
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.ceil_char_boundary(size.min(rest.len())));
            counter.push(piece);
            assert!(counter.held.len() <= MOST_HELD);
            rest = later;
        }
        counter.finish()
    }

    #[test]
    fn a_long_text_counts_as_if_it_were_whole_however_it_comes() {
        let readme = include_str!("../../README.md");
        let minified: String = readme.chars().filter(|it| !it.is_whitespace()).collect();
        for tokenizer in tokenizers() {
            for text in [readme, &minified] {
                let expected = whole(tokenizer, text);
                for size in [1, 3, 100, 4_095, 4_096, 4_097, usize::MAX / 2] {
                    assert_eq!(in_pieces(tokenizer, text, size), expected, "{size}");
                }
            }
        }
    }

    #[test]
    fn what_never_splits_is_split_all_the_same_and_counts_nearly_the_same() {
        for tokenizer in tokenizers() {
            for unit in ["a", "Ab", "誕生日", "。", "0", " ", "\n", "=", "👋🏽", "é"] {
                let text = unit.repeat(20_000 / unit.len());
                let expected = whole(tokenizer, &text);
                let counted = in_pieces(tokenizer, &text, 7);
                let splits = 20_000 / 4_000;
                let error = counted.abs_diff(expected);
                assert!(error <= 3 * splits, "{unit:?}: {counted}, {expected}");
                assert_eq!(in_pieces(tokenizer, &text, usize::MAX / 2), counted);
            }
        }
    }

    proptest! {
        #[test]
        fn a_split_never_changes_the_count(
            text in prop_oneof!["([ \t\n\r/.,'\"{}a-cA-C0-9éß誕。\u{301}👋]|'s|'re| {2,4}|\r\n){0,40}", "\\PC{0,40}"],
        ) {
            for tokenizer in tokenizers() {
                for ((_, before), (at, next)) in text.char_indices().zip(text.char_indices().skip(1)) {
                    if splits(before, next) {
                        let (left, right) = text.split_at(at);
                        let parts = whole(tokenizer, left) + whole(tokenizer, right);
                        prop_assert_eq!(parts, whole(tokenizer, &text), "{:?} + {:?}", left, right);
                    }
                }
            }
        }
    }
}
