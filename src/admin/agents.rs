//! Agents: create, find, change their standing, roles, limits and secret, end their sessions.
//!
//! Owns what makes a valid agent. A client secret leaves here once, when it is made.

use super::{AdminError, ConfiguredNames, InvalidRequest, LimitChange, NameConflict};
use crate::identity::{check_agent_name, check_agent_type, check_role_name, secret};
use crate::policy::Policy;
use crate::store::{ExternalIdentity, NewAgent, Store};
use crate::types::{AgentStatus, CallerLimits, Sensitive, UnixMillis};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

pub use crate::store::Agent;

/// The type of an agent that a person works with.
pub const USUAL_AGENT_TYPE: &str = "interactive";

/// Ten years: how long the token of an external issuer lives is the issuer's to say.
const EXTERNAL_TTL_SECS: i64 = 10 * 365 * 24 * 3_600;

/// Longer subjects and session ids are in no token that is let in.
const MAX_CLAIM_BYTES: usize = 256;

/// What an administrator says of a new agent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgentRequest {
    /// Unique, `[a-z0-9][a-z0-9._-]{0,62}`.
    pub name: String,
    /// `interactive`, `autonomous`, …
    #[serde(default = "usual_type")]
    pub agent_type: String,
    /// Roles that `policy.csv` speaks of.
    pub roles: Vec<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Who it is at an external issuer; unique.
    #[serde(default)]
    pub identity: Option<IdentityRequest>,
    /// How much it may ask for.
    #[serde(default)]
    pub limits: LimitChange,
}

/// Somebody as an external issuer knows them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityRequest {
    /// The issuer's name in the configuration.
    pub issuer: String,
    /// The subject as the issuer calls it.
    pub subject: String,
}

/// What is to be different in an agent; what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentChangeRequest {
    /// All roles anew.
    pub roles: Option<Vec<String>>,
    /// What changes in its limits.
    pub limits: LimitChange,
}

