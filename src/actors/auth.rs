//! The keeper of identities.
//!
//! [`AuthActor`], one per process, owns the signing keys, the external issuers' keys and every caller's
//! standing; it publishes immutable snapshots, issues and revokes tokens, and saves what callers used. [`AuthDesk`], one per worker, answers the requests' questions
//! from the newest snapshot with a private memo of verified tokens: no lock, no thread hop. Neither
//! ever sees a prompt or keeps a token in clear: the memo's key is the token's SHA-256.
//!
//! Mailboxes: bounded; askers wait until their deadline and then fail closed. A new owner starts from
//! the store and the published snapshot; a new desk starts with an empty memo.

mod desk;
mod issuers;
mod snapshot;
mod standing;
mod tokens;
mod usage;

pub use desk::AuthDesk;
pub use issuers::{ExternalIssuer, IssuerError};
pub use snapshot::{AuthSnapshot, PublishedAuth};

use crate::bus::Line;
use crate::bus::auth::{
    Complete, IssueError, IssueToken, IssuedToken, IssuerUnavailable, RevokeError, RevokeToken,
    SaveUsage,
};
use crate::bus::policy::ListPermissions;
use crate::config::Auth;
use crate::identity::KeySet;
use crate::limits::month_of;
use crate::store::{KeyFiles, Store, StoreError};
use crate::types::{CallerLimits, UnixMillis};
use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use issuers::Issuers;
use snapshot::Seen;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

const MAILBOX: usize = 1_024;
const LOOK_FOR_CHANGES_EVERY: Duration = Duration::from_millis(300);
/// After a failure the store is left alone for so long, whoever asks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A token request waits at most so long for a look at the store; then the snapshot decides.
const LOOK_PATIENCE: Duration = Duration::from_millis(300);
const SAVE_USAGE_EVERY: Duration = Duration::from_secs(1);

/// The owner of keys and standings.
pub struct AuthActor {
    shared: Arc<Shared>,
}

/// What the owner works with.
#[derive(Clone)]
pub struct AuthSettings {
    /// Issuer, audience and life of our own tokens.
    pub tokens: Auth,
    /// For agents that have no limits of their own.
    pub default_limits: CallerLimits,
    /// The issuers outside whose tokens are believed.
    pub issuers: Vec<ExternalIssuer>,
    /// Our own signing keys.
    pub key_files: KeyFiles,
}

struct Shared {
    store: Store,
    settings: AuthSettings,
    published: PublishedAuth,
    /// Tells the version of what is published to whoever keeps a stream open.
    standings: watch::Sender<u64>,
    list_permissions: Line<ListPermissions>,
    issuers: Issuers,
    /// Rung by who wants the store looked at now. One task looks, however many ask.
    bell: Notify,
    looks: watch::Sender<Looks>,
}

/// The looks at the store: how many began, how many ended, and whether the last one failed.
#[derive(Clone, Copy, Default)]
struct Looks {
    begun: u64,
    ended: u64,
    failing: bool,
}

impl AuthActor {
    /// An owner that publishes into `published` and tells so through `standings`.
    pub fn new(
        store: Store,
        settings: AuthSettings,
        published: PublishedAuth,
        standings: watch::Sender<u64>,
        list_permissions: Line<ListPermissions>,
    ) -> Self {
        let (bell, looks) = (Notify::new(), watch::Sender::default());
        let issuers = Issuers::of(&settings.issuers);
        let shared = Shared {
            store,
            settings,
            published,
            standings,
            list_permissions,
            issuers,
            bell,
            looks,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Reads every standing for the first snapshot.
    pub fn load(
        store: &Store,
        settings: &AuthSettings,
        keys: KeySet,
        now: UnixMillis,
    ) -> Result<AuthSnapshot, StoreError> {
        let seen = look(store, now)?;
        let usage = store.usage(month_of(now))?;
        let keys = Arc::new(with_verifying_keys(keys, &seen));
        let issuers = Arc::new(issuers::unfetched(&settings.issuers));
        let defaults = settings.default_limits;
        Ok(AuthSnapshot::first(seen, keys, issuers, defaults, &usage, now))
    }
}

impl Actor for AuthActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let shared = Arc::clone(&self.shared);
        ctx.spawn(async move { shared.follow().await }.into_actor(self));
        let shared = Arc::clone(&self.shared);
        ctx.spawn(async move { shared.keep_issuers_fresh().await }.into_actor(self));
        let shared = Arc::clone(&self.shared);
        ctx.spawn(async move { shared.keep_usage_saved().await }.into_actor(self));
    }
}

impl Handler<IssueToken> for AuthActor {
    type Result = ResponseFuture<Result<IssuedToken, IssueError>>;

