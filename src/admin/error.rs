//! Why an administrator's command was refused or failed.
//!
//! Owns the wording: what is wrong and what to do instead. It must never show a secret.

use super::SourceFileError;
use crate::identity::{NameError, secret::SecretError};
use crate::policy::{PatternError, PolicyError};
use crate::store::{CheckpointFileError, KeyFileError, StoreError};
use std::sync::Arc;

/// Why a command was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The request itself is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// A name would be taken for something else.
    #[error(transparent)]
    Conflict(#[from] NameConflict),
    /// There is no such thing.
    #[error("there is no {what} {wanted:?}; `portcullis {list}` shows them all")]
    NoSuch {
        /// Of which kind.
        what: &'static str,
        /// The name or id that was asked for.
        wanted: String,
        /// The command that lists them.
        list: &'static str,
    },
    /// Wrong user name or password.
    #[error("wrong user name or password")]
    InvalidCredentials,
    /// No secret could be made.
    #[error(transparent)]
    Secrets(#[from] SecretError),
    /// The policy in force cannot be read again.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A draft of the policy cannot be put in force.
    #[error("{}", first_of(.0))]
    PolicyInvalid(Vec<PolicyError>),
    /// The policy is not what the change was made from.
    #[error(
        "the policy was changed meanwhile and is {current_version} now; look at it, then repeat the change"
    )]
    PolicyChanged {
        /// The version of the files as they are.
        current_version: Arc<str>,
    },
    /// As many are at work as there may be.
    #[error("other replays are under way: try again when they have ended, in some seconds")]
    Busy,
    /// A file that decides was not written.
    #[error(transparent)]
    SourceFile(#[from] SourceFileError),
    /// A signing key's file cannot be read or written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The checkpoints' file cannot be read.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointFileError),
    /// Long work was given up.
    #[error("the gate is stopping; start it again when it is back")]
    Stopping,
    /// A new signing key would be older than the one that signs.
    #[error(
        "the signing key's file is dated in the future: set this machine's clock, then try again"
    )]
    ClockWentBack,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The first problem, and how many more there are.
fn first_of(errors: &[PolicyError]) -> String {
    let first = errors.first().map(ToString::to_string).unwrap_or_default();
    match errors.len() {
        0 | 1 => first,
        several => format!("{first} (and {} more)", several.saturating_sub(1)),
    }
}

impl From<NameError> for AdminError {
    fn from(error: NameError) -> Self {
        Self::Invalid(error.into())
    }
}

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRequest {
    /// A name, role or type breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A model pattern breaks the grammar.
    #[error("the pattern {pattern:?} is wrong at character {}: {error}", error.offset + 1)]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        error: PatternError,
    },
    /// A selector of detection rules breaks the grammar.
    #[error(
        "the detector {selector:?} is wrong: {error}; write a rule's id, type:PII_* or class:PII"
    )]
    Selector {
        /// As it was written.
        selector: String,
        /// What is wrong with its pattern.
        error: PatternError,
    },
    /// A name that the configuration does not define.
    #[error("the configuration has no section [{section}.{name}]; {known}")]
    NotConfigured {
        /// `provider_keys` or `issuers`.
        section: &'static str,
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A length of time that cannot be read.
    #[error(
        "{0:?} is no length of time: write a whole number and s, m, h, d or w, such as 90d; at most \
         3650d"
    )]
    Lifetime(String),
    /// Neither or both of the ways to say when a key ends.
    #[error("say when the key ends: either \"in\": \"7d\" or \"now\": true")]
    Expiry,
    /// An external subject that no token can carry.
    #[error("the subject must have 1 to 256 bytes and no control characters")]
    Subject,
    /// An owner that cannot be shown.
    #[error("the owner must have 1 to 256 bytes and no control characters")]
    Owner,
    /// The id of a session that no token can carry.
    #[error("the session's id must have 1 to 256 bytes and no control characters")]
    SessionId,
    /// A detection key's id where a token's was expected.
    #[error("{0:?} is a detection key; revoke it with `portcullis key revoke {0}`")]
    SessionIsKey(String),
    /// A reason that cannot be shown.
    #[error("the reason must have 1 to 256 bytes, more than blanks, and no control characters")]
    Reason,
    /// A user name that could not be written in an address, or be taken for another one.
    #[error(
        "a user name has 1 to 128 characters: a-z, 0-9, '.', '_', '@', '+' and '-', the first a letter or digit; \
         cli, detection, file, oidc, portcullis and server are taken"
    )]
    Username,
    /// A chosen password that is too easily guessed, or no line of text.
    #[error(
        "a password has 12 to 256 characters without control characters, and is not the user name; spaces are \
         welcome"
    )]
    Password,
    /// A word that would be code in a snippet.
    #[error("{0:?} cannot stand in a snippet: letters, digits and -._:/@+[] only, at most 200")]
    Word(String),
    /// A range of time that ends before it begins.
    #[error("the range ends before it begins: 'to' must be later than 'from'")]
    Range,
    /// A text of rules that is too long.
    #[error("the policy may have at most 1 MiB and 20,000 lines")]
    PolicyTooLong,
    /// Contradictory wishes for a detection rule.
    #[error(
        "say one thing of the rule: \"enabled\", or \"action\", or \"reset\": true; enabled is not allow"
    )]
    RuleChange,
    /// A text that is too long to be tried.
    #[error("a text to be tried may have at most {most} bytes, this one has {bytes}")]
    LongTrial {
        /// What it has.
        bytes: usize,
        /// What it may have.
        most: usize,
    },
    /// A change that changes nothing.
    #[error("nothing is to be changed: say what")]
    NothingToChange,
}

/// Which rule keeps names apart.
#[derive(Debug, thiserror::Error)]
pub enum NameConflict {
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
    /// A name would be taken for an id.
    #[error("the name {0:?} has the form of an id; choose another name")]
    NameIsId(String),
}
