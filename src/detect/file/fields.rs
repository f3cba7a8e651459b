//! One table of the file: its keys, read into types.
//!
//! Owns the words for what is missing, unknown or of the wrong type. It must never guess: what it
//! refuses is `None`, and a problem says why.

use crate::detect::error::{Problems, nearest, shown};
use std::collections::HashSet;
use toml_edit::{Array, Item, Key, Table, Value};

/// Entries of one list, at most.
const MAX_ENTRIES: usize = 256;

/// A value and the byte where it stands.
#[derive(Clone, Copy)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// The keys of one table.
pub(super) struct Fields<'t, 'p, 'f> {
    /// What the table is, as errors name it: `[[rule]]`.
    name: &'static str,
    at: usize,
    table: &'t Table,
    problems: &'p mut Problems<'f>,
}

impl<'t, 'p, 'f> Fields<'t, 'p, 'f> {
    /// The table's fields, of which only `keys` are known.
    pub(super) fn of(
        name: &'static str,
        table: &'t Table,
        keys: &[&str],
        problems: &'p mut Problems<'f>,
    ) -> Self {
        let at = table.span().map_or(0, |span| span.start);
        for (key, item) in table.iter().filter(|(key, _)| !keys.contains(key)) {
            let span = table.key(key).and_then(Key::span).or_else(|| item.span());
            let meant = nearest(key, keys);
            let remedy = meant.map_or_else(
                || format!("{name} may have {}", keys.join(", ")),
                |meant| format!("did you mean '{meant}'?"),
            );
            let reason = format!("unknown key {}", shown(key));
            problems.add(span.map_or(at, |span| span.start), reason, remedy);
        }
        Self { name, at, table, problems }
    }

    /// Where the table begins.
    pub(super) fn place_of_table(&self) -> usize {
        self.at
    }

    /// Where a key's value stands; without one, where the table begins.
    pub(super) fn place_of(&self, key: &str) -> usize {
        let value_span = self.table.get(key).and_then(Item::span);
        let key_span = || self.table.key(key).and_then(Key::span);
        value_span.or_else(key_span).map_or(self.at, |span| span.start)
    }

    /// The line where the table begins, from 1.
    pub(super) fn line(&self) -> u32 {
        self.problems.line(self.at)
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The problems of the whole file.
    pub(super) fn problems(&mut self) -> &mut Problems<'f> {
        self.problems
    }

    /// The tables under a key, `[[key]]` each.
    pub(super) fn tables(&mut self, key: &'static str) -> impl Iterator<Item = &'t Table> {
        let item = self.table.get(key);
        if item.is_some_and(|item| !item.is_array_of_tables()) {
            let at = self.place_of(key);
            self.problems.add(
                at,
                format!("'{key}' is a list of tables"),
                format!("write [[{key}]]"),
            );
        }
        item.and_then(Item::as_array_of_tables).into_iter().flat_map(|tables| tables.iter())
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, key: &str) -> Option<Found<&'t str>> {
        self.require(key)?;
        self.text(key)
    }

