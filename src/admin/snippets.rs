//! Code to begin with: how a caller's program reaches the gate, in the words of the SDKs' own pages.
//!
//! Owns every snippet that is shown, on the page, by the CLI and by the demo. Secrets are not known here: where one
//! belongs stands [`CLIENT_SECRET`] or [`DETECTION_KEY`], and whoever has just made it puts it there.

mod agent;
mod detection_key;

pub use agent::{curl_of_environment, python_of_environment};

use super::{AdminError, InvalidRequest};
use crate::types::Surface;
use schemars::JsonSchema;
use serde::Serialize;

/// Stands for a client secret.
pub const CLIENT_SECRET: &str = "CLIENT_SECRET";
/// Stands for a detection key.
pub const DETECTION_KEY: &str = "DETECTION_KEY";

const CLIENT_ID: &str = "CLIENT_ID";
const MODEL: &str = "gpt-4o-mini";
const MOST_BYTES: usize = 200;

/// What the snippets of a caller are made for.
#[derive(Clone, Debug)]
pub struct SnippetRequest {
    /// Which surface.
    pub surface: Surface,
    /// How the gate is reached: a URL without a path.
    pub base_url: String,
    /// The agent's client id.
    pub client_id: Option<String>,
    /// The model to call.
    pub model: Option<String>,
    /// Whether callers bring a provider key of their own: the gate has none.
    pub with_provider_key: bool,
}

/// The snippets for one caller.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Snippets {
    /// What SDKs take for the base URL.
    pub base_url: String,
    /// Python, Node.js, LangChain and curl.
    pub snippets: Vec<Snippet>,
}

/// One piece of code.
#[derive(Debug, JsonSchema, PartialEq, Serialize)]
pub struct Snippet {
    /// `python`, `node`, `langchain` or `curl`.
    pub id: &'static str,
    /// As a heading.
    pub title: &'static str,
    /// What it is written in: `python`, `javascript` or `shell`.
    pub language: &'static str,
    /// The code.
    pub code: String,
}

/// What is filled in.
struct Blanks<'a> {
    gate: &'a str,
    client_id: &'a str,
    model: &'a str,
    with_provider_key: bool,
}

/// The snippets. Words that could be code themselves are refused.
pub fn snippets(request: &SnippetRequest) -> Result<Snippets, AdminError> {
    let model = request.model.as_deref().unwrap_or(MODEL);
    let client_id = request.client_id.as_deref().unwrap_or(CLIENT_ID);
    for word in [model, client_id] {
        if !is_a_word(word) {
            return Err(InvalidRequest::Word(word.chars().take(MOST_BYTES).collect()).into());
        }
    }
    let gate = request.base_url.trim_end_matches('/');
    let gate = if is_a_word(gate) { gate } else { "http://localhost:8000" };
    let blanks = Blanks { gate, client_id, model, with_provider_key: request.with_provider_key };
    let (base, [python, node, langchain, curl]) = match request.surface {
        Surface::DetectionKey => ("/v1", detection_key::snippets(&blanks)),
        Surface::Agent | Surface::Admin => ("/api/v1/openai/v1", agent::snippets(&blanks)),
    };
    let snippet = |id, title, language, code| Snippet { id, title, language, code };
    Ok(Snippets {
        base_url: format!("{gate}{base}"),
        snippets: vec![
            snippet("python", "Python", "python", python),
            snippet("node", "Node.js", "javascript", node),
            snippet("langchain", "LangChain", "python", langchain),
            snippet("curl", "curl", "shell", curl),
        ],
    })
}

/// Whether a text means the same in every language's quotes.
fn is_a_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@+[]".contains(&byte);
    !text.is_empty() && text.len() <= MOST_BYTES && text.bytes().all(is_plain)
}

/// The lines, without those that are left out.
fn lines<const N: usize>(lines: [Option<String>; N]) -> String {
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
