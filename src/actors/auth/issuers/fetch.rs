//! Fetching an issuer's key set: from its configured address, or from where its metadata says (OpenID Connect
//! Discovery 1.0 §4).
//!
//! Owns the bounds of a fetch: seconds, bytes, no redirect, TLS verified. It must never send anything of ours.

use crate::identity::Issuer;
use actix_web::http::{StatusCode, header};
use awc::{Client, Connector};
use rustls::ClientConfig;
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc, time::Duration};
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 1024 * 1024;
const METADATA_PATH: &str = "/.well-known/openid-configuration";

/// Why there is no key set.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{url} does not answer: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} answered with status {status}")]
    Status { url: String, status: StatusCode },
    #[error("{url} holds no metadata of this issuer")]
    Metadata { url: String },
}

/// What we read of the metadata.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// The JWKS document as it came.
pub(super) async fn key_set(
    issuer: &Issuer,
    jwks_url: Option<&str>,
    tls: &Arc<ClientConfig>,
) -> Result<Vec<u8>, FetchError> {
    let connector = Connector::new().rustls_0_23(Arc::clone(tls)).timeout(TIMEOUT);
    let client =
        Client::builder().connector(connector).disable_redirects().timeout(TIMEOUT).finish();
    let url = match jwks_url {
        Some(url) => url.to_owned(),
        None => discover(&client, issuer).await?,
    };
    get(&client, &url).await
}

async fn discover(client: &Client, issuer: &Issuer) -> Result<String, FetchError> {
    let url = format!("{}{METADATA_PATH}", issuer.issuer.trim_end_matches('/'));
    let document = get(client, &url).await?;
    let metadata: Option<Metadata> = serde_json::from_slice(&document).ok();
    metadata
        .filter(|metadata| {
            metadata.issuer == issuer.issuer && is_safe(&metadata.jwks_uri, &issuer.issuer)
        })
        .map(|metadata| metadata.jwks_uri)
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
    let failed = |reason: String| FetchError::Unreachable { url: url.to_owned(), reason };
    // Each on a connection of its own: one that was kept may be closed by the time it is used.
    let request = client.get(url).insert_header((header::ACCEPT, "application/json")).force_close();
    let mut answer = request.send().await.map_err(|error| failed(error.to_string()))?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status { url: url.to_owned(), status: answer.status() });
    }
    let body = answer.body().limit(MOST_BYTES);
    let body = tokio::time::timeout(TIMEOUT, body).await;
    let body = body.map_err(|_late| failed("the answer does not end".to_owned()))?;
    Ok(body.map_err(|error| failed(error.to_string()))?.to_vec())
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
