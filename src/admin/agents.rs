//! Agents: create, find, change their standing, roles and secret.
//!
//! Owns what makes a valid agent. A client secret leaves here once, when it is made.

use super::AdminError;
use crate::identity::{check_agent_name, check_agent_type, check_role_name, secret};
use crate::policy::Policy;
use crate::store::{NewAgent, Store};
use crate::types::{AgentStatus, CallerLimits, Sensitive, UnixMillis};
use uuid::Uuid;

pub use crate::store::Agent;

/// What an administrator says of a new agent.
#[derive(Clone, Debug)]
pub struct NewAgentRequest {
    /// Unique, `[a-z0-9][a-z0-9._-]{0,62}`.
    pub name: String,
    /// `interactive`, `autonomous`, …
    pub agent_type: String,
    /// Roles that `policy.csv` speaks of.
    pub roles: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// A new agent's credentials: the secret is shown this once.
#[derive(Debug)]
pub struct Provisioned {
    /// The agent's id.
    pub agent_id: String,
    /// What it signs in as.
    pub client_id: String,
    /// What it signs in with.
    pub client_secret: Sensitive<String>,
}

/// Registers an agent. An agent's own name is one of its roles, so it must not be a role already that
/// would give it something; lines that deny it something may be there before it.
pub fn create_agent(
    store: &Store,
    policy: &Policy,
    request: NewAgentRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<Provisioned, AdminError> {
    check_agent_name(&request.name)?;
    if Uuid::try_parse(&request.name).is_ok() {
        return Err(AdminError::NameIsId(request.name));
    }
    check_agent_type(&request.agent_type)?;
    check_roles(store, &request.name, &request.roles)?;
    let is_held = store.agents()?.iter().any(|agent| agent.roles.contains(&request.name));
    if is_held || policy.grants_to(&request.name) {
        return Err(AdminError::NameIsPolicyRole(request.name));
    }
    let (client_secret, secret_hash) = new_secret()?;
    let agent = NewAgent {
        id: Uuid::now_v7().to_string(),
        name: request.name,
        agent_type: request.agent_type,
        client_id: secret::generate_client_id()?,
        secret_hash,
        roles: request.roles,
        owner: request.owner,
        identity: None,
        limits: CallerLimits::default(),
    };
    store.create_agent(&agent, actor, now)?;
    Ok(Provisioned { agent_id: agent.id, client_id: agent.client_id, client_secret })
}

/// The agent with this name or id.
pub fn find_agent(store: &Store, name_or_id: &str) -> Result<Agent, AdminError> {
    store.agent(name_or_id)?.ok_or_else(|| AdminError::NoSuchAgent(name_or_id.to_owned()))
}

/// Suspends, resumes or revokes.
pub fn set_status(
    store: &Store,
    name_or_id: &str,
    status: AgentStatus,
    actor: &str,
    now: UnixMillis,
) -> Result<Agent, AdminError> {
    let agent = find_agent(store, name_or_id)?;
    store.set_agent_status(&agent.id, status, actor, now)?;
    find_agent(store, &agent.id)
}

/// Replaces the roles.
pub fn set_roles(
    store: &Store,
    name_or_id: &str,
    roles: &[String],
    actor: &str,
    now: UnixMillis,
) -> Result<Agent, AdminError> {
    let agent = find_agent(store, name_or_id)?;
    check_roles(store, &agent.name, roles)?;
    store.set_agent_roles(&agent.id, roles, actor, now)?;
    find_agent(store, &agent.id)
}

/// Makes a new secret; the old one is worth nothing from now on.
pub fn rotate_secret(
    store: &Store,
    name_or_id: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Provisioned, AdminError> {
    let agent = find_agent(store, name_or_id)?;
    let (client_secret, secret_hash) = new_secret()?;
    store.rotate_agent_secret(&agent.id, &secret_hash, actor, now)?;
    Ok(Provisioned { agent_id: agent.id, client_id: agent.client_id, client_secret })
}

fn check_roles(store: &Store, agent_name: &str, roles: &[String]) -> Result<(), AdminError> {
    for role in roles {
        check_role_name(role)?;
        if role == agent_name {
            return Err(AdminError::NameIsRole(role.clone()));
        }
        if store.agents()?.iter().any(|agent| agent.name == *role) {
            return Err(AdminError::RoleIsAgent(role.clone()));
        }
    }
    Ok(())
}

fn new_secret() -> Result<(Sensitive<String>, [u8; 32]), AdminError> {
    let client_secret = secret::generate_client_secret()?;
    let hash = secret::hash(client_secret.expose());
    Ok((client_secret, hash))
}
