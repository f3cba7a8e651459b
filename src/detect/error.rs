//! What is wrong with a file of rules, and where.
//!
//! Owns the way from a byte of the file to its line and column, and collects every problem. The errors
//! quote the rules, so they must never be shown to a caller.

use crate::policy::{SourceFile, closest, ordinal};

/// One problem of one file, the same as the policy's: `detections.toml:12:5: reason; remedy`.
pub use crate::policy::PolicyError as DetectionError;

/// How much of a wrong value an error repeats.
const MAX_SHOWN_CHARS: usize = 40;

/// The problems of one file.
pub(super) struct Problems<'f> {
    file: &'f SourceFile,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
    found: Vec<DetectionError>,
}

impl<'f> Problems<'f> {
    pub(super) fn of(file: &'f SourceFile) -> Self {
        let after_ends = file.text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file, lines: std::iter::once(0).chain(after_ends).collect(), found: Vec::new() }
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Notes what is wrong at this byte.
    pub(super) fn add(&mut self, at: usize, reason: impl Into<String>, remedy: impl Into<String>) {
        let (line, column) = self.place(at);
        self.found.push(DetectionError {
            file: self.file.name.clone(),
            line: Some(line),
            column: Some(column),
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    /// Notes what is wrong with the whole file.
    pub(super) fn add_whole(&mut self, reason: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(DetectionError::file(&self.file.name, reason, remedy));
    }

    /// Takes over what was wrong with another file.
    pub(super) fn extend(&mut self, others: Vec<DetectionError>) {
        self.found.extend(others);
    }

    /// The line of this byte, from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        self.place(at).0
    }

    /// All of them, in the order of their places.
    pub(super) fn into_errors(mut self) -> Vec<DetectionError> {
        self.found.sort_by_key(|error| (error.line, error.column));
        self.found
    }

    /// Line and column, the latter in characters, both from 1.
    fn place(&self, at: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let before = self.file.text.get(start..at).unwrap_or_default();
        (ordinal(line), ordinal(before.chars().count()))
    }
}

/// The name that a word is most likely a misspelling of, whatever its case.
pub(super) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let lower: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
    let found = closest(word, lower.iter().map(String::as_str))?;
    lower.iter().position(|name| name == found).and_then(|at| names.get(at)).copied()
}

/// A value as an error shows it: on one line, and not all of a long one.
pub(super) fn shown(value: &str) -> String {
    let mut head = String::new();
    for (index, char) in value.chars().enumerate() {
        match char {
            _ if index == MAX_SHOWN_CHARS => {
                head.push('…');
                break;
            }
            char if char.is_control() => head.extend(char.escape_default()),
            char => head.push(char),
        }
    }
    format!("'{head}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_column_in_characters() {
        let file = SourceFile::new("detections.toml", "äö x\r\nsecond\n");
        let problems = Problems::of(&file);
        assert_eq!(problems.place(0), (1, 1));
        assert_eq!(problems.place(5), (1, 4));
        assert_eq!(problems.place(8), (2, 1));
        assert_eq!(problems.place(file.text.len()), (3, 1));
    }

    #[test]
    fn problems_come_in_the_order_of_the_file() {
        let file = SourceFile::new("detections.toml", "one\ntwo\nthree\n");
        let mut problems = Problems::of(&file);
        problems.add(8, "third", "a");
        problems.add(0, "first", "b");
        problems.add_whole("all of it", "c");
        let texts: Vec<_> = problems.into_errors().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "detections.toml: all of it; c",
                "detections.toml:1:1: first; b",
                "detections.toml:3:1: third; a"
            ]
        );
    }

    #[test]
    fn a_misspelling_in_any_case_finds_its_name() {
        assert_eq!(nearest("hihg", &["LOW", "HIGH"]), Some("HIGH"));
        assert_eq!(nearest("Low", &["LOW", "HIGH"]), Some("LOW"));
        assert_eq!(nearest("medium", &["LOW", "HIGH"]), None);
    }

    #[test]
    fn a_long_or_many_lined_value_is_shown_short_and_on_one_line() {
        assert_eq!(shown("it's\n\"x\""), "'it's\\n\"x\"'");
        assert_eq!(shown(&"a".repeat(41)), format!("'{}…'", "a".repeat(40)));
    }
}
