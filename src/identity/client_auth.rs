//! Token requests: who asks for an agent token, and the errors of RFC 6749 §5.2.
//!
//! Owns the reading of JSON bodies (the reference page's way), form bodies and HTTP Basic into one
//! [`TokenRequest`]. It must never repeat anything of a request in an error.

use crate::types::Sensitive;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, json};
use std::{collections::HashSet, fmt};
use url::form_urlencoded;

/// A well-formed request for a token with the client credentials grant.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The client.
    pub client_id: String,
    /// What it proves itself with.
    pub client_secret: Sensitive<String>,
}

/// Why no token is issued, in the words of RFC 6749 §5.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenRefusal {
    /// The request cannot be read.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// Unknown client, wrong secret, or neither sent: never said which.
    #[error("The client credentials are missing or not valid.")]
    InvalidClient,
    /// Another grant than `client_credentials`.
    #[error("Send grant_type=client_credentials; no other grant is offered.")]
    UnsupportedGrantType,
}

impl TokenRefusal {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::InvalidRequest(_) | Self::UnsupportedGrantType => 400,
        }
    }

    /// The code that programs compare.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }

    /// `WWW-Authenticate`, which every 401 carries.
    pub const fn www_authenticate(self) -> Option<&'static str> {
        match self {
            Self::InvalidClient => Some("Basic realm=\"portcullis\", charset=\"UTF-8\""),
            _ => None,
        }
    }

    /// The JSON body.
    pub fn body(self) -> Value {
        json!({ "error": self.code(), "error_description": self.to_string() })
    }
}

impl TokenRequest {
    /// Reads a request from its two headers and its body.
    pub fn parse(
        authorization: Option<&str>,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Self, TokenRefusal> {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let parameters = match media_type.trim().to_ascii_lowercase().as_str() {
            "application/json" => Parameters::from_json(body)?,
            "application/x-www-form-urlencoded" => Parameters::from_form(body)?,
            _ => {
                return Err(TokenRefusal::InvalidRequest(
                    "Send Content-Type: application/json or application/x-www-form-urlencoded.",
                ));
            }
        };
        let Parameters { grant_type, client_id, client_secret } = parameters;
        let request = match authorization {
            None => {
                let client_id = client_id.ok_or(TokenRefusal::InvalidClient)?;
                let client_secret = client_secret.ok_or(TokenRefusal::InvalidClient)?;
                Self { client_id, client_secret }
            }
            Some(header) => {
                let request = Self::from_basic(header).ok_or(TokenRefusal::InvalidClient)?;
                let other_client =
                    client_id.is_some_and(|client_id| client_id != request.client_id);
                if client_secret.is_some() || other_client {
                    return Err(TokenRefusal::InvalidRequest(
                        "Send the client credentials once: in the body or with HTTP Basic.",
                    ));
                }
                request
            }
        };
        match grant_type.as_deref() {
            Some("client_credentials") => Ok(request),
            Some(_) => Err(TokenRefusal::UnsupportedGrantType),
            None => Err(TokenRefusal::InvalidRequest("Send grant_type=client_credentials.")),
        }
    }

    /// RFC 6749 §2.3.1: both halves are form-encoded before they are joined and base64-encoded.
    fn from_basic(header: &str) -> Option<Self> {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (client_id, client_secret) = joined.split_once(':')?;
        if client_id.is_empty() || client_secret.is_empty() {
            return None;
        }
        Some(Self {
            client_id: form_decode(client_id),
            client_secret: Sensitive::new(form_decode(client_secret)),
        })
    }
}

/// The parameters that matter; unknown ones are ignored and empty ones are none (RFC 6749 §3.2).
#[derive(Default)]
struct Parameters {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Sensitive<String>>,
}

impl Parameters {
    fn from_form(body: &[u8]) -> Result<Self, TokenRefusal> {
        let pairs = form_urlencoded::parse(body);
        Self::collect(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    fn from_json(body: &[u8]) -> Result<Self, TokenRefusal> {
        let Members(members) = serde_json::from_slice(body).map_err(|_not_an_object| {
            TokenRefusal::InvalidRequest("The body is not a JSON object.")
        })?;
        let text = |(name, value): (String, Value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Null => Ok((name, String::new())),
            _ if !Self::is_ours(&name) => Ok((name, String::new())),
            _ => Err(TokenRefusal::InvalidRequest("The parameters must be JSON strings.")),
        };
        Self::collect(members.into_iter().map(text).collect::<Result<_, _>>()?)
    }

    fn is_ours(name: &str) -> bool {
        matches!(name, "grant_type" | "client_id" | "client_secret")
    }

    fn collect(pairs: Vec<(String, String)>) -> Result<Self, TokenRefusal> {
        let mut seen = HashSet::with_capacity(pairs.len());
        let mut parameters = Self::default();
        for (name, value) in &pairs {
            if !seen.insert(name.as_str()) {
                return Err(TokenRefusal::InvalidRequest("A parameter is sent twice."));
            }
            let value = (!value.is_empty()).then(|| value.clone());
            match name.as_str() {
                "grant_type" => parameters.grant_type = value,
                "client_id" => parameters.client_id = value,
                "client_secret" => parameters.client_secret = value.map(Sensitive::new),
                _ => {}
            }
        }
        Ok(parameters)
    }
}

/// The members of a JSON object in order, repeated names included: a map would hide them.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Undoes form encoding of a single value.
fn form_decode(text: &str) -> String {
    // A value that was sent plain may hold the separators of a form.
    let text = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(value, _)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
