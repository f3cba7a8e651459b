//! The lines of an export, one JSON object each.
//!
//! Owns their form and their order: the header, the checkpoints, the records as they are stored, the end. There is one
//! way to write each line, and a reader must never take another: so every changed byte is found.

mod reader;
mod verify;

pub use reader::{ExportError, ExportReader, Line};
pub use verify::ExportVerifier;

use super::{Checkpoint, Scope, write_record};
use crate::types::{Record, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The form that is written and read.
const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExportHeader {
    /// The form of the export.
    pub version: u32,
    /// The gateway that wrote it.
    pub node: String,
    /// What was asked for, by the names of the query's parameters.
    pub filters: BTreeMap<String, String>,
    /// What follows from that for the chains.
    pub scope: Scope,
    /// The keys that signed the checkpoints, base64. To be compared with those that are known.
    pub public_keys: Vec<String>,
}

impl ExportHeader {
    /// The header of an export in today's form.
    pub fn new(node: String, scope: Scope) -> Self {
        let (filters, public_keys) = Default::default();
        Self { version: VERSION, node, filters, scope, public_keys }
    }
}

/// The last line: without it the export was cut.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExportEnd {
    /// How many records stand before it.
    pub records: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// SHA-256 of all bytes before this line, hexadecimal.
    pub sha256: String,
}

/// The lines that are no records.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Frame {
    Export(ExportHeader),
    Checkpoint(Checkpoint),
    End(ExportEnd),
}

impl Frame {
    fn write(&self, out: &mut Vec<u8>) {
        // Cannot fail: texts and numbers, written to a vector.
        let _ = serde_json::to_writer(out, self);
    }
}

/// Writes the lines of an export, each with its line feed, onto the bytes that it is given.
pub struct ExportWriter {
    end: ExportEnd,
    digest: Sha256,
}

impl ExportWriter {
    /// Begins an export.
    pub fn begin(header: ExportHeader, out: &mut Vec<u8>) -> Self {
        let mut writer = Self { end: ExportEnd::default(), digest: Sha256::new() };
        writer.line(out, |out| Frame::Export(header).write(out));
        writer
    }

    /// A checkpoint: all of them stand before the records.
    pub fn checkpoint(&mut self, checkpoint: Checkpoint, out: &mut Vec<u8>) {
        self.end.checkpoints += 1;
        self.line(out, |out| Frame::Checkpoint(checkpoint).write(out));
    }

    /// The next record.
    pub fn record(&mut self, record: &Record, out: &mut Vec<u8>) {
        self.end.records += 1;
        self.line(out, |out| write_record(record, out));
    }

    /// Ends the export.
    pub fn end(mut self, out: &mut Vec<u8>) {
        self.end.sha256 = hex(&self.digest.finalize());
        Frame::End(self.end).write(out);
        out.push(b'\n');
    }

    fn line(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = out.len();
        write(out);
        out.push(b'\n');
        self.digest.update(out.get(begin..).unwrap_or_default());
    }
}
