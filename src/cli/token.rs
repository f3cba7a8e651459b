//! `portcullis token`.

use super::{CliError, Context, Output};
use crate::config::client_secret_from_environment;
use crate::types::Sensitive;
use awc::error::SendRequestError;
use clap::Args;
use serde_json::{Value, json};
use std::{
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Args, Debug)]
#[command(
    after_help = "With --client-id, the secret comes from PORTCULLIS_CLIENT_SECRET or from standard \
    input.\nExample: export OPENAI_API_KEY=$(portcullis token --credentials creds.json)"
)]
pub(super) struct Token {
    /// The agent's client id
    #[arg(long, required_unless_present = "credentials")]
    client_id: Option<String>,
    /// The file that `agent create --out` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "client_id")]
    credentials: Option<PathBuf>,
    /// The server [default: http:// and the configured server.bind]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(context: &Context, token: Token, output: &mut Output) -> Result<(), CliError> {
    let config = context.load()?;
    let url = token.url.unwrap_or_else(|| format!("http://{}", config.server.bind));
    let credentials = match &token.credentials {
        Some(path) => Credentials::read(path)?,
        None => Credentials {
            client_id: token.client_id.unwrap_or_default(),
            client_secret: client_secret_from_environment().map_or_else(read_secret, Ok)?,
        },
    };
    // Another crate may have installed one; any will do.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let reply = actix_web::rt::System::new().block_on(fetch(&url, &credentials))?;
    if output.is_json() {
        return output.object(&reply);
    }
    output.line(reply.get("access_token").and_then(Value::as_str).unwrap_or_default())
}

fn read_secret() -> Result<Sensitive<String>, CliError> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(CliError::Refused(
            "no client secret: set PORTCULLIS_CLIENT_SECRET or write it to standard input"
                .to_owned(),
        ));
    }
    Ok(Sensitive::new(secret.to_owned()))
}

/// What an agent signs in with.
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) client_secret: Sensitive<String>,
}

impl Credentials {
    /// Reads `{"client_id","client_secret"}`.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let refused = |reason: &dyn std::fmt::Display| {
            CliError::Refused(format!("{}: {reason}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| refused(&error))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| refused(&error))?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("client_id"), text("client_secret")) {
            (Some(client_id), Some(client_secret)) => {
                Ok(Self { client_id, client_secret: Sensitive::new(client_secret) })
            }
            _ => Err(refused(&"expected {\"client_id\": …, \"client_secret\": …}")),
        }
    }
}

/// Asks the token endpoint of a server.
pub(super) async fn fetch(url: &str, credentials: &Credentials) -> Result<Value, CliError> {
    let endpoint = format!("{}/api/v1/auth/token", url.trim_end_matches('/'));
    let failed = |reason: String| CliError::Refused(format!("{endpoint}: {reason}"));
    let client = awc::Client::builder().timeout(TIMEOUT).finish();
    let request = json!({
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret.expose(),
        "grant_type": "client_credentials",
    });
    let sent = client.post(&endpoint).send_json(&request).await;
    let mut response = sent.map_err(|error| match error {
        SendRequestError::Connect(_) => {
            failed(format!("{error}; is the server on another port? Name it with --url"))
        }
        _ => failed(error.to_string()),
    })?;
    let reply: Value = response.json().await.map_err(|error| failed(error.to_string()))?;
    if response.status().is_success() {
        return Ok(reply);
    }
    let description = reply.get("error_description").and_then(Value::as_str);
    Err(failed(description.unwrap_or("the server refused the request").to_owned()))
}
