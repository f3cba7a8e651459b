//! What a caller gets in place of what was blocked.