fn usual_type() -> String {
    USUAL_AGENT_TYPE.to_owned()
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
    names: &ConfiguredNames,
    request: NewAgentRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<Provisioned, AdminError> {
    check_agent_name(&request.name)?;
    if Uuid::try_parse(&request.name).is_ok() {
        return Err(NameConflict::NameIsId(request.name).into());
    }
    if request.owner.as_deref().is_some_and(|owner| !is_short_and_plain(owner)) {
        return Err(InvalidRequest::Owner.into());
    }
    check_agent_type(&request.agent_type)?;
    check_roles(store, &request.name, &request.roles)?;
    let is_held = store.agents()?.iter().any(|agent| agent.roles.contains(&request.name));
    if is_held || policy.grants_to(&request.name) {
        return Err(NameConflict::NameIsPolicyRole(request.name).into());
    }
    let identity = request.identity.map(|it| checked_identity(names, it)).transpose()?;
    let (client_secret, secret_hash) = new_secret()?;
    let agent = NewAgent {
        id: Uuid::now_v7().to_string(),
        name: request.name,
        agent_type: request.agent_type,
        client_id: secret::generate_client_id()?,
        secret_hash,
        roles: request.roles,
        owner: request.owner,
        identity,
        limits: request.limits.apply_to(CallerLimits::default()),
    };
    store.create_agent(&agent, actor, now)?;
    Ok(Provisioned { agent_id: agent.id, client_id: agent.client_id, client_secret })
}

/// The agent with this name or id.
pub fn find_agent(store: &Store, name_or_id: &str) -> Result<Agent, AdminError> {
    store.agent(name_or_id)?.ok_or_else(|| AdminError::NoSuch {
        what: "agent",
        wanted: name_or_id.to_owned(),
        list: "agent list",
    })
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

/// Changes the limits; what runs is not touched.
pub fn set_limits(
    store: &Store,
    name_or_id: &str,
    change: LimitChange,
    actor: &str,
    now: UnixMillis,
) -> Result<Agent, AdminError> {
    if change.is_empty() {
        return Err(InvalidRequest::NothingToChange.into());
    }
    let agent = find_agent(store, name_or_id)?;
    store.set_agent_limits(&agent.id, change.apply_to(agent.limits), actor, now)?;
    find_agent(store, &agent.id)
}

/// Changes roles and limits.
pub fn change_agent(
    store: &Store,
    name_or_id: &str,
    request: &AgentChangeRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<Agent, AdminError> {
    match &request.roles {
        None => set_limits(store, name_or_id, request.limits, actor, now),
        Some(roles) => {
            let agent = set_roles(store, name_or_id, roles, actor, now)?;
            if request.limits.is_empty() {
                return Ok(agent);
            }
            set_limits(store, &agent.id, request.limits, actor, now)
        }
    }
}

/// Ends one session: its token is worth nothing from now on, its open streams end. Returns until when
/// this is remembered, which is as long as the token can live.
pub fn revoke_session(
    store: &Store,
    name_or_id: &str,
    session_id: &str,
    token_ttl_secs: u64,
    actor: &str,
    now: UnixMillis,
) -> Result<UnixMillis, AdminError> {
    let agent = find_agent(store, name_or_id)?;
    if !is_short_and_plain(session_id) {
        return Err(InvalidRequest::SessionId.into());
    }
    if store.detection_keys()?.iter().any(|key| key.id == session_id) {
        return Err(InvalidRequest::SessionIsKey(session_id.to_owned()).into());
    }
    let own_ttl_secs = i64::try_from(token_ttl_secs).unwrap_or(i64::MAX);
    let ttl_secs = match agent.identity {
        Some(_) => own_ttl_secs.max(EXTERNAL_TTL_SECS),
        None => own_ttl_secs,
    };
    let expires_at = now.plus_secs(ttl_secs);
    store.revoke_session(&agent.id, session_id, expires_at, actor, now)?;
    Ok(expires_at)
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
            return Err(NameConflict::NameIsRole(role.clone()).into());
        }
        if store.agents()?.iter().any(|agent| agent.name == *role) {
            return Err(NameConflict::RoleIsAgent(role.clone()).into());
        }
    }
    Ok(())
}

fn checked_identity(
    names: &ConfiguredNames,
    request: IdentityRequest,
) -> Result<ExternalIdentity, AdminError> {
    names.check_issuer(&request.issuer)?;
    if !is_short_and_plain(&request.subject) {
        return Err(InvalidRequest::Subject.into());
    }
    Ok(ExternalIdentity { issuer: request.issuer, subject: request.subject })
}

/// Whether a claim of a token that is let in can have this value; it can also be shown on any terminal.
pub(super) fn is_short_and_plain(value: &str) -> bool {
    (1..=MAX_CLAIM_BYTES).contains(&value.len()) && !value.chars().any(char::is_control)
}

/// Whether a reason says anything, and can be shown.
pub(super) fn check_reason(reason: &str) -> Result<(), InvalidRequest> {
    let says_something = !reason.trim().is_empty() && is_short_and_plain(reason);
    says_something.then_some(()).ok_or(InvalidRequest::Reason)
}

fn new_secret() -> Result<(Sensitive<String>, [u8; 32]), AdminError> {
    let client_secret = secret::generate_client_secret()?;
    let hash = secret::hash(client_secret.expose());
    Ok((client_secret, hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::testing::{agent, ordinary, policy, store};

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);
    const HOUR_SECS: u64 = 3_600;

    fn create(store: &Store, request: NewAgentRequest) -> Result<Provisioned, AdminError> {
        create_agent(store, &policy(), &ConfiguredNames::default(), request, "cli", NOW)
    }

    #[test]
    fn limits_are_changed_one_by_one_and_zero_is_none() {
        let (_data, store) = store();
        let limits = LimitChange { monthly_requests: Some(9), ..LimitChange::default() };
        create(&store, NewAgentRequest { limits, ..ordinary("bot") }).unwrap();
        let change = LimitChange { requests_per_minute: Some(3), ..LimitChange::default() };
        let changed = set_limits(&store, "bot", change, "cli", NOW).unwrap().limits;
        assert_eq!((changed.monthly_requests, changed.requests_per_minute), (Some(9), Some(3)));
        let lifted = set_limits(&store, "bot", LimitChange::LIFT_ALL, "cli", NOW).unwrap();
        assert_eq!(lifted.limits, CallerLimits::default());
        assert!(set_limits(&store, "bot", LimitChange::default(), "cli", NOW).is_err());
    }

    #[test]
    fn an_identity_needs_an_issuer_that_is_configured() {
        let (_data, store) = store();
        let (issuer, subject) = ("corp".to_owned(), "alice".to_owned());
        let identity = Some(IdentityRequest { issuer, subject });
        let error = create(&store, NewAgentRequest { identity, ..ordinary("bot") }).unwrap_err();
        assert!(error.to_string().contains("[issuers.corp]"), "{error}");
        assert!(store.agents().unwrap().is_empty());
    }

    #[test]
    fn a_change_that_is_refused_changes_nothing() {
        let (_data, store) = store();
        agent(&store, "bot");
        let refused: AgentChangeRequest =
            serde_json::from_str(r#"{"roles": ["bot"], "limits": {"monthly_requests": 1}}"#)
                .unwrap();
        assert!(change_agent(&store, "bot", &refused, "cli", NOW).is_err());
        assert_eq!(find_agent(&store, "bot").unwrap().limits, CallerLimits::default());
        let empty = AgentChangeRequest::default();
        assert!(change_agent(&store, "bot", &empty, "cli", NOW).is_err());
    }

    #[test]
    fn an_issuers_session_is_ended_for_years_as_its_token_may_live_as_long() {
        let (_data, store) = store();
        let identity = Some(ExternalIdentity { issuer: "corp".into(), subject: "alice".into() });
        let alice = NewAgent {
            id: Uuid::now_v7().to_string(),
            name: "alice".into(),
            agent_type: USUAL_AGENT_TYPE.into(),
            client_id: "alice".into(),
            secret_hash: [0; 32],
            roles: Vec::new(),
            owner: None,
            identity,
            limits: CallerLimits::default(),
        };
        store.create_agent(&alice, "issuer", NOW).unwrap();
        let until = revoke_session(&store, "alice", "corp:1", HOUR_SECS, "cli", NOW).unwrap();
        let later = NOW.plus_secs(9 * 365 * 24 * 3_600);
        assert!(until > later);
        assert_eq!(store.revoked_sessions(later).unwrap()[0].session_id, "corp:1");
    }

    #[test]
    fn a_session_is_ended_for_as_long_as_its_token_can_live() {
        let (_data, store) = store();
        agent(&store, "bot");
        let revoke = |id: &str| revoke_session(&store, "bot", id, HOUR_SECS, "cli", NOW);
        assert_eq!(revoke("one").unwrap(), NOW.plus_secs(3_600));
        assert_eq!(store.revoked_sessions(NOW).unwrap()[0].session_id, "one");
        for id in ["", "a\nb", &"x".repeat(257)] {
            assert!(revoke(id).is_err(), "{id}");
        }
        assert!(revoke_session(&store, "nobody", "one", HOUR_SECS, "cli", NOW).is_err());
    }
}
