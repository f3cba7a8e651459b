//! `portcullis agent …`.

use super::{ACTOR, CliError, Context, Output};
use crate::admin::{self, Agent, NewAgentRequest, Provisioned};
use crate::app::{open_store, policy_paths};
use crate::policy::Policy;
use crate::store::Store;
use crate::types::AgentStatus;
use clap::{Args, Subcommand};
use serde_json::json;
use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// The type of an agent that a person works with.
const USUAL_TYPE: &str = "interactive";

#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// Register an agent; its secret is shown this once
    Create(Create),
    /// List all agents
    #[command(after_help = "Example: portcullis agent list --json")]
    List,
    /// Show one agent
    #[command(after_help = "Example: portcullis agent show research-bot")]
    Show(Which),
    /// Refuse an agent's calls until it is resumed
    #[command(after_help = "Example: portcullis agent suspend research-bot")]
    Suspend(Which),
    /// Let a suspended agent call again
    #[command(after_help = "Example: portcullis agent resume research-bot")]
    Resume(Which),
    /// Refuse an agent's calls for good
    #[command(after_help = "Example: portcullis agent revoke research-bot")]
    Revoke(Which),
    /// Make a new secret; the old one stops working at once
    #[command(after_help = "Example: portcullis agent rotate-secret research-bot --out creds.json")]
    RotateSecret(Rotate),
    /// Replace an agent's roles
    #[command(after_help = "Example: portcullis agent set-role research-bot --role developer")]
    SetRole(SetRole),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis agent create research-bot --role developer --out creds.json"
)]
pub(super) struct Create {
    /// Unique name: lower-case letters, digits, '.', '_' and '-'
    name: String,
    /// Role that policy.csv speaks of; may be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// Kind of agent, such as interactive or autonomous; the policy knows it as the role type:TYPE
    #[arg(long = "type", value_name = "TYPE", default_value = USUAL_TYPE)]
    agent_type: String,
    /// Who answers for it
    #[arg(long)]
    owner: Option<String>,
    /// Write {"client_id","client_secret"} to this file, mode 0600, instead of showing them
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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

pub(super) fn run(
    context: &Context,
    command: AgentCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let store = open_store(&config)?;
    let now = crate::clock::now();
    match command {
        AgentCommand::Create(create) => {
            let policy = policy_paths(&config).load()?.policy;
            create_agent(&store, &policy, create, output)
        }
        AgentCommand::List => list(&store, output),
        AgentCommand::Show(which) => show(&admin::find_agent(&store, &which.agent)?, output),
        AgentCommand::Suspend(which) => stand(&store, &which, AgentStatus::Suspended, output),
        AgentCommand::Resume(which) => stand(&store, &which, AgentStatus::Active, output),
        AgentCommand::Revoke(which) => stand(&store, &which, AgentStatus::Revoked, output),
        AgentCommand::RotateSecret(rotate) => {
            let file = rotate.out.as_deref().map(CredentialsFile::open).transpose()?;
            let new = admin::rotate_secret(&store, &rotate.agent, ACTOR, now)?;
            hand_over(&rotate.agent, &new, file, output)
        }
        AgentCommand::SetRole(set) => {
            let agent = admin::set_roles(&store, &set.agent, &set.roles, ACTOR, now)?;
            // Roles can be changed without a policy that can be read.
            if let Ok(loaded) = policy_paths(&config).load() {
                warn_of_unknown_roles(&loaded.policy, &set.roles);
            }
            show(&agent, output)
        }
    }
}

fn create_agent(
    store: &Store,
    policy: &Policy,
    create: Create,
    output: &mut Output,
) -> Result<(), CliError> {
    let request_type = create.agent_type.clone();
    let request = NewAgentRequest {
        name: create.name.clone(),
        agent_type: create.agent_type,
        roles: create.roles.clone(),
        owner: create.owner,
    };
    let file = create.out.as_deref().map(CredentialsFile::open).transpose()?;
    let new = admin::create_agent(store, policy, request, ACTOR, crate::clock::now())?;
    warn_of_unknown_roles(policy, &create.roles);
    let type_role = format!("type:{}", request_type);
    if request_type != USUAL_TYPE && !policy.names_role(&type_role) {
        warn(&format!("no line of the policy names {type_role:?}: nothing sets this type apart"));
    }
    hand_over(&create.name, &new, file, output)
}

/// A role may be given before the policy speaks of it, but more often it is mistyped.
fn warn_of_unknown_roles(policy: &Policy, roles: &[String]) {
    for role in roles.iter().filter(|role| !policy.names_role(role)) {
        warn(&format!("no line of the policy names the role {role:?}: it allows nothing"));
    }
}

fn warn(warning: &str) {
    // A closed standard error must not keep a new secret from being shown.
    let _ = writeln!(std::io::stderr(), "portcullis: warning: {warning}");
}

fn hand_over(
    name: &str,
    new: &Provisioned,
    file: Option<CredentialsFile>,
    output: &mut Output,
) -> Result<(), CliError> {
    if let Some(file) = file {
        let path = file.path.clone();
        file.keep(new)?;
        let written = json!({ "agent_id": new.agent_id, "client_id": new.client_id, "out": path });
        return if output.is_json() {
            output.object(&written)
        } else {
            output.line(format!("{name}: credentials are in {} (mode 0600)", path.display()))
        };
    }
    if output.is_json() {
        return output.object(&json!({
            "agent_id": new.agent_id,
            "client_id": new.client_id,
            "client_secret": new.client_secret.expose(),
        }));
    }
    output.line(format!("agent          {name}"))?;
    output.line(format!("agent_id       {}", new.agent_id))?;
    output.line(format!("client_id      {}", new.client_id))?;
    output.line(format!("client_secret  {}  (shown this once)", new.client_secret.expose()))
}

/// A file for credentials, for their owner alone. It is opened before a secret is made, so that none is
/// made that cannot be kept; an existing file stays until it is replaced by the whole new one.
pub(super) struct CredentialsFile {
    path: PathBuf,
    new: NamedTempFile,
}

impl CredentialsFile {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let is_directory = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_directory {
            return Err(Self::refused(path, &ErrorKind::IsADirectory.into()));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let new = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")));
        let new = new.map_err(|error| Self::refused(path, &error))?;
        Ok(Self { path: path.to_owned(), new })
    }

