//! Asking a provider: for its metadata and key set (OpenID Connect Discovery 1.0 §4), or for what a form gets.
//!
//! Owns the bounds of an exchange: seconds, bytes, no redirect, TLS verified.

use actix_web::http::{StatusCode, header};
use awc::{Client, Connector, SendClientRequest};
use rustls::ClientConfig;
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc, time::Duration};
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 1024 * 1024;
const METADATA_PATH: &str = "/.well-known/openid-configuration";

/// Why there is no key set.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or none that ends.
    #[error("{url} does not answer: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What happened.
        reason: String,
    },
    /// Another answer than was asked for.
    #[error("{url} answered with status {status}")]
    Status {
        /// Where.
        url: String,
        /// Its status.
        status: StatusCode,
    },
    /// The metadata are another issuer's, or name places that cannot be trusted.
    #[error("{url} holds no metadata of this issuer")]
    Metadata {
        /// Where.
        url: String,
    },
}

/// What we read of a provider's metadata. Every address is safe to ask.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    jwks_uri: String,
    /// Where users sign in; `None` for issuers of agents' tokens alone.
    pub authorization_endpoint: Option<String>,
    /// Where a code becomes tokens.
    pub token_endpoint: Option<String>,
    /// How clients show who they are there.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// An issuer's metadata.
pub async fn metadata(issuer: &str, tls: &Arc<ClientConfig>) -> Result<Metadata, FetchError> {
    discover(&client(tls), issuer).await
}

/// The JWKS document as it came: from this address, or from where the metadata say.
pub async fn key_set(
    issuer: &str,
    jwks_url: Option<&str>,
    tls: &Arc<ClientConfig>,
) -> Result<Vec<u8>, FetchError> {
    let client = client(tls);
    let url = match jwks_url {
        Some(url) => url.to_owned(),
        None => discover(&client, issuer).await?.jwks_uri,
    };
    get(&client, &url).await
}

/// The JWKS document that belongs to these metadata.
pub async fn key_set_of(
    metadata: &Metadata,
    tls: &Arc<ClientConfig>,
) -> Result<Vec<u8>, FetchError> {
    get(&client(tls), &metadata.jwks_uri).await
}

fn client(tls: &Arc<ClientConfig>) -> Client {
    let connector = Connector::new().rustls_0_23(Arc::clone(tls)).timeout(TIMEOUT);
    Client::builder().connector(connector).disable_redirects().timeout(TIMEOUT).finish()
}

async fn discover(client: &Client, issuer: &str) -> Result<Metadata, FetchError> {
    let url = format!("{}{METADATA_PATH}", issuer.trim_end_matches('/'));
    let document = get(client, &url).await?;
    let metadata: Option<Metadata> = serde_json::from_slice(&document).ok();
    metadata
        .filter(|metadata| {
            let more = [&metadata.authorization_endpoint, &metadata.token_endpoint];
            let mut urls = more.into_iter().flatten().chain([&metadata.jwks_uri]);
            metadata.issuer == issuer && urls.all(|url| is_safe(url, issuer))
        })
        .ok_or(FetchError::Metadata { url })
}

/// Keys that came in clear over a network could be anybody's; and an issuer elsewhere has none on this machine.
fn is_safe(url: &str, issuer: &str) -> bool {
    let (Ok(url), Ok(issuer)) = (Url::parse(url), Url::parse(issuer)) else { return false };
    match url.scheme() {
        "https" => is_local(&issuer) || !is_local(&url),
        "http" => is_local(&issuer) && is_local(&url),
        _ => false,
    }
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn get(client: &Client, url: &str) -> Result<Vec<u8>, FetchError> {
    // Each on a connection of its own: one that was kept may be closed by the time it is used.
    let request = client.get(url).insert_header((header::ACCEPT, "application/json")).force_close();
    match finish(url, request.send()).await? {
        (StatusCode::OK, body) => Ok(body),
        (status, _) => Err(FetchError::Status { url: url.to_owned(), status }),
    }
}

/// Sends a form and returns what came back, whatever its status. `credentials` stand in a Basic header.
pub(super) async fn post_form(
    url: &str,
    form: String,
    credentials: Option<String>,
    tls: &Arc<ClientConfig>,
) -> Result<(StatusCode, Vec<u8>), FetchError> {
    let mut request = client(tls)
        .post(url)
        .insert_header((header::ACCEPT, "application/json"))
        .content_type("application/x-www-form-urlencoded")
        .force_close();
    if let Some(credentials) = credentials {
        request = request.insert_header((header::AUTHORIZATION, format!("Basic {credentials}")));
    }
    finish(url, request.send_body(form)).await
}

async fn finish(url: &str, sent: SendClientRequest) -> Result<(StatusCode, Vec<u8>), FetchError> {
    let failed = |reason: String| FetchError::Unreachable { url: url.to_owned(), reason };
    let mut answer = sent.await.map_err(|error| failed(error.to_string()))?;
    let status = answer.status();
    let body = answer.body().limit(MOST_BYTES);
    let body = tokio::time::timeout(TIMEOUT, body).await;
    let body = body.map_err(|_late| failed("the answer does not end".to_owned()))?;
    Ok((status, body.map_err(|error| failed(error.to_string()))?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_over_tls_or_within_this_machine() {
        let (local, elsewhere) = ("http://127.0.0.1:9000", "https://login.example.com");
        for (issuer, url, safe) in [
            (elsewhere, "https://login.example.com/keys", true),
            (elsewhere, "https://keys.example.com/", true),
            (elsewhere, "http://login.example.com/keys", false),
            (elsewhere, "http://127.0.0.1:9000/keys", false),
            (elsewhere, "https://localhost/keys", false),
            (elsewhere, "file:///etc/passwd", false),
            (elsewhere, "keys", false),
            (local, "http://127.0.0.1:9000/keys", true),
            (local, "http://[::1]/keys", true),
            (local, "http://localhost/keys", true),
            (local, "https://login.example.com/keys", true),
            (local, "http://127.0.0.1.example.com/keys", false),
            ("not a URL", "https://login.example.com/keys", false),
        ] {
            assert_eq!(is_safe(url, issuer), safe, "{url} of {issuer}");
        }
    }
}
