//! The lines of an export, read one by one.
//!
//! Owns the strictness: a line is taken only if writing it again gives the same bytes.

use super::{Checkpoint, ExportEnd, ExportHeader, Frame, VERSION, write_record};
use crate::types::{Record, hex};
use sha2::{Digest, Sha256};

/// How each line of a record begins: with the first of its members.
const RECORD_BEGIN: &[u8] = b"{\"action\":";

/// Why something is not an export, or not a whole one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExportError {
    /// The first line is no header.
    #[error("this is not an export of the record: its first line is not a header")]
    NotAnExport,
    /// A form that we do not know.
    #[error("the export has version {0}; this program reads version {VERSION}")]
    UnknownVersion(u32),
    /// A line that no export holds, or that is written otherwise.
    #[error("line {line} is not as an export is written: it was altered")]
    Altered {
        /// Which, counted from 1.
        line: u64,
    },
    /// A line at a place where it does not belong.
    #[error("line {line} does not belong there: lines were moved, inserted or removed")]
    OutOfPlace {
        /// Which, counted from 1.
        line: u64,
    },
    /// A line that is longer than any of an export.
    #[error("line {line} is too long")]
    TooLong {
        /// Which, counted from 1.
        line: u64,
    },
    /// The end tells other numbers, or another hash of what stands before it.
    #[error(
        "the last line does not fit the lines before it: some were altered, inserted or removed"
    )]
    Differs,
    /// There is no end.
    #[error("the export was cut: its last line is missing")]
    Cut,
}

/// A line of an export.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// What is exported.
    Header(ExportHeader),
    /// A checkpoint, not yet checked.
    Checkpoint(Checkpoint),
    /// A record, not yet verified.
    Record(Box<Record>),
    /// Nothing follows.
    End(ExportEnd),
}

/// Reads an export line by line.
#[derive(Default)]
pub struct ExportReader {
    lines: u64,
    digest: Sha256,
    /// What the end has to say.
    expected: ExportEnd,
    end: Option<ExportEnd>,
    rewritten: Vec<u8>,
}

impl ExportReader {
    /// Reads the next line, which comes without its line feed.
    pub fn feed_line(&mut self, bytes: &[u8]) -> Result<Line, ExportError> {
        self.lines += 1;
        let line = self.parse(bytes)?;
        let is_in_place = match &line {
            Line::Header(_) => self.lines == 1,
            Line::Checkpoint(_) => self.lines > 1 && self.expected.records == 0,
            Line::Record(_) | Line::End(_) => self.lines > 1,
        };
        if self.end.is_some() || !is_in_place {
            return Err(ExportError::OutOfPlace { line: self.lines });
        }
        match &line {
            Line::Header(_) => {}
            Line::Checkpoint(_) => self.expected.checkpoints += 1,
            Line::Record(_) => self.expected.records += 1,
            Line::End(end) => {
                self.expected.sha256 = hex(&std::mem::take(&mut self.digest).finalize());
                self.end = Some(end.clone());
            }
        }
        self.digest.update(bytes);
        self.digest.update(b"\n");
        Ok(line)
    }

    /// Whether the end was there, and fits all that stood before it.
    pub fn finish(&self) -> Result<(), ExportError> {
        match &self.end {
            None => Err(ExportError::Cut),
            Some(end) if *end != self.expected => Err(ExportError::Differs),
            Some(_) => Ok(()),
        }
    }

    /// The number of the line that was read last.
    pub(super) const fn line(&self) -> u64 {
        self.lines
    }

    fn parse(&mut self, bytes: &[u8]) -> Result<Line, ExportError> {
        let altered = ExportError::Altered { line: self.lines };
        self.rewritten.clear();
        let line = if bytes.starts_with(RECORD_BEGIN) {
            let record: Box<Record> = serde_json::from_slice(bytes).or(Err(altered))?;
            write_record(&record, &mut self.rewritten);
            Line::Record(record)
        } else {
            let failure = if self.lines == 1 { ExportError::NotAnExport } else { altered };
            let frame: Frame = serde_json::from_slice(bytes).or(Err(failure))?;
            frame.write(&mut self.rewritten);
            match frame {
                Frame::Export(header) if header.version != VERSION => {
                    return Err(ExportError::UnknownVersion(header.version));
                }
                Frame::Export(header) => Line::Header(header),
                Frame::Checkpoint(checkpoint) => Line::Checkpoint(checkpoint),
                Frame::End(end) => Line::End(end),
            }
        };
        if self.rewritten == bytes { Ok(line) } else { Err(altered) }
    }
}
