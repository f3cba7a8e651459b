//! What is wrong with a policy file, where it stands and what to do about it.
//!
//! Owns the one error that administrators meet when they edit policy. It must never be shown to a
//! caller: it quotes the policy.

use serde::Serialize;

/// A file's text, with the name by which the administrator knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// The name that errors begin with, e.g. `policy.csv`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// A file of this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// One problem of one file. Its text form is one line: `policy.csv:12:5: reason; remedy`.
#[derive(Clone, Debug, Eq, schemars::JsonSchema, PartialEq, Serialize, thiserror::Error)]
#[error("{}: {reason}; {remedy}", self.place())]
pub struct PolicyError {
    /// The file's name.
    pub file: String,
    /// The line, counted from 1; `None` where the whole file is meant.
    pub line: Option<u32>,
    /// The column in characters, counted from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl PolicyError {
    /// A problem of a whole file, such as one that cannot be read.
    pub fn file(
        name: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (file, reason, remedy) = (name.into(), reason.into(), remedy.into());
        Self { file, line: None, column: None, reason, remedy }
    }

    fn place(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.file),
            (Some(line), None) => format!("{}:{line}", self.file),
            _ => self.file.clone(),
        }
    }
}

/// A problem before it knows its file and line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem {
    pub(super) column: Option<u32>,
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl Problem {
    pub(super) fn new(
        column: Option<u32>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { column, reason: reason.into(), remedy: remedy.into() }
    }

    pub(super) fn at(self, file: &SourceFile, line: Option<u32>) -> PolicyError {
        let Self { column, reason, remedy } = self;
        PolicyError { file: file.name.clone(), line, column, reason, remedy }
    }
}

/// Counts from 1, as people and editors do; a file of four thousand million lines stops counting.
pub(crate) fn ordinal(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

/// The candidate that `word` is most likely a misspelling of, if any is close.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (edits_between(&word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= 2 && *edits * 2 <= candidate.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Offers what names were meant: for the first few of a file. Where all are unknown, comparing them with all that are known
/// would take minutes.
#[derive(Default)]
pub(super) struct Hints(usize);

impl Hints {
    const MOST: usize = 10;

    pub(super) fn closest<'a, I: IntoIterator<Item = &'a str>>(
        &mut self,
        word: &str,
        candidates: impl FnOnce() -> I,
    ) -> Option<&'a str> {
        self.0 += 1;
        if self.0 > Self::MOST { None } else { closest(word, candidates()) }
    }
}

/// Levenshtein distance, one row at a time.
fn edits_between(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, from) in left.chars().enumerate() {
        let mut previous = index + 1;
        let mut next = vec![previous];
        for (to, pair) in right.chars().zip(row.windows(2)) {
            let [diagonal, above] = pair else { continue };
            previous = (diagonal + usize::from(from != to)).min(above + 1).min(previous + 1);
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_place_reason_and_remedy() {
        let file = SourceFile::new("policy.csv", "");
        let problem = Problem::new(Some(5), "no such thing", "write another");
        assert_eq!(
            problem.clone().at(&file, Some(12)).to_string(),
            "policy.csv:12:5: no such thing; write another"
        );
        let whole_file = Problem { column: None, ..problem };
        assert_eq!(
            whole_file.at(&file, None).to_string(),
            "policy.csv: no such thing; write another"
        );
    }

    #[test]
    fn a_misspelling_finds_its_word_and_a_stranger_finds_none() {
        assert_eq!(closest("alow", ["allow", "deny"]), Some("allow"));
        assert_eq!(closest("DENY", ["allow", "deny"]), Some("deny"));
        assert_eq!(closest("develper", ["developer", "ops"]), Some("developer"));
        assert_eq!(closest("permit", ["allow", "deny"]), None);
    }
}
