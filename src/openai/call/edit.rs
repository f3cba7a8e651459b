//! Changing a call: asking for usage, taking tools out, redacting.
//!
//! Owns the list of edits, all of them made in one pass when the call is sent. It must never let the
//! facts say what the outgoing body does not.

use super::Call;
use crate::openai::{
    batch_file::{line_edits, lines_tool_names},
    edits::{Edit, apply},
    json::Document,
    texts::Texts,
    tools::{removal, tool_names},
};
use crate::types::{Refusal, Sensitive};
use bytes::Bytes;
use std::{borrow::Cow, ops::Range};

impl Call {
    /// Where text stands in the body, but for what was taken out. Nothing where it [was not asked
    /// for](super::ReadOptions::collect_texts).
    pub const fn texts(&self) -> &Texts {
        &self.reading.texts
    }

    /// Replaces pieces of the body as it came, wherever it is sent.
    #[must_use]
    pub fn redact(self, redactions: Vec<Edit>) -> Self {
        if redactions.is_empty() { self } else { self.edited(redactions) }
    }

    /// Takes out of the call the tools that are denied by any of their names: out of `tools`,
    /// `functions` and the tools that a choice allows. Refused where the call forces one of them.
    pub fn without_tools(self, denied: &[Box<str>]) -> Result<Self, Refusal> {
        let offers = &self.reading.facts.tool_names;
        if !offers.iter().any(|name| denied.contains(name)) {
            return Ok(self);
        }
        let edits = match &self.reading.batch_file {
            Some(file) => {
                let content = self.body().get(file.clone()).unwrap_or_default();
                line_edits(content, file.start, |body| removal(body, denied))?
            }
            None => match Document::parse(self.body()) {
                Ok(document) => removal(document.root(), denied)?,
                Err(_) => Vec::new(),
            },
        };
        let mut call = self;
        call.reading.texts.spans.retain(|span| !is_taken(&edits, &span.range));
        Ok(call.edited(edits))
    }

    /// Whether [`outgoing_body`](Self::outgoing_body) asks for usage that the caller did not ask
    /// for, so that its traces have to be removed from the stream.
    pub const fn usage_added(&self) -> bool {
        self.reading.usage_splice.is_some()
    }

    /// The body to forward: the caller's own bytes, not copied, unless usage has to be asked for,
    /// tools were taken out or texts were redacted.
    pub fn outgoing_body(&self) -> Bytes {
        let usage = self.reading.usage_splice.iter();
        let edits: Vec<Edit> = self.edits.expose().iter().chain(usage).cloned().collect();
        apply(self.body(), &edits)
    }

    fn edited(mut self, mut edits: Vec<Edit>) -> Self {
        let in_part = |part: &Range<usize>| {
            edits.iter().any(|edit| part.start <= edit.range.start && edit.range.end <= part.end)
        };
        let lengths = self.reading.length_headers.iter().filter(|(part, _)| in_part(part));
        let lengths: Vec<Edit> = lengths.map(|(_, header)| Edit::removal(header.clone())).collect();
        edits.extend(lengths);
        edits.extend_from_slice(self.edits.expose());
        self.edits = Sensitive::new(edits);
        if !self.reading.facts.tool_names.is_empty() {
            self.read_tool_names_again();
        }
        self
    }

    /// A name may have been redacted, or have gone with its tool.
    fn read_tool_names_again(&mut self) {
        let names = match &self.reading.batch_file {
            Some(file) => lines_tool_names(&self.outgoing_piece(file)),
            None => {
                let body = self.outgoing_body();
                let document = Document::parse(&body);
                document.ok().and_then(|document| tool_names(document.root()).ok())
            }
        };
        let facts = &mut self.reading.facts;
        if let Some(names) = names {
            facts.has_tools = Some(!names.is_empty());
            facts.tool_names = names;
        }
    }

    /// A piece of the body as it goes on.
    fn outgoing_piece(&self, piece: &Range<usize>) -> Bytes {
        let within = |edit: &&Edit| piece.start <= edit.range.start && edit.range.end <= piece.end;
        let shifted = |edit: &Edit| Edit {
            range: edit.range.start - piece.start..edit.range.end - piece.start,
            with: Cow::clone(&edit.with),
        };
        let edits: Vec<Edit> = self.edits.expose().iter().filter(within).map(shifted).collect();
        apply(&self.body().slice_ref(self.body().get(piece.clone()).unwrap_or_default()), &edits)
    }
}

/// Whether one of the edits, which stand in order, takes these bytes out.
fn is_taken(edits: &[Edit], range: &Range<usize>) -> bool {
    let after = edits.partition_point(|edit| edit.range.start <= range.start);
    let before = after.checked_sub(1).and_then(|at| edits.get(at));
    before.is_some_and(|edit| edit.takes(range))
}
