//! The input file of a batch: calls, one in each line.
//!
//! Owns the reading of every line as the call that it will become. It must never take a line that
//! the provider could read as another call, nor put a line's text into a refusal.

use super::{
    call::{ReadOptions, Reading, Reference, read_object},
    edits::Edit,
    endpoint::batchable,
    fields::{flag, malformed, name, refuse},
    json::{Document, Kind, Value},
    texts::{Place, Shape, Texts, Walk},
    tools::MAX_TOOLS,
};
use crate::types::{ObjectKind, Refusal, TextSurface};
use std::{borrow::Cow, collections::HashSet, sync::Arc};

/// What OpenAI takes in one file.
const MAX_REQUESTS: u32 = 50_000;
/// Each is authorised on its own, and a real file asks for one or two.
const MAX_MODELS: usize = 64;
/// Each is looked up when the batch is made.
const MAX_REFERENCES: usize = 10_000;

/// The lines pass as they came, so nothing is added to them.
const OPTIONS: ReadOptions =
    ReadOptions { request_stream_usage: false, collect_references: true, collect_texts: false };

/// What the file of a batch asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BatchInput {
    /// The models of all its calls, each once, in the order in which they occur.
    pub models: Vec<Arc<str>>,
    /// How many calls it holds.
    pub requests: u32,
    /// The one url of all its calls, e.g. `/v1/chat/completions`.
    pub endpoint: Option<&'static str>,
    /// The objects of the provider's account that its calls name, each once.
    pub references: Vec<Reference>,
}

/// What reading the file yields.
#[derive(Default)]
pub(super) struct BatchReading {
    pub(super) input: BatchInput,
    /// The names of the tools that its calls offer, each once.
    pub(super) tool_names: Vec<Box<str>>,
    /// The texts of all lines, as far as they are wanted.
    pub(super) texts: Texts,
}

/// What has been read of the file so far.
#[derive(Default)]
struct BatchReader {
    input: BatchInput,
    tool_names: Vec<Box<str>>,
    texts: Texts,
    /// Where the file stands in its body, if its texts are wanted.
    offset: Option<usize>,
    custom_ids: HashSet<Box<str>>,
    models: HashSet<Arc<str>>,
    references: HashSet<(ObjectKind, Arc<str>)>,
}

/// The members of a line.
struct Line<'d> {
    custom_id: Cow<'d, str>,
    custom_id_value: Value<'d>,
    url: Cow<'d, str>,
    body: Value<'d>,
}

/// Reads a file that is whole. A refusal names the line.
pub fn read_batch_file(content: &[u8]) -> Result<BatchInput, Refusal> {
    read_lines(content, None).map(|reading| reading.input)
}

/// Reads a file that is whole. `offset`: where it stands in its body, if its texts are wanted.
pub(super) fn read_lines(content: &[u8], offset: Option<usize>) -> Result<BatchReading, Refusal> {
    let mut reader = BatchReader { offset, ..BatchReader::default() };
    for (number, start, line) in lines(content) {
        reader.read(start, line).map_err(|refusal| in_line(number, refusal))?;
    }
    let BatchReader { input, tool_names, texts, .. } = reader;
    if input.requests == 0 {
        return Err(malformed("The file of a batch must hold at least one request.", "file"));
    }
    Ok(BatchReading { input, tool_names, texts })
}

