//! The keys of external issuers, and the agents of their subjects.
//!
//! Owns when keys are fetched: once for all who wait, not more often than every few seconds whatever tokens say,
//! and from the configured places alone. Keys that cannot be renewed stay good for a day. It must never fetch from
//! an address in a token.

mod settings;

pub use settings::{ExternalIssuer, IssuerError};

use super::{AuthSnapshot, Shared, snapshot::KnownIssuer};
use crate::bus::auth::{IssuerUnavailable, Lacking};
use crate::bus::policy::CheckGrants;
use crate::identity::{ExternalKeys, Issuer, secret, subject_to_digest_name, subject_to_name};
use crate::openid;
use crate::store::{ExternalIdentity, NewAgent, StoreError};
use crate::types::CallerLimits;
use futures_util::future::join_all;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Keys are renewed after this long.
const RENEW_AFTER: Duration = Duration::from_secs(300);
/// Unknown keys ask for no more fetches than one in this time.
const FETCH_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// After a failed fetch, whoever asks gets its answer for so long.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Keys that could not be renewed for so long are not believed any more.
const STALE_AFTER: Duration = Duration::from_secs(24 * 3_600);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Whoever waits for what the store has to say waits at most so long.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Who creates an agent for a subject, in the list of changes.
const ISSUER: &str = "issuer";

/// The issuers before anything was fetched.
pub(super) fn unfetched(issuers: &[ExternalIssuer]) -> HashMap<String, KnownIssuer> {
    let known = |issuer: &ExternalIssuer| KnownIssuer {
        settings: Arc::clone(&issuer.settings),
        creates_agents: issuer.creates_agents,
        keys: None,
        keys_since: 0,
    };
    issuers.iter().map(|issuer| (issuer.settings.issuer.clone(), known(issuer))).collect()
}

/// What the owner knows of its fetches.
pub(super) struct Issuers(Vec<Fetched>);

struct Fetched {
    issuer: ExternalIssuer,
    /// Held while a fetch is under way: whoever waits gets its result.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last attempt, and whether it failed.
    tried: Option<(Instant, bool)>,
    succeeded_at: Option<Instant>,
    /// As it was fetched, to tell whether it changed.
    document: Vec<u8>,
}

impl Issuers {
    pub(super) fn of(issuers: &[ExternalIssuer]) -> Self {
        let fetched =
            |issuer: &ExternalIssuer| Fetched { issuer: issuer.clone(), state: Mutex::default() };
        Self(issuers.iter().map(fetched).collect())
    }

    fn named(&self, name: &str) -> Option<&Fetched> {
        self.0.iter().find(|fetched| *fetched.issuer.settings.name == *name)
    }
}

impl Shared {
    /// Gets what a desk lacks.
    pub(super) async fn complete(&self, lacking: Lacking) -> Result<(), IssuerUnavailable> {
        match lacking {
            // Not at once: whoever writes tokens must not make the store busier.
            Lacking::OwnKey if self.next_look(STORE_PATIENCE).await => Ok(()),
            Lacking::OwnKey => Err(IssuerUnavailable),
            Lacking::Keys { issuer, version } => {
                let fetched = self.issuers.named(&issuer).ok_or(IssuerUnavailable)?;
                let mut state = fetched.state.lock().await;
                // Somebody else's fetch may have brought other keys since the desk looked.
                if self.has_newer_keys(&fetched.issuer, version) {
                    return Ok(());
                }
                match state.tried {
                    Some((at, true)) if at.elapsed() < RETRY_AFTER => Err(IssuerUnavailable),
                    Some((at, false)) if at.elapsed() < FETCH_AGAIN_AFTER => Ok(()),
                    _ => self.fetch(&fetched.issuer, &mut state).await,
                }
            }
            Lacking::Agent { issuer, subject } => {
                let fetched = self.issuers.named(&issuer).ok_or(IssuerUnavailable)?;
                self.create_agent(&fetched.issuer.settings, &subject).await
            }
        }
    }

    fn has_newer_keys(&self, issuer: &ExternalIssuer, version: u64) -> bool {
        let snapshot = self.published.load();
        let known = snapshot.issuers.get(&issuer.settings.issuer);
        known.is_some_and(|known| known.keys_since > version)
    }

    /// Renews keys before anybody needs them, and gives up those that are too old.
    pub(super) async fn keep_issuers_fresh(&self) {
        // Together: an issuer that does not answer holds up no other's keys.
        join_all(self.issuers.0.iter().map(|fetched| self.keep_fresh(fetched))).await;
    }

