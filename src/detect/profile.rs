//! What the rules do for one caller.
