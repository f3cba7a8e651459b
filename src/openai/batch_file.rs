//! The input file of a batch: calls, one in each line.
//!
//! Owns the reading of every line as the call that it will become. It must never take a line that
//! the provider could read as another call, nor put a line's text into a refusal.

use super::{
    call::{ReadOptions, Reading, Reference, read_object},
    endpoint::batchable,
    fields::{flag, malformed, name, refuse},
    json::{Document, Kind, Value},
};
use crate::types::{ObjectKind, Refusal};
use std::{borrow::Cow, collections::HashSet, sync::Arc};

/// What OpenAI takes in one file.
const MAX_REQUESTS: u32 = 50_000;
/// Each is authorised on its own, and a real file asks for one or two.
const MAX_MODELS: usize = 64;
/// Each is looked up when the batch is made.
const MAX_REFERENCES: usize = 10_000;

/// The lines pass as they came, so nothing is added to them.
const OPTIONS: ReadOptions = ReadOptions { request_stream_usage: false, collect_references: true };

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

/// What has been read of the file so far.
#[derive(Default)]
struct BatchReader {
    input: BatchInput,
    custom_ids: HashSet<Box<str>>,
    models: HashSet<Arc<str>>,
    references: HashSet<(ObjectKind, Arc<str>)>,
}

/// The members of a line.
struct Line<'d> {
    custom_id: Cow<'d, str>,
    url: Cow<'d, str>,
    body: Value<'d>,
}

/// Reads a file that is whole. A refusal names the line.
pub fn read_batch_file(content: &[u8]) -> Result<BatchInput, Refusal> {
    let mut reader = BatchReader::default();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            reader.read(line).map_err(|refusal| in_line(index + 1, refusal))?;
        }
    }
    if reader.input.requests == 0 {
        return Err(malformed("The file of a batch must hold at least one request.", "file"));
    }
    Ok(reader.input)
}

impl BatchReader {
    fn read(&mut self, text: &[u8]) -> Result<(), Refusal> {
        // Some readers end a line here too, and would find other lines than we do.
        if memchr::memchr(b'\r', text).is_some() {
            return Err(refuse("It has a carriage return before its end."));
        }
        let document = Document::parse(text).map_err(|error| Refusal::Malformed {
            message: Cow::Owned(format!("It is not valid JSON: {error}.")),
            param: None,
        })?;
        let Line { custom_id, url, body } = read_line(document.root())?;
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
    let custom_id = name(custom_id?, "custom_id")?;
    if method?.as_str().as_deref() != Some("POST") {
        return Err(malformed("The field must be POST.", "method"));
    }
    Ok(Line { custom_id, url: name(url?, "url")?, body: body? })
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
