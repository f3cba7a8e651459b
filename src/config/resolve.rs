//! The layers: which text wins for each key, and where it came from.
//!
//! Owns the order defaults < file < environment < flags and the refusal of unknown keys. Pure: the
//! caller reads the file and the environment.

use super::{
    CLIENT_SECRET_VARIABLE, Config, ConfigError, DATABASE_URL_VARIABLE, KEYS,
    error::{Place, nearest},
    keys::variable_of,
    named::{is_name, named},
    secrets::Wanted,
    texts::{Texts, find},
};
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
    /// Keys of providers that are still to be read into `config`.
    pub(super) wanted: Vec<Wanted>,
}

/// One effective setting, safe to print.
#[derive(Debug)]
pub struct Resolved {
    /// The key.
    pub key: String,
    /// Its value; `(hidden)` for a secret, `(unset)` for none.
    pub shown: String,
    /// `default`, `portcullis.toml:3`, `environment PORTCULLIS_SERVER__BIND` or `flag`.
    pub source: String,
    /// What it means.
    pub doc: &'static str,
}

/// Layers the inputs, refuses what is unknown or out of range, and keeps each value's source.
pub fn resolve(inputs: &Inputs<'_>) -> Result<Loaded, ConfigError> {
    let mut texts = Texts::default();
    let host_name = if inputs.host_name.is_empty() { "portcullis" } else { inputs.host_name };
    texts.set("server.node", host_name.to_owned(), Place::Default)?;
    if let Some((file, text)) = inputs.file {
        read_file(&mut texts, file, text)?;
    }
    let strangers = read_variables(&mut texts, inputs.environment)?;
    for (path, text) in inputs.overrides {
        texts.set(path, text.clone(), Place::Flag)?;
    }

    let config = Config::build(&texts)?;
    texts.check_oidc(&config)?;
    let wanted = texts.wanted()?;
    let is_read = |variable: &str| wanted.iter().any(|wanted| wanted.is_variable(variable));
    let strangers = strangers.into_iter().filter(|variable| !is_read(variable));
    let mut warnings: Vec<_> = strangers.map(no_setting).collect();
    let password = config.admin.password.as_ref();
    if password.is_some_and(|password| password.expose().len() < SHORT_PASSWORD_BYTES) {
        warnings.push(format!(
            "admin.password is shorter than {SHORT_PASSWORD_BYTES} characters; choose a longer one"
        ));
    }
    Ok(Loaded { config, values: texts.shown(), warnings, wanted })
}

fn no_setting(variable: &str) -> String {
    let meant = nearest(variable.trim_start_matches("PORTCULLIS_"));
    let meant = meant.map(|path| format!("; did you mean {}?", variable_of(&path)));
    let meant = meant.unwrap_or_default();
    format!("environment {variable} is not a setting and has no effect{meant}")
}

/// Returns the variables that set nothing.
fn read_variables<'a>(
    texts: &mut Texts,
    environment: &'a [(String, String)],
) -> Result<Vec<&'a str>, ConfigError> {
    let mut strangers = Vec::new();
    for (variable, text) in environment {
        let place = Place::Environment { variable: variable.clone() };
        if variable == DATABASE_URL_VARIABLE {
            // Comes first in the sorted environment, so that our own, more specific name wins.
            texts.set("database.url", text.clone(), place)?;
        } else if let Some(path) = path_of(variable) {
            if variable_of(&path) != *variable {
                return Err(ConfigError::unknown_key(&place, &path));
            }
            texts.set(&path, text.clone(), place)?;
        } else if variable != CLIENT_SECRET_VARIABLE {
            strangers.push(variable.as_str());
        }
    }
    Ok(strangers)
}

/// The path that a variable sets, whether or not there is such a key.
fn path_of(variable: &str) -> Option<String> {
    let path = variable.strip_prefix("PORTCULLIS_")?.to_lowercase();
    match path.split_once("__") {
        // A name may itself hold "__"; no key does.
        Some((section, rest)) if named(section).is_some() => Some(match rest.rsplit_once("__") {
            Some((name, key)) => format!("{section}.{name}.{key}"),
            None => format!("{section}.{rest}"),
        }),
        Some((section, key)) => Some(format!("{section}.{}", key.replace("__", "."))),
        None => find(&path).is_some().then_some(path),
    }
}

fn read_file(texts: &mut Texts, file: &str, text: &str) -> Result<(), ConfigError> {
    let line_at = |byte: usize| text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1;
    let document = Document::parse(text).map_err(|error| ConfigError::Syntax {
        file: file.to_owned(),
        line: line_at(error.span().map_or(0, |span| span.start)),
        reason: error.message().replace('\n', ", "),
    })?;
    let place_of = |table: &dyn TableLike, name: &str, item: &Item| {
        let key_span = table.get_key_value(name).and_then(|(key, _)| key.span());
        let start = key_span.or_else(|| item.span()).map_or(0, |span| span.start);
        Place::File { file: file.to_owned(), line: line_at(start) }
    };
    read_table(texts, "", document.as_table(), &place_of)
}

fn read_table(
    texts: &mut Texts,
    section: &str,
    table: &dyn TableLike,
    place_of: &dyn Fn(&dyn TableLike, &str, &Item) -> Place,
) -> Result<(), ConfigError> {
    for (name, item) in table.iter() {
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        let place = place_of(table, name, item);
        match item.as_table_like() {
            Some(entry) if named(section).is_some() => {
                // A quoted name may hold a dot.
                if !is_name(name) {
                    return Err(ConfigError::unknown_section(&place, &path));
                }
                texts.mention(&path, &place);
                read_table(texts, &path, entry, place_of)?;
            }
            Some(inner) if is_section(&path) => read_table(texts, &path, inner, place_of)?,
            Some(_) if section.is_empty() => {
                return Err(ConfigError::unknown_section(&place, name));
            }
            _ => set_scalar(texts, &path, item, place)?,
        }
    }
    Ok(())
}

fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.section() == path) || named(path).is_some()
}

fn set_scalar(texts: &mut Texts, path: &str, item: &Item, place: Place) -> Result<(), ConfigError> {
    if find(path).is_none() {
        return Err(ConfigError::unknown_key(&place, path));
    }
    let text = match item.as_value() {
        Some(Value::String(text)) => text.value().clone(),
        Some(Value::Integer(number)) => number.value().to_string(),
        Some(Value::Boolean(switch)) => switch.value().to_string(),
        Some(Value::Float(number)) => number.value().to_string(),
        _ => return Err(ConfigError::not_scalar(&place, path, item.type_name())),
    };
    texts.set(path, text, place)
}

#[cfg(test)]
mod tests;
