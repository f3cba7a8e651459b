//! The layers: which text wins for each key, and where it came from.
//!
//! Owns the order defaults < file < environment < flags and the refusal of unknown keys. Pure: the
//! caller reads the file and the environment.

use super::{
    CLIENT_SECRET_VARIABLE, Config, ConfigError, DATABASE_URL_VARIABLE, KEYS, Key,
    error::{Place, distance, nearest},
    value::Expected,
};
use std::collections::HashMap;
use toml_edit::{Document, Item, TableLike, Value};

/// Passwords below this length get a warning; refusing them is not ours to decide.
const SHORT_PASSWORD_BYTES: usize = 12;

/// Everything that a configuration is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The file's name and text, where there is one.
    pub file: Option<(&'a str, &'a str)>,
    /// The variables that are ours, sorted by name.
    pub environment: &'a [(String, String)],
    /// Keys and values from flags.
    pub overrides: &'a [(String, String)],
    /// What `server.node` is when it is not set.
    pub host_name: &'a str,
}

/// A configuration with its history.
#[derive(Debug)]
pub struct Loaded {
    /// The typed values.
    pub config: Config,
    /// Each key with what is shown for it and where it came from, in the documentation's order.
    pub values: Vec<Resolved>,
    /// What is odd, but no error.
    pub warnings: Vec<String>,
}

/// One effective setting, safe to print.
#[derive(Debug)]
pub struct Resolved {
    /// The key.
    pub key: &'static str,
    /// Its value; `(hidden)` for a secret, `(unset)` for none.
    pub shown: String,
    /// `default`, `portcullis.toml:3`, `environment PORTCULLIS_SERVER__BIND` or `flag`.
    pub source: String,
    /// What it means.
    pub doc: &'static str,
}

