//! One agent, one AppContext, one detection key, as authentication sees them.
//!
//! Owns how their rows become callers. It must never hold a secret in clear.

use crate::bus::auth::Meters;
use crate::limits::Meter;
use crate::store::{Agent, AppContextRow, DetectionKey};
use crate::trust::{Conduct, IdentityStrength, Ledger, risk_tier};
use crate::types::{AgentStatus, AppContext, Principal, Surface, UnixMillis};
use std::sync::Arc;

/// One agent.
#[derive(Clone, Debug)]
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
    /// What counts its calls.
    pub meter: Arc<Meter>,
    /// What its conduct came to.
    pub ledger: Arc<Ledger>,
    pub(super) subject: Arc<str>,
}

/// One AppContext.
#[derive(Debug)]
pub struct ContextStanding {
    /// What its callers carry.
    pub app_context: Arc<AppContext>,
    /// Revoked ones let nobody in.
    pub is_revoked: bool,
    /// What counts its calls.
    pub meter: Arc<Meter>,
}

/// One detection key.
#[derive(Clone, Debug)]
pub struct KeyStanding {
    /// Whoever shows it.
    pub principal: Arc<Principal>,
    /// Its agent's and its AppContext's.
    pub meters: Meters,
    /// Its agent's, as a key lets it count.
    pub conduct: Conduct,
    /// Its agent's.
    pub status: AgentStatus,
    /// Revoked itself, or with its AppContext.
    pub is_revoked: bool,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
}

impl Standing {
    /// An agent with what counts its calls, and what they came to.
    pub fn new(agent: Agent, meter: Arc<Meter>, ledger: Arc<Ledger>) -> Self {
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
            meter,
            ledger,
        }
    }

    /// `low`, `medium`, `high` or `critical`.
    pub fn risk_tier(&self, now: UnixMillis) -> &'static str {
        risk_tier(self.ledger.reputation().risk.score_at(now)).as_str()
    }

    /// The agent as a caller with this session, and with roles that its token adds to the stored ones.
    pub fn principal(&self, session_id: Arc<str>, more_roles: &[Arc<str>]) -> Principal {
        let mut principal = Principal {
            agent_id: Arc::clone(&self.agent_id),
            agent_name: Arc::clone(&self.agent_name),
            agent_type: Arc::clone(&self.agent_type),
            roles: Arc::clone(&self.roles),
            session_id,
            app_context: None,
            surface: Surface::Agent,
            subject: Arc::clone(&self.subject),
        };
        let new: Vec<_> = more_roles.iter().filter(|role| !self.roles.contains(role)).collect();
        if !new.is_empty() {
            principal.roles = self.roles.iter().chain(new).cloned().collect();
            principal.subject =
                Principal::subject_of(&self.agent_name, &self.agent_type, &principal.roles);
        }
        principal
    }
}

impl ContextStanding {
    /// An AppContext with what counts its calls.
    pub fn new(row: AppContextRow, meter: Arc<Meter>) -> Self {
        let models = row.allowed_models.into_iter().map(String::into_boxed_str).collect();
        let provider_key = row.provider_key.map(Arc::from);
        let detectors = row.detectors.into_iter().map(String::into_boxed_str).collect();
        let (id, name) = (row.id.into(), row.name.into());
        let app_context = AppContext::new(id, name, models, detectors, provider_key);
        Self { app_context: Arc::new(app_context), is_revoked: row.revoked_at.is_some(), meter }
    }
}

impl KeyStanding {
    /// A key of this agent and this AppContext.
    pub fn new(key: DetectionKey, agent: &Standing, context: &ContextStanding) -> Self {
        let principal = Principal {
            app_context: Some(Arc::clone(&context.app_context)),
            surface: Surface::DetectionKey,
            ..agent.principal(key.id.into(), &[])
        };
        let ledger = Arc::clone(&agent.ledger);
        Self {
            conduct: Conduct::new(ledger, IdentityStrength::Basic),
            principal: Arc::new(principal),
            meters: Meters {
                agent: Arc::clone(&agent.meter),
                app_context: Some(Arc::clone(&context.meter)),
            },
            status: agent.status,
            is_revoked: key.revoked_at.is_some() || context.is_revoked,
            expires_at: key.expires_at,
        }
    }
}
