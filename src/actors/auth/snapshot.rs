//! What the owner publishes: the keys and every agent's standing at one moment.
//!
//! Owns the lookup by id and by client id. It must never change once published.

use crate::identity::KeySet;
use crate::store::Agent;
use crate::trust::risk_tier;
use crate::types::{AgentStatus, Principal, Surface};
use arc_swap::ArcSwap;
use std::{collections::HashMap, sync::Arc};

/// Where the owner puts snapshots and the desks take them.
pub type PublishedAuth = Arc<ArcSwap<AuthSnapshot>>;

/// One agent as authentication sees it.
#[derive(Debug)]
pub struct Standing {
    /// The agent's id.
    pub agent_id: Arc<str>,
    /// The agent's name.
    pub agent_name: Arc<str>,
    /// The agent's type.
    pub agent_type: Arc<str>,
    /// The roles stored with the agent.
    pub roles: Arc<[Arc<str>]>,
    /// The OAuth client id.
    pub client_id: String,
    /// SHA-256 of the client secret.
    pub secret_hash: [u8; 32],
    /// Whether it may call.
    pub status: AgentStatus,
    risk_score: i64,
    subject: Arc<str>,
}

impl Standing {
    fn new(agent: Agent) -> Self {
        let roles: Arc<[Arc<str>]> = agent.roles.into_iter().map(Arc::from).collect();
        Self {
            subject: Principal::subject_of(&agent.name, &agent.agent_type, &roles),
            agent_id: agent.id.into(),
            agent_name: agent.name.into(),
            agent_type: agent.agent_type.into(),
            roles,
            client_id: agent.client_id,
            secret_hash: agent.secret_hash,
            status: agent.status,
            risk_score: agent.risk_score,
        }
    }

    /// `low`, `medium`, `high` or `critical`.
    pub fn risk_tier(&self) -> &'static str {
        risk_tier(self.risk_score).as_str()
    }

    /// The agent as a caller with this session.
    pub fn principal(&self, session_id: Arc<str>) -> Principal {
        Principal {
            agent_id: Arc::clone(&self.agent_id),
            agent_name: Arc::clone(&self.agent_name),
            agent_type: Arc::clone(&self.agent_type),
            roles: Arc::clone(&self.roles),
            session_id,
            app_context: None,
            surface: Surface::Agent,
            subject: Arc::clone(&self.subject),
        }
    }
}

/// Everything that authentication needs, at one moment.
#[derive(Debug)]
pub struct AuthSnapshot {
    /// The newest change that it contains; it also tells snapshots apart.
    pub change: i64,
    /// The signing key and the verifying keys.
    pub keys: Arc<KeySet>,
    /// The JWKS document.
    pub jwks: Arc<str>,
    agents: HashMap<Arc<str>, Arc<Standing>>,
    clients: HashMap<String, Arc<Standing>>,
}

impl AuthSnapshot {
    /// A snapshot of these agents.
    pub fn new(change: i64, keys: Arc<KeySet>, agents: Vec<Agent>) -> Self {
        let standings: Vec<_> =
            agents.into_iter().map(|agent| Arc::new(Standing::new(agent))).collect();
        Self {
            change,
            jwks: keys.jwks().into(),
            keys,
            clients: standings
                .iter()
                .map(|standing| (standing.client_id.clone(), Arc::clone(standing)))
                .collect(),
            agents: standings
                .into_iter()
                .map(|standing| (Arc::clone(&standing.agent_id), standing))
                .collect(),
        }
    }

    /// The agent with this id.
    pub fn agent(&self, agent_id: &str) -> Option<&Standing> {
        self.agents.get(agent_id).map(AsRef::as_ref)
    }

    /// The agent with this client id.
    pub fn by_client(&self, client_id: &str) -> Option<&Standing> {
        self.clients.get(client_id).map(AsRef::as_ref)
    }
}
