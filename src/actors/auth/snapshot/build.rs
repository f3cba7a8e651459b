//! How one snapshot follows another.
//!
//! Owns what lives on from snapshot to snapshot: meters, ledgers, and quarantines that the store does not know yet.

use super::super::usage::used_of;
use super::{
    AuthSnapshot, ContextStanding, KeyStanding, KnownIssuer, Seen, Standing, Terms, Unwritten,
};
use crate::bus::auth::QuarantineAgent;
use crate::identity::KeySet;
use crate::limits::{Meter, Used};
use crate::store::{Agent, DetectionKey, UsageCount, UsageOf};
use crate::trust::Ledger;
use crate::types::{AgentStatus, CallerLimits, UnixMillis};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

impl AuthSnapshot {
    /// The first snapshot. Meters go on from the counts of the store.
    pub fn first(
        seen: Seen,
        keys: Arc<KeySet>,
        issuers: Arc<HashMap<String, KnownIssuer>>,
        terms: &Terms,
        usage: &[UsageCount],
        now: UnixMillis,
    ) -> Self {
        let used: HashMap<(UsageOf, &str), Used> =
            usage.iter().map(|count| ((count.of, &*count.id), used_of(count))).collect();
        let meter = |of, id: &str, limits| {
            Arc::new(Meter::new(limits, used.get(&(of, id)).copied().unwrap_or_default(), now))
        };
        let ledger = |agent: &Agent| ledger_of(agent, terms);
        Self::build(0, seen, keys, issuers, terms.limits, (meter, ledger))
    }

    /// The next snapshot. Meters keep their counts, ledgers what is not yet saved.
    pub fn next(&self, seen: Seen, keys: Arc<KeySet>, terms: &Terms, now: UnixMillis) -> Self {
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
        let ledger = |agent: &Agent| match self.agents.get(&*agent.id) {
            Some(known) => {
                known.ledger.catch_up(&agent.reputation);
                Arc::clone(&known.ledger)
            }
            None => ledger_of(agent, terms),
        };
        let (version, issuers) = (self.version + 1, Arc::clone(&self.issuers));
        let next = Self::build(version, seen, keys, issuers, terms.limits, (meter, ledger));
        self.unwritten.iter().fold(next, |mut next, (agent_id, unwritten)| {
            next.quarantine(Arc::clone(agent_id), unwritten.clone());
            next
        })
    }

    /// The same standings with other keys of external issuers.
    pub fn with_issuers(&self, issuers: Arc<HashMap<String, KnownIssuer>>) -> Self {
        Self { version: self.version + 1, issuers, ..self.clone() }
    }

    /// The same standings with this agent in quarantine, which the store does not know yet.
    pub fn with_quarantine(&self, message: QuarantineAgent, now: UnixMillis) -> Self {
        let QuarantineAgent { agent_id, reason, rule } = message;
        let mut next = Self { version: self.version + 1, ..self.clone() };
        next.quarantine(agent_id, Unwritten { reason, rule, at: now });
        next
    }

    /// The same standings when the store has taken this agent's quarantine.
    pub fn without_unwritten(&self, agent_id: &str) -> Self {
        let mut next = Self { version: self.version + 1, ..self.clone() };
        next.unwritten.remove(agent_id);
        next
    }

    fn quarantine(&mut self, agent_id: Arc<str>, unwritten: Unwritten) {
        let Some(standing) = self.agents.get(&agent_id) else { return };
        if standing.status == AgentStatus::Revoked {
            return;
        }
        let status = AgentStatus::Quarantined;
        let standing = Arc::new(Standing { status, ..Standing::clone(standing) });
        let known = self.agents.values_mut();
        let known = known.chain(self.clients.values_mut()).chain(self.subjects.values_mut());
        for known in known.filter(|known| known.agent_id == agent_id) {
            *known = Arc::clone(&standing);
        }
        for key in self.detection_keys.values_mut() {
            if key.principal.agent_id == agent_id {
                key.status = status;
            }
        }
        self.unwritten.insert(agent_id, unwritten);
    }

    fn build(
        version: u64,
        seen: Seen,
        keys: Arc<KeySet>,
        issuers: Arc<HashMap<String, KnownIssuer>>,
        defaults: CallerLimits,
        (meter, ledger): (
            impl Fn(UsageOf, &str, CallerLimits) -> Arc<Meter>,
            impl Fn(&Agent) -> Arc<Ledger>,
        ),
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
            unwritten: HashMap::new(),
        };
        for agent in seen.agents {
            let meter = meter(UsageOf::Agent, &agent.id, or_default(agent.limits, defaults));
            let ledger = ledger(&agent);
            snapshot.add_agent(agent, meter, ledger);
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

    fn add_agent(&mut self, agent: Agent, meter: Arc<Meter>, ledger: Arc<Ledger>) {
        let identity = agent.identity.clone();
        let standing = Arc::new(Standing::new(agent, meter, ledger));
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
}

fn ledger_of(agent: &Agent, terms: &Terms) -> Arc<Ledger> {
    Arc::new(Ledger::new(Arc::clone(&terms.trust), agent.reputation))
}

fn or_default(own: CallerLimits, defaults: CallerLimits) -> CallerLimits {
    CallerLimits {
        requests_per_minute: own.requests_per_minute.or(defaults.requests_per_minute),
        monthly_requests: own.monthly_requests.or(defaults.monthly_requests),
        concurrent_streams: own.concurrent_streams.or(defaults.concurrent_streams),
    }
}
