//! Portcullis: the gate between AI agents and LLM APIs.
#![warn(missing_docs)]

pub mod types;
