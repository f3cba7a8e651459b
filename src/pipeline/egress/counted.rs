//! Tokens that the provider has not told: of a stream that breaks off, or ends without a word on usage.
//!
//! Owns what such a count needs, which is kept in memory alone while the stream goes on, as long as there is room
//! for it. It must never count on the worker's own thread, nor anything that the provider has told.
//!
//! What it costs: a stream's bytes are copied once. They wait unread, up to [`MOST_UNREAD`] of them, which is all of
//! most answers; of longer ones the text is taken out and the rest forgotten.

use super::{Plan, reader::Reader};
use crate::openai::{AnswerFacts, Prompt, PromptPiece, Spoken};
use crate::pipeline::{
    Gate,
    budget::Kept,
    record::{Count, Counting},
    screening::aside,
};
use crate::tokens::{self, Tokenizer};
use crate::types::Usage;
use bytes::{Bytes, BytesMut};

/// A longer call is not kept for its tokens to be counted.
const MOST_PROMPT: usize = 256 * 1024;

/// Bytes of a stream that wait to be read.
const MOST_UNREAD: usize = 16 * 1024;

/// Text of one answer: some sixty thousand tokens.
const MOST_SPOKEN: usize = 256 * 1024;

/// Room is taken in steps.
const STEP: usize = 4 * 1024;

/// Listens to one answer.
pub(super) struct Listener(Option<Box<Heard>>);

/// A call and its answer so far.
struct Heard {
    prompt: Option<Prompt>,
    unread: BytesMut,
    spoken: Spoken,
    kept: Kept,
}

impl Listener {
    /// Listens where a model streams words.
    pub(super) fn of(gate: &Gate, plan: &mut Plan, reader: &Reader, failed: bool) -> Self {
        let prompt = plan.prompt.take().filter(|_| reader.is_event_stream() && !failed);
        Self(prompt.map(|prompt| {
            let mut kept = gate.settings.budget.keep();
            let bytes = prompt.held_bytes();
            let prompt = Some(prompt).filter(|_| bytes <= MOST_PROMPT && kept.take(bytes));
            let spoken = Spoken::new(plan.endpoint, MOST_SPOKEN);
            Box::new(Heard { prompt, unread: BytesMut::new(), spoken, kept })
        }))
    }

    /// Keeps what has come from the provider.
    pub(super) fn hear(&mut self, chunk: &Bytes) {
        if let Some(heard) = &mut self.0
            && !heard.take(chunk)
        {
            self.0 = None;
        }
    }

    /// Begins the count, once, where the provider has not told it and the model's tokenizer is known.
    pub(super) fn count(&mut self, facts: &AnswerFacts, model: Option<&str>) -> Option<Counting> {
        let heard = self.0.take()?;
        let usage = &facts.usage;
        if usage.input_tokens.is_some() || usage.output_tokens.is_some() {
            return None;
        }
        let models = [facts.model.as_deref(), model].into_iter().flatten();
        let tokenizer = models.filter_map(Tokenizer::for_model).next()?;
        let has_error = facts.has_error();
        let counted = aside(move || heard.count(tokenizer, has_error));
        Some(Box::pin(async { counted.await.ok().flatten() }))
    }
}

impl Heard {
    /// `false`: there is no room for more.
    fn take(&mut self, chunk: &Bytes) -> bool {
        if !self.spoken.is_all() {
            return true;
        }
        if self.unread.len() + chunk.len() > MOST_UNREAD {
            self.read();
            self.spoken.feed(chunk);
        } else {
            self.unread.extend_from_slice(chunk);
        }
        let prompt = self.prompt.as_ref().map_or(0, Prompt::held_bytes);
        let held = prompt + self.unread.len() + self.spoken.held_bytes();
        held <= self.kept.bytes() || self.kept.take(held - self.kept.bytes() + STEP)
    }

    fn read(&mut self) {
        let unread = self.unread.split().freeze();
        self.spoken.feed(&unread);
    }

    /// `None`: the provider refused before it said a word.
    fn count(mut self: Box<Self>, tokenizer: Tokenizer, has_error: bool) -> Option<Count> {
        self.read();
        let texts = self.spoken.texts();
        if has_error && texts.is_empty() {
            return None;
        }
        let tokens_of = |is_wanted: &dyn Fn(bool) -> bool| -> u64 {
            let texts = texts.iter().filter(|text| is_wanted(text.is_reasoning));
            texts.map(|text| tokenizer.count(&text.text)).sum()
        };
        let thought = tokens_of(&|is_reasoning| is_reasoning);
        let said = tokens_of(&|is_reasoning| !is_reasoning);
        let input_tokens = self.prompt.as_ref().and_then(|prompt| input_tokens(prompt, tokenizer));
        let usage = Usage {
            input_tokens,
            output_tokens: Some(thought + said),
            cached_tokens: None,
            reasoning_tokens: (thought > 0).then_some(thought),
        };
        let is_all = input_tokens.is_some() && self.spoken.is_all() && !tokenizer.thinks_unseen();
        Some(Count { usage, is_all })
    }
}

/// The tokens of a prompt as OpenAI's cookbook counts them: those of its texts, what stands around each message, name
/// and function, and the beginning of the reply. `None`: the model reads more than the call says.
fn input_tokens(prompt: &Prompt, tokenizer: Tokenizer) -> Option<u64> {
    let text = |text: &str| tokenizer.count(text);
    let mut count = 0_u64;
    let mut has_functions = false;
    let is_all = prompt.read(|piece| {
        count += match piece {
            PromptPiece::Messages(messages) => {
                tokens::REPLY + tokens::MESSAGE * u64::from(messages)
            }
            PromptPiece::Text(it) => text(&it),
            PromptPiece::Name(it) => tokens::NAME + text(&it),
            PromptPiece::Function(it) => {
                let around = if has_functions { 0 } else { tokens::FUNCTIONS };
                has_functions = true;
                around + tokenizer.function() + text(&it)
            }
            PromptPiece::Parameters => tokens::PARAMETERS,
            PromptPiece::Parameter(it) => tokens::PARAMETER + text(&it),
            PromptPiece::Choice { value, is_first: true } => text(&value),
            PromptPiece::Choice { value, is_first: false } => tokens::CHOICE + text(&value),
        };
    });
    is_all.then_some(count)
}

#[cfg(test)]
mod tests;
