//! Where a text matches: candidates, matches and what could still become one.
