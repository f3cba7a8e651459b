//! Where the tables of a file stand, comment and all, and cutting and inserting whole ones.
//!
//! Owns the empty lines between blocks and the file's line ends. It must never know what a block says.

use super::AmendError;
use crate::detect::error::DetectionError;
use crate::policy::SourceFile;
use std::ops::Range;
use toml_edit::{Document, Item, Table};

/// The bytes of each table, from the comment directly above it to the end of its last line.
pub(super) struct Blocks {
    pub(super) rules: Vec<Range<usize>>,
    pub(super) overrides: Vec<Range<usize>>,
}

/// A file whose blocks are being cut and inserted, by the places where they stand in the unchanged text.
pub(super) struct Draft<'f> {
    file: &'f SourceFile,
    /// What goes, and what comes in its place.
    edits: Vec<(Range<usize>, String)>,
}

impl Blocks {
    pub(super) fn of(file: &SourceFile) -> Result<Self, AmendError> {
        let text = file.text.as_str();
        let document = Document::parse(text).map_err(|error| {
            let reason = error.message().replace('\n', ", ");
            AmendError::Invalid(vec![DetectionError::file(&file.name, reason, "mend the TOML")])
        })?;
        let blocks = |name: &str| {
            let tables = document.get(name).and_then(Item::as_array_of_tables);
            let tables = tables.into_iter().flat_map(|tables| tables.iter());
            tables.map(|table| block_of(text, table)).collect()
        };
        Ok(Self { rules: blocks("rule"), overrides: blocks("override") })
    }
}

fn block_of(text: &str, table: &Table) -> Range<usize> {
    let head = table.span().unwrap_or_default();
    let ends = table.iter().filter_map(|(_, item)| item.span()).map(|span| span.end);
    let end = ends.fold(head.end, usize::max);
    line_start(text, head.start)..line_end(text, end)
}

/// The beginning of the comment directly above the line in which this byte is, or of the line.
fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let mut start = before.rfind('\n').map_or(0, |newline| newline + 1);
    while let Some(above) = text.get(..start).and_then(|it| it.strip_suffix('\n')) {
        let line = above.rfind('\n').map_or(0, |newline| newline + 1);
        if !above.get(line..).is_some_and(|line| line.starts_with('#')) {
            break;
        }
        start = line;
    }
    start
}

fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |newline| at + newline + 1)
}

impl<'f> Draft<'f> {
    pub(super) const fn of(file: &'f SourceFile) -> Self {
        Self { file, edits: Vec::new() }
    }

    /// Takes a block out, and one of the empty lines around it.
    pub(super) fn cut(&mut self, block: &Range<usize>) {
        let text = self.file.text.as_str();
        let before = text.get(..block.start).unwrap_or_default();
        let after = text.get(block.end..).unwrap_or_default();
        let stands_apart = after.is_empty() || after.starts_with('\n') || after.starts_with("\r\n");
        let empty_line = match before {
            _ if !stands_apart => 0,
            _ if before.ends_with("\n\r\n") => 2,
            _ if before.ends_with("\n\n") => 1,
            _ => 0,
        };
        self.edits.push((block.start - empty_line..block.end, String::new()));
    }

    /// Puts a block at the beginning of a line, or at the end of the file.
    pub(super) fn insert(&mut self, at: usize, block: &str) {
        let text = self.file.text.as_str();
        let before = text.get(..at).unwrap_or_default();
        let mut inserted = String::new();
        if !before.is_empty() && !before.ends_with('\n') {
            inserted.push('\n');
        }
        if at == text.len() && !before.is_empty() {
            inserted.push('\n');
        }
        inserted.push_str(block);
        if at < text.len() {
            inserted.push('\n');
        }
        if text.contains("\r\n") {
            inserted = inserted.replace('\n', "\r\n");
        }
        self.edits.push((at..at, inserted));
    }

    pub(super) fn finish(mut self) -> SourceFile {
        self.edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut text = self.file.text.clone();
        for (range, instead) in self.edits {
            text.replace_range(range, &instead);
        }
        SourceFile::new(self.file.name.as_str(), text)
    }
}
