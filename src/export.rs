//! Exports: the record in the forms that other programs read.
//!
//! Owns the forms that are not ours, and the choice among all. A writer holds no record, so that an export of any length
//! is written in constant memory. Pure: it must never read a file, a clock or a database.

mod cef;
mod csv;
mod ocsf;

use crate::ledger::{Checkpoint, ExportHeader, ExportWriter};
use crate::types::{Record, Severity, text_enum};
use serde_json::{Map, Value};

/// What we call ourselves in formats that want to know who wrote them.
const PRODUCT: &str = "Portcullis";
const VERSION: &str = env!("CARGO_PKG_VERSION");

text_enum! {
    /// The form of an export.
    Format {
        /// JSON lines: all fields, hashes and checkpoints. The only form that can be verified.
        JsonLines = "jsonl",
        /// Comma-separated values (RFC 4180), for spreadsheets.
        Csv = "csv",
        /// The Open Cybersecurity Schema Framework's API Activity, one JSON object a line.
        Ocsf = "ocsf",
        /// ArcSight's Common Event Format.
        Cef = "cef",
    }
}

impl Format {
    /// What HTTP calls it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::JsonLines | Self::Ocsf => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Cef => "text/plain; charset=utf-8",
        }
    }

    /// How its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Ocsf => "ocsf.jsonl",
            Self::Csv => "csv",
            Self::Cef => "cef",
        }
    }
}

/// Writes one export onto the bytes that it is given.
pub struct Writer(Form);

enum Form {
    JsonLines(ExportWriter),
    Csv,
    Ocsf,
    Cef,
}

impl Writer {
    /// Begins an export: writes what stands before its first record.
    pub fn begin(format: Format, header: ExportHeader, out: &mut Vec<u8>) -> Self {
        Self(match format {
            Format::JsonLines => Form::JsonLines(ExportWriter::begin(header, out)),
            Format::Csv => {
                csv::header(out);
                Form::Csv
            }
            Format::Ocsf => Form::Ocsf,
            Format::Cef => Form::Cef,
        })
    }

    /// A checkpoint, in the one form that has a place for it: before all records.
    pub fn checkpoint(&mut self, checkpoint: Checkpoint, out: &mut Vec<u8>) {
        if let Form::JsonLines(lines) = &mut self.0 {
            lines.checkpoint(checkpoint, out);
        }
    }

    /// The next record.
    pub fn record(&mut self, record: &Record, out: &mut Vec<u8>) {
        match &mut self.0 {
            Form::JsonLines(lines) => lines.record(record, out),
            Form::Csv => csv::row(record, out),
            Form::Ocsf => ocsf::line(record, out),
            Form::Cef => cef::line(record, out),
        }
    }

    /// Ends the export, so that who reads it knows that nothing was cut off.
    pub fn end(self, out: &mut Vec<u8>) {
        if let Form::JsonLines(lines) = self.0 {
            lines.end(out);
        }
    }
}

/// The record's fields by their names.
fn fields(record: &Record) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The worst of what was found.
fn worst(record: &Record) -> Option<Severity> {
    let rank = |severity: &Severity| Severity::ALL.iter().position(|known| known == severity);
    record.findings.iter().map(|finding| finding.severity).max_by_key(rank)
}

#[cfg(test)]
mod tests;
