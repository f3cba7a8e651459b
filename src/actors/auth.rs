//! The keeper of identities.
//!
//! [`AuthActor`], one per process, owns the signing keys, the external issuers' keys and every caller's
//! standing; it publishes immutable snapshots, issues and revokes tokens, puts agents in quarantine, and saves what
//! callers used and what their conduct came to.
//! [`AuthDesk`], one per worker, answers the requests' questions from the newest snapshot with a private
//! memo of verified tokens: no lock, no thread hop. Neither ever sees a prompt or keeps a token in clear:
//! the memo's key is the token's SHA-256.
//!
//! Mailboxes: bounded; askers wait until their deadline and then fail closed. A new owner starts from
//! the store and the published snapshot; a new desk starts with an empty memo.

mod conduct;
mod desk;
mod issuers;
mod looks;
mod quarantine;
mod snapshot;
mod standing;
mod tokens;
mod usage;

pub use desk::AuthDesk;
pub use issuers::{ExternalIssuer, IssuerError};
pub use snapshot::{AuthSnapshot, PublishedAuth, Terms};

use crate::bus::Line;
use crate::bus::auth::{
    Complete, IssueError, IssueToken, IssuedToken, IssuerUnavailable, QuarantineAgent, RevokeError,
    RevokeToken, SaveUsage,
};
use crate::bus::policy::{CheckGrants, ListPermissions};
use crate::config::Auth;
use crate::identity::KeySet;
use crate::limits::month_of;
use crate::store::{KeyFiles, Store, StoreError};
use crate::types::UnixMillis;
use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use issuers::Issuers;
use looks::{Looks, look, with_verifying_keys};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, Notify, watch};

const MAILBOX: usize = 1_024;
const SAVE_COUNTS_EVERY: Duration = Duration::from_secs(1);

/// The owner of keys and standings.
pub struct AuthActor {
    shared: Arc<Shared>,
}

/// What the owner works with.
#[derive(Clone)]
pub struct AuthSettings {
    /// Issuer, audience and life of our own tokens.
    pub tokens: Auth,
    /// What callers are held to.
    pub terms: Terms,
    /// The issuers outside whose tokens are believed.
    pub issuers: Vec<ExternalIssuer>,
    /// Our own signing keys.
    pub key_files: KeyFiles,
}

/// What the owner asks the keeper of the policy.
#[derive(Clone)]
pub struct PolicyLines {
    /// For a token's informative claim.
    pub list_permissions: Line<ListPermissions>,
    /// For the names of new agents.
    pub check_grants: Line<CheckGrants>,
}

struct Shared {
    store: Store,
    settings: AuthSettings,
    published: PublishedAuth,
    /// Tells the version of what is published to whoever keeps a stream open.
    standings: watch::Sender<u64>,
    policy: PolicyLines,
    issuers: Issuers,
    /// Rung by who wants the store looked at now. One task looks, however many ask.
    bell: Notify,
    /// Rung when there is a quarantine to write down.
    quarantines: Notify,
    /// Held by who reads standings and publishes them, and by who writes conduct or quarantines: what was read
    /// before a write is never published behind it.
    turn: Mutex<()>,
    looks: watch::Sender<Looks>,
}

impl AuthActor {
    /// An owner that publishes into `published` and tells so through `standings`.
    pub fn new(
        store: Store,
        settings: AuthSettings,
        published: PublishedAuth,
        standings: watch::Sender<u64>,
        policy: PolicyLines,
    ) -> Self {
        let issuers = Issuers::of(&settings.issuers);
        let shared = Shared {
            store,
            settings,
            published,
            standings,
            policy,
            issuers,
            bell: Notify::new(),
            quarantines: Notify::new(),
            turn: Mutex::new(()),
            looks: watch::Sender::default(),
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
        Ok(AuthSnapshot::first(seen, keys, issuers, &settings.terms, &usage, now))
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
        ctx.spawn(async move { shared.keep_counts_saved().await }.into_actor(self));
        let shared = Arc::clone(&self.shared);
        ctx.spawn(async move { shared.keep_quarantines_written().await }.into_actor(self));
        let shared = Arc::clone(&self.shared);
        ctx.spawn(async move { shared.keep_trust_recovering().await }.into_actor(self));
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

impl Handler<QuarantineAgent> for AuthActor {
    type Result = ();

    fn handle(&mut self, message: QuarantineAgent, _: &mut Self::Context) -> Self::Result {
        self.shared.quarantine(message, crate::clock::now());
    }
}

impl Handler<SaveUsage> for AuthActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: SaveUsage, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            shared.save_usage().await;
            shared.save_conduct().await;
            shared.write_quarantines().await;
        })
    }
}

#[cfg(test)]
mod tests;
