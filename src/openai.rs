//! OpenAI's wire format: everything that reads or writes it.
//!
//! Owns the table of endpoints, the reading of calls and answers, the editing of streams and the
//! rendering of refusals. Input is untrusted bytes; nothing here does I/O, reads a clock, knows the
//! web stack, panics, or copies what it can pass on as it came.

mod answer;
mod call;
mod endpoint;
mod fields;
mod json;
mod models;
mod refusal;
mod run;
mod skim;
mod sse;
mod stream;
mod tools;

pub use answer::{AnswerFacts, AnswerReader, Truncated};
pub use call::{Call, ReadOptions};
pub use endpoint::{
    AnswerKind, BodyKind, ENDPOINTS, Endpoint, ModelPlace, Route, StreamMarker, find,
};
pub use models::{UnreadableModels, filter_models};
pub use refusal::{CONTENT_TYPE, render, stream_error_event};
pub use stream::{PING, StreamEditor, StreamEnd, StreamFault};
