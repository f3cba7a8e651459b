//! `portcullis agent …`.

mod create;
mod quarantine;
mod show;
mod snippet;

pub(super) use create::credentials;

use super::limits::LimitChangeFlags;
use super::{ACTOR, CliError, Context, Output, output::warn, private_file::PrivateFile};
use crate::admin;
use crate::app::{open_existing_store, open_store, policy_paths};
use crate::policy::Policy;
use crate::store::Store;
use crate::types::AgentStatus;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// Register an agent; its secret is shown this once
    Create(create::Create),
    /// List all agents
    #[command(after_help = "Example: portcullis agent list --json")]
    List,
    /// Show one agent
    #[command(after_help = "Example: portcullis agent show research-bot")]
    Show(Which),
    /// Show code to begin with: Python, Node.js, LangChain and curl
    Snippet(snippet::ShowSnippet),
    /// Refuse an agent's calls until it is resumed
    #[command(after_help = "Example: portcullis agent suspend research-bot")]
    Suspend(Which),
    /// Let a suspended agent call again; one in quarantine needs lift-quarantine
    #[command(after_help = "Example: portcullis agent resume research-bot")]
    Resume(Which),
    /// Refuse an agent's calls for good
    #[command(after_help = "Example: portcullis agent revoke research-bot")]
    Revoke(Which),
    /// Refuse an agent's calls until it has been reviewed, and take its trust
    Quarantine(quarantine::Quarantine),
    /// Let an agent call again that has been reviewed
    LiftQuarantine(quarantine::Lift),
    /// Make a new secret; the old one stops working at once
    #[command(after_help = "Example: portcullis agent rotate-secret research-bot --out creds.json")]
    RotateSecret(Rotate),
    /// Replace an agent's roles
    #[command(after_help = "Example: portcullis agent set-role research-bot --role developer")]
    SetRole(SetRole),
    /// Change an agent's own limits
    #[command(
        after_help = "Example: portcullis agent set-limits research-bot --requests-per-minute 60"
    )]
    SetLimits(SetLimits),
    /// End one session of an agent: its token stops working, its open streams end
    #[command(
        after_help = "Example: portcullis agent revoke-session research-bot 019b2c1e-…   (the \
        token_id of a record)"
    )]
    RevokeSession(RevokeSession),
}

#[derive(Args, Debug)]
pub(super) struct Which {
    /// The agent's name or id
    agent: String,
}

#[derive(Args, Debug)]
pub(super) struct Rotate {
    /// The agent's name or id
    agent: String,
    /// Write {"client_id","client_secret"} to this file, mode 0600, instead of showing them
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct SetRole {
    /// The agent's name or id
    agent: String,
    /// Role that policy.csv speaks of; may be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct SetLimits {
    /// The agent's name or id
    agent: String,
    #[command(flatten)]
    limits: LimitChangeFlags,
}

#[derive(Args, Debug)]
pub(super) struct RevokeSession {
    /// The agent's name or id
    agent: String,
    /// The session's id: the `jti` of its token
    session: String,
}

pub(super) fn run(
    context: &Context,
    command: AgentCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let store = match command {
        AgentCommand::Create(_) => open_store(&config)?,
        _ => open_existing_store(&config)?,
    };
    let now = crate::clock::now();
    match command {
        AgentCommand::Create(create) => create::create(&config, &store, create, output),
        AgentCommand::List => show::list(&store, output),
        AgentCommand::Show(which) => show::show(&admin::find_agent(&store, &which.agent)?, output),
        AgentCommand::Snippet(it) => snippet::show(&config, &store, it, output),
        AgentCommand::Suspend(which) => stand(&store, &which, AgentStatus::Suspended, output),
        AgentCommand::Resume(which) => stand(&store, &which, AgentStatus::Active, output),
        AgentCommand::Revoke(which) => stand(&store, &which, AgentStatus::Revoked, output),
        AgentCommand::Quarantine(it) => quarantine::quarantine(&config, &store, it, output),
        AgentCommand::LiftQuarantine(it) => quarantine::lift(&config, &store, it, output),
        AgentCommand::RotateSecret(rotate) => {
            let file = rotate.out.as_deref().map(PrivateFile::open).transpose()?;
            let new = admin::rotate_secret(&store, &rotate.agent, ACTOR, now)?;
            create::hand_over(&rotate.agent, &new, file, output)
        }
        AgentCommand::SetRole(set) => {
            let agent = admin::set_roles(&store, &set.agent, &set.roles, ACTOR, now)?;
            // Roles can be changed without a policy that can be read.
            if let Ok(loaded) = policy_paths(&config).load() {
                warn_of_unknown_roles(&loaded.policy, &set.roles);
            }
            show::show(&agent, output)
        }
        AgentCommand::SetLimits(set) => {
            let change = set.limits.change();
            show::show(&admin::set_limits(&store, &set.agent, change, ACTOR, now)?, output)
        }
        AgentCommand::RevokeSession(revoke) => {
            revoke_session(&store, &revoke, config.auth.token_ttl_secs, output)
        }
    }
}

fn stand(
    store: &Store,
    which: &Which,
    status: AgentStatus,
    output: &mut Output,
) -> Result<(), CliError> {
    let agent = admin::set_status(store, &which.agent, status, ACTOR, crate::clock::now())?;
    show::show(&agent, output)
}

fn revoke_session(
    store: &Store,
    revoke: &RevokeSession,
    token_ttl_secs: u64,
    output: &mut Output,
) -> Result<(), CliError> {
    let RevokeSession { agent, session } = revoke;
    let now = crate::clock::now();
    let until = admin::revoke_session(store, agent, session, token_ttl_secs, ACTOR, now)?;
    if output.is_json() {
        return output.object(&json!({ "session_id": session, "revoked_until": until }));
    }
    output.line(format!("{agent}: calls with the session {session} are refused until {until}"))
}

/// A role may be given before the policy speaks of it, but more often it is mistyped.
fn warn_of_unknown_roles(policy: &Policy, roles: &[String]) {
    for role in roles.iter().filter(|role| !policy.names_role(role)) {
        let meant = policy.closest_role(role).map(|meant| format!("; did you mean {meant}?"));
        let meant = meant.unwrap_or_default();
        warn(&format!("no line of the policy names the role {role:?}: it allows nothing{meant}"));
    }
}
