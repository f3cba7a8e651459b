//! Forms (`multipart/form-data`, RFC 7578) as they stream through.
//!
//! Owns the framing and the rule that a form has one reading: where lenient readers differ, it is
//! refused. It must never copy a file's bytes, nor keep a value that nobody asked for.

mod behind;
mod boundary;
mod delimiter;
mod head;
mod parameters;
mod part;

pub use boundary::boundary;

pub(super) use part::{FormPart, is_file_field};

use super::fields::refuse;
use crate::types::{Refusal, Sensitive};
use behind::Behind;
use delimiter::Delimiters;
use head::PartHead;
use part::{Ended, Part};
use std::{fmt, ops::Range};

/// Far more than any endpoint has fields.
const MAX_PARTS: usize = 64;
/// The longest header block of a part, with the line end before it.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// Reads a form that is fed to it, in pieces of any size.
pub struct FormReader {
    watched: &'static [&'static str],
    delimiters: Delimiters,
    place: Place,
    /// How many bytes of the body have been read.
    offset: u64,
    /// What followed the last delimiter so far.
    head: Vec<u8>,
    /// The part whose data is being read; `None` before the first one.
    part: Option<Part>,
    names: Vec<Box<str>>,
    values: Vec<(&'static str, Sensitive<String>)>,
    file: Option<Range<u64>>,
    parts: Vec<FormPart>,
    /// Whether the file that is being read streams on.
    streams: bool,
    /// The part that is being read, where it stands behind such a file.
    behind: Option<Behind>,
    says_much_behind: bool,
    /// What was wrong: nothing is read after it.
    refusal: Option<Refusal>,
}

/// Where the reader stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// In a part's data, or before the first delimiter.
    Data,
    /// After a delimiter: its line end and the part's headers, or the two dashes of the last one.
    Head,
    /// After the closing delimiter.
    Epilogue,
}