    /// A text, where there is one.
    pub(super) fn text(&mut self, key: &str) -> Option<Found<&'t str>> {
        let item = self.table.get(key)?;
        let at = self.place_of(key);
        let text = item.as_str();
        if text.is_none() {
            self.mistyped(key, at, "a text", item.type_name(), "write it between quotes");
        }
        text.map(|value| Found { value, at })
    }

    /// A list of texts that must be there.
    pub(super) fn required_texts(&mut self, key: &str) -> Option<Vec<Found<&'t str>>> {
        self.require(key)?;
        self.list(key, "write at least one")
    }

    /// A list of texts, where there is one: not empty, and none twice.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<Found<&'t str>>> {
        self.list(key, "write at least one, or leave it out")
    }

    fn list(&mut self, key: &str, if_empty: &str) -> Option<Vec<Found<&'t str>>> {
        let item = self.table.get(key)?;
        let at = self.place_of(key);
        let Some(array) = item.as_array() else {
            let remedy = item.as_str().map_or_else(
                || "write [\"…\"]".to_owned(),
                |text| format!("write [{}]", shown(text).replace('\'', "\"")),
            );
            self.mistyped(key, at, "a list of texts", item.type_name(), &remedy);
            return None;
        };
        if array.is_empty() {
            self.problems.add(at, format!("'{key}' is empty"), if_empty);
            return None;
        }
        if array.len() > MAX_ENTRIES {
            let reason = format!("'{key}' has {} entries; {MAX_ENTRIES} are the most", array.len());
            self.problems.add(at, reason, "split the rule");
            return None;
        }
        self.entries(key, at, array)
    }

    /// A word out of a set, where there is one.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let found = self.text(key)?;
        self.known_word(key, found, all, name)
    }

    /// A word out of a set that must be there.
    pub(super) fn required_word<T: Copy>(
        &mut self,
        key: &str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        self.require(key)?;
        self.word(key, all, name)
    }

    /// Words out of a set, where there are any.
    pub(super) fn words<T: Copy>(
        &mut self,
        key: &str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<Box<[T]>> {
        let found = self.texts(key)?;
        let words: Vec<_> =
            found.into_iter().map(|found| self.known_word(key, found, all, name)).collect();
        words.into_iter().collect()
    }

    /// A number from 0 to `most` in hundredths, where there is one.
    pub(super) fn hundredths(&mut self, key: &str, most: u32) -> Option<u32> {
        let item = self.table.get(key)?;
        let number = match item.as_value() {
            Some(Value::Float(number)) => Some(*number.value()),
            Some(Value::Integer(number)) => i32::try_from(*number.value()).ok().map(f64::from),
            _ => None,
        };
        let in_range = number.filter(|number| (0.0..=f64::from(most)).contains(number));
        // Through its text: floats have no checked conversion.
        let hundredths = in_range.and_then(|number| format!("{:.0}", number * 100.0).parse().ok());
        if hundredths.is_none() {
            self.out_of_range(key, &format!("a number from 0 to {most}"));
        }
        hundredths
    }

    /// A whole number from 0 to `most`, where there is one.
    pub(super) fn whole(&mut self, key: &str, most: u8) -> Option<u8> {
        let item = self.table.get(key)?;
        let number = item.as_integer().and_then(|number| u8::try_from(number).ok());
        let in_range = number.filter(|number| *number <= most);
        if in_range.is_none() {
            self.out_of_range(key, &format!("a whole number from 0 to {most}"));
        }
        in_range
    }

    fn entries(&mut self, key: &str, at: usize, array: &'t Array) -> Option<Vec<Found<&'t str>>> {
        let before = self.problems.count();
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for entry in array {
            let at = entry.span().map_or(at, |span| span.start);
            match entry.as_str() {
                None => {
                    let reason =
                        format!("'{key}' must hold texts, not {}", article(entry.type_name()));
                    self.problems.add(at, reason, "write it between quotes");
                }
                Some("") => {
                    self.problems.add(at, format!("'{key}' holds an empty text"), "remove it");
                }
                Some(text) if !seen.insert(text) => {
                    let reason = format!("{} stands twice in '{key}'", shown(text));
                    self.problems.add(at, reason, "remove one of them");
                }
                Some(value) => found.push(Found { value, at }),
            }
        }
        (self.problems.count() == before).then_some(found)
    }

    fn known_word<T: Copy>(
        &mut self,
        key: &str,
        found: Found<&str>,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let word = all.iter().copied().find(|word| name(*word) == found.value);
        if word.is_none() {
            let names: Vec<_> = all.iter().copied().map(name).collect();
            let remedy = nearest(found.value, &names).map_or_else(
                || format!("write one of {}", names.join(", ")),
                |meant| format!("did you mean '{meant}'?"),
            );
            let reason = format!("{} is no '{key}'", shown(found.value));
            self.problems.add(found.at, reason, remedy);
        }
        word
    }

    fn require(&mut self, key: &str) -> Option<()> {
        if self.has(key) {
            return Some(());
        }
        let reason = format!("{} has no '{key}'", self.name);
        self.problems.add(self.at, reason, format!("add {key} = …"));
        None
    }

    fn mistyped(&mut self, key: &str, at: usize, wanted: &str, is: &str, remedy: &str) {
        self.problems.add(at, format!("'{key}' must be {wanted}, not {}", article(is)), remedy);
    }

    fn out_of_range(&mut self, key: &str, wanted: &str) {
        let at = self.place_of(key);
        self.problems.add(at, format!("'{key}' must be {wanted}"), "write another, without quotes");
    }
}

fn article(type_name: &str) -> String {
    let vowel = type_name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {type_name}", if vowel { "an" } else { "a" })
}
