//! The winning text of each key, with the place where it stands.
//!
//! Owns which paths exist and what is shown of them. Pure.

use super::{
    ConfigError, KEYS, Key, NAMED_KEYS, Resolved,
    error::Place,
    named::{NAME, NAMED, is_name},
    value::Expected,
};
use std::collections::{BTreeMap, HashMap};

/// What has been set so far; later layers win. A key that nobody set has its default.
#[derive(Default)]
pub(super) struct Texts {
    texts: HashMap<String, (String, Place)>,
    /// The entries of sections with free names, such as `issuers.corp`, and where they begin.
    entries: BTreeMap<String, Place>,
}

impl Texts {
    /// Sets a key. Templates for containers often leave values empty: that means unset, not a new
    /// value.
    pub(super) fn set(
        &mut self,
        path: &str,
        text: String,
        place: Place,
    ) -> Result<(), ConfigError> {
        let key = find(path).ok_or_else(|| ConfigError::unknown_key(&place, path))?;
        if text.is_empty() {
            return Ok(());
        }
        if key.path != path {
            self.mention(entry_of(path), &place);
        }
        self.texts.insert(path.to_owned(), (text, place));
        Ok(())
    }

    /// Notes an entry of a section with free names.
    pub(super) fn mention(&mut self, entry: &str, place: &Place) {
        self.entries.entry(entry.to_owned()).or_insert_with(|| place.clone());
    }

    /// The entries of a section with free names: each one's name and path.
    pub(super) fn entries(&self, section: &str) -> impl Iterator<Item = (&str, &str)> {
        self.entries.keys().filter_map(move |entry| {
            let (own_section, name) = entry.split_once('.')?;
            (own_section == section).then_some((name, entry.as_str()))
        })
    }

    /// Reads one key's text into its value.
    pub(super) fn read<T>(
        &self,
        path: &str,
        reader: impl Fn(&str) -> Result<T, Expected>,
    ) -> Result<T, ConfigError> {
        let (text, _) = self.get(path);
        reader(text).map_err(|expected| match text {
            "" => self.missing(path, &expected),
            _ => self.refused(path, &expected),
        })
    }

    /// A key's winning text, and where it stands.
    pub(super) fn get(&self, path: &str) -> (&str, &Place) {
        match self.texts.get(path) {
            Some((text, place)) => (text, place),
            None => (find(path).map_or("", |key| key.default), &Place::Default),
        }
    }

    /// The error for a key whose text cannot be accepted.
    pub(super) fn refused(&self, path: &str, expected: &str) -> ConfigError {
        let (text, place) = self.get(path);
        let secret = find(path).is_none_or(|key| key.secret);
        ConfigError::invalid(place, path, text, secret, expected)
    }

    /// The error for an entry's key that must be set and is not.
    pub(super) fn missing(&self, path: &str, expected: &str) -> ConfigError {
        let place = self.entries.get(entry_of(path)).unwrap_or(&Place::Default).to_string();
        ConfigError::Missing { place, key: path.to_owned(), expected: expected.to_owned() }
    }

    /// Every setting, safe to print, in the documentation's order.
    pub(super) fn shown(&self) -> Vec<Resolved> {
        let mut shown: Vec<_> = KEYS.iter().map(|key| self.shown_at(key.path, key)).collect();
        for named in NAMED {
            let pattern = format!("{}.{NAME}", named.section);
            for (_, entry) in self.entries(named.section) {
                let keys = NAMED_KEYS.iter().filter(|key| key.section() == pattern);
                shown
                    .extend(keys.map(|key| self.shown_at(&format!("{entry}.{}", key.name()), key)));
            }
        }
        shown
    }

    fn shown_at(&self, path: &str, key: &Key) -> Resolved {
        let (text, place) = self.get(path);
        let shown = match text {
            "" => "(unset)",
            _ if key.secret => "(hidden)",
            text => text,
        };
        Resolved {
            key: path.to_owned(),
            shown: shown.to_owned(),
            source: place.to_string(),
            doc: key.doc,
        }
    }
}

/// The key at a path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        return Some(key);
    }
    let segments: Vec<&str> = path.split('.').collect();
    let [section, name, key] = *segments.as_slice() else { return None };
    let pattern = format!("{section}.{NAME}.{key}");
    NAMED_KEYS.iter().find(|key| key.path == pattern && is_name(name))
}

fn entry_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(entry, _)| entry)
}
