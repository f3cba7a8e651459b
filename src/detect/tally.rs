//! What was found, counted.
