//! Encoded payloads within a text.
