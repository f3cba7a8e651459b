//! Counting tokens as OpenAI's models do.
//!
//! Owns which vocabulary a model reads with, and what the frame around a prompt's texts costs. It must never guess:
//! a model that it does not know has no tokenizer. The first count with a vocabulary builds it, which takes tens of
//! milliseconds and tens of megabytes that stay: count away from the threads that serve.

mod counter;
mod model;

pub use counter::Counter;

use bpe_openai::{cl100k_base, o200k_base};
use model::Family;

/// What a reply costs before its first word.
pub const REPLY: u64 = 3;

/// What stands around a message: its borders, and its role of one token.
pub const MESSAGE: u64 = 4;

/// What a participant's name costs beside its text.
pub const NAME: u64 = 1;

/// What stands around all functions that a call offers.
pub const FUNCTIONS: u64 = 12;

/// What stands around the parameters of a function.
pub const PARAMETERS: u64 = 3;

/// What stands around a parameter.
pub const PARAMETER: u64 = 3;

/// What stands around a value of a parameter that takes one of a few. The first of them costs nothing.
pub const CHOICE: u64 = 3;

/// The vocabulary that a model reads and writes with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tokenizer(Family);

impl Tokenizer {
    /// The tokenizer of a model, as far as it is published.
    pub fn for_model(model: &str) -> Option<Self> {
        Family::of(model).map(Self)
    }

    /// The tokens of a text that stands alone.
    pub fn count(self, text: &str) -> u64 {
        let mut counter = Counter::new(self);
        counter.push(text);
        counter.finish()
    }

    /// What stands around a function that a call offers.
    pub const fn function(self) -> u64 {
        match self.0 {
            Family::Cl100k => 10,
            Family::O200k { .. } => 7,
        }
    }

    /// Whether the model thinks before it speaks, in tokens that it does not show.
    pub const fn thinks_unseen(self) -> bool {
        matches!(self.0, Family::O200k { thinks_unseen: true })
    }

    fn vocabulary(self) -> &'static bpe_openai::Tokenizer {
        match self.0 {
            Family::Cl100k => cl100k_base(),
            Family::O200k { .. } => o200k_base(),
        }
    }
}

#[cfg(test)]
mod tests;
