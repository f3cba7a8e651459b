//! OpenAI's wire format: everything that reads or writes it.
//!
//! Owns the table of endpoints, the reading of calls and answers, the editing of streams and the
//! rendering of refusals. Input is untrusted bytes; nothing here does I/O, reads a clock, knows the
//! web stack, panics, or copies what it can pass on as it came.

mod answer;
mod answer_texts;
mod batch_file;
mod blocked;
mod call;
mod edits;
mod endpoint;
mod events;
mod fields;
mod json;
mod list;
mod multipart;
mod objects;
mod refusal;
mod run;
mod skim;
mod spoken;
mod sse;
mod stream;
mod texts;
mod tools;

pub use answer::{AnswerFacts, AnswerReader, Truncated};
pub use answer_texts::{AnswerChoice, AnswerTexts, ToolCall, answer_texts};
pub use batch_file::{BatchInput, read_batch_file};
pub use blocked::{
    BLOCKED_MESSAGE, BegunChoice, BegunStream, Blocked, BlockedAnswer, blocked_answer,
    blocked_event,
};
pub use call::{Call, Prompt, PromptPiece, ReadOptions, Reference, must_be_held, watched_fields};
pub use edits::{Edit, apply};
pub use endpoint::{
    AnswerKind, BodyKind, ENDPOINTS, Endpoint, FormKind, ModelPlace, Route, StreamMarker,
    UNKNOWN_ENDPOINT, find, methods_of,
};
pub use events::{
    CallKey, CallList, CallPiece, ChoiceSeen, Cut, Ends, Event, EventCutter, EventText, EventTexts,
    ListedCall, MAX_EVENT_BYTES, Number, OtherLine, StreamHead, TextKey, escaped, read_event,
    stream_head,
};
pub use list::{UnreadableList, filter_list, filter_page, next_after};
pub use multipart::{FormReader, boundary};
pub use objects::{ObjectIds, object_ids};
pub use refusal::{CONTENT_TYPE, render, stream_error_event};
pub use spoken::{Spoken, SpokenText};
pub use stream::{PING, StreamEditor, StreamEnd, StreamFault};
pub use texts::{TextSpan, Texts, Unread};
