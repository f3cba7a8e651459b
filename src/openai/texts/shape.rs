//! What stands where in bodies: calls, answers, and all that they are made of.
//!
//! Owns which member of an object is text of which surface, and which is no text. A member that it
//! does not know is text, and so is its name: it must never let anything pass because nobody expects
//! it there.

use super::{Unread, words::is_own_word};
use crate::openai::json::Value;
use crate::types::TextSurface::{
    self, Assistant, EndUser, Logprobs, Metadata, Name, Other, Prediction, Reasoning, Refusal,
    ResponseFormat, Suffix, System, ToolArguments, ToolDefinition, ToolResult, Transcript, User,
};

/// Where a walk is.
#[derive(Clone, Copy, Debug)]
pub(in crate::openai) struct Place {
    pub(in crate::openai) shape: Shape,
    /// What the texts there are that no rule of the shape tells.
    pub(in crate::openai) surface: TextSurface,
}

/// How the members of the objects there are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::openai) enum Shape {
    /// They are not: all is text of one surface.
    Free,
    /// A call, or an answer to one.
    Body,
    /// A list of stored answers.
    Bodies,
    /// A line of what a batch has put out.
    Line,
    /// A prompt: a text, numbers, or a stored template with its variables.
    Prompt,
    /// The variables of a template, by name.
    Variables,
    /// A message of a chat or an item of a response.
    Message,
    /// A piece of a message's content.
    Part,
    /// A tool call of a message.
    ToolCall,
    /// One of several answers.
    Choice,
}

/// What a member is.
pub(super) enum Step {
    /// It is walked as what stands at this place.
    Into(Place),
    /// One of the format's own words; text where it is another.
    Word,
    /// The name of an object or a call.
    Id,
    /// What the call is authorised on: it is known and must not be changed.
    Fact,
    /// A time, a seed or a size, where it is a number.
    Figure,
    /// An address, or a file that is written as one.
    Link,
    /// Bytes that are no text, in base64.
    Payload(Unread),
}

impl Place {
    pub(in crate::openai) const fn new(shape: Shape, surface: TextSurface) -> Self {
        Self { shape, surface }
    }

    /// The same place within this object, which may say itself whose text it holds.
    pub(super) fn within(self, object: Value<'_>) -> Self {
        if self.shape != Shape::Message {
            return self;
        }
        let surface = surface_of(object).unwrap_or(self.surface);
        Self { surface, ..self }
    }

    /// What the member of this name is; `None` where nobody knows.
    pub(super) fn step(self, name: &str) -> Option<Step> {
        let known = match self.shape {
            Shape::Free | Shape::Variables => None,
            Shape::Body | Shape::Bodies => self.of_body(name),
            Shape::Line => of_line(name),
            Shape::Prompt => of_prompt(name),
            Shape::Message => self.of_message(name).or_else(|| self.of_part(name)),
            Shape::Part => self.of_part(name),
            Shape::ToolCall => self.of_tool_call(name),
            Shape::Choice => of_choice(name),
        };
        known.or_else(|| of_any(name))
    }

    /// Where the value of a member stands that nobody knows.
    pub(super) const fn unknown(self) -> Self {
        let shape = if matches!(self.shape, Shape::Variables) { Shape::Part } else { Shape::Free };
        Self { shape, ..self }
    }

    fn of_body(self, name: &str) -> Option<Step> {
        Some(match name {
            "model" => Step::Fact,
            "messages" => into(Shape::Message, Other),
            "input" => into(Shape::Message, User),
            "prompt" => into(Shape::Prompt, User),
            "instructions" => into(Shape::Message, System),
            "tools" | "functions" | "tool_choice" | "function_call" => free(ToolDefinition),
            "response_format" => free(ResponseFormat),
            "text" if self.surface != Transcript => free(ResponseFormat),
            "metadata" => free(Metadata),
            "user" | "safety_identifier" | "prompt_cache_key" => free(EndUser),
            "prediction" => into(Shape::Part, Prediction),
            "suffix" => free(Suffix),
            "choices" => into(Shape::Choice, Assistant),
            "output" => into(Shape::Message, Assistant),
            "output_text" => free(Assistant),
            "logprobs" => free(Logprobs),
            "data" if self.shape == Shape::Bodies => into(Shape::Body, Other),
            "data" => into(Shape::Message, Other),
            "id" | "previous_response_id" | "input_file_id" | "system_fingerprint" => Step::Id,
            _ => return None,
        })
    }

