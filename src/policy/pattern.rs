//! The patterns of policy lines: `gpt-4o*`, `(a|b)`, `!(a|b)`.
//!
//! Owns their grammar and their meaning, which docs/policy.md publishes as a table. Matching takes
//! time in proportion to name × pattern, whatever either holds: names come from callers.

mod coverage;

pub(super) use coverage::Effort;

use std::iter::Peekable;
use std::str::CharIndices;

const MAX_PATTERN_BYTES: usize = 2048;
const MAX_NESTING: usize = 8;

/// A compiled pattern: anchored at both ends, compared byte by byte.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    text: Box<str>,
    negated: bool,
    pieces: Vec<Piece>,
}

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct PatternError {
    /// Where, in characters from the pattern's start.
    pub offset: usize,
    /// What is wrong.
    pub reason: &'static str,
    /// What to write instead.
    pub remedy: &'static str,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Literal(Vec<u8>),
    OneByte,
    AnyBytes,
    OneOf(Vec<Vec<Piece>>),
}

impl Pattern {
    /// Reads a pattern; refuses whatever would silently mean something else than it looks.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError {
                offset: 0,
                reason: "the pattern is longer than 2048 bytes",
                remedy: "split it over several lines",
            });
        }
        let (negated, body) = match text.strip_prefix('!') {
            Some(body) => (true, body),
            None => (false, text),
        };
        let mut parser = Parser { rest: body.char_indices().peekable(), body, depth: 0 };
        let pieces = parser.sequence().map_err(|mut error| {
            error.offset += usize::from(negated);
            error
        })?;
        Ok(Self { text: text.into(), negated, pieces })
    }

    /// A pattern that nothing fits.
    pub fn nothing() -> Self {
        Self { text: "!*".into(), negated: true, pieces: vec![Piece::AnyBytes] }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole name fits.
    pub fn matches(&self, name: &str) -> bool {
        let ends = advance(&self.pieces, name.as_bytes(), vec![0]);
        let fits = ends.last() == Some(&name.len());
        fits != self.negated
    }
}

/// Moves every position in `name` (sorted, without repeats) over the pieces, and keeps those that
/// survive. Each piece is visited once, so there is nothing to backtrack into.
fn advance(pieces: &[Piece], name: &[u8], mut positions: Vec<usize>) -> Vec<usize> {
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => {
                positions.retain(|&at| name.get(at..).is_some_and(|it| it.starts_with(literal)));
                positions.iter_mut().for_each(|at| *at += literal.len());
            }
            Piece::OneByte => {
                positions.retain(|&at| at < name.len());
                positions.iter_mut().for_each(|at| *at += 1);
            }
            Piece::AnyBytes => {
                let first = positions.first().copied();
                positions = first.map_or_else(Vec::new, |first| (first..=name.len()).collect());
            }
            Piece::OneOf(branches) => {
                positions = branches
                    .iter()
                    .flat_map(|branch| advance(branch, name, positions.clone()))
                    .collect();
                positions.sort_unstable();
                positions.dedup();
            }
        }
        if positions.is_empty() {
            break;
        }
    }
    positions
}

struct Parser<'a> {
    rest: Peekable<CharIndices<'a>>,
    body: &'a str,
    depth: usize,
}

impl Parser<'_> {
    /// Reads up to the end, or inside a group up to its `|` or `)`, which stays unread.
    fn sequence(&mut self) -> Result<Vec<Piece>, PatternError> {
        let mut pieces = Vec::new();
        while let Some(&(at, next)) = self.rest.peek() {
            if self.depth > 0 && matches!(next, '|' | ')') {
                break;
            }
            self.rest.next();
            match next {
                '*' if pieces.last() == Some(&Piece::AnyBytes) => {}
                '*' => pieces.push(Piece::AnyBytes),
                '?' => pieces.push(Piece::OneByte),
                '(' => pieces.push(self.group(at)?),
                _ => {
                    if let Some((reason, remedy)) = refusal_of(next) {
                        return Err(self.error(at, reason, remedy));
                    }
                    push_literal(&mut pieces, next);
                }
            }
        }
        if pieces.is_empty() && self.depth == 0 {
            return Err(self.error(0, "the pattern is empty", "write `*` to mean every name"));
        }
        Ok(pieces)
    }

    /// Reads a group whose `(` stood at `open`.
    fn group(&mut self, open: usize) -> Result<Piece, PatternError> {
        if self.depth == MAX_NESTING {
            return Err(self.error(open, "groups are nested too deeply", "use at most 8 levels"));
        }
        self.depth += 1;
        let mut branches = vec![self.sequence()?];
        loop {
            match self.rest.next() {
                Some((_, '|')) => branches.push(self.sequence()?),
                Some(_) => break,
                None => return Err(self.error(open, "this `(` is never closed", "add a `)`")),
            }
        }
        self.depth -= 1;
        if branches.iter().all(Vec::is_empty) {
            return Err(self.error(open, "the group is empty", "write names in it: `(a|b)`"));
        }
        Ok(Piece::OneOf(branches))
    }

    fn error(&self, at: usize, reason: &'static str, remedy: &'static str) -> PatternError {
        let offset = self.body.get(..at).map_or(0, |before| before.chars().count());
        PatternError { offset, reason, remedy }
    }
}

fn push_literal(pieces: &mut Vec<Piece>, character: char) {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    match pieces.last_mut() {
        Some(Piece::Literal(literal)) => literal.extend_from_slice(bytes),
        _ => pieces.push(Piece::Literal(bytes.to_vec())),
    }
}

/// Characters that mean something in other pattern languages, or nothing in a name.
fn refusal_of(character: char) -> Option<(&'static str, &'static str)> {
    Some(match character {
        '|' => ("`|` stands outside of a group", "put the alternatives in parentheses: `(a|b)`"),
        ')' => ("this `)` closes nothing", "remove it or add a `(`"),
        '!' => ("`!` negates only a whole pattern", "move it to the front or remove it"),
        '[' | ']' | '{' | '}' => {
            ("square and curly brackets have no meaning here", "list alternatives as `(a|b)`")
        }
        '\\' | '^' | '$' => (
            "regular expressions are not patterns",
            "use `*`, `?` and `(a|b)`; both ends are fixed",
        ),
        ',' => ("a pattern cannot hold a comma", "separate alternatives with `|`"),
        _ if character.is_whitespace() => ("a pattern cannot hold white space", "remove it"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
