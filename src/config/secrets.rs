//! Keys and secrets that stand outside the configuration: in a variable or in a file.
//!
//! Owns reading them. It must never show one, not even one that is refused.

use super::{
    Config, ConfigError,
    error::Place,
    texts::Texts,
    value::{self, Expected},
};
use crate::types::Sensitive;
use std::{fs, path::PathBuf};

/// Where a key is.
#[derive(Debug)]
pub(super) enum Source {
    /// The value of a variable of the environment.
    Variable(String),
    /// The first line of a file.
    File(PathBuf),
}

/// What a key is.
#[derive(Debug)]
pub(super) enum Target {
    /// The provider's key of this name.
    ProviderKey(String),
    /// `upstream.api_key`.
    ApiKey,
    /// `admin.oidc.client_secret`.
    ClientSecret,
}

/// A key that is to be read, and the setting that says so.
#[derive(Debug)]
pub(super) struct Wanted {
    target: Target,
    source: Source,
    setting: String,
    shown: String,
    place: Place,
}

impl Wanted {
    pub(super) fn new(texts: &Texts, setting: &str, target: Target, source: Source) -> Self {
        let (shown, place) = texts.get(setting);
        Self {
            target,
            source,
            setting: setting.to_owned(),
            shown: shown.to_owned(),
            place: place.clone(),
        }
    }

    /// Whether it is the value of this variable.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        matches!(&self.source, Source::Variable(variable) if variable == name)
    }

    /// Reads the key to its place in the configuration.
    pub(super) fn read_into(&self, config: &mut Config) -> Result<(), ConfigError> {
        let key = self.read().map_err(|expected| {
            ConfigError::invalid(&self.place, &self.setting, &self.shown, false, &expected)
        })?;
        match &self.target {
            Target::ProviderKey(name) => {
                config.provider_keys.insert(name.clone(), key);
            }
            Target::ApiKey => config.upstream.api_key = Some(key),
            Target::ClientSecret => config.admin.oidc.client_secret = Some(key),
        }
        Ok(())
    }

    fn read(&self) -> Result<Sensitive<String>, Expected> {
        let (key, holder) = match &self.source {
            Source::Variable(name) => {
                let value = std::env::var_os(name).ok_or("a variable that is set")?;
                (value.into_string().unwrap_or_default(), "a variable")
            }
            Source::File(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|error| format!("a file that can be read ({error})"))?;
                (text.lines().next().unwrap_or_default().trim().to_owned(), "a file")
            }
        };
        value::provider_key(&key).ok().flatten().ok_or_else(|| {
            format!("{holder} with a key of visible ASCII characters, without spaces").into()
        })
    }
}

impl Texts {
    /// All keys that are to be read.
    pub(super) fn wanted(&self) -> Result<Vec<Wanted>, ConfigError> {
        let mut wanted = self.provider_keys()?;
        for (key, target) in [
            ("upstream.api_key", Target::ApiKey),
            ("admin.oidc.client_secret", Target::ClientSecret),
        ] {
            let setting = format!("{key}_file");
            if let Some(file) = self.read(&setting, value::optional_path)? {
                if !self.get(key).0.is_empty() {
                    return Err(self.refused(&setting, &format!("nothing, as {key} is set")));
                }
                wanted.push(Wanted::new(self, &setting, target, Source::File(file)));
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, Loaded, resolve};

    fn load(text: &str) -> Result<Loaded, String> {
        let inputs = Inputs {
            file: Some(("portcullis.toml", text)),
            environment: &[],
            overrides: &[],
            host_name: "h",
        };
        let mut loaded = resolve(&inputs).map_err(|error| error.to_string())?;
        for wanted in &loaded.wanted {
            wanted.read_into(&mut loaded.config).map_err(|error| error.to_string())?;
        }
        Ok(loaded)
    }

    fn file_with(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn keys_come_from_the_first_line_of_a_file_or_from_a_variable() {
        let file = file_with(b"  sk-canary \r\nsecond line\n");
        let path = file.path().display();
        // Cargo sets this one for every test.
        let text = format!(
            "[provider_keys.a]\nfile = \"{path}\"\n[provider_keys.b]\nenv = \"CARGO_PKG_NAME\"\n\
             [upstream]\napi_key_file = \"{path}\"\n"
        );
        let loaded = load(&text).unwrap();
        let key = |name: &str| loaded.config.provider_keys[name].expose().as_str();
        assert_eq!((key("a"), key("b")), ("sk-canary", "portcullis"));
        assert_eq!(loaded.config.upstream.api_key.as_ref().unwrap().expose(), "sk-canary");
        assert!(!format!("{loaded:?}").contains("canary"));
    }

    #[test]
    fn a_key_that_cannot_be_read_is_named_by_its_place_and_never_shown() {
        assert_eq!(
            load("[provider_keys.a]\nfile = \"/no/such/file\"\n").unwrap_err(),
            "portcullis.toml:2: provider_keys.a.file = \"/no/such/file\": expected a file that \
             can be read (No such file or directory (os error 2))"
        );
        assert_eq!(
            load("[provider_keys.a]\nenv = \"NO_SUCH_VARIABLE\"\n").unwrap_err(),
            "portcullis.toml:2: provider_keys.a.env = \"NO_SUCH_VARIABLE\": \
             expected a variable that is set"
        );
        let not_text: &[u8] = b"sk-canary\xff";
        for content in
            [b"".as_slice(), b"\nsk-canary\n", b"sk canary\n", "sk-canäry".as_bytes(), not_text]
        {
            let file = file_with(content);
            let text = format!("[upstream]\napi_key_file = \"{}\"\n", file.path().display());
            let text = load(&text).unwrap_err();
            assert!(text.contains("upstream.api_key_file = \"/"), "{text}");
            // What is said of the key stands behind the path, which may hold any letters.
            let (_, said) = text.split_once(": expected a file ").expect(&text);
            assert!(!said.contains("sk"), "{text}");
        }
    }
}
