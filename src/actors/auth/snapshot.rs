//! What the owner publishes: the keys and every caller's standing at one moment.
//!
//! Owns the lookups: by agent, by client, by external subject, by detection key. It must never change once
//! published.

use super::standing::{ContextStanding, KeyStanding, Standing};
use super::usage::used_of;
use crate::bus::auth::{AuthError, Authenticated, Meters};
use crate::identity::{ExternalKeys, Issuer, KeySet};
use crate::limits::{Meter, Used};
use crate::store::{
    Agent, AppContextRow, DetectionKey, RevokedSession, UsageCount, UsageOf, VerifyingKey,
};
use crate::types::{AgentStatus, CallerLimits, Principal, Surface, UnixMillis};
use arc_swap::ArcSwap;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Where the owner puts snapshots and the desks take them.
pub type PublishedAuth = Arc<ArcSwap<AuthSnapshot>>;

/// What the store says of callers at one moment.
#[derive(Debug, Default)]
pub struct Seen {
    /// The newest change that it contains.
    pub change: i64,
    /// Every agent.
    pub agents: Vec<Agent>,
    /// Every AppContext.
    pub app_contexts: Vec<AppContextRow>,
    /// Every detection key.
    pub detection_keys: Vec<DetectionKey>,
    /// Sessions that were ended before their tokens.
    pub revoked_sessions: Vec<RevokedSession>,
    /// The public keys of all gateways.
    pub verifying_keys: Vec<VerifyingKey>,
}

/// An external issuer and the keys that were fetched for it.
#[derive(Clone, Debug)]
pub struct KnownIssuer {
    /// As the configuration says.
    pub settings: Arc<Issuer>,
    /// Whether agents are created for its subjects.
    pub creates_agents: bool,
    /// `None` until they were fetched, and again when they could not be fetched for too long.
    pub keys: Option<Arc<ExternalKeys>>,
    /// The first snapshot with these keys.
    pub keys_since: u64,
}

/// Everything that authentication needs, at one moment.
#[derive(Clone, Debug)]
pub struct AuthSnapshot {
    /// Tells snapshots apart; a newer one has a greater version.
    pub version: u64,
    /// The newest change that it contains.
    pub change: i64,
    /// The signing key and the verifying keys.
    pub keys: Arc<KeySet>,
    /// The external issuers, by the `iss` of their tokens.
    pub issuers: Arc<HashMap<String, KnownIssuer>>,
    agents: HashMap<Arc<str>, Arc<Standing>>,
    clients: HashMap<String, Arc<Standing>>,
    subjects: HashMap<(String, String), Arc<Standing>>,
    app_contexts: HashMap<Arc<str>, Arc<ContextStanding>>,
    detection_keys: HashMap<[u8; 32], KeyStanding>,
    /// Detection keys by id: which secret a session belongs to.
    sessions_of_keys: HashMap<Arc<str>, [u8; 32]>,
    revoked_sessions: HashSet<(String, String)>,
}

impl AuthSnapshot {
    /// The first snapshot. Meters go on from the counts of the store.
    pub fn first(
        seen: Seen,
        keys: Arc<KeySet>,
        issuers: Arc<HashMap<String, KnownIssuer>>,
        defaults: CallerLimits,
        usage: &[UsageCount],
        now: UnixMillis,
    ) -> Self {
        let used: HashMap<(UsageOf, &str), Used> =
            usage.iter().map(|count| ((count.of, &*count.id), used_of(count))).collect();
        let meter = |of, id: &str, limits| {
            Arc::new(Meter::new(limits, used.get(&(of, id)).copied().unwrap_or_default(), now))
        };
        Self::build(0, seen, keys, issuers, defaults, meter)
    }