    async fn keep_fresh(&self, fetched: &Fetched) {
        loop {
            let mut state = fetched.state.lock().await;
            let wait = match state.tried {
                None => Duration::ZERO,
                Some((_, false)) => RENEW_AFTER,
                Some((_, true)) => FETCH_AGAIN_AFTER,
            };
            if state.tried.is_none_or(|(at, _)| at.elapsed() >= wait) {
                // What failed is told by the fetch itself.
                let _ = self.fetch(&fetched.issuer, &mut state).await;
            }
            if state.succeeded_at.is_some_and(|at| at.elapsed() >= STALE_AFTER) {
                state.succeeded_at = None;
                state.document.clear();
                self.publish_keys(&fetched.issuer, None);
            }
            drop(state);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn fetch(
        &self,
        issuer: &ExternalIssuer,
        state: &mut State,
    ) -> Result<(), IssuerUnavailable> {
        let name = &*issuer.settings.name;
        let was_failing = state.tried.is_some_and(|(_, failed)| failed);
        let address = issuer.jwks_url.as_deref();
        let document = openid::key_set(&issuer.settings.issuer, address, &issuer.tls);
        let keys = match document.await {
            Ok(document) => ExternalKeys::parse(&document)
                .map(|keys| (document, keys))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        state.tried = Some((Instant::now(), keys.is_err()));
        match keys {
            Ok((document, keys)) => {
                if was_failing {
                    tracing::info!(issuer = name, "the issuer's keys can be fetched again");
                }
                if keys.is_empty() && document != state.document {
                    tracing::warn!(
                        issuer = name,
                        "the issuer's key set has no key that can be used"
                    );
                }
                state.succeeded_at = Some(Instant::now());
                if document != state.document {
                    state.document = document;
                    self.publish_keys(issuer, Some(Arc::new(keys)));
                }
                Ok(())
            }
            Err(error) => {
                if !was_failing {
                    tracing::warn!(issuer = name, error, "the issuer's keys cannot be fetched");
                }
                Err(IssuerUnavailable)
            }
        }
    }

    fn publish_keys(&self, issuer: &ExternalIssuer, keys: Option<Arc<ExternalKeys>>) {
        let snapshot = self.published.load();
        let mut issuers = HashMap::clone(&snapshot.issuers);
        if let Some(known) = issuers.get_mut(&issuer.settings.issuer) {
            known.keys = keys;
            known.keys_since = snapshot.version + 1;
        }
        self.publish(AuthSnapshot::with_issuers(&snapshot, Arc::new(issuers)));
    }

    /// Registers an agent for a subject that is seen for the first time.
    async fn create_agent(&self, issuer: &Issuer, subject: &str) -> Result<(), IssuerUnavailable> {
        if self.published.load().by_subject(&issuer.name, subject).is_some() {
            return Ok(());
        }
        let mut agent = new_agent(issuer, subject).map_err(|_no_random| IssuerUnavailable)?;
        for name in [subject_to_name, subject_to_digest_name] {
            agent.name = name(&issuer.name, subject);
            // Taken: as a name, or another gateway, or another request, was first.
            if !self.is_spoken_for(&agent.name).await? && self.register(agent.clone()).await? {
                break;
            }
        }
        if self.look_now(STORE_PATIENCE).await { Ok(()) } else { Err(IssuerUnavailable) }
    }

    /// Whether this is a role, so that an agent of this name would get what others were given.
    async fn is_spoken_for(&self, name: &str) -> Result<bool, IssuerUnavailable> {
        let ours =
            |issuer: &ExternalIssuer| issuer.settings.role_map.iter().any(|(_, role)| role == name);
        if self.published.load().is_role(name) || self.settings.issuers.iter().any(ours) {
            return Ok(true);
        }
        let granted = self.policy.check_grants.ask(CheckGrants { name: name.to_owned() }).await;
        granted.map_err(|error| {
            tracing::warn!(%error, "an agent cannot be named without the policy");
            IssuerUnavailable
        })
    }

    /// `false` when the name, or the subject, has an agent already.
    async fn register(&self, agent: NewAgent) -> Result<bool, IssuerUnavailable> {
        let (store, now) = (self.store.clone(), crate::clock::now());
        let created = tokio::task::spawn_blocking(move || store.create_agent(&agent, ISSUER, now));
        match created.await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(StoreError::Taken { .. })) => Ok(false),
            Ok(Err(error)) => {
                let error = error.with_causes();
                tracing::warn!(error, "an issuer's agent cannot be registered");
                Err(IssuerUnavailable)
            }
            Err(_) => Err(IssuerUnavailable),
        }
    }
}

/// The agent of a subject, whose name is still to be found.
fn new_agent(issuer: &Issuer, subject: &str) -> Result<NewAgent, secret::SecretError> {
    let identity =
        ExternalIdentity { issuer: issuer.name.to_string(), subject: subject.to_owned() };
    Ok(NewAgent {
        id: Uuid::now_v7().to_string(),
        name: String::new(),
        agent_type: issuer.agent_type.clone(),
        client_id: secret::generate_client_id()?,
        // Nobody knows it: such an agent shows its issuer's tokens.
        secret_hash: secret::hash(secret::generate_client_secret()?.expose()),
        roles: Vec::new(),
        owner: Some(issuer.name.to_string()),
        identity: Some(identity),
        limits: CallerLimits::default(),
    })
}
