//! A rule's pattern, read and found fit for searching.
//!
//! Owns which patterns are refused and what is said about them. It must never let one through whose
//! matches have no bound: held text would have none either.

use crate::detect::{MAX_MATCH_BYTES, View, fold};
use regex_automata::nfa::thompson::{Compiler, Config, WhichCaptures};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, HirKind},
};

/// How much room one pattern may take when it is compiled.
const MAX_COMPILED_BYTES: usize = 4 * 1024 * 1024;

/// What is wrong with a rule, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::detect) struct Problem {
    pub(in crate::detect) reason: String,
    pub(in crate::detect) remedy: String,
}

impl Problem {
    pub(super) fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

/// Reads a pattern; refuses what cannot be searched for in bounded time and room.
pub(super) fn parse(written: &str, view: View) -> Result<Hir, Problem> {
    let text = match view {
        View::Text => written.to_owned(),
        View::Folded => fold::pattern(written),
    };
    let pattern = ParserBuilder::new()
        .utf8(true)
        .build()
        .parse(&text)
        .map_err(|error| Problem::new(format!("the pattern cannot be read: {}", plain(&error)), "write a regular expression of Rust's regex crate, without look-around and back-references"))?;
    check(&pattern)?;
    Ok(pattern)
}

/// Whether a pattern has a group named `value`.
pub(super) fn has_value(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Capture(capture) => {
            capture.name.as_deref() == Some("value") || has_value(&capture.sub)
        }
        HirKind::Repetition(repetition) => has_value(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_value),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

fn check(pattern: &Hir) -> Result<(), Problem> {
    let properties = pattern.properties();
    if properties.look_set().contains_word_unicode() {
        return Err(Problem::new(
            r"the pattern uses \b",
            r#"leave it out: boundary = "word" is what it means, and the default"#,
        ));
    }
    match properties.minimum_len() {
        None => {
            return Err(Problem::new(
                "the pattern can match nothing at all",
                "correct its classes",
            ));
        }
        Some(0) => {
            return Err(Problem::new(
                "the pattern matches the empty text",
                "make a part of it required",
            ));
        }
        Some(_) => {}
    }
    match properties.maximum_len() {
        None => {
            return Err(Problem::new(
                "the pattern's matches have no greatest length",
                "write {0,200} instead of *, and {1,200} instead of +",
            ));
        }
        Some(length) if length > MAX_MATCH_BYTES => {
            return Err(Problem::new(
                format!(
                    "the pattern's matches may be {length} bytes long, more than {MAX_MATCH_BYTES}"
                ),
                "give smaller bounds to its repetitions; a character may have 4 bytes, [ -~] has one",
            ));
        }
        Some(_) => {}
    }
    let config =
        Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(MAX_COMPILED_BYTES));
    match Compiler::new().configure(config).build_from_hir(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(
            format!("the pattern cannot be compiled: {error}"),
            "give smaller bounds to its repetitions, and write [0-9A-Za-z_] instead of \\w",
        )),
    }
}

/// The parser's word on what is wrong, without its drawing of where.
fn plain(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => error.to_string(),
    }
}
