//! Judging a whole text.
