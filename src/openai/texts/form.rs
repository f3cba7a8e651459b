//! The texts of a form.
//!
//! Owns which of its fields are text, what stands in the heads of its parts, and where a field says how
//! long it is. It must never take for a file what only has a file's name.

use super::{TextSpan, Texts, Unread, words::is_own_word};
use crate::openai::multipart::{FormPart, FormReader, is_file_field};
use crate::types::TextSurface;
use std::ops::Range;

/// Takes the fields that `body` holds, of which the form has been read so far. `reads_file`: somebody
/// reads the part `file`.
pub(in crate::openai) fn form_texts(
    form: &FormReader,
    body: &[u8],
    reads_file: bool,
    texts: &mut Texts,
) {
    for start in form.data_starts() {
        match usize::try_from(start) {
            Ok(start) if start <= body.len() => head(body, start, texts),
            _ => texts.skip(Unread::Upload),
        }
    }
    for part in form.parts() {
        let holds_file = part.is_file && is_file_field(&part.name);
        match data(part).and_then(|data| Some((body.get(data.clone())?, data))) {
            _ if part.is_file && reads_file && &*part.name == "file" => {}
            Some((bytes, data)) if !holds_file => field(part, bytes, data, texts),
            _ => texts.skip(Unread::Upload),
        }
    }
    if !form.is_complete() {
        texts.skip(Unread::Upload);
    }
}

/// The names of a part and of its file, where they are not those of the format.
fn head(body: &[u8], data_start: usize, texts: &mut Texts) {
    let Some(line) = header(body, data_start, b"content-disposition:") else { return };
    let written = body.get(line.clone()).and_then(|bytes| str::from_utf8(bytes).ok());
    let Some(written) = written else { return };
    let mut start = line.start;
    for (index, piece) in written.split('"').enumerate() {
        // What stands in quotes, and what stands without them: utf-8'en'name.
        let quoted = if index % 2 == 1 { Some(piece) } else { None };
        let value = quoted.or_else(|| piece.rsplit_once('\'').map(|(_, behind)| behind));
        if let Some(value) = value {
            let value_start = start + piece.len() - value.len();
            let end = if quoted.is_some() { None } else { value.find([';', ' ']) };
            let value = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
            let is_own = value.is_empty() || is_own_word(value.trim_end_matches("[]"));
            if !is_own {
                let range = value_start..value_start + value.len();
                texts.spans.push(TextSpan::plain(TextSurface::Other, range));
            }
        }
        start += piece.len() + 1;
    }
}

fn field(part: &FormPart, bytes: &[u8], data: Range<usize>, texts: &mut Texts) {
    let surface = match &*part.name {
        // What the call is authorised on.
        "model" => return,
        _ if part.is_file => TextSurface::ToolResult,
        "prompt" => TextSurface::User,
        "user" => TextSurface::EndUser,
        _ => TextSurface::Other,
    };
    match str::from_utf8(bytes) {
        Ok(text) if text.is_empty() || is_own_word(text) => {}
        Ok(_) => texts.spans.push(TextSpan::plain(surface, data)),
        Err(_) if part.is_file => texts.skip(Unread::Upload),
        Err(_) => texts.skip(Unread::Encoding),
    }
}

/// The parts that say how long they are: their data, and the header that says it, with the line end
/// before it. Where the data is edited, the header has to go.
pub(in crate::openai) fn length_headers(
    form: &FormReader,
    body: &[u8],
) -> Vec<(Range<usize>, Range<usize>)> {
    let claiming = form.parts().iter().filter(|part| part.claims_length);
    claiming
        .filter_map(|part| {
            let data = data(part)?;
            Some((data.clone(), header(body, data.start, b"content-length:")?))
        })
        .collect()
}

/// A header with the line end before it. The headers stand right before the data, each behind a line
/// end, and an empty line ends them.
fn header(body: &[u8], data_start: usize, name: &[u8]) -> Option<Range<usize>> {
    let mut end = data_start.checked_sub(4)?;
    loop {
        let start = memchr::memmem::rfind(body.get(..end)?, b"\r\n")?;
        let line = body.get(start + 2..end)?;
        if line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return Some(start..end);
        }
        if line.starts_with(b"--") {
            return None;
        }
        end = start;
    }
}

fn data(part: &FormPart) -> Option<Range<usize>> {
    Some(usize::try_from(part.data.start).ok()?..usize::try_from(part.data.end).ok()?)
}