    pub(super) fn keep(mut self, credentials: &Provisioned) -> Result<(), CliError> {
        let text = json!({
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret.expose(),
        });
        writeln!(self.new, "{text}").map_err(|error| Self::refused(&self.path, &error))?;
        let kept = self.new.persist(&self.path);
        kept.map(drop).map_err(|error| Self::refused(&self.path, &error.error))
    }

    fn refused(path: &Path, error: &std::io::Error) -> CliError {
        CliError::Refused(format!("{}: credentials cannot be written: {error}", path.display()))
    }
}

fn stand(
    store: &Store,
    which: &Which,
    status: AgentStatus,
    output: &mut Output,
) -> Result<(), CliError> {
    let agent = admin::set_status(store, &which.agent, status, ACTOR, crate::clock::now())?;
    show(&agent, output)
}

fn list(store: &Store, output: &mut Output) -> Result<(), CliError> {
    let agents = store.agents()?;
    if output.is_json() {
        let agents: Vec<_> = agents.iter().map(as_json).collect();
        return output.object(&json!({ "agents": agents }));
    }
    if agents.is_empty() {
        return output
            .line("No agents yet. Create one: portcullis agent create NAME --role developer");
    }
    let width = agents.iter().map(|agent| agent.name.len()).max().unwrap_or(0).max(4);
    output.line(format!("{:width$}  {:11}  {:12}  {}", "NAME", "STATUS", "TYPE", "ROLES"))?;
    for agent in agents {
        let (status, roles) = (agent.status.as_str(), agent.roles.join(", "));
        output.line(format!(
            "{:width$}  {status:11}  {:12}  {roles}",
            agent.name, agent.agent_type
        ))?;
    }
    Ok(())
}

fn show(agent: &Agent, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&as_json(agent));
    }
    output.line(format!("name       {}", agent.name))?;
    output.line(format!("agent_id   {}", agent.id))?;
    output.line(format!("client_id  {}", agent.client_id))?;
    output.line(format!("type       {}", agent.agent_type))?;
    output.line(format!("roles      {}", agent.roles.join(", ")))?;
    output.line(format!("owner      {}", agent.owner.as_deref().unwrap_or("-")))?;
    output.line(format!("status     {}", agent.status))?;
    output.line(format!("created    {}", agent.created_at))
}

fn as_json(agent: &Agent) -> serde_json::Value {
    json!({
        "agent_id": agent.id,
        "name": agent.name,
        "client_id": agent.client_id,
        "agent_type": agent.agent_type,
        "roles": agent.roles,
        "owner": agent.owner,
        "status": agent.status,
        "risk_tier": crate::trust::risk_tier(agent.risk_score).as_str(),
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
    })
}