    fn handle(&mut self, message: IssueToken, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.issue_token(message.request).await })
    }
}

impl Handler<RevokeToken> for AuthActor {
    type Result = ResponseFuture<Result<(), RevokeError>>;

    fn handle(&mut self, message: RevokeToken, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.revoke_token(message.request).await })
    }
}

impl Handler<Complete> for AuthActor {
    type Result = ResponseFuture<Result<(), IssuerUnavailable>>;

    fn handle(&mut self, message: Complete, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.complete(message.0).await })
    }
}

impl Handler<SaveUsage> for AuthActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: SaveUsage, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.save_usage().await })
    }
}

impl Shared {
    /// Looks for changes until the actor ends. A failure is logged once, and so is its end.
    async fn follow(&self) {
        let mut failing = false;
        loop {
            if failing {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            } else {
                // Whether somebody rang or the time has come, the next look is due.
                let _ = tokio::time::timeout(LOOK_FOR_CHANGES_EVERY, self.bell.notified()).await;
            }
            self.looks.send_modify(|looks| looks.begun += 1);
            let refreshed = self.refresh().await;
            match &refreshed {
                Err(error) if !failing => {
                    let error = error.with_causes();
                    tracing::warn!(
                        error,
                        "agents cannot be read; the known standings stay in force"
                    );
                }
                Ok(()) if failing => tracing::info!("agents can be read again"),
                _ => {}
            }
            failing = refreshed.is_err();
            self.looks.send_modify(|looks| {
                looks.ended = looks.begun;
                looks.failing = failing;
            });
        }
    }

    /// Waits for a look that began after this call, not long, and not at all while looks fail.
    async fn look_now(&self) {
        let mut looks = self.looks.subscribe();
        let before = *looks.borrow();
        if before.failing {
            return;
        }
        self.bell.notify_one();
        let seen = looks.wait_for(|looks| looks.ended > before.begun || looks.failing);
        if tokio::time::timeout(LOOK_PATIENCE, seen).await.is_err() {
            tracing::debug!("a token is issued from the known standings");
        }
    }

    /// Publishes a new snapshot when the store has changed.
    async fn refresh(&self) -> Result<(), StoreError> {
        let known = self.published.load().change;
        let (store, now) = (self.store.clone(), crate::clock::now());
        let read = tokio::task::spawn_blocking(move || {
            if store.latest_change()? == known { Ok(None) } else { look(&store, now).map(Some) }
        });
        // A blocking task fails to join only when it panicked or the runtime ends.
        let Ok(read) = read.await else { return Ok(()) };
        if let Some(seen) = read? {
            let keys = self.current_keys(&seen).await;
            let defaults = self.settings.default_limits;
            self.publish(self.published.load().next(seen, keys, defaults, now));
        }
        Ok(())
    }

    /// Our own key as its file is now, and the keys of all gateways. A file that cannot be read leaves the key
    /// that signs.
    async fn current_keys(&self, seen: &Seen) -> Arc<KeySet> {
        let files = self.settings.key_files.clone();
        let now = crate::clock::now();
        let read = tokio::task::spawn_blocking(move || files.load_or_create(now)).await;
        let known = Arc::clone(&self.published.load().keys);
        let keys = match read {
            Ok(Ok(key)) if key.kid() != known.current().kid() => KeySet::new(key),
            Ok(Err(error)) => {
                tracing::error!(%error, "the signing key cannot be read; the known one stays");
                known.signing_alone()
            }
            _ => known.signing_alone(),
        };
        Arc::new(with_verifying_keys(keys, seen))
    }

    fn publish(&self, snapshot: AuthSnapshot) {
        let version = snapshot.version;
        self.published.store(Arc::new(snapshot));
        self.standings.send_replace(version);
    }
}

/// Everything that the store says of callers. Sessions whose tokens are over need not be remembered.
fn look(store: &Store, now: UnixMillis) -> Result<Seen, StoreError> {
    store.forget_revoked_sessions(now)?;
    // First, so that what changes meanwhile is looked at again.
    let change = store.latest_change()?;
    Ok(Seen {
        change,
        agents: store.agents()?,
        app_contexts: store.app_contexts()?,
        detection_keys: store.detection_keys()?,
        revoked_sessions: store.revoked_sessions(now)?,
        verifying_keys: store.verifying_keys(now)?,
    })
}

fn with_verifying_keys(mut keys: KeySet, seen: &Seen) -> KeySet {
    for key in &seen.verifying_keys {
        if let Err(error) = keys.add_public(&key.jwk, key.verify_until) {
            tracing::error!(%error, kid = key.kid, "a verifying key in the database cannot be read");
        }
    }
    keys
}

#[cfg(test)]
mod tests;