    /// The next snapshot. Meters keep their counts.
    pub fn next(
        &self,
        seen: Seen,
        keys: Arc<KeySet>,
        defaults: CallerLimits,
        now: UnixMillis,
    ) -> Self {
        let meter = |of, id: &str, limits| {
            let known = match of {
                UsageOf::Agent => self.agents.get(id).map(|it| &it.meter),
                UsageOf::AppContext => self.app_contexts.get(id).map(|it| &it.meter),
            };
            match known {
                Some(known) if known.limits() == limits => Arc::clone(known),
                Some(known) => Arc::new(known.with_limits(limits, now)),
                None => Arc::new(Meter::new(limits, Used::default(), now)),
            }
        };
        Self::build(self.version + 1, seen, keys, Arc::clone(&self.issuers), defaults, meter)
    }

    /// The same standings with other keys of external issuers.
    pub fn with_issuers(&self, issuers: Arc<HashMap<String, KnownIssuer>>) -> Self {
        Self { version: self.version + 1, issuers, ..self.clone() }
    }

    fn build(
        version: u64,
        seen: Seen,
        keys: Arc<KeySet>,
        issuers: Arc<HashMap<String, KnownIssuer>>,
        defaults: CallerLimits,
        meter: impl Fn(UsageOf, &str, CallerLimits) -> Arc<Meter>,
    ) -> Self {
        let mut snapshot = Self {
            version,
            change: seen.change,
            keys,
            issuers,
            agents: HashMap::new(),
            clients: HashMap::new(),
            subjects: HashMap::new(),
            app_contexts: HashMap::new(),
            detection_keys: HashMap::new(),
            sessions_of_keys: HashMap::new(),
            revoked_sessions: HashSet::new(),
        };
        for agent in seen.agents {
            let meter = meter(UsageOf::Agent, &agent.id, or_default(agent.limits, defaults));
            snapshot.add_agent(agent, meter);
        }
        for row in seen.app_contexts {
            let meter = meter(UsageOf::AppContext, &row.id, row.limits);
            let context = ContextStanding::new(row, meter);
            let id = Arc::clone(&context.app_context.id);
            snapshot.app_contexts.insert(id, Arc::new(context));
        }
        for key in seen.detection_keys {
            snapshot.add_detection_key(key);
        }
        let revoked = seen.revoked_sessions.into_iter();
        snapshot.revoked_sessions = revoked.map(|it| (it.agent_id, it.session_id)).collect();
        snapshot
    }

    fn add_agent(&mut self, agent: Agent, meter: Arc<Meter>) {
        let identity = agent.identity.clone();
        let standing = Arc::new(Standing::new(agent, meter));
        if let Some(identity) = identity {
            let subject = (identity.issuer, identity.subject);
            self.subjects.insert(subject, Arc::clone(&standing));
        }
        self.clients.insert(standing.client_id.clone(), Arc::clone(&standing));
        self.agents.insert(Arc::clone(&standing.agent_id), standing);
    }

    /// A key is good for nothing without its agent and its AppContext.
    fn add_detection_key(&mut self, key: DetectionKey) {
        let agent = self.agents.get(&*key.agent_id);
        let context = self.app_contexts.get(&*key.app_context_id);
        if let (Some(agent), Some(context)) = (agent, context) {
            let hash = key.key_hash;
            let standing = KeyStanding::new(key, agent, context);
            self.sessions_of_keys.insert(Arc::clone(&standing.principal.session_id), hash);
            self.detection_keys.insert(hash, standing);
        }
    }

    /// The agent with this id.
    pub fn agent(&self, agent_id: &str) -> Option<&Arc<Standing>> {
        self.agents.get(agent_id)
    }

    /// The agent with this client id.
    pub fn by_client(&self, client_id: &str) -> Option<&Standing> {
        self.clients.get(client_id).map(AsRef::as_ref)
    }

    /// The agent that an external issuer calls by this subject.
    pub fn by_subject(&self, issuer: &str, subject: &str) -> Option<&Arc<Standing>> {
        self.subjects.get(&(issuer.to_owned(), subject.to_owned()))
    }

