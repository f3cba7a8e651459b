//! The texts of a form.
//!
//! Owns which of its fields are text, and where a field says how long it is. It must never take a
//! file for text.

use super::{TextSpan, Texts, Unread, words::is_own_word};
use crate::openai::multipart::{FormPart, FormReader};
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
    for part in form.parts() {
        match data(part).and_then(|data| Some((body.get(data.clone())?, data))) {
            _ if part.is_file && reads_file && &*part.name == "file" => {}
            Some((bytes, data)) if !part.is_file => field(&part.name, bytes, data, texts),
            _ => texts.skip(Unread::Upload),
        }
    }
    if !form.is_complete() {
        texts.skip(Unread::Upload);
    }
}

fn field(name: &str, bytes: &[u8], data: Range<usize>, texts: &mut Texts) {
    let surface = match name {
        // What the call is authorised on.
        "model" => return,
        "prompt" => TextSurface::User,
        "user" => TextSurface::EndUser,
        _ => TextSurface::Other,
    };
    match str::from_utf8(bytes) {
        Ok(text) if text.is_empty() || is_own_word(text) => {}
        Ok(_) => texts.spans.push(TextSpan::plain(surface, data)),
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
            Some((data.clone(), length_header(body, data.start)?))
        })
        .collect()
}

/// The headers stand right before the data, each behind a line end, and an empty line ends them.
fn length_header(body: &[u8], data_start: usize) -> Option<Range<usize>> {
    const NAME: &[u8] = b"content-length:";
    let mut end = data_start.checked_sub(4)?;
    loop {
        let start = memchr::memmem::rfind(body.get(..end)?, b"\r\n")?;
        let line = body.get(start + 2..end)?;
        if line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
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
