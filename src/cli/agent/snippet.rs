//! `portcullis agent snippet`: code to begin with, on the terminal.

use super::super::{CliError, Output};
use crate::admin::{SnippetRequest, find_agent, snippets};
use crate::config::Config;
use crate::store::Store;
use crate::types::Surface;
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(
    after_help = "A secret is never kept: put it where CLIENT_SECRET or DETECTION_KEY stands.\n\
    Example: portcullis agent snippet research-bot --model gpt-4o --only python"
)]
pub(in crate::cli) struct ShowSnippet {
    /// The agent's name or id
    agent: String,
    /// The model to call
    #[arg(long)]
    model: Option<String>,
    /// For a detection key instead of a client secret
    #[arg(long)]
    detection_key: bool,
    /// The server [default: server.public_url, else http:// and server.bind]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Only this one
    #[arg(long, value_parser = ["python", "node", "langchain", "curl"])]
    only: Option<String>,
}

pub(super) fn show(
    config: &Config,
    store: &Store,
    wanted: ShowSnippet,
    output: &mut Output,
) -> Result<(), CliError> {
    let agent = find_agent(store, &wanted.agent)?;
    let base_url = wanted.url.or_else(|| config.server.public_url.clone());
    let request = SnippetRequest {
        surface: if wanted.detection_key { Surface::DetectionKey } else { Surface::Agent },
        base_url: base_url.unwrap_or_else(|| format!("http://{}", config.server.bind)),
        client_id: Some(agent.client_id),
        model: wanted.model,
        with_provider_key: config.upstream.api_key.is_none(),
    };
    let mut made = snippets(&request)?;
    if let Some(only) = &wanted.only {
        made.snippets.retain(|it| it.id == only);
    }
    if output.is_json() {
        return output.object(&json!(made));
    }
    for snippet in &made.snippets {
        // One alone is for a file or a pipe.
        if wanted.only.is_none() {
            output.line(format!("--- {} ---", snippet.title))?;
        }
        output.line(&snippet.code)?;
        if wanted.only.is_none() {
            output.line("")?;
        }
    }
    Ok(())
}
