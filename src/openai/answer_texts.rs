//! Where text stands in a whole answer, and what is changed where some of it may not pass.
//!
//! Owns which answers can be read, and the edits that take tool calls and probabilities out of them.
//! It must never leave a choice that says it calls tools and calls none.

mod choice;

pub use choice::{AnswerChoice, ToolCall};

use super::{
    batch_file::lines,
    edits::Edit,
    endpoint::{AnswerKind, BodyKind, Endpoint, FormKind},
    json::{Document, Value},
    texts::{Place, Shape, TextSpan, Texts, Unread, Walk},
};
use crate::types::{ObjectKind, TextSurface};
use std::ops::Range;

/// The texts of an answer and its parts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AnswerTexts {
    /// All texts, those of tool calls among them.
    pub texts: Texts,
    /// The tool calls, in order.
    pub tool_calls: Vec<ToolCall>,
    /// The choices of a completion, the items of a response, or the whole of a transcription.
    pub choices: Vec<AnswerChoice>,
    /// Whether the answer is a file whose lines hold answers.
    is_lines: bool,
}

/// Where text stands in a whole answer to a call of `endpoint`. `None`: it cannot be read.
pub fn answer_texts(endpoint: &Endpoint, answer: &[u8]) -> Option<AnswerTexts> {
    match (endpoint.body, endpoint.answer) {
        // Nothing but numbers.
        (BodyKind::Embedding, _) => Some(AnswerTexts::default()),
        (BodyKind::Speech, _) => Some(unread(Unread::Binary)),
        (_, AnswerKind::Opaque) => Some(file_texts(answer)),
        (BodyKind::Form(FormKind::Transcription | FormKind::Translation), _) => {
            let surface = TextSurface::Transcript;
            json_texts(Place::new(Shape::Body, surface), answer).or_else(|| plain(surface, answer))
        }
        _ if endpoint.lists == Some(ObjectKind::Completion) => {
            json_texts(Place::new(Shape::Bodies, TextSurface::Other), answer)
        }
        _ => json_texts(Place::new(Shape::Body, TextSurface::Other), answer),
    }
}

impl AnswerTexts {
    /// The choice in which these bytes stand.
    pub fn choice_of(&self, range: &Range<usize>) -> Option<usize> {
        let holds = |choice: &AnswerChoice| {
            choice.range.start <= range.start && range.end <= choice.range.end
        };
        self.choices.iter().position(holds)
    }

    /// What takes the probabilities out of a choice: they spell its text once more.
    pub fn null_logprobs(&self, choice: usize) -> Vec<Edit> {
        self.choices.get(choice).map(|choice| choice.logprobs.clone()).unwrap_or_default()
    }

    /// What takes the probabilities out of all choices.
    pub fn all_logprobs(&self) -> Vec<Edit> {
        self.choices.iter().flat_map(|choice| choice.logprobs.iter().cloned()).collect()
    }

    /// What takes tool calls, by their places in [`tool_calls`](Self::tool_calls), out of the answer. A
    /// choice that is left without any ends for `content_filter`.
    pub fn remove_tool_calls(&self, answer: &[u8], going: &[usize]) -> Vec<Edit> {
        let starts = going.iter().filter_map(|place| self.tool_calls.get(*place));
        let starts: Vec<usize> = starts.map(|call| call.range.start).collect();
        if starts.is_empty() {
            return Vec::new();
        }
        if !self.is_lines {
            let document = Document::parse(answer);
            return document
                .map(|document| choice::removal(document.root(), &starts))
                .unwrap_or_default();
        }
        let documents = lines(answer).filter_map(|(_, offset, line)| {
            Document::parse(line).ok().map(|document| (offset, document))
        });
        let removal = |(offset, document): (usize, Document<'_>)| {
            let starts: Vec<usize> =
                starts.iter().filter_map(|start| start.checked_sub(offset)).collect();
            let edits = answer_of(document.root()).map(|body| choice::removal(body, &starts));
            edits.unwrap_or_default().into_iter().map(move |edit| edit.behind(offset))
        };
        documents.flat_map(removal).collect()
    }
}

fn json_texts(place: Place, answer: &[u8]) -> Option<AnswerTexts> {
    let document = Document::parse(answer).ok()?;
    let mut found = AnswerTexts::default();
    Walk { texts: &mut found.texts, offset: 0, trusts_ids: true }.value(document.root(), place);
    choice::collect(document.root(), 0, &mut found);
    Some(found)
}

/// A file's content: what a batch has put out, or anything.
fn file_texts(content: &[u8]) -> AnswerTexts {
    let mut found = AnswerTexts { is_lines: true, ..AnswerTexts::default() };
    for (_, offset, line) in lines(content) {
        let Ok(document) = Document::parse(line) else {
            let all = plain(TextSurface::Other, content);
            return all.unwrap_or_else(|| unread(Unread::Binary));
        };
        let place = Place::new(Shape::Line, TextSurface::Other);
        Walk { texts: &mut found.texts, offset, trusts_ids: true }.value(document.root(), place);
        if let Some(answer) = answer_of(document.root()) {
            choice::collect(answer, offset, &mut found);
        }
    }
    found
}

/// The answer in a line of what a batch has put out.
fn answer_of(line: Value<'_>) -> Option<Value<'_>> {
    line.member("response")?.member("body")
}

/// An answer that is text as a whole.
fn plain(surface: TextSurface, answer: &[u8]) -> Option<AnswerTexts> {
    str::from_utf8(answer).ok()?;
    let spans = vec![TextSpan::plain(surface, 0..answer.len())];
    Some(AnswerTexts { texts: Texts { spans, unread: Vec::new() }, ..AnswerTexts::default() })
}

fn unread(reason: Unread) -> AnswerTexts {
    let texts = Texts { spans: Vec::new(), unread: vec![reason] };
    AnswerTexts { texts, ..AnswerTexts::default() }
}

#[cfg(test)]
mod tests;
