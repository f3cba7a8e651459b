//! Requests of OAuth clients: who asks for a token or revokes one, and the errors of RFC 6749 §5.2.
//!
//! Owns the reading of JSON bodies (the reference page's way), form bodies and HTTP Basic into
//! [`TokenRequest`] and [`RevocationRequest`]. It must never repeat anything of a request in an error.

mod parameters;

use crate::types::Sensitive;
use base64::{Engine, engine::general_purpose::STANDARD};
use parameters::Parameters;
use serde_json::{Value, json};
use url::form_urlencoded;

/// A well-formed request for a token with the client credentials grant.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The client.
    pub client_id: String,
    /// What it proves itself with.
    pub client_secret: Sensitive<String>,
}

/// A well-formed request to revoke a token (RFC 7009 §2.1). Its `token_type_hint` is ignored: we know
/// our tokens by their form.
#[derive(Clone, Debug)]
pub struct RevocationRequest {
    /// The client.
    pub client_id: String,
    /// What it proves itself with.
    pub client_secret: Sensitive<String>,
    /// What it revokes.
    pub token: Sensitive<String>,
}

/// Who asks, and the proof.
struct Client {
    id: String,
    secret: Sensitive<String>,
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
    /// The token that is to be revoked is another client's.
    #[error("The token was issued to another client.")]
    InvalidGrant,
}

impl TokenRefusal {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::InvalidRequest(_) | Self::UnsupportedGrantType | Self::InvalidGrant => 400,
        }
    }

    /// The code that programs compare.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidGrant => "invalid_grant",
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
        let mut parameters = Parameters::parse(content_type, body)?;
        let client = Client::parse(authorization, &mut parameters)?;
        match parameters.take("grant_type").as_deref() {
            Some("client_credentials") => {
                Ok(Self { client_id: client.id, client_secret: client.secret })
            }
            Some(_) => Err(TokenRefusal::UnsupportedGrantType),
            None => Err(TokenRefusal::InvalidRequest("Send grant_type=client_credentials.")),
        }
    }
}

impl RevocationRequest {
    /// Reads a request from its two headers and its body.
    pub fn parse(
        authorization: Option<&str>,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Self, TokenRefusal> {
        let mut parameters = Parameters::parse(content_type, body)?;
        let client = Client::parse(authorization, &mut parameters)?;
        let token = parameters
            .take("token")
            .ok_or(TokenRefusal::InvalidRequest("Send the token that is to be revoked."))?;
        Ok(Self {
            client_id: client.id,
            client_secret: client.secret,
            token: Sensitive::new(token),
        })
    }
}

impl Client {
    /// From the body or from HTTP Basic, never from both.
    fn parse(
        authorization: Option<&str>,
        parameters: &mut Parameters,
    ) -> Result<Self, TokenRefusal> {
        let id = parameters.take("client_id");
        let secret = parameters.take("client_secret").map(Sensitive::new);
        let Some(header) = authorization else {
            let id = id.ok_or(TokenRefusal::InvalidClient)?;
            return Ok(Self { id, secret: secret.ok_or(TokenRefusal::InvalidClient)? });
        };
        let client = Self::from_basic(header).ok_or(TokenRefusal::InvalidClient)?;
        if secret.is_some() || id.is_some_and(|id| id != client.id) {
            return Err(TokenRefusal::InvalidRequest(
                "Send the client credentials once: in the body or with HTTP Basic.",
            ));
        }
        Ok(client)
    }

    /// RFC 6749 §2.3.1: both halves are form-encoded before they are joined and base64-encoded.
    fn from_basic(header: &str) -> Option<Self> {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = joined.split_once(':')?;
        if id.is_empty() || secret.is_empty() {
            return None;
        }
        Some(Self { id: form_decode(id), secret: Sensitive::new(form_decode(secret)) })
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
