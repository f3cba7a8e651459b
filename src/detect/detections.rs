//! One version of the rules, compiled.
