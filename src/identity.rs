//! Identity: credentials in, claims out.
//!
//! Owns the making and checking of secrets, passwords, signing keys and tokens (ours and those of
//! external issuers), the reading of token requests, and the rules for names. Pure: it must never do
//! I/O or read a clock; callers pass `now` in.

mod client_auth;
pub mod device;
mod external;
mod json;
mod jws;
mod keys;
mod name;
mod public_key;
pub mod secret;
mod sign_in;
mod token;

pub use client_auth::{RevocationRequest, TokenRefusal, TokenRequest};
pub use external::{
    ClaimPath, ExternalClaims, ExternalKeys, IdClaims, IdTokenError, Issuer, SignInIssuer,
    unverified_issuer, verify_external, verify_id_token,
};
pub use keys::{KeyError, KeySet, SigningKey};
pub use name::{
    NameError, check_agent_name, check_agent_type, check_app_context_name, check_role_name,
    subject_to_digest_name, subject_to_name,
};
pub use public_key::SignatureAlgorithm;
pub use sign_in::{SIGN_IN_SECS, SignInAttempt};
pub use token::{Claims, SignError, TokenError, issue, verify, verify_at_any_age};
