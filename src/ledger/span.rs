//! Which time of the record is looked at.
//!
//! Owns how a chain's part of it is told from its checkpoints, whose times are those of signing.

use crate::types::UnixMillis;

/// Where chains must begin and end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// Where they must begin.
    pub begin: Begin,
    /// They must reach what was signed before; `None`: everything that was signed.
    pub to: Option<UnixMillis>,
}

/// Where a chain must begin, unless retention removed what stood there.
#[derive(Clone, Copy, Debug, Default)]
pub enum Begin {
    /// With its first record.
    #[default]
    First,
    /// Behind the last record that was signed for before this moment, or earlier.
    Signed(UnixMillis),
    /// Behind the first record that was signed for at this moment or later, or earlier: more cannot be known of records
    /// that were chosen by the time of their writing.
    Written(UnixMillis),
}