impl FormReader {
    /// A reader for a body with this boundary. Each `watched` field may occur once, as one line of
    /// plain text, and its value is kept.
    pub fn new(boundary: &str, watched: &'static [&'static str]) -> Self {
        Self {
            watched,
            delimiters: Delimiters::new(boundary),
            place: Place::Data,
            offset: 0,
            head: Vec::new(),
            part: None,
            names: Vec::new(),
            values: Vec::new(),
            file: None,
            parts: Vec::new(),
            streams: false,
            behind: None,
            says_much_behind: false,
            refusal: None,
        }
    }

    /// Reads on. After a refusal there is nothing but that refusal.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        if self.refusal.is_none() {
            self.refusal = self.read(chunk).err();
        }
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// The value of a watched field, once it has been read to its end.
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(watched, _)| *watched == name)?;
        Some(value.expose())
    }

    /// Where the bytes of the part `file` lie in the body, once it has been read to its end.
    pub fn file(&self) -> Option<Range<u64>> {
        self.file.clone()
    }

    /// The parts that have been read to their end, in order.
    pub(super) fn parts(&self) -> &[FormPart] {
        &self.parts
    }

    /// Where the data of each part begins, also of the one that is being read.
    pub(super) fn data_starts(&self) -> impl Iterator<Item = u64> {
        let open = self.part.as_ref().map(|part| part.start);
        self.parts.iter().map(|part| part.data.start).chain(open)
    }

    /// Whether a file is being read; what only calls itself a file is none.
    pub fn is_in_file(&self) -> bool {
        let is_named = self.names.last().is_some_and(|name| is_file_field(name));
        let is_file = self.part.as_ref().is_some_and(|part| part.is_file);
        self.place == Place::Data && is_file && is_named
    }

    /// Says that the file that is being read goes on before the rest of the form is known.
    pub const fn stream_on(&mut self) {
        self.streams = true;
    }

    /// Whether a field that says more than nothing was found behind the file that
    /// [streams on](Self::stream_on).
    pub const fn says_much_behind(&self) -> bool {
        self.says_much_behind
    }

    /// Whether the closing delimiter has been read.
    pub fn is_complete(&self) -> bool {
        self.place == Place::Epilogue && self.refusal.is_none()
    }

    /// Says that the body is over, which it may be only after the closing delimiter.
    pub fn finish(&self) -> Result<(), Refusal> {
        match &self.refusal {
            Some(refusal) => Err(refusal.clone()),
            None if self.is_complete() => Ok(()),
            None => Err(refuse("The form ends before its closing delimiter.")),
        }
    }

    fn read(&mut self, mut chunk: &[u8]) -> Result<(), Refusal> {
        while !chunk.is_empty() {
            let consumed = match self.place {
                Place::Data => self.read_data(chunk)?,
                Place::Head => self.read_head(chunk)?,
                Place::Epilogue => read_epilogue(chunk)?,
            };
            self.offset += wide(consumed);
            chunk = chunk.get(consumed..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads to the end of the next delimiter, or to the end of the chunk.
    fn read_data(&mut self, chunk: &[u8]) -> Result<usize, Refusal> {
        let delimiter = self.delimiters.find(chunk);
        let consumed = delimiter.map_or(chunk.len(), |delimiter| delimiter.end);
        let seen = self.offset + wide(consumed);
        let line_bytes = wide(self.delimiters.line_bytes());
        let start = self.part.as_ref().map_or(0, |part| part.start);
        // The most that can be data: all but the delimiter.
        let data_bytes = seen.saturating_sub(line_bytes).saturating_sub(start);
        if let Some(part) = &mut self.part {
            let bytes = chunk.get(..consumed).unwrap_or_default();
            part.keep(bytes, data_bytes)?;
            if let Some(behind) = &mut self.behind {
                behind.keep(bytes, data_bytes);
                self.says_much_behind |= behind.says_much();
            }
        } else {
            // The first delimiter stands at the very beginning, without the line end before it.
            let is_due = seen + 2 >= line_bytes;
            if is_due != delimiter.is_some() || seen + 2 > line_bytes {
                return Err(refuse("The form must begin with its boundary."));
            }
        }
        if let Some(delimiter) = delimiter {
            if !delimiter.is_line {
                return Err(misplaced());
            }
            self.end_part(data_bytes)?;
            self.place = Place::Head;
        }
        Ok(consumed)
    }

    /// Keeps what is asked for of the part that has ended.
    fn end_part(&mut self, data_bytes: u64) -> Result<(), Refusal> {
        let Some(part) = self.part.take() else { return Ok(()) };
        if let Some(mut behind) = self.behind.take() {
            behind.end(data_bytes);
            self.says_much_behind |= behind.says_much();
        }
        let name = self.names.last().cloned().unwrap_or_default();
        self.parts.push(part.place(name, data_bytes));
        match part.end(data_bytes)? {
            Ended::Watched { name, value } => self.values.push((name, value)),
            Ended::File(place) => self.file = Some(place),
            Ended::Other => {}
        }
        Ok(())
    }

    /// Reads what follows a delimiter, to the end of the part's headers.
    fn read_head(&mut self, chunk: &[u8]) -> Result<usize, Refusal> {
        let before = self.head.len();
        let room = chunk.len().min(MAX_HEAD_BYTES.saturating_sub(before));
        self.head.extend_from_slice(chunk.get(..room).unwrap_or_default());
        if self.head.starts_with(b"--") {
            self.place = Place::Epilogue;
            return Ok(2 - before);
        }
        if self.head.len() >= 2 && !self.head.starts_with(b"\r\n") {
            return Err(misplaced());
        }
        // The line end of the delimiter is also the one before an empty block of headers.
        let searched = before.saturating_sub(3);
        let unsearched = self.head.get(searched..).unwrap_or_default();
        let Some(end) = memchr::memmem::find(unsearched, b"\r\n\r\n") else {
            if self.head.len() >= MAX_HEAD_BYTES {
                return Err(refuse("A part's headers are too long."));
            }
            return Ok(room);
        };
        let end = searched + end;
        let consumed = end + 4 - before;
        let text = std::mem::take(&mut self.head);
        let block = text.get(2..end).unwrap_or_default();
        if self.delimiters.is_within(block) {
            return Err(misplaced());
        }
        self.begin_part(&head::read(block)?, self.offset + wide(consumed))?;
        Ok(consumed)
    }

    fn begin_part(&mut self, head: &PartHead<'_>, start: u64) -> Result<(), Refusal> {
        self.part = Some(Part::new(head, start, self.watched, &self.names)?);
        self.behind = self.streams.then(|| Behind::new(head));
        self.names.push(head.name.into());
        if self.names.len() > MAX_PARTS {
            return Err(refuse("The form has more than 64 parts."));
        }
        self.delimiters.enter_data();
        self.place = Place::Data;
        Ok(())
    }
}

impl fmt::Debug for FormReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormReader")
            .field("place", &self.place)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Only blanks and line ends may follow the closing delimiter: there no part can hide.
fn read_epilogue(chunk: &[u8]) -> Result<usize, Refusal> {
    if chunk.iter().all(|byte| b" \t\r\n".contains(byte)) {
        return Ok(chunk.len());
    }
    Err(refuse("The form goes on after its closing delimiter."))
}

fn misplaced() -> Refusal {
    refuse("The form's boundary occurs where it does not end a part.")
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
