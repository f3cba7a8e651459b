//! One text in pieces.
