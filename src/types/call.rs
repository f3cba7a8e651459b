//! What we know of a call before it is decided on: facts, never text.
//!
//! Owns the metadata that authorisation and the record work with. It must never hold a prompt, an
//! answer or a tool's arguments.

use super::text_enum;
use std::sync::Arc;

text_enum! {
    /// The door through which a call, or an administrator's change, came.
    Surface {
        /// `/api/v1/openai/v1`, an agent's JWT.
        Agent = "agent",
        /// `/v1`, a detection key.
        DetectionKey = "detection_key",
        /// No call at all: an administrator's change, by dashboard, API or command line.
        Admin = "admin",
    }
}

text_enum! {
    /// What a role must hold besides the model: `web:read` for GET, `web:write` for the rest.
    Permission {
        /// Reading: GET.
        WebRead = "web:read",
        /// Everything else.
        WebWrite = "web:write",
    }
}

text_enum! {
    /// What an object of the provider's account is.
    ObjectKind {
        /// An uploaded file.
        File = "file",
        /// A batch.
        Batch = "batch",
        /// A stored response.
        Response = "response",
        /// A stored chat completion.
        Completion = "completion",
        /// A conversation.
        Conversation = "conversation",
        /// Something else that calls can name, such as a vector store or a container.
        Other = "other",
    }
}

/// The facts of one call. `None` means that the endpoint has no such thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallFacts {
    /// The endpoint's name in the endpoint table, e.g. `chat/completions`.
    pub endpoint: &'static str,
    /// What the caller's roles must hold.
    pub permission: Permission,
    /// The model exactly as the caller wrote it, after JSON unescaping.
    pub model: Option<Arc<str>>,
    /// Models that the call uses without naming them in `model`: a provider's documented defaults
    /// where the caller names none, an image tool's, those in a batch's input file. All of them are
    /// authorised like `model`.
    pub implied_models: Vec<Arc<str>>,
    /// Number of messages (chat), inputs (embeddings) or prompts (completions).
    pub message_count: Option<u32>,
    /// Whether a system or developer message is present.
    pub has_system_prompt: Option<bool>,
    /// Whether the call offers tools.
    pub has_tools: Option<bool>,
    /// Names of the offered tools, in order, as the caller wrote them.
    pub tool_names: Vec<Box<str>>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
}

/// A call that can be authorised: the facts that a permit is compared with.
pub trait Governed {
    /// The facts as read from the very bytes that will be forwarded.
    fn facts(&self) -> &CallFacts;
}
