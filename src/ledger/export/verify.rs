//! The verification of an export, with nothing but public keys.
//!
//! Owns the cutting of bytes into lines. It must never hold more of the export than a line.

use super::{
    super::{Checkpoint, Scope, TrustedKeys, Verdict, Verifier},
    ExportError, ExportHeader, ExportReader, Line,
};

/// No line is longer.
const MOST_LINE_BYTES: usize = 64 << 20;

/// Verifies an export that comes in pieces of any size.
pub struct ExportVerifier {
    reader: ExportReader,
    verifier: Verifier,
    header: Option<ExportHeader>,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl ExportVerifier {
    /// Trusts these keys. Checkpoints that were kept elsewhere find what was cut off together with its own ones.
    pub fn new(keys: TrustedKeys, kept: Vec<Checkpoint>) -> Self {
        Self {
            reader: ExportReader::default(),
            verifier: Verifier::new(keys, kept, Scope::Whole),
            header: None,
            rest: Vec::new(),
        }
    }

    /// Takes the next bytes. After an error nothing more can be read.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), ExportError> {
        while let Some(at) = memchr::memchr(b'\n', bytes) {
            let (head, tail) = bytes.split_at(at);
            let mut line = std::mem::take(&mut self.rest);
            if line.is_empty() {
                self.feed_line(head)?;
            } else {
                line.extend_from_slice(head);
                self.feed_line(&line)?;
                line.clear();
                self.rest = line;
            }
            bytes = tail.get(1..).unwrap_or_default();
        }
        if self.rest.len() + bytes.len() > MOST_LINE_BYTES {
            return Err(ExportError::TooLong { line: self.reader.line() + 1 });
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    /// What the export says of itself, once its first line is read.
    pub const fn header(&self) -> Option<&ExportHeader> {
        self.header.as_ref()
    }

    /// How many records were read.
    pub const fn records(&self) -> u64 {
        self.verifier.records()
    }

    /// What was found. An error when the records are sound as far as they go, but the export is not whole.
    pub fn finish(self) -> Result<Verdict, ExportError> {
        let whole = if self.rest.is_empty() { self.reader.finish() } else { Err(ExportError::Cut) };
        let verdict = self.verifier.finish();
        if verdict.is_sound() { whole.map(|()| verdict) } else { Ok(verdict) }
    }

    fn feed_line(&mut self, line: &[u8]) -> Result<(), ExportError> {
        match self.reader.feed_line(line)? {
            Line::Header(header) => {
                self.verifier.set_scope(header.scope);
                self.header = Some(header);
            }
            Line::Checkpoint(checkpoint) => self.verifier.add_checkpoint(&checkpoint),
            Line::Record(record) => self.verifier.feed(&record),
            Line::End(_) => {}
        }
        Ok(())
    }
}
