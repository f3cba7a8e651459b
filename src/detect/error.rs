//! What is wrong with a file of rules.
