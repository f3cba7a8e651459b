//! The keeper of identities.
//!
//! [`AuthActor`], one per process, owns the signing keys, the external issuers' keys and every caller's
//! standing; it publishes immutable snapshots, issues and revokes tokens, and saves what callers used.
//! [`AuthDesk`], one per worker, answers the requests' questions from the newest snapshot with a private
//! memo of verified tokens: no lock, no thread hop. Neither ever sees a prompt or keeps a token in clear:
//! the memo's key is the token's SHA-256.
//!
//! Mailboxes: bounded; askers wait until their deadline and then fail closed. A new owner starts from
//! the store and the published snapshot; a new desk starts with an empty memo.

mod desk;
mod issuers;
mod looks;
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
use crate::bus::policy::{CheckGrants, ListPermissions};
use crate::config::Auth;
use crate::identity::KeySet;
use crate::limits::month_of;
use crate::store::{KeyFiles, Store, StoreError};
use crate::types::{CallerLimits, UnixMillis};
use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use issuers::Issuers;
use looks::{Looks, look, with_verifying_keys};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

const MAILBOX: usize = 1_024;
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
        let (bell, looks) = (Notify::new(), watch::Sender::default());
        let issuers = Issuers::of(&settings.issuers);
        let shared = Shared { store, settings, published, standings, policy, issuers, bell, looks };
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

#[cfg(test)]
mod tests;
