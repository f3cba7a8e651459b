//! What may be said to the keeper of identities, and what it answers.

use crate::identity::{TokenRefusal, TokenRequest};
use crate::types::{AgentStatus, Principal, Sensitive};
use actix::Message;
use std::sync::Arc;

/// Who presents this agent token? Answered on the worker's own thread from the current snapshot.
#[derive(Debug, Message)]
#[rtype(result = "Result<Arc<Principal>, AuthError>")]
pub struct Authenticate {
    /// The token as it stood behind `Bearer `.
    pub token: Sensitive<Arc<str>>,
}

/// A token for these client credentials. Takes about a millisecond (an RSA signature, off the event
/// loops).
#[derive(Debug, Message)]
#[rtype(result = "Result<IssuedToken, IssueError>")]
pub struct IssueToken {
    /// The credentials as read from body or header.
    pub request: TokenRequest,
}

/// The JWKS document with our public keys.
#[derive(Debug, Message)]
#[rtype(result = "Arc<str>")]
pub struct ListKeys;

/// Why a caller is not let in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    /// Malformed, forged, of an unknown agent, or for somebody else.
    #[error("the token is not valid")]
    Invalid,
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The token is good, but its agent may not call.
    #[error("the agent is {status}")]
    Standing {
        /// Who it is: the denial is recorded with the agent's name.
        principal: Arc<Principal>,
        /// Why it may not.
        status: AgentStatus,
    },
}

/// The reply to a token request.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The signed token.
    pub access_token: Sensitive<String>,
    /// Its life in seconds.
    pub expires_in: u64,
    /// The agent's id.
    pub agent_id: Arc<str>,
    /// The agent's risk tier.
    pub risk_tier: &'static str,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// An error of RFC 6749 §5.2.
    #[error("the token request was refused")]
    Refused(TokenRefusal),
    /// The credentials are right, but the agent may not call.
    #[error("the agent is {0}")]
    Standing(AgentStatus),
    /// The signature could not be made.
    #[error("the token could not be signed")]
    Unavailable,
}
