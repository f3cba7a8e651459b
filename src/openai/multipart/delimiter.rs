//! Finding the delimiters between a form's parts.
//!
//! Owns the search over a body that arrives in pieces. It must never look at data byte by byte, nor
//! keep more of it than one delimiter is long.

use memchr::memmem::Finder;

const LINE_END: &[u8] = b"\r\n";

/// Where the boundary was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delimiter {
    /// One past its last byte in the chunk.
    pub(super) end: usize,
    /// Whether it begins a line, as a delimiter does.
    pub(super) is_line: bool,
}

/// Searches for `--boundary`. Wherever it stands some reader may take it for a delimiter, so that
/// the search is not for the line end before it.
pub(super) struct Delimiters {
    dashed: Finder<'static>,
    /// The end of the data before the chunk: what a delimiter may have begun in.
    seam: Vec<u8>,
}

impl Delimiters {
    /// At the beginning of the body, where the first delimiter stands as if after a line end.
    pub(super) fn new(boundary: &str) -> Self {
        let dashed = Finder::new(&format!("--{boundary}")).into_owned();
        Self { dashed, seam: LINE_END.to_vec() }
    }

    /// Begins to search at the first byte of a part's data.
    pub(super) fn enter_data(&mut self) {
        self.seam.clear();
    }

    /// How long a delimiter is with the line end before it.
    pub(super) fn line_bytes(&self) -> usize {
        LINE_END.len() + self.dashed.needle().len()
    }

    /// The first delimiter that ends in `chunk`.
    pub(super) fn find(&mut self, chunk: &[u8]) -> Option<Delimiter> {
        let line_bytes = self.line_bytes();
        let before = self.seam.len();
        self.seam.extend_from_slice(chunk.get(..line_bytes).unwrap_or(chunk));
        if let Some(start) = self.dashed.find(&self.seam) {
            return Some(self.delimiter(&self.seam, start, before));
        }
        if let Some(start) = self.dashed.find(chunk) {
            return Some(self.delimiter(chunk, start, 0));
        }
        let kept = line_bytes - 1;
        if chunk.len() > line_bytes {
            self.seam.clear();
            self.seam.extend_from_slice(chunk.get(chunk.len() - kept..).unwrap_or_default());
        } else {
            self.seam.drain(..self.seam.len().saturating_sub(kept));
        }
        None
    }

    /// Whether `--boundary` stands in a text.
    pub(super) fn is_within(&self, text: &[u8]) -> bool {
        self.dashed.find(text).is_some()
    }

    /// `before` bytes of `text` came before the chunk.
    fn delimiter(&self, text: &[u8], start: usize, before: usize) -> Delimiter {
        Delimiter {
            end: (start + self.dashed.needle().len()).saturating_sub(before),
            is_line: text.get(..start).is_some_and(|data| data.ends_with(LINE_END)),
        }
    }
}
