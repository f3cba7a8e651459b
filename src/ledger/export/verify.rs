//! The verification of an export, with nothing but public keys.
//!
//! Owns the cutting of bytes into lines. It must never hold more of the export than a line.

use super::{
    super::{Begin, Checkpoint, ProblemKind, Scope, Span, TrustedKeys, Verdict, Verifier},
    ExportError, ExportHeader, ExportReader, Line,
};
use crate::types::{Record, UnixMillis};
use std::collections::BTreeMap;

/// No line is longer.
const MOST_LINE_BYTES: usize = 64 << 20;
/// So much later than it was written can a record be signed for, and so much can the clocks of gateways differ.
const CLOCKS_SECS: i64 = 60;
/// After this time the first checkpoint of a chain is there.
const FIRST_SIGNED_SECS: i64 = 600;

/// Verifies an export that comes in pieces of any size.
pub struct ExportVerifier {
    reader: ExportReader,
    verifier: Verifier,
    header: Option<ExportHeader>,
    now: Option<UnixMillis>,
    /// When the last call of each node ended.
    ended: BTreeMap<Box<str>, UnixMillis>,
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
            now: None,
            ended: BTreeMap::new(),
            rest: Vec::new(),
        }
    }

    /// Expects that every chain was signed for, unless it is so young at this moment that nobody can have done so.
    #[must_use]
    pub const fn expect_signed(mut self, now: UnixMillis) -> Self {
        self.now = Some(now);
        self
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
    pub fn finish(mut self) -> Result<Verdict, ExportError> {
        for (node, is_long) in self.verifier.never_signed() {
            if is_long || self.is_old(&node) {
                self.verifier.note(&node, None, ProblemKind::NeverSigned);
            }
        }
        let whole = if self.rest.is_empty() { self.reader.finish() } else { Err(ExportError::Cut) };
        let verdict = self.verifier.finish();
        if verdict.is_sound() { whole.map(|()| verdict) } else { Ok(verdict) }
    }

    fn feed_line(&mut self, line: &[u8]) -> Result<(), ExportError> {
        match self.reader.feed_line(line)? {
            Line::Header(header) => {
                self.verifier.look_at(header.scope, span(&header));
                if let Some(node) = header.filters.get("node") {
                    self.verifier.look_only_at(node.clone());
                }
                self.header = Some(header);
            }
            Line::Checkpoint(checkpoint) => self.verifier.add_checkpoint(&checkpoint),
            Line::Record(record) => {
                self.note_end(&record);
                self.verifier.feed(&record);
            }
            Line::End(_) => {}
        }
        Ok(())
    }

    fn note_end(&mut self, record: &Record) {
        let took = record.latency_ms.and_then(|took| i64::try_from(took).ok()).unwrap_or(0);
        let ended = UnixMillis(record.started_at.0.saturating_add(took));
        match self.ended.get_mut(&*record.node) {
            Some(last) => *last = ended.max(*last),
            None => drop(self.ended.insert((*record.node).into(), ended)),
        }
    }

    fn is_old(&self, node: &str) -> bool {
        let (Some(now), Some(ended)) = (self.now, self.ended.get(node)) else { return false };
        now.0.abs_diff(ended.0) > FIRST_SIGNED_SECS.unsigned_abs() * 1_000
    }
}

/// Where the chains of an export must begin and end. Its times are those of writing, and gateways sign a little later.
fn span(header: &ExportHeader) -> Span {
    let time = |name| header.filters.get(name).and_then(|text| UnixMillis::parse(text));
    if header.scope != Scope::Part {
        return Span::default();
    }
    Span {
        begin: time("from")
            .map_or(Begin::First, |from| Begin::Written(from.plus_secs(CLOCKS_SECS))),
        to: time("to").map(|to| to.plus_secs(-CLOCKS_SECS)),
    }
}
