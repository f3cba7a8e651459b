//! What the sandbox says: a text that names its origin, a tool call, or an instance of a schema.
//!
//! Owns the choice between them. It must never repeat the caller's words: the sandbox is shown to
//! people who look for their data in the wrong places.

use super::request::{Request, text_of, tokens_in};
use serde_json::{Map, Value, json};

/// One answer.
pub(super) enum Answer {
    /// Words, possibly cut short.
    Text { text: String, finish_reason: &'static str },
    /// A call of one of the offered tools, with its arguments as JSON text.
    ToolCall { name: String, arguments: String },
}

impl Answer {
    /// How the answer ended.
    pub(super) fn finish_reason(&self) -> &'static str {
        match self {
            Self::Text { finish_reason, .. } => finish_reason,
            Self::ToolCall { .. } => "tool_calls",
        }
    }

    /// A plausible number of tokens.
    pub(super) fn tokens(&self) -> usize {
        match self {
            Self::Text { text, .. } => tokens_in(text),
            Self::ToolCall { name, arguments } => tokens_in(name) + tokens_in(arguments) + 4,
        }
    }
}

/// Answers a conversation.
pub(super) fn answer_chat(request: &Request, messages: &[Value], limit: Option<usize>) -> Answer {
    if let Some(tool) = wanted_tool(request, messages) {
        let name = tool.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
        let schema = tool.pointer("/function/parameters").unwrap_or(&Value::Null);
        let arguments = instance_of(schema);
        let arguments = if arguments.is_object() { arguments } else { json!({}) };
        return Answer::ToolCall { name: name.to_owned(), arguments: arguments.to_string() };
    }
    let format = request.get("response_format");
    let text = match format.get("type").and_then(Value::as_str) {
        Some("json_schema") => {
            instance_of(format.pointer("/json_schema/schema").unwrap_or(&Value::Null)).to_string()
        }
        Some("json_object") => json!({ "answered_by": "portcullis-sandbox" }).to_string(),
        _ => words_about(request.model(), messages.len()),
    };
    let (text, finish_reason) = cut(&text, limit.unwrap_or(usize::MAX));
    Answer::Text { text, finish_reason }
}

/// Answers a prompt with a text and its finish reason.
pub(super) fn answer_prompt(request: &Request, limit: usize) -> (String, &'static str) {
    cut(&format!(" {}", words_about(request.model(), 1)), limit)
}

fn words_about(model: &str, messages: usize) -> String {
    let messages =
        if messages == 1 { "one message".to_owned() } else { format!("{messages} messages") };
    format!(
        "This answer comes from the Portcullis sandbox: no provider was called and no model has read \
         your {messages}. The call was real, though: the gate knew who was asking, the policy \
         permitted {model}, the answer was streamed through it, and the record is on the live page. \
         Start the gate without --sandbox to reach your provider."
    )
}

/// Keeps at most `limit` words (one word counts as one token here) and says whether that was all.
fn cut(text: &str, limit: usize) -> (String, &'static str) {
    let kept: String = text.split_inclusive(' ').take(limit).collect();
    let finish_reason = if kept.len() < text.len() { "length" } else { "stop" };
    (kept, finish_reason)
}

/// The tool that the caller forces, or that the last message of the user speaks of.
fn wanted_tool<'a>(request: &'a Request, messages: &[Value]) -> Option<&'a Value> {
    let tools = request.get("tools").as_array()?;
    let choice = request.get("tool_choice");
    if choice.as_str() == Some("none") {
        return None;
    }
    if choice.as_str() == Some("required") {
        return tools.first();
    }
    let name_of = |tool: &'a Value| tool.pointer("/function/name").and_then(Value::as_str);
    if let Some(forced) = choice.pointer("/function/name").and_then(Value::as_str) {
        return tools.iter().find(|tool| name_of(tool) == Some(forced));
    }
    let last = messages.last().filter(|message| message["role"] == "user")?;
    let asked = text_of(&last["content"]).to_lowercase();
    tools.iter().find(|tool| {
        let name = name_of(tool).unwrap_or_default().to_lowercase();
        name.split(['_', '-', '.']).any(|word| word.len() >= 4 && asked.contains(word))
    })
}

/// The simplest value that a JSON schema accepts, for the parts of it that people use.
fn instance_of(schema: &Value) -> Value {
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let members = properties.into_iter().flatten();
            members
                .map(|(name, schema)| (name.clone(), instance_of(schema)))
                .collect::<Map<_, _>>()
                .into()
        }
        Some("array") => json!([]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => json!("sandbox"),
    }
}