/// The winning text of each key.
#[derive(Default)]
pub(super) struct Texts(HashMap<&'static str, (String, Place)>);

impl Texts {
    /// Reads one key's text into its value.
    pub(super) fn read<T>(
        &self,
        path: &'static str,
        reader: impl Fn(&str) -> Result<T, Expected>,
    ) -> Result<T, ConfigError> {
        let (text, place) =
            self.0.get(path).map_or(("", &Place::Default), |(text, place)| (text.as_str(), place));
        reader(text).map_err(|expected| match find(path) {
            Some(key) => ConfigError::invalid(place, key, text, &expected),
            None => ConfigError::unknown_key(place, path),
        })
    }

    fn set(&mut self, path: &str, text: String, place: Place) -> Result<(), ConfigError> {
        let key = find(path).ok_or_else(|| ConfigError::unknown_key(&place, path))?;
        // Templates for containers often leave values empty: that means unset, not a new value.
        if !text.is_empty() || place == Place::Default {
            self.0.insert(key.path, (text, place));
        }
        Ok(())
    }
}

/// Layers the inputs, refuses what is unknown or out of range, and keeps each value's source.
pub fn resolve(inputs: &Inputs<'_>) -> Result<Loaded, ConfigError> {
    let mut texts = Texts::default();
    for key in KEYS {
        texts.set(key.path, key.default.to_owned(), Place::Default)?;
    }
    let host_name = if inputs.host_name.is_empty() { "portcullis" } else { inputs.host_name };
    texts.set("server.node", host_name.to_owned(), Place::Default)?;
    if let Some((file, text)) = inputs.file {
        read_file(&mut texts, file, text)?;
    }
    let mut warnings = read_variables(&mut texts, inputs.environment)?;
    for (path, text) in inputs.overrides {
        texts.set(path, text.clone(), Place::Flag)?;
    }

    let config = Config::build(&texts)?;
    let password = config.admin.password.as_ref();
    if password.is_some_and(|password| password.expose().len() < SHORT_PASSWORD_BYTES) {
        warnings.push(format!(
            "admin.password is shorter than {SHORT_PASSWORD_BYTES} characters; choose a longer one"
        ));
    }
    let values = KEYS.iter().map(|key| shown(key, &texts)).collect();
    Ok(Loaded { config, values, warnings })
}

fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

fn shown(key: &Key, texts: &Texts) -> Resolved {
    let (text, place) =
        texts.0.get(key.path).map_or(("", &Place::Default), |(text, place)| (text.as_str(), place));
    let shown = match text {
        "" => "(unset)",
        _ if key.secret => "(hidden)",
        text => text,
    };
    Resolved { key: key.path, shown: shown.to_owned(), source: place.to_string(), doc: key.doc }
}

fn read_variables(
    texts: &mut Texts,
    environment: &[(String, String)],
) -> Result<Vec<String>, ConfigError> {
    let mut warnings = Vec::new();
    for (variable, text) in environment {
        let place = Place::Environment { variable: variable.clone() };
        if let Some(key) = KEYS.iter().find(|key| key.variable() == *variable) {
            texts.set(key.path, text.clone(), place)?;
        } else if variable == DATABASE_URL_VARIABLE {
            // Comes first in the sorted environment, so that our own, more specific name wins.
            texts.set("database.url", text.clone(), place)?;
        } else if let Some((section, name)) =
            variable.strip_prefix("PORTCULLIS_").and_then(|rest| rest.split_once("__"))
        {
            return Err(ConfigError::unknown_key(&place, &format!("{section}.{name}")));
        } else if variable != CLIENT_SECRET_VARIABLE {
            let meant = nearest(variable.trim_start_matches("PORTCULLIS_"));
            let meant = meant.map(|key| format!("; did you mean {}?", key.variable()));
            let meant = meant.unwrap_or_default();
            warnings
                .push(format!("environment {variable} is not a setting and has no effect{meant}"));
        }
    }
    Ok(warnings)
}

fn read_file(texts: &mut Texts, file: &str, text: &str) -> Result<(), ConfigError> {
    let line_at = |byte: usize| text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1;
    let document = Document::parse(text).map_err(|error| ConfigError::Syntax {
        file: file.to_owned(),
        line: line_at(error.span().map_or(0, |span| span.start)),
        reason: error.message().replace('\n', ", "),
    })?;
    let line_of = |table: &dyn TableLike, name: &str, item: &Item| {
        let key_span = table.get_key_value(name).and_then(|(key, _)| key.span());
        line_at(key_span.or_else(|| item.span()).map_or(0, |span| span.start))
    };
    let place = |line| Place::File { file: file.to_owned(), line };
    let root: &dyn TableLike = document.as_table();
    for (name, item) in root.iter() {
        let here = place(line_of(root, name, item));
        let Some(section) = item.as_table_like() else {
            set_scalar(texts, name, item, here)?;
            continue;
        };
        if !KEYS.iter().any(|key| key.section() == name) {
            return Err(unknown_section(&here, name));
        }
        for (key, item) in section.iter() {
            set_scalar(texts, &format!("{name}.{key}"), item, place(line_of(section, key, item)))?;
        }
    }
    Ok(())
}

fn set_scalar(texts: &mut Texts, path: &str, item: &Item, place: Place) -> Result<(), ConfigError> {
    let key = find(path).ok_or_else(|| ConfigError::unknown_key(&place, path))?;
    let text = match item.as_value() {
        Some(Value::String(text)) => text.value().clone(),
        Some(Value::Integer(number)) => number.value().to_string(),
        Some(Value::Boolean(switch)) => switch.value().to_string(),
        _ => return Err(ConfigError::not_scalar(&place, key, item.type_name())),
    };
    texts.set(path, text, place)
}

fn unknown_section(place: &Place, wrong: &str) -> ConfigError {
    let sections = KEYS.iter().map(Key::section).filter(|section| !section.is_empty());
    let nearest = sections.min_by_key(|section| distance(wrong, section));
    ConfigError::Unknown {
        place: place.to_string(),
        what: format!("section [{wrong}]"),
        remedy: format!("did you mean [{}]?", nearest.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
