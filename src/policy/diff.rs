//! What is different between two texts, line by line.
//!
//! Owns the form in which administrators see it. It must never say of different texts that they are the same.

use super::error::ordinal;
use crate::types::text_enum;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use std::{fmt, time::Duration};

text_enum! {
    /// Where a line stands.
    DiffMark {
        /// In both texts.
        Same = " ",
        /// In the new one only.
        Added = "+",
        /// In the old one only.
        Removed = "-",
    }
}

/// One line of either text or of both.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, schemars::JsonSchema)]
pub struct DiffLine {
    /// Where it stands.
    pub mark: DiffMark,
    /// Its number in the old text.
    pub old: Option<u32>,
    /// Its number in the new text.
    pub new: Option<u32>,
    /// The line, without its end.
    pub text: String,
}

/// All lines of two texts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Diff {
    /// In the order of the texts.
    pub lines: Vec<DiffLine>,
    /// How many lines are new.
    pub added: u32,
    /// How many lines are gone.
    pub removed: u32,
}

impl Diff {
    /// What makes `new` of `old`. What was not compared after `at_most` is said to be removed and added.
    pub fn of(old: &str, new: &str, at_most: Duration) -> Self {
        let (mut added, mut removed) = (0_u32, 0_u32);
        let diff = TextDiff::configure().timeout(at_most).diff_lines(old, new);
        let mut lines = Vec::new();
        for change in diff.iter_all_changes() {
            let mark = match change.tag() {
                ChangeTag::Equal => DiffMark::Same,
                ChangeTag::Insert => DiffMark::Added,
                ChangeTag::Delete => DiffMark::Removed,
            };
            added = added.saturating_add(u32::from(mark == DiffMark::Added));
            removed = removed.saturating_add(u32::from(mark == DiffMark::Removed));
            lines.push(DiffLine {
                mark,
                old: change.old_index().map(ordinal),
                new: change.new_index().map(ordinal),
                text: change.value().trim_end_matches(['\r', '\n']).to_owned(),
            });
        }
        Self { lines, added, removed }
    }
}

/// Lines around a change that the terminal shows.
const CONTEXT: usize = 3;

/// For the terminal: what changed with three lines around it; nothing for equal texts.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_changed = |line: &DiffLine| line.mark != DiffMark::Same;
        let mut is_behind_gap = false;
        for (index, line) in self.lines.iter().enumerate() {
            let around = index.saturating_sub(CONTEXT)..=index.saturating_add(CONTEXT);
            let around = self.lines.iter().enumerate().filter(|(at, _)| around.contains(at));
            if !around.map(|(_, line)| line).any(is_changed) {
                is_behind_gap = true;
                continue;
            }
            if std::mem::take(&mut is_behind_gap) {
                writeln!(f, "      …")?;
            }
            let number = line.new.or(line.old).unwrap_or_default();
            writeln!(f, "{number:5} {} {}", line.mark, line.text)?;
        }
        write!(f, "{} added, {} removed", self.added, self.removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn diff_of(old: &str, new: &str) -> Diff {
        Diff::of(old, new, Duration::from_secs(60))
    }

    #[test]
    fn lines_keep_their_numbers_in_both_texts() {
        let diff = diff_of("a\nb\nc\n", "a\nx\nc\nd\n");
        let lines: Vec<_> = diff
            .lines
            .iter()
            .map(|line| (line.mark.as_str(), line.old, line.new, line.text.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                (" ", Some(1), Some(1), "a"),
                ("-", Some(2), None, "b"),
                ("+", None, Some(2), "x"),
                (" ", Some(3), Some(3), "c"),
                ("+", None, Some(4), "d"),
            ]
        );
        assert_eq!((diff.added, diff.removed), (2, 1));
        assert!(diff.to_string().starts_with("    1   a\n    2 - b\n    2 + x\n"), "{diff}");
    }

    #[test]
    fn only_what_is_near_a_change_is_shown_on_a_terminal() {
        let old: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        let shown = diff_of(&old, &old.replace("line 10\n", "")).to_string();
        assert!(shown.starts_with("      …\n    7   line 7\n"), "{shown}");
        assert!(shown.contains("   10 - line 10\n") && !shown.contains("line 14"), "{shown}");
        assert_eq!(diff_of(&old, &old).to_string(), "0 added, 0 removed");
    }

    #[test]
    fn texts_that_take_too_long_are_told_apart_in_time() {
        let (old, new) = ("a\n".repeat(20_000), "b\na\nc\n".repeat(7_000));
        let diff = Diff::of(&old, &new, Duration::from_millis(200));
        let both = diff.lines.len() - usize::try_from(diff.added + diff.removed).unwrap();
        assert_eq!(usize::try_from(diff.removed).unwrap() + both, 20_000);
        assert_eq!(usize::try_from(diff.added).unwrap() + both, 21_000);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_put_together_again(old in "[ab\n]{0,40}", new in "[ab\n]{0,40}") {
            let diff = diff_of(&old, &new);
            let side = |without: DiffMark| -> Vec<String> {
                let lines = diff.lines.iter().filter(|line| line.mark != without);
                lines.map(|line| line.text.clone()).collect()
            };
            prop_assert_eq!(side(DiffMark::Added), old.lines().collect::<Vec<_>>());
            prop_assert_eq!(side(DiffMark::Removed), new.lines().collect::<Vec<_>>());
            prop_assert_eq!(old == new, diff.added + diff.removed == 0);
        }
    }
}
