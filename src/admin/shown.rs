//! How agents, AppContexts, keys and users are shown to administrators, in HTTP answers and with `--json`.
//!
//! Owns the names of the JSON members. It must never show a secret that is not new, nor a hash.

mod users;

pub use users::{
    DeletedUser, EndedSessions, NewPassword, NewUserView, UserView, Users, deleted_user,
    new_password, new_user, user, users,
};

use super::{Agent, AppContextRow, KeyState, ListedKey, NewKey, Provisioned};
use crate::store::{ExternalIdentity, Quarantine, VerifyingKey};
use crate::trust::{RiskTier, risk_tier};
use crate::types::{AgentStatus, CallerLimits, UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;

/// All agents.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Agents {
    /// By name.
    agents: Vec<AgentView>,
}

/// An agent. Scores are in hundredths, as in records.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Agent")]
pub struct AgentView {
    agent_id: String,
    name: String,
    client_id: String,
    agent_type: String,
    roles: Vec<String>,
    /// Who answers for it.
    owner: Option<String>,
    /// Who it is at an external issuer.
    identity: Option<ExternalIdentity>,
    limits: CallerLimits,
    status: AgentStatus,
    /// Why it may not call, while it is quarantined.
    quarantine: Option<Quarantine>,
    trust_score: i64,
    /// As it has faded until now.
    risk_score: i64,
    risk_tier: RiskTier,
    calls: u64,
    violations: u64,
    last_violation_at: Option<UnixMillis>,
    last_call_at: Option<UnixMillis>,
    created_at: UnixMillis,
    updated_at: UnixMillis,
}

/// A new agent, or one with a new secret: the only time that the secret is shown.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AgentSecret")]
pub struct ProvisionedView {
    agent_id: String,
    client_id: String,
    client_secret: String,
}

/// All AppContexts.
#[derive(Debug, JsonSchema, Serialize)]
pub struct AppContexts {
    /// By name.
    app_contexts: Vec<AppContextView>,
}

/// An AppContext.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "AppContext")]
pub struct AppContextView {
    id: String,
    name: String,
    /// Patterns; empty: all models.
    allowed_models: Vec<String>,
    /// The name of the provider key that replaces the caller's.
    provider_key: Option<String>,
    /// Selectors of the detection rules; empty: all.
    detectors: Vec<String>,
    limits: CallerLimits,
    last_call_at: Option<UnixMillis>,
    created_at: UnixMillis,
    updated_at: UnixMillis,
    revoked_at: Option<UnixMillis>,
}

/// Detection keys.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "DetectionKeys")]
pub struct Keys {
    /// The oldest first.
    keys: Vec<KeyView>,
}

/// A detection key, by its last four characters.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "DetectionKey")]
pub struct KeyView {
    id: String,
    last4: String,
    app_context_id: String,
    /// The AppContext's name.
    app_context: String,
    agent_id: String,
    /// The agent's name.
    agent: String,
    state: KeyState,
    created_at: UnixMillis,
    expires_at: Option<UnixMillis>,
    revoked_at: Option<UnixMillis>,
}

/// A new detection key: the only time that it is shown.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NewDetectionKey")]
pub struct NewKeyView {
    id: String,
    key: String,
}

/// The keys that sign tokens.
#[derive(Debug, Serialize)]
pub struct SigningKeys {
    keys: Vec<SigningKeyView>,
}

/// The public half of a signing key, without its numbers: these are in the JWKS.
#[derive(Debug, Serialize)]
pub struct SigningKeyView {
    kid: String,
    node: String,
    signs: bool,
    created_at: UnixMillis,
    verify_until: Option<UnixMillis>,
}

/// All agents.
pub fn agents(agents: &[Agent], now: UnixMillis) -> Agents {
    Agents { agents: agents.iter().map(|it| agent(it, now)).collect() }
}

/// An agent; its risk fades.
pub fn agent(agent: &Agent, now: UnixMillis) -> AgentView {
    let conduct = &agent.reputation;
    let risk_score = conduct.risk.score_at(now);
    AgentView {
        agent_id: agent.id.clone(),
        name: agent.name.clone(),
        client_id: agent.client_id.clone(),
        agent_type: agent.agent_type.clone(),
        roles: agent.roles.clone(),
        owner: agent.owner.clone(),
        identity: agent.identity.clone(),
        limits: agent.limits,
        status: agent.status,
        quarantine: agent.quarantine.clone(),
        trust_score: conduct.trust_score,
        risk_score,
        risk_tier: risk_tier(risk_score),
        calls: conduct.calls,
        violations: conduct.violations,
        last_violation_at: conduct.last_violation_at,
        last_call_at: agent.last_call_at,
        created_at: agent.created_at,
        updated_at: agent.updated_at,
    }
}

/// A new agent, or one with a new secret.
pub fn provisioned(new: &Provisioned) -> ProvisionedView {
    ProvisionedView {
        agent_id: new.agent_id.clone(),
        client_id: new.client_id.clone(),
        client_secret: new.client_secret.expose().clone(),
    }
}

/// All AppContexts.
pub fn app_contexts(contexts: &[AppContextRow]) -> AppContexts {
    AppContexts { app_contexts: contexts.iter().map(app_context).collect() }
}

/// An AppContext.
pub fn app_context(context: &AppContextRow) -> AppContextView {
    AppContextView {
        id: context.id.clone(),
        name: context.name.clone(),
        allowed_models: context.allowed_models.clone(),
        provider_key: context.provider_key.clone(),
        detectors: context.detectors.clone(),
        limits: context.limits,
        last_call_at: context.last_call_at,
        created_at: context.created_at,
        updated_at: context.updated_at,
        revoked_at: context.revoked_at,
    }
}

/// Detection keys.
pub fn keys(listed: &[ListedKey]) -> Keys {
    Keys { keys: listed.iter().map(key).collect() }
}

/// A detection key.
pub fn key(listed: &ListedKey) -> KeyView {
    let key = &listed.key;
    KeyView {
        id: key.id.clone(),
        last4: key.last4.clone(),
        app_context_id: key.app_context_id.clone(),
        app_context: listed.app_context.clone(),
        agent_id: key.agent_id.clone(),
        agent: listed.agent.clone(),
        state: listed.state,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
    }
}

/// A new detection key.
pub fn new_key(new: &NewKey) -> NewKeyView {
    NewKeyView { id: new.id.clone(), key: new.key.expose().clone() }
}

/// The keys that sign tokens.
pub fn signing_keys(keys: &[VerifyingKey]) -> SigningKeys {
    SigningKeys { keys: keys.iter().map(signing_key).collect() }
}

/// A signing key.
fn signing_key(key: &VerifyingKey) -> SigningKeyView {
    SigningKeyView {
        kid: key.kid.clone(),
        node: key.node.clone(),
        signs: key.verify_until.is_none(),
        created_at: key.created_at,
        verify_until: key.verify_until,
    }
}
