//! What administrators do: one file per group of commands, shared by the HTTP surface and the CLI.
//!
//! Owns the rules of the use cases (names, one-time secrets, sign-in). Everything here blocks and runs
//! on blocking threads or in the CLI. It must never return a stored secret: only a new one, once.

mod agents;
mod sign_in;

pub use agents::{
    Agent, NewAgentRequest, Provisioned, create_agent, find_agent, rotate_secret, set_roles,
    set_status,
};
pub use sign_in::{SignedIn, ensure_administrator, session_of, sign_in, sign_out};

use crate::identity::{NameError, secret::SecretError};
use crate::store::StoreError;

/// Why a command was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A name, role or type breaks its rule.
    #[error("{0}")]
    Name(#[from] NameError),
    /// There is no such agent.
    #[error("no agent is named {0:?}; `portcullis agent list` shows them all")]
    NoSuchAgent(String),
    /// An agent's name would be a role at the same time.
    #[error("the agent cannot have its own name {0:?} as a role; choose another name")]
    NameIsRole(String),
    /// An agent's name is a role, whose grants it would get.
    #[error(
        "{0:?} is a role in the policy or of an agent; choose another name (allow lines for one agent \
         are written after it is made)"
    )]
    NameIsPolicyRole(String),
    /// A role is another agent's name, whose grants it would get.
    #[error("{0:?} is the name of an agent and cannot be a role; choose another role")]
    RoleIsAgent(String),
    /// An agent's name would be taken for an id.
    #[error("the agent's name {0:?} has the form of an id; choose another name")]
    NameIsId(String),
    /// Wrong user name or password.
    #[error("wrong user name or password")]
    InvalidCredentials,
    /// No secret could be made.
    #[error(transparent)]
    Secrets(#[from] SecretError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
