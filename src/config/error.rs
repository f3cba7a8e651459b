//! What can be wrong with a configuration: always one line with the place, the key and the remedy.
//!
//! Owns the wording. It must never show a secret's value, nor one that may carry credentials.

use super::{KEYS, Key};
use std::{fmt, io};

/// Where a setting came from, as people would look for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// The built-in value.
    Default,
    /// A line of the file.
    File { file: String, line: usize },
    /// A variable.
    Environment { variable: String },
    /// A flag of the command.
    Flag,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Why the gate does not start with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot be read ({error}); check the path and its permissions")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not TOML.
    #[error("{file}:{line}: not valid TOML: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser expected.
        reason: String,
    },
    /// A variable holds something that is not UTF-8.
    #[error("environment {variable}: not valid UTF-8; set it again or unset it")]
    NotText {
        /// The variable.
        variable: String,
    },
    /// A key, section or variable that does not exist.
    #[error("{place}: unknown {what}; {remedy}")]
    Unknown {
        /// Where it stands.
        place: String,
        /// What it is: `key server.bnid`, `section [servr]`.
        what: String,
        /// What was probably meant.
        remedy: String,
    },
    /// A value that the key does not take.
    #[error("{place}: {key} = {shown}: expected {expected}")]
    Invalid {
        /// Where it stands.
        place: String,
        /// The key.
        key: &'static str,
        /// The value, or `(hidden)`.
        shown: String,
        /// What would be accepted.
        expected: String,
    },
}

impl ConfigError {
    /// A value that its reader refused.
    pub(super) fn invalid(place: &Place, key: &Key, text: &str, expected: &str) -> Self {
        // A refused URL may carry a password or a key in its query.
        let hidden = key.secret || text.contains(['@', '?']);
        let shown = if hidden { "(hidden)".to_owned() } else { format!("{text:?}") };
        let expected = expected.to_owned();
        Self::Invalid { place: place.to_string(), key: key.path, shown, expected }
    }

    /// A value that is a table, a list or another thing that no key takes.
    pub(super) fn not_scalar(place: &Place, key: &Key, type_name: &str) -> Self {
        Self::Invalid {
            place: place.to_string(),
            key: key.path,
            shown: format!("({type_name})"),
            expected: "a text, a whole number, true or false".to_owned(),
        }
    }

    /// A key that does not exist, with the nearest that does.
    pub(super) fn unknown_key(place: &Place, wrong: &str) -> Self {
        let remedy = match nearest(wrong) {
            Some(key) if matches!(place, Place::Environment { .. }) => {
                format!("did you mean {}?", key.variable())
            }
            Some(key) => format!("did you mean {}?", key.path),
            None => "portcullis.example.toml lists all keys".to_owned(),
        };
        let what = match place {
            Place::Environment { .. } => "variable".to_owned(),
            _ => format!("key {wrong}"),
        };
        Self::Unknown { place: place.to_string(), what, remedy }
    }
}

/// The key that `wrong` most resembles: few letters away, or part of a name in the same section, or
/// the same name in another one.
pub(super) fn nearest(wrong: &str) -> Option<&'static Key> {
    let wrong = wrong.to_lowercase();
    let (section, name) = wrong.split_once('.').unwrap_or(("", &wrong));
    KEYS.iter()
        .filter(|key| distance(&wrong, key.path) <= 3)
        .min_by_key(|key| distance(&wrong, key.path))
        .or_else(|| KEYS.iter().find(|key| key.section() == section && key.name().contains(name)))
        .or_else(|| KEYS.iter().find(|key| key.name() == name))
}

/// Levenshtein's distance, in bytes.
pub(super) fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, left_byte) in left.bytes().enumerate() {
        let mut diagonal = above;
        let mut beside = above + 1;
        for (cell, right_byte) in row.iter_mut().skip(1).zip(right.bytes()) {
            let changed = diagonal + usize::from(left_byte != right_byte);
            diagonal = *cell;
            beside = changed.min(*cell + 1).min(beside + 1);
            *cell = beside;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
