//! Turning a code into an ID token (OpenID Connect Core 1.0 §3.1.3).
//!
//! Owns how the gate shows who it is at the token endpoint. What it sends and gets must never be logged.

use super::fetch::{FetchError, Metadata, post_form};
use crate::types::Sensitive;
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::ClientConfig;
use serde::Deserialize;
use std::sync::Arc;
use url::form_urlencoded::{Serializer, byte_serialize};

/// A code, and what must come with it.
#[derive(Debug)]
pub struct Code<'a> {
    /// The code.
    pub code: &'a Sensitive<String>,
    /// Where the provider sent the browser with it.
    pub redirect_uri: &'a str,
    /// What the challenge was made of (RFC 7636).
    pub code_verifier: &'a Sensitive<String>,
    /// Our id at the provider.
    pub client_id: &'a str,
    /// Our secret there; a public client has none.
    pub client_secret: Option<&'a Sensitive<String>>,
}

/// Why there is no ID token.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// The provider cannot be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The provider has no token endpoint.
    #[error("the provider's metadata name no token endpoint")]
    NoEndpoint,
    /// The code was used before, is too old, or another client's.
    #[error("the provider does not take the code")]
    InvalidGrant,
    /// The provider refuses us, with this code of RFC 6749 §5.2.
    #[error(
        "the token endpoint refuses: {0}; check admin.oidc.client_id, client_secret and the redirect URI there"
    )]
    Refused(String),
    /// An answer without a token.
    #[error("the token endpoint's answer has no id_token; is openid among admin.oidc.scopes?")]
    NoToken,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The ID token that the provider gives for a code; nobody has looked at it yet.
pub async fn redeem(
    metadata: &Metadata,
    code: &Code<'_>,
    tls: &Arc<ClientConfig>,
) -> Result<Sensitive<String>, RedeemError> {
    let endpoint = metadata.token_endpoint.as_deref().ok_or(RedeemError::NoEndpoint)?;
    let (form, credentials) = request(metadata, code);
    let (status, body) = post_form(endpoint, form, credentials, tls).await?;
    if status.is_success() {
        let tokens: Option<Tokens> = serde_json::from_slice(&body).ok();
        let token = tokens.and_then(|tokens| tokens.id_token).ok_or(RedeemError::NoToken)?;
        return Ok(Sensitive::new(token));
    }
    let refusal: Option<Refusal> = serde_json::from_slice(&body).ok();
    Err(match refusal.map(|refusal| refusal.error) {
        Some(error) if error == "invalid_grant" => RedeemError::InvalidGrant,
        Some(error) if is_code(&error) => RedeemError::Refused(error),
        _ => RedeemError::Refused(format!("status {status}")),
    })
}

/// The form, and the credentials of a Basic header if they do not stand in it. Basic is what every provider takes
/// that does not say otherwise (RFC 8414 §2).
fn request(metadata: &Metadata, code: &Code<'_>) -> (String, Option<String>) {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code.code.expose())
        .append_pair("redirect_uri", code.redirect_uri)
        .append_pair("code_verifier", code.code_verifier.expose());
    let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
    let takes = |method: &str| methods.is_none_or(|all| all.iter().any(|one| one == method));
    let by_header = takes("client_secret_basic") || !takes("client_secret_post");
    match code.client_secret {
        Some(secret) if by_header => {
            // RFC 6749 §2.3.1: both are encoded like a form's values first.
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(code.client_id), encoded(secret.expose()));
            return (form.finish(), Some(STANDARD.encode(pair)));
        }
        Some(secret) => {
            form.append_pair("client_secret", secret.expose());
        }
        None => {}
    }
    form.append_pair("client_id", code.client_id);
    (form.finish(), None)
}

/// Whether it is a word that may stand in a log.
fn is_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(methods: Option<&[&str]>, secret: Option<&str>) -> (String, Option<String>) {
        let metadata = serde_json::from_value(json!({
            "issuer": "https://id", "jwks_uri": "https://id/keys",
            "token_endpoint_auth_methods_supported": methods,
        }));
        let secret = secret.map(|text| Sensitive::new(text.to_owned()));
        let code = Code {
            code: &Sensitive::new("c&d".to_owned()),
            redirect_uri: "https://gate/callback",
            code_verifier: &Sensitive::new("v".to_owned()),
            client_id: "my gate",
            client_secret: secret.as_ref(),
        };
        let (form, credentials) = request(&metadata.unwrap(), &code);
        let decoded = |text: String| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        (form, credentials.map(decoded))
    }

    #[test]
    fn the_secret_stands_in_one_place_alone() {
        let common = "grant_type=authorization_code&code=c%26d\
                      &redirect_uri=https%3A%2F%2Fgate%2Fcallback&code_verifier=v";
        let basic = (common.to_owned(), Some("my+gate:s%3A+%26".to_owned()));
        let both = &["client_secret_post", "client_secret_basic"];
        for methods in [None, Some(&both[..]), Some(&["private_key_jwt"])] {
            assert_eq!(sent(methods, Some("s: &")), basic, "{methods:?}");
        }
        let form = format!("{common}&client_secret=s%3A+%26&client_id=my+gate");
        assert_eq!(sent(Some(&["client_secret_post"]), Some("s: &")), (form, None));
        assert_eq!(sent(None, None), (format!("{common}&client_id=my+gate"), None));
    }
}
