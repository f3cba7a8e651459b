//! What a call tells about its answer, kept while the call itself is on its way.
//!
//! Owns facts, and by reference what a stream's tokens are counted from. It must never copy what the caller wrote.

use crate::detect::AnswerGuard;
use crate::openai::{BatchInput, Call, Endpoint, Prompt};
use crate::types::Governed;

/// What the call tells about its answer.
pub(in crate::pipeline) struct Plan {
    pub(in crate::pipeline) endpoint: &'static Endpoint,
    /// We asked for usage, so its traces are taken out again.
    pub(super) strip_usage: bool,
    /// The gate's own provider key pays.
    pub(super) account_is_shared: bool,
    /// The answer is an object that is kept at the provider's.
    pub(super) stores: bool,
    /// What the model is given to read, where it may have to be counted: an answer that streams words.
    pub(super) prompt: Option<Prompt>,
    /// What an uploaded batch file was seen to hold.
    pub(super) batch_input: Option<BatchInput>,
    /// What the answer is screened with.
    pub(in crate::pipeline) guard: AnswerGuard,
}

impl Plan {
    pub(in crate::pipeline) fn of(
        call: &Call,
        account_is_shared: bool,
        guard: AnswerGuard,
    ) -> Self {
        Self {
            endpoint: call.endpoint(),
            strip_usage: call.usage_added(),
            account_is_shared,
            stores: call.stores_answer(),
            prompt: call.prompt().filter(|_| call.facts().stream),
            batch_input: call.batch_input().cloned(),
            guard,
        }
    }
}
