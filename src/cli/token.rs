//! `portcullis token`.

use super::{CliError, Context, Output};
use crate::config::client_secret_from_environment;
use crate::types::Sensitive;
use clap::Args;
use serde_json::{Value, json};
use std::{io::Read, time::Duration};

const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Args, Debug)]
#[command(after_help = "The secret comes from PORTCULLIS_CLIENT_SECRET or from standard input.\n\
    Example: jq -r .client_secret creds.json | portcullis token --client-id agent_…")]
pub(super) struct Token {
    /// The agent's client id
    #[arg(long)]
    client_id: String,
    /// The server [default: http:// and the configured server.bind]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(context: &Context, token: Token, output: &mut Output) -> Result<(), CliError> {
    let config = context.load()?;
    let url = token.url.unwrap_or_else(|| format!("http://{}", config.server.bind));
    let secret = match client_secret_from_environment() {
        Some(secret) => secret,
        None => read_secret()?,
    };
    // Another crate may have installed one; any will do.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let reply = actix_web::rt::System::new().block_on(fetch(&url, &token.client_id, &secret))?;
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

/// Asks the token endpoint of a server.
pub(super) async fn fetch(
    url: &str,
    client_id: &str,
    secret: &Sensitive<String>,
) -> Result<Value, CliError> {
    let endpoint = format!("{}/api/v1/auth/token", url.trim_end_matches('/'));
    let failed = |reason: String| CliError::Refused(format!("{endpoint}: {reason}"));
    let client = awc::Client::builder().timeout(TIMEOUT).finish();
    let request = json!({
        "client_id": client_id,
        "client_secret": secret.expose(),
        "grant_type": "client_credentials",
    });
    let sent = client.post(&endpoint).send_json(&request).await;
    let mut response = sent.map_err(|error| failed(error.to_string()))?;
    let reply: Value = response.json().await.map_err(|error| failed(error.to_string()))?;
    if response.status().is_success() {
        return Ok(reply);
    }
    let description = reply.get("error_description").and_then(Value::as_str);
    Err(failed(description.unwrap_or("the server refused the request").to_owned()))
}