    fn of_message(self, name: &str) -> Option<Step> {
        Some(match name {
            "name" if self.surface != ToolArguments => free(Name),
            "tool_calls" | "function_call" => into(Shape::ToolCall, ToolArguments),
            "arguments" | "input" | "action" | "code" | "operation" | "queries" => {
                into(Shape::Part, ToolArguments)
            }
            "output" | "outputs" | "results" => into(Shape::Part, ToolResult),
            "tools" => free(ToolDefinition),
            "result" => Step::Payload(Unread::Binary),
            "call_id" | "tool_call_id" | "item_id" | "approval_request_id" => Step::Id,
            "metadata" => free(Metadata),
            _ => return None,
        })
    }

    fn of_part(self, name: &str) -> Option<Step> {
        Some(match name {
            "text" | "annotations" => free(self.surface),
            "content" | "input_audio" | "file" | "audio" | "image" | "source" => {
                into(Shape::Part, self.surface)
            }
            "refusal" => free(Refusal),
            "reasoning" | "reasoning_content" | "reasoning_details" | "thinking" | "summary" => {
                into(Shape::Part, Reasoning)
            }
            "transcript" => free(Transcript),
            "revised_prompt" => free(Assistant),
            "logprobs" => free(Logprobs),
            "image_url" | "file_url" | "url" => Step::Link,
            "data" | "file_data" | "b64_json" => Step::Payload(Unread::Binary),
            "encrypted_content" | "signature" => Step::Payload(Unread::Encrypted),
            "id" | "file_id" => Step::Id,
            _ => return None,
        })
    }

    fn of_tool_call(self, name: &str) -> Option<Step> {
        Some(match name {
            "id" => Step::Id,
            "function" | "custom" => into(Shape::ToolCall, self.surface),
            "name" | "arguments" | "input" => free(self.surface),
            _ => return None,
        })
    }
}

fn of_line(name: &str) -> Option<Step> {
    Some(match name {
        "id" => Step::Id,
        "custom_id" => free(Metadata),
        "response" => into(Shape::Line, Other),
        "body" => into(Shape::Body, Other),
        _ => return None,
    })
}

fn of_prompt(name: &str) -> Option<Step> {
    Some(match name {
        "id" => Step::Id,
        "variables" => into(Shape::Variables, User),
        _ => return None,
    })
}

fn of_choice(name: &str) -> Option<Step> {
    Some(match name {
        "message" | "delta" => into(Shape::Message, Assistant),
        "text" => free(Assistant),
        "logprobs" => free(Logprobs),
        _ => return None,
    })
}

/// Members that are one of a few words, or a number, wherever they stand. Whether they are, the walk looks.
fn of_any(name: &str) -> Option<Step> {
    Some(match name {
        "type"
        | "role"
        | "object"
        | "status"
        | "format"
        | "detail"
        | "encoding_format"
        | "finish_reason"
        | "stop_reason"
        | "effort"
        | "reasoning_effort"
        | "mode"
        | "verbosity"
        | "service_tier"
        | "truncation"
        | "voice"
        | "size"
        | "quality"
        | "style"
        | "background"
        | "moderation"
        | "output_format"
        | "stream_format"
        | "modalities"
        | "include"
        | "completion_window"
        | "endpoint"
        | "prompt_cache_retention"
        | "search_context_size"
        | "syntax"
        | "reason"
        | "require_approval"
        | "owned_by"
        | "purpose" => Step::Word,
        "created" | "seed" | "bytes" => Step::Figure,
        time if time.ends_with("_at") && is_own_word(time) => Step::Figure,
        _ => return None,
    })
}

/// Whose text a message or an item holds: its role says, or else its type.
fn surface_of(object: Value<'_>) -> Option<TextSurface> {
    let mut of_type = None;
    for (key, value) in object.entries() {
        let key = key.as_str();
        match key.as_deref() {
            Some("role") => {
                if let Some(role) = value.as_str() {
                    return Some(surface_of_role(&role));
                }
            }
            Some("type") => of_type = value.as_str().and_then(|kind| surface_of_type(&kind)),
            _ => {}
        }
    }
    of_type
}

fn surface_of_role(role: &str) -> TextSurface {
    match role {
        "system" | "developer" => System,
        "user" => User,
        "assistant" => Assistant,
        "tool" | "function" => ToolResult,
        _ => Other,
    }
}

fn surface_of_type(kind: &str) -> Option<TextSurface> {
    match kind {
        "reasoning" => Some(Reasoning),
        "mcp_approval_request" => Some(ToolArguments),
        "mcp_list_tools" | "additional_tools" => Some(ToolDefinition),
        call if call.ends_with("_call") => Some(ToolArguments),
        output if output.ends_with("_output") => Some(ToolResult),
        _ => None,
    }
}

const fn into(shape: Shape, surface: TextSurface) -> Step {
    Step::Into(Place::new(shape, surface))
}

const fn free(surface: TextSurface) -> Step {
    into(Shape::Free, surface)
}
