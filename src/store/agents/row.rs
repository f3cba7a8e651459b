//! An agent as a value and as a row.
//!
//! Owns the conversion both ways. It must never see a client secret, only its hash.

use super::super::{StoreError, limits, schema::agents};
use crate::trust::{Reputation, Risk};
use crate::types::{AgentStatus, CallerLimits, UnixMillis};
use diesel::{Insertable, Queryable, Selectable};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Somebody as an external issuer knows them.
#[derive(Clone, Debug, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct ExternalIdentity {
    /// The issuer's name in the configuration.
    pub issuer: String,
    /// The subject as the issuer calls it.
    pub subject: String,
}

/// Why an agent is switched off until an administrator reviews.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Quarantine {
    /// One line.
    pub reason: String,
    /// Since when.
    pub at: UnixMillis,
}

/// What is needed to register an agent.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// A UUID as text.
    pub id: String,
    /// Unique.
    pub name: String,
    /// `interactive`, `autonomous`, …
    pub agent_type: String,
    /// Unique; what the agent signs in with.
    pub client_id: String,
    /// SHA-256 of the client secret.
    pub secret_hash: [u8; 32],
    /// Roles that the policy knows.
    pub roles: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Who it is at an external issuer; unique.
    pub identity: Option<ExternalIdentity>,
    /// How much it may ask for.
    pub limits: CallerLimits,
}

/// A registered agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agent {
    /// A UUID as text.
    pub id: String,
    /// Unique.
    pub name: String,
    /// `interactive`, `autonomous`, …
    pub agent_type: String,
    /// Unique; what the agent signs in with.
    pub client_id: String,
    /// SHA-256 of the client secret.
    pub secret_hash: [u8; 32],
    /// Roles that the policy knows.
    pub roles: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Who it is at an external issuer; unique.
    pub identity: Option<ExternalIdentity>,
    /// How much it may ask for.
    pub limits: CallerLimits,
    /// Whether it may call.
    pub status: AgentStatus,
    /// Why it may not, while its status is `Quarantined`.
    pub quarantine: Option<Quarantine>,
    /// What is kept of its conduct.
    pub reputation: Reputation,
    /// When it was let in last, up to a second ago.
    pub last_call_at: Option<UnixMillis>,
    /// When it was registered.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = agents, treat_none_as_default_value = false)]
pub(super) struct AgentRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) agent_type: String,
    pub(super) client_id: String,
    pub(super) secret_hash: Vec<u8>,
    pub(super) roles: String,
    pub(super) owner: Option<String>,
    pub(super) status: String,
    pub(super) risk_score: i64,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) issuer: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) requests_per_minute: Option<i64>,
    pub(super) monthly_requests: Option<i64>,
    pub(super) concurrent_streams: Option<i64>,
    pub(super) trust_score: i64,
    pub(super) calls: i64,
    pub(super) violations: i64,
    pub(super) last_violation_at: Option<i64>,
    pub(super) risk_at: i64,
    pub(super) recovered_at: i64,
    pub(super) quarantined_at: Option<i64>,
    pub(super) quarantine_reason: Option<String>,
}

pub(super) fn row_of(agent: &Agent) -> AgentRow {
    let (issuer, subject) = identity_columns(agent.identity.as_ref());
    let (requests_per_minute, monthly_requests, concurrent_streams) = limits::columns(agent.limits);
    let reputation = &agent.reputation;
    AgentRow {
        id: agent.id.clone(),
        name: agent.name.clone(),
        agent_type: agent.agent_type.clone(),
        client_id: agent.client_id.clone(),
        secret_hash: agent.secret_hash.to_vec(),
        roles: json!(agent.roles).to_string(),
        owner: agent.owner.clone(),
        status: agent.status.as_str().to_owned(),
        risk_score: reputation.risk.score,
        created_at: agent.created_at.0,
        updated_at: agent.updated_at.0,
        issuer,
        subject,
        requests_per_minute,
        monthly_requests,
        concurrent_streams,
        trust_score: reputation.trust_score,
        calls: i64::try_from(reputation.calls).unwrap_or(i64::MAX),
        violations: i64::try_from(reputation.violations).unwrap_or(i64::MAX),
        last_violation_at: reputation.last_violation_at.map(|at| at.0),
        risk_at: reputation.risk.at.0,
        recovered_at: agent.created_at.0,
        quarantined_at: agent.quarantine.as_ref().map(|it| it.at.0),
        quarantine_reason: agent.quarantine.as_ref().map(|it| it.reason.clone()),
    }
}

pub(super) fn agent_of(row: AgentRow) -> Result<Agent, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let columns = (row.requests_per_minute, row.monthly_requests, row.concurrent_streams);
    let reputation = reputation_of(&row)?;
    Ok(Agent {
        id: row.id,
        name: row.name,
        agent_type: row.agent_type,
        client_id: row.client_id,
        secret_hash: row.secret_hash.try_into().or(Err(corrupt("agents.secret_hash")))?,
        roles: serde_json::from_str(&row.roles).or(Err(corrupt("agents.roles")))?,
        owner: row.owner,
        identity: row
            .issuer
            .zip(row.subject)
            .map(|(issuer, subject)| ExternalIdentity { issuer, subject }),
        limits: limits::of_columns(columns).ok_or(corrupt("the limits of agents"))?,
        status: AgentStatus::parse(&row.status).ok_or(corrupt("agents.status"))?,
        quarantine: row
            .quarantine_reason
            .zip(row.quarantined_at)
            .map(|(reason, at)| Quarantine { reason, at: UnixMillis(at) }),
        reputation,
        last_call_at: None,
        created_at: UnixMillis(row.created_at),
        updated_at: UnixMillis(row.updated_at),
    })
}

pub(super) fn reputation_of(row: &AgentRow) -> Result<Reputation, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    Ok(Reputation {
        trust_score: row.trust_score,
        calls: row.calls.try_into().or(Err(corrupt("agents.calls")))?,
        violations: row.violations.try_into().or(Err(corrupt("agents.violations")))?,
        last_violation_at: row.last_violation_at.map(UnixMillis),
        risk: Risk { score: row.risk_score, at: UnixMillis(row.risk_at) },
    })
}

/// Issuer and subject: both or neither.
pub(super) fn identity_columns(
    identity: Option<&ExternalIdentity>,
) -> (Option<String>, Option<String>) {
    identity.map(|known| (known.issuer.clone(), known.subject.clone())).unzip()
}