/// What changes the calls of all lines. `offset`: where the file stands in its body.
pub(super) fn line_edits(
    content: &[u8],
    offset: usize,
    edits_of: impl Fn(Value<'_>) -> Result<Vec<Edit>, Refusal>,
) -> Result<Vec<Edit>, Refusal> {
    let mut edits = Vec::new();
    for (_, start, line) in lines(content) {
        let Ok(document) = Document::parse(line) else { continue };
        let start = offset + start;
        let body = read_line(document.root())?.body;
        edits.extend(edits_of(body)?.into_iter().map(|edit| edit.behind(start)));
    }
    Ok(edits)
}

/// The names of the tools of all lines; `None` where the file cannot be read.
pub(super) fn lines_tool_names(content: &[u8]) -> Option<Vec<Box<str>>> {
    read_lines(content, None).ok().map(|reading| reading.tool_names)
}

/// The lines that are not empty: the number of each, where it begins, and what it says.
pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = (usize, usize, &[u8])> {
    let mut start = 0;
    let lines = content.split(|byte| *byte == b'\n').enumerate().map(move |(index, line)| {
        let line_start = start;
        start += line.len() + 1;
        (index + 1, line_start, line.strip_suffix(b"\r").unwrap_or(line))
    });
    lines.filter(|(_, _, line)| !line.is_empty())
}

impl BatchReader {
    fn read(&mut self, start: usize, text: &[u8]) -> Result<(), Refusal> {
        // Some readers end a line here too, and would find other lines than we do.
        if memchr::memchr(b'\r', text).is_some() {
            return Err(refuse("It has a carriage return before its end."));
        }
        let document = Document::parse(text).map_err(|error| Refusal::Malformed {
            message: Cow::Owned(format!("It is not valid JSON: {error}.")),
            param: None,
        })?;
        let Line { custom_id, custom_id_value, url, body } = read_line(document.root())?;
        let (url, endpoint) = batchable(&url).ok_or_else(|| {
            malformed("The field must name an endpoint that batches may use.", "url")
        })?;
        if *self.input.endpoint.get_or_insert(url) != url {
            return Err(malformed("The field must be the same in all lines.", "url"));
        }
        if flag(body, "stream")? {
            return Err(malformed("A request of a batch cannot stream.", "stream"));
        }
        self.take(&read_object(endpoint, body, OPTIONS)?)?;
        if let Some(offset) = self.offset {
            let (texts, offset) = (&mut self.texts, offset + start);
            let mut walk = Walk { texts, offset, trusts_ids: false };
            walk.value(custom_id_value, Place::new(Shape::Free, TextSurface::Metadata));
            walk.value(body, Place::new(Shape::Body, TextSurface::Other));
        }
        if !self.custom_ids.insert(custom_id.into()) {
            return Err(malformed(
                "The field must differ from that of every other line.",
                "custom_id",
            ));
        }
        if self.input.requests >= MAX_REQUESTS {
            return Err(refuse("The file of a batch may hold at most 50,000 requests."));
        }
        self.input.requests += 1;
        Ok(())
    }

    /// Adds what a call asks for and no earlier one did.
    fn take(&mut self, reading: &Reading) -> Result<(), Refusal> {
        for model in reading.facts.model.iter().chain(&reading.facts.implied_models) {
            if self.models.insert(Arc::clone(model)) {
                self.input.models.push(Arc::clone(model));
            }
        }
        for reference in reading.references.as_slice() {
            if self.references.insert((reference.kind, Arc::clone(&reference.id))) {
                self.input.references.push(reference.clone());
            }
        }
        for name in &reading.facts.tool_names {
            if !self.tool_names.contains(name) {
                self.tool_names.push(name.clone());
            }
        }
        if self.tool_names.len() > MAX_TOOLS {
            return Err(malformed("The file of a batch may use at most 512 tools.", "tools"));
        }
        if self.input.models.len() > MAX_MODELS {
            return Err(malformed("The file of a batch may use at most 64 models.", "model"));
        }
        if self.input.references.len() > MAX_REFERENCES {
            return Err(refuse("The file of a batch may name at most 10,000 objects."));
        }
        Ok(())
    }
}

/// A line has four members and no other: none may be lost on us.
fn read_line(root: Value<'_>) -> Result<Line<'_>, Refusal> {
    if root.kind() != Kind::Object {
        return Err(refuse("It must be a JSON object."));
    }
    let mut line = [("custom_id", None), ("method", None), ("url", None), ("body", None)];
    for (key, value) in root.entries() {
        let key = key.as_str().unwrap_or_default();
        let place = line
            .iter_mut()
            .find(|(name, _)| *name == key)
            .ok_or_else(|| refuse("It may hold nothing but custom_id, method, url and body."))?;
        place.1 = Some(value);
    }
    let [custom_id, method, url, body] = line.map(|(param, value): (&'static str, _)| {
        value.ok_or_else(|| malformed("You must provide this parameter.", param))
    });
    let custom_id_value = custom_id?;
    let custom_id = name(custom_id_value, "custom_id")?;
    if method?.as_str().as_deref() != Some("POST") {
        return Err(malformed("The field must be POST.", "method"));
    }
    Ok(Line { custom_id, custom_id_value, url: name(url?, "url")?, body: body? })
}

/// Names the line where it was refused.
fn in_line(number: usize, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Malformed { message, param } => {
            Refusal::Malformed { message: Cow::Owned(format!("Line {number}: {message}")), param }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