    /// Whether an agent holds this role.
    pub fn is_role(&self, name: &str) -> bool {
        self.agents.values().any(|standing| standing.roles.iter().any(|role| **role == *name))
    }

    /// The key with this hash. The caller's text is hashed before it is looked for, so that how long the search
    /// takes says nothing about any key.
    pub fn detection_key(&self, hash: &[u8; 32]) -> Option<&KeyStanding> {
        self.detection_keys.get(hash)
    }

    /// The agent as a caller with this session and these roles besides its own, if it may call.
    pub fn admit(
        &self,
        standing: &Standing,
        session_id: Arc<str>,
        more_roles: &[Arc<str>],
    ) -> Result<Authenticated, AuthError> {
        if self.is_revoked(&standing.agent_id, &session_id) {
            return Err(AuthError::Invalid);
        }
        let caller = Authenticated {
            principal: Arc::new(standing.principal(session_id, more_roles)),
            meters: Meters { agent: Arc::clone(&standing.meter), app_context: None },
            version: self.version,
        };
        self.stand(standing.status, caller)
    }

    /// Whoever shows this key, if its agent may call.
    pub fn admit_key(
        &self,
        key: &KeyStanding,
        now: UnixMillis,
    ) -> Result<Authenticated, AuthError> {
        if key.is_revoked || self.is_revoked(&key.principal.agent_id, &key.principal.session_id) {
            return Err(AuthError::Invalid);
        }
        if key.expires_at.is_some_and(|end| now >= end) {
            return Err(AuthError::Expired);
        }
        let caller = Authenticated {
            principal: Arc::clone(&key.principal),
            meters: key.meters.clone(),
            version: self.version,
        };
        self.stand(key.status, caller)
    }

    /// Whether a caller that was let in before may still call.
    pub fn recheck(&self, principal: &Principal, now: UnixMillis) -> Result<(), AuthError> {
        match principal.surface {
            Surface::Agent => {
                let standing = self.agent(&principal.agent_id).ok_or(AuthError::Invalid)?;
                self.admit(standing, Arc::clone(&principal.session_id), &[]).map(|_caller| ())
            }
            Surface::DetectionKey => {
                let hash = self.sessions_of_keys.get(&principal.session_id);
                let key = hash.and_then(|hash| self.detection_key(hash));
                match self.admit_key(key.ok_or(AuthError::Invalid)?, now) {
                    // A key's end ends no stream, as a token's end does not; an administrator's word does.
                    Ok(_) | Err(AuthError::Expired) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        }
    }

    fn stand(
        &self,
        status: AgentStatus,
        caller: Authenticated,
    ) -> Result<Authenticated, AuthError> {
        match status {
            AgentStatus::Active => Ok(caller),
            status => Err(AuthError::Standing { caller: Box::new(caller), status }),
        }
    }

    fn is_revoked(&self, agent_id: &str, session_id: &str) -> bool {
        !self.revoked_sessions.is_empty()
            && self.revoked_sessions.contains(&(agent_id.to_owned(), session_id.to_owned()))
    }

    /// Every meter with whose it is.
    pub fn meters(&self) -> impl Iterator<Item = (UsageOf, &Arc<str>, &Arc<Meter>)> {
        let agents = self.agents.iter().map(|(id, it)| (UsageOf::Agent, id, &it.meter));
        let contexts =
            self.app_contexts.iter().map(|(id, it)| (UsageOf::AppContext, id, &it.meter));
        agents.chain(contexts)
    }
}

fn or_default(own: CallerLimits, defaults: CallerLimits) -> CallerLimits {
    CallerLimits {
        requests_per_minute: own.requests_per_minute.or(defaults.requests_per_minute),
        monthly_requests: own.monthly_requests.or(defaults.monthly_requests),
        concurrent_streams: own.concurrent_streams.or(defaults.concurrent_streams),
    }
}

#[cfg(test)]
mod tests;
