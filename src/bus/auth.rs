//! What may be said to the keeper of identities, and what it answers.

use crate::identity::{RevocationRequest, TokenRefusal, TokenRequest};
use crate::limits::Meter;
use crate::trust::Conduct;
use crate::types::{AgentStatus, Principal, Sensitive};
use actix::Message;
use std::sync::Arc;

/// What a caller shows to be let in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The token as it stood behind `Bearer `: ours or an external issuer's.
    AgentToken(Sensitive<Arc<str>>),
    /// The value of `X-Detection-Key`.
    DetectionKey(Sensitive<Arc<str>>),
}

/// Who presents this credential? Answered on the worker's own thread from the current snapshot.
#[derive(Debug, Message)]
#[rtype(result = "Result<Authenticated, AuthError>")]
pub struct Authenticate {
    /// What the caller shows.
    pub credential: Credential,
}

/// A caller who may call.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What counts its calls: the agent's meter, and the AppContext's where there is one.
    pub meters: Meters,
    /// What its calls do to its agent's trust.
    pub conduct: Conduct,
    /// The snapshot that says so; a newer one may say otherwise.
    pub version: u64,
}

/// The meters of one caller.
#[derive(Clone, Debug)]
pub struct Meters {
    /// The agent's.
    pub agent: Arc<Meter>,
    /// The AppContext's.
    pub app_context: Option<Arc<Meter>>,
}

/// May this caller, who was let in before, still call? Answered on the worker's own thread from the
/// current snapshot.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), AuthError>")]
pub struct Recheck {
    /// Who.
    pub principal: Arc<Principal>,
}

/// Get what a desk lacks to answer: keys, ours or an external issuer's, or the agent of an external subject.
/// Fetches are bounded and made once for all who wait. `Ok`: ask the desk again, its answer then is final.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), IssuerUnavailable>")]
pub struct Complete(pub Lacking);

/// What a desk lacks.
#[derive(Clone, Debug)]
pub enum Lacking {
    /// A key of our own that a token names: another gateway may have made it a moment ago.
    OwnKey,
    /// A key of this issuer that a token names.
    Keys {
        /// The issuer's name in the configuration.
        issuer: Arc<str>,
        /// The snapshot in which the key was looked for.
        version: u64,
    },
    /// The agent of a subject that is seen for the first time.
    Agent {
        /// The issuer's name in the configuration.
        issuer: Arc<str>,
        /// The subject as the issuer calls it.
        subject: Arc<str>,
    },
}

/// The issuer, or the store, does not answer: our fault or theirs, never the caller's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what is needed to check the token cannot be fetched")]
pub struct IssuerUnavailable;

/// End this token's session (RFC 7009): calls with it are refused on every worker and its open streams end.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), RevokeError>")]
pub struct RevokeToken {
    /// The client's credentials and the token.
    pub request: RevocationRequest,
}

/// Switch this agent off until an administrator reviews it. Told: its standing changes on every worker at once, whatever
/// the store does, and the store is asked until it has taken it. Once is enough.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct QuarantineAgent {
    /// Whom.
    pub agent_id: Arc<str>,
    /// Why, in one line for administrators, without anything of the call's content.
    pub reason: String,
    /// The detection rule that asks for it, where one does.
    pub rule: Option<Arc<str>>,
}

/// Save what the meters counted and what conduct came to, before the process ends.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SaveUsage;

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
    /// It cannot be told yet: ask the owner to [`Complete`] this, then ask again.
    #[error("what is needed to check the token is not here yet")]
    Lacking(Lacking),
    /// The token is good, but its agent may not call.
    #[error("the agent is {status}")]
    Standing {
        /// Who it is: the denial is recorded with the agent's name.
        caller: Box<Authenticated>,
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

/// Why a token was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// An error of RFC 6749 §5.2 or RFC 7009 §2.2.1.
    #[error("the revocation was refused")]
    Refused(TokenRefusal),
    /// The store could not write it down.
    #[error("the revocation could not be written down")]
    Unavailable,
}
