//! What the owner publishes: the keys and every caller's standing at one moment.
//!
//! Owns the lookups: by agent, by client, by external subject, by detection key. It must never change once
//! published.

mod build;

use super::standing::{ContextStanding, KeyStanding, Standing};
use crate::bus::auth::{AuthError, Authenticated, Meters};
use crate::config::Trust;
use crate::identity::{ExternalKeys, Issuer, KeySet};
use crate::limits::Meter;
use crate::store::{Agent, AppContextRow, DetectionKey, RevokedSession, UsageOf, VerifyingKey};
use crate::trust::{Conduct, IdentityStrength, Ledger};
use crate::types::{AgentStatus, CallerLimits, Principal, Surface, UnixMillis};
use arc_swap::ArcSwap;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Where the owner puts snapshots and the desks take them.
pub type PublishedAuth = Arc<ArcSwap<AuthSnapshot>>;

/// What callers are held to.
#[derive(Clone, Debug)]
pub struct Terms {
    /// For agents that have no limits of their own.
    pub limits: CallerLimits,
    /// What conduct does to trust and risk.
    pub trust: Arc<Trust>,
}

/// A quarantine that the store has not yet taken.
#[derive(Clone, Debug)]
pub struct Unwritten {
    /// For administrators.
    pub reason: String,
    /// The detection rule that asked for it.
    pub rule: Option<Arc<str>>,
    /// Since when.
    pub at: UnixMillis,
}

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
    /// By agent. They travel from snapshot to snapshot, so that neither a look at the store nor the owner's death
    /// lets somebody out.
    pub unwritten: HashMap<Arc<str>, Unwritten>,
}

impl AuthSnapshot {
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

    /// The agent as a caller with this session and these roles besides its own, if it may call. How well it is known
    /// who calls bounds the trust that counts.
    pub fn admit(
        &self,
        standing: &Standing,
        session_id: Arc<str>,
        identity: IdentityStrength,
        more_roles: &[Arc<str>],
    ) -> Result<Authenticated, AuthError> {
        if self.is_revoked(&standing.agent_id, &session_id) {
            return Err(AuthError::Invalid);
        }
        let ledger = Arc::clone(&standing.ledger);
        let caller = Authenticated {
            conduct: Conduct::new(ledger, identity),
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
            conduct: key.conduct.clone(),
            version: self.version,
        };
        self.stand(key.status, caller)
    }

    /// Whether a caller that was let in before may still call.
    pub fn recheck(&self, principal: &Principal, now: UnixMillis) -> Result<(), AuthError> {
        match principal.surface {
            Surface::Admin => Err(AuthError::Invalid),
            Surface::Agent => {
                let standing = self.agent(&principal.agent_id).ok_or(AuthError::Invalid)?;
                let session_id = Arc::clone(&principal.session_id);
                self.admit(standing, session_id, IdentityStrength::Basic, &[]).map(|_caller| ())
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

    /// Every agent's ledger.
    pub fn ledgers(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Ledger>)> {
        self.agents.iter().map(|(id, standing)| (id, &standing.ledger))
    }

    /// Every meter with whose it is.
    pub fn meters(&self) -> impl Iterator<Item = (UsageOf, &Arc<str>, &Arc<Meter>)> {
        let agents = self.agents.iter().map(|(id, it)| (UsageOf::Agent, id, &it.meter));
        let contexts =
            self.app_contexts.iter().map(|(id, it)| (UsageOf::AppContext, id, &it.meter));
        agents.chain(contexts)
    }
}

#[cfg(test)]
mod tests;
