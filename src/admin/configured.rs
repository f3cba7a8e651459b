//! The names that only the configuration defines: provider keys and external issuers.
//!
//! Owns the check that a name which is about to be stored means something. It must never hold what the
//! names stand for.

use super::{AdminError, InvalidRequest};
use crate::config::Config;
use std::collections::BTreeSet;

/// The names of the configuration's free sections.
#[derive(Clone, Debug, Default)]
pub struct ConfiguredNames {
    provider_keys: BTreeSet<String>,
    issuers: BTreeSet<String>,
}

impl ConfiguredNames {
    /// The names in this configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            provider_keys: config.provider_keys.keys().cloned().collect(),
            issuers: config.issuers.keys().cloned().collect(),
        }
    }

    pub(super) fn check_provider_key(&self, name: &str) -> Result<(), AdminError> {
        check("provider_keys", &self.provider_keys, name)
    }

    pub(super) fn check_issuer(&self, name: &str) -> Result<(), AdminError> {
        check("issuers", &self.issuers, name)
    }
}

fn check(section: &'static str, names: &BTreeSet<String>, name: &str) -> Result<(), AdminError> {
    if names.contains(name) {
        return Ok(());
    }
    let known = if names.is_empty() {
        format!("add it: there is no [{section}.…] yet")
    } else {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("it defines {}", names.join(", "))
    };
    Err(InvalidRequest::NotConfigured { section, name: name.to_owned(), known }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let issuers = ["corp", "partner"].map(str::to_owned).into();
        let names = ConfiguredNames { issuers, ..ConfiguredNames::default() };
        assert!(names.check_issuer("corp").is_ok());
        let error = names.check_issuer("Corp").unwrap_err().to_string();
        assert!(error.contains("[issuers.Corp]") && error.contains("corp, partner"), "{error}");
        let error = names.check_provider_key("corp").unwrap_err().to_string();
        assert!(error.contains("there is no [provider_keys.…] yet"), "{error}");
    }
}
