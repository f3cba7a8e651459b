//! Configuration: defaults, then `portcullis.toml`, then the environment, then flags.
//!
//! Owns every setting with its key, default and unit ([`KEYS`] and [`NAMED_KEYS`] are
//! generated from one declaration each, in `config/keys.rs` and `config/named.rs`), and is the only room that reads the environment. It must never show a
//! secret's value, and never let a misspelt key pass.

mod declare;
mod document;
mod error;
mod keys;
mod named;
mod network;
mod oidc;
mod resolve;
mod secrets;
mod texts;
mod value;

pub use document::{example_toml, markdown_table};
pub use error::ConfigError;
pub use keys::{
    Admin, Audit, Auth, Config, Database, Detection, Endpoints, KEYS, Key, Limits, Log, Oidc,
    PolicyFiles, Server, Trust, Upstream,
};
pub use named::{IssuerSettings, NAMED_KEYS, ProviderKeySettings};
pub use network::Network;
pub use resolve::{Inputs, Loaded, Resolved, resolve};
pub(crate) use value::address;
pub use value::{
    BlockedStatus, Durability, LogFormat, StreamDetection, UnknownAgents, UnknownEndpoints,
    WhenFull,
};

use crate::types::Sensitive;
use std::{fs, io::ErrorKind, path::Path};

/// The file that is read when no other is named, if it exists.
pub const DEFAULT_FILE: &str = "portcullis.toml";

/// Where `portcullis token` finds the client secret when it does not come on standard input.
const CLIENT_SECRET_VARIABLE: &str = "PORTCULLIS_CLIENT_SECRET";

/// What hosting platforms call the database's address; the same as `database.url`.
const DATABASE_URL_VARIABLE: &str = "DATABASE_URL";

impl Config {
    /// Reads all layers: the defaults, `file` (which must exist) or else [`DEFAULT_FILE`] (which
    /// may be absent), the process environment, and `overrides` (key, value) from flags; then the
    /// providers' keys from where they say that these are.
    pub fn load(
        file: Option<&Path>,
        overrides: &[(String, String)],
    ) -> Result<Loaded, ConfigError> {
        let environment = read_environment()?;
        let host_name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if file.is_none() && error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                return Err(ConfigError::Unreadable { file: path.display().to_string(), error });
            }
        };
        let file_name = path.display().to_string();
        let mut loaded = resolve(&Inputs {
            file: text.as_deref().map(|text| (file_name.as_str(), text)),
            environment: &environment,
            overrides,
            host_name: host_name.trim(),
        })?;
        for wanted in &loaded.wanted {
            wanted.read_into(&mut loaded.config)?;
        }
        Ok(loaded)
    }
}

/// The client secret that `portcullis token` may take from the environment.
pub fn client_secret_from_environment() -> Option<Sensitive<String>> {
    let secret = std::env::var_os(CLIENT_SECRET_VARIABLE)?.into_string().ok()?;
    (!secret.is_empty()).then(|| Sensitive::new(secret))
}

/// The variables that are ours, as text.
fn read_environment() -> Result<Vec<(String, String)>, ConfigError> {
    let mut ours = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if !name.starts_with("PORTCULLIS_") && name != DATABASE_URL_VARIABLE {
            continue;
        }
        match value.into_string() {
            Ok(value) => ours.push((name.to_owned(), value)),
            Err(_) => return Err(ConfigError::NotText { variable: name.to_owned() }),
        }
    }
    ours.sort();
    Ok(ours)
}
