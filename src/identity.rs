//! Identity: credentials in, claims out.
//!
//! Owns the making and checking of secrets, passwords, signing keys and agent tokens, the reading of
//! token requests, and the rules for names. Pure: it must never do I/O or read a clock; callers pass
//! `now` in.

mod client_auth;
mod keys;
mod name;
pub mod secret;
mod token;

pub use client_auth::{TokenRefusal, TokenRequest};
pub use keys::{KeyError, KeySet, SigningKey};
pub use name::{NameError, check_agent_name, check_agent_type, check_role_name};
pub use token::{Claims, SignError, TokenError, issue, verify};
