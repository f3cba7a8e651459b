//! The parameters of a request: JSON or a form, each once.
//!
//! Owns the two spellings of a request's body. It must never repeat anything of it in an error.

use super::TokenRefusal;
use crate::identity::json;
use serde_json::Value;
use std::collections::HashMap;
use url::form_urlencoded;

/// Those that we read; others are ignored (RFC 6749 §3.2).
const NAMES: [&str; 5] = ["grant_type", "client_id", "client_secret", "token", "token_type_hint"];

/// A request's parameters. Empty ones are none (RFC 6749 §3.2).
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// Reads a body of one of the two types.
    pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, TokenRefusal> {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        match media_type.trim().to_ascii_lowercase().as_str() {
            "application/json" => Self::from_json(body),
            "application/x-www-form-urlencoded" => Self::from_form(body),
            _ => Err(TokenRefusal::InvalidRequest(
                "Send Content-Type: application/json or application/x-www-form-urlencoded.",
            )),
        }
    }

    /// Takes a parameter out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    fn from_form(body: &[u8]) -> Result<Self, TokenRefusal> {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(TokenRefusal::InvalidRequest("A parameter is sent twice."));
            }
        }
        Ok(Self(parameters))
    }

    fn from_json(body: &[u8]) -> Result<Self, TokenRefusal> {
        let members = json::read_object(body).ok_or(TokenRefusal::InvalidRequest(
            "The body is not a JSON object, or names a parameter twice.",
        ))?;
        let mut parameters = HashMap::new();
        for (name, value) in members.into_iter().filter(|(name, _)| NAMES.contains(&&**name)) {
            match value {
                Value::String(text) => parameters.insert(name, text),
                Value::Null => None,
                _ => {
                    return Err(TokenRefusal::InvalidRequest(
                        "The parameters must be JSON strings.",
                    ));
                }
            };
        }
        Ok(Self(parameters))
    }
}
