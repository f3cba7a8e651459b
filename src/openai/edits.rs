//! Changes to bytes that go on otherwise as they came.
//!
//! Owns how removals and replacements are put into a body in one pass. It must never touch a byte
//! that no edit names.

use bytes::{Bytes, BytesMut};
use std::{borrow::Cow, cmp::Reverse, ops::Range};

/// A replacement of some bytes; of none, where something is only put in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edit {
    /// What goes.
    pub range: Range<usize>,
    /// What comes in its place.
    pub with: Cow<'static, str>,
}

impl Edit {
    /// Takes bytes out.
    pub const fn removal(range: Range<usize>) -> Self {
        Self { range, with: Cow::Borrowed("") }
    }

    /// Puts a text in the place of what stands there.
    pub fn replacement(range: Range<usize>, with: impl Into<Cow<'static, str>>) -> Self {
        Self { range, with: with.into() }
    }

    /// The same in a document that stands behind this many bytes.
    pub(super) fn behind(self, bytes: usize) -> Self {
        Self { range: bytes + self.range.start..bytes + self.range.end, ..self }
    }

    /// Whether it takes out, among others, all of these bytes.
    pub(super) fn takes(&self, range: &Range<usize>) -> bool {
        self.range.start <= range.start && range.end <= self.range.end && !self.range.is_empty()
    }
}

/// The body with all edits made, in any order. Of two that overlap the one that begins first counts,
/// of two that begin together the longer one: what is within a removal is gone.
pub fn apply(body: &Bytes, edits: &[Edit]) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.range.start, !edit.range.is_empty(), Reverse(edit.range.end)));
    let added: usize = sorted.iter().map(|edit| edit.with.len()).sum();
    let mut edited = BytesMut::with_capacity(body.len() + added);
    let mut copied_to = 0;
    for edit in sorted {
        if edit.range.start < copied_to {
            continue;
        }
        edited.extend_from_slice(body.get(copied_to..edit.range.start).unwrap_or_default());
        edited.extend_from_slice(edit.with.as_bytes());
        copied_to = edit.range.end;
    }
    edited.extend_from_slice(body.get(copied_to..).unwrap_or_default());
    edited.freeze()
}

/// What takes some of a list's items out, each with one comma: with the one before it, or, as long
/// as no item before it stays, with the one after it. `items`: where each stands, and whether it
/// goes.
pub(super) fn removals(items: impl Iterator<Item = (Range<usize>, bool)>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut kept_to = None;
    let mut going: Option<Range<usize>> = None;
    for (item, goes) in items {
        if goes {
            let start = going.map_or_else(|| kept_to.unwrap_or(item.start), |gone| gone.start);
            going = Some(start..item.end);
        } else {
            if let Some(gone) = going.take() {
                let end = if kept_to.is_none() { item.start } else { gone.end };
                edits.push(Edit::removal(gone.start..end));
            }
            kept_to = Some(item.end);
        }
    }
    edits.extend(going.map(Edit::removal));
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edited(body: &'static str, edits: &[Edit]) -> String {
        String::from_utf8(apply(&Bytes::from_static(body.as_bytes()), edits).to_vec()).unwrap()
    }

    #[test]
    fn edits_are_made_in_any_order_and_the_outer_one_wins() {
        let edits = [
            Edit::replacement(8..9, "I"),
            Edit::removal(2..5),
            Edit::replacement(3..4, "x"),
            Edit::replacement(2..3, "y"),
            Edit::replacement(2..2, "+"),
            Edit::replacement(9..9, "end"),
        ];
        assert_eq!(edited("abcdefghi", &edits), "ab+fghIend");
        let body = Bytes::from_static(b"abc");
        assert_eq!(apply(&body, &[]).as_ptr(), body.as_ptr());
    }

    #[test]
    fn a_removed_item_takes_one_comma_with_it() {
        let list = "[ a , b,  c ]";
        let without = |gone: &str| {
            let item = |place: usize| (place..place + 1, gone.contains(&list[place..place + 1]));
            edited(list, &removals([2, 6, 10].into_iter().map(item)))
        };
        for (gone, left) in [
            ("", list),
            ("a", "[ b,  c ]"),
            ("b", "[ a,  c ]"),
            ("c", "[ a , b ]"),
            ("ab", "[ c ]"),
            ("bc", "[ a ]"),
            ("ac", "[ b ]"),
            ("abc", "[  ]"),
        ] {
            assert_eq!(without(gone), left);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_edits_never_panic(
            body: Vec<u8>,
            edits in prop::collection::vec((0usize..40, 0usize..40, ".{0,4}"), 0..8),
        ) {
            let edits: Vec<Edit> = edits
                .into_iter()
                .map(|(start, length, with)| Edit::replacement(start..start + length, with))
                .collect();
            apply(&Bytes::from(body), &edits);
        }
    }
}
