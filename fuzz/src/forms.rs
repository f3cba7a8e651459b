//! A form in any pieces.

use super::splits;
use portcullis::{
    openai::{FormReader, boundary},
    types::Refusal,
};
use std::ops::Range;

const WATCHED: &[&str] = &["model", "purpose", "stream"];

/// What a reader has found.
#[derive(Debug, Eq, PartialEq)]
struct Found {
    end: Result<(), Refusal>,
    values: Vec<Option<String>>,
    file: Option<Range<u64>>,
    is_complete: bool,
}

/// The form has one reading, however it arrives, and a reader that overlooks much finds the same fields.
pub fn check(input: &[u8]) {
    let whole = read([input]);
    for pieces in splits::of(input) {
        assert_eq!(read(pieces), whole, "pieces of the form are read otherwise than the whole");
    }
    if whole.end.is_ok() {
        check_against_lenient_reader(input, &whole);
    }
    let _any = str::from_utf8(input).map(boundary);
}

fn read<'i>(pieces: impl IntoIterator<Item = &'i [u8]>) -> Found {
    let mut form = FormReader::new("xyz", WATCHED);
    for piece in pieces {
        let fed = form.feed(piece);
        assert!(fed.is_ok() || form.finish() == fed, "a refusal is forgotten");
    }
    Found {
        end: form.finish(),
        values: WATCHED.iter().map(|name| form.field(name).map(str::to_owned)).collect(),
        file: form.file(),
        is_complete: form.is_complete(),
    }
}

fn check_against_lenient_reader(input: &[u8], found: &Found) {
    let parts = split(input);
    for (name, value) in WATCHED.iter().zip(&found.values) {
        let values: Vec<&[u8]> = parts
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, place)| &input[place.clone()])
            .collect();
        assert_eq!(values, value.iter().map(String::as_bytes).collect::<Vec<_>>(), "{name}");
    }
    let wide = |offset: usize| u64::try_from(offset).unwrap();
    let files: Vec<Range<u64>> = parts
        .into_iter()
        .filter(|(name, _)| name == "file")
        .map(|(_, place)| wide(place.start)..wide(place.end))
        .collect();
    assert_eq!(files, found.file.iter().cloned().collect::<Vec<_>>());
}

/// The parts' names and where their data lies, as a reader may find them that splits at every delimiter, takes any
/// spelling of a name, and knows nothing else of headers.
fn split(input: &[u8]) -> Vec<(String, Range<usize>)> {
    let starts: Vec<usize> =
        (0..input.len()).filter(|at| input[*at..].starts_with(b"--xyz")).collect();
    let mut parts = Vec::new();
    for between in starts.windows(2) {
        let start = between[0] + b"--xyz".len();
        let part = &input[start..between[1]];
        let head = (0..part.len()).find(|at| part[*at..].starts_with(b"\r\n\r\n")).unwrap();
        assert!(part.len() >= head + b"\r\n\r\n\r\n".len() && part.ends_with(b"\r\n"));
        let data = start + head + b"\r\n\r\n".len()..between[1] - b"\r\n".len();
        parts.push((name(&String::from_utf8_lossy(&part[..head])), data));
    }
    parts
}

/// What stands after the first `name=` in a part's headers, without case, quotes, blanks and brackets.
fn name(head: &str) -> String {
    let head = head.to_ascii_lowercase();
    let (_, value) = head.split_once("name=").unwrap();
    let name = value.trim_start_matches('"').split(['"', ';', '\r']).next().unwrap();
    name.trim().trim_end_matches("[]").to_owned()
}
