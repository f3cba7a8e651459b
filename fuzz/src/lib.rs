//! What holds for every input, one function per target.
//!
//! The fuzzer calls these functions with inputs of its own making, and `tests/fuzz_regressions.rs` with the inputs
//! in `seeds/` and `regressions/`. They panic where something does not hold.

mod json;
mod splits;

pub mod answers;
pub mod batches;
pub mod calls;
pub mod forms;
pub mod heads;
pub mod journals;
pub mod lanes;
pub mod ledgers;
pub mod policies;
pub mod streams;
pub mod tokens;

/// What is asked of an input.
pub type Check = fn(&[u8]);

/// Each target's name and its check.
pub const TARGETS: [(&str, Check); 11] = [
    ("answers", answers::check),
    ("batches", batches::check),
    ("calls", calls::check),
    ("forms", forms::check),
    ("heads", heads::check),
    ("journals", journals::check),
    ("lanes", lanes::check),
    ("ledgers", ledgers::check),
    ("policies", policies::check),
    ("streams", streams::check),
    ("tokens", tokens::check),
];
