//! What identity providers say over HTTP: their metadata, their keys, and tokens for codes.
//!
//! Owns these exchanges and their bounds. It must never ask an address that neither the configuration nor a
//! provider's own metadata names, nor believe a token: that is `identity`'s.

mod code;
mod fetch;

pub use code::{Code, RedeemError, redeem};
pub use fetch::{FetchError, Metadata, key_set, key_set_of, metadata};
