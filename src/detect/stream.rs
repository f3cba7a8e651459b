//! Screening a streamed answer.
