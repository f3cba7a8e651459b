//! What can be wrong with a configuration: always one line with the place, the key and the remedy.
//!
//! Owns the wording. It must never show a secret's value, nor one that may carry credentials.

use super::{
    KEYS, NAMED_KEYS,
    keys::variable_of,
    named::{NAME, NAME_RULE, is_name, named},
};
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
        key: String,
        /// The value, or `(hidden)`.
        shown: String,
        /// What would be accepted.
        expected: String,
    },
    /// An entry of a section with free names lacks what it needs.
    #[error("{place}: {key} is missing: expected {expected}")]
    Missing {
        /// Where the entry stands.
        place: String,
        /// The key.
        key: String,
        /// What would be accepted.
        expected: String,
    },
}

impl ConfigError {
    /// A value that cannot be accepted; `secret` ones are not shown.
    pub(super) fn invalid(
        place: &Place,
        key: &str,
        text: &str,
        secret: bool,
        expected: &str,
    ) -> Self {
        // A refused URL may carry a password or a key in its query.
        let hidden = secret || text.contains(['@', '?']);
        let shown = if hidden { "(hidden)".to_owned() } else { format!("{text:?}") };
        let expected = expected.to_owned();
        Self::Invalid { place: place.to_string(), key: key.to_owned(), shown, expected }
    }

    /// A value that is a table, a list or another thing that no key takes.
    pub(super) fn not_scalar(place: &Place, key: &str, type_name: &str) -> Self {
        Self::Invalid {
            place: place.to_string(),
            key: key.to_owned(),
            shown: format!("({type_name})"),
            expected: "a text, a number, true or false".to_owned(),
        }
    }

    /// A key that does not exist, with the nearest that does.
    pub(super) fn unknown_key(place: &Place, wrong: &str) -> Self {
        let in_environment = matches!(place, Place::Environment { .. });
        let entry = wrong.rsplit_once('.').map_or("", |(entry, _)| entry);
        let remedy = match nearest(wrong) {
            _ if has_bad_name(entry) => format!("a name is {NAME_RULE}"),
            Some(path) if in_environment => format!("did you mean {}?", variable_of(&path)),
            Some(path) => format!("did you mean {path}?"),
            None => "portcullis.example.toml lists all keys".to_owned(),
        };
        let what = if in_environment { "variable".to_owned() } else { format!("key {wrong}") };
        Self::Unknown { place: place.to_string(), what, remedy }
    }

    /// A section that does not exist, with the nearest that does.
    pub(super) fn unknown_section(place: &Place, wrong: &str) -> Self {
        let remedy = if has_bad_name(wrong) {
            format!("a name is {NAME_RULE}")
        } else {
            let sections = KEYS.iter().chain(NAMED_KEYS).map(|key| key.section());
            let sections = sections.filter(|section| !section.is_empty());
            let nearest = sections.min_by_key(|section| distance(wrong, section_of(section)));
            format!("did you mean [{}]?", nearest.unwrap_or_default())
        };
        Self::Unknown { place: place.to_string(), what: format!("section [{wrong}]"), remedy }
    }
}

/// The path that `wrong` most resembles: few letters away, or part of a name in the same section,
/// or the same name in another one.
pub(super) fn nearest(wrong: &str) -> Option<String> {
    let wrong = wrong.to_lowercase();
    let (section, name) = wrong.rsplit_once('.').unwrap_or(("", &wrong));
    let candidates = candidates(&wrong);
    let split = |path: &str| match path.rsplit_once('.') {
        Some((section, name)) => (section.to_owned(), name.to_owned()),
        None => (String::new(), path.to_owned()),
    };
    let close = candidates.iter().filter(|path| distance(&wrong, path) <= 3);
    let beside = |path: &&String| {
        let (candidate, key) = split(path);
        candidate == section && key.contains(name)
    };
    close
        .min_by_key(|path| distance(&wrong, path))
        .or_else(|| candidates.iter().find(beside))
        .or_else(|| candidates.iter().find(|path| split(path).1 == name))
        .cloned()
}

/// What `wrong` may have meant: in a section with free names its keys, else all others.
fn candidates(wrong: &str) -> Vec<String> {
    let Some(named) = named(section_of(wrong)) else {
        return KEYS.iter().map(|key| key.path.to_owned()).collect();
    };
    let name = wrong.split('.').nth(1).filter(|_| wrong.split('.').count() == 3).unwrap_or(NAME);
    let keys = NAMED_KEYS.iter().filter(|key| section_of(key.path) == named.section);
    keys.map(|key| format!("{}.{name}.{}", named.section, key.name())).collect()
}

/// Whether an entry of a section with free names is called as none may be.
fn has_bad_name(entry: &str) -> bool {
    let named = entry.split_once('.').filter(|(section, _)| named(section).is_some());
    named.is_some_and(|(_, name)| !is_name(name))
}

/// The first word of a path.
fn section_of(path: &str) -> &str {
    path.split_once('.').map_or(path, |(section, _)| section)
}

/// Levenshtein's distance, in bytes.
fn distance(left: &str, right: &str) -> usize {
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
