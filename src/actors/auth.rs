//! The keeper of identities.
//!
//! [`AuthActor`], one per process, owns the signing keys and every agent's standing; it publishes
//! immutable snapshots and issues tokens. [`AuthDesk`], one per worker, answers the requests' questions
//! from the newest snapshot with a private memo of verified tokens: no lock, no thread hop. Neither
//! ever sees a prompt or keeps a token in clear: the memo's key is the token's SHA-256.
//!
//! Mailboxes: bounded; askers wait until their deadline and then fail closed. A new owner starts from
//! the store and the published snapshot; a new desk starts with an empty memo.

mod desk;
mod snapshot;

pub use desk::AuthDesk;
pub use snapshot::{AuthSnapshot, PublishedAuth, Standing};

use crate::bus::Line;
use crate::bus::auth::{IssueError, IssueToken, IssuedToken};
use crate::bus::policy::ListPermissions;
use crate::config::Auth;
use crate::identity::{Claims, KeySet, TokenRefusal, TokenRequest, issue, secret};
use crate::store::{Store, StoreError};
use crate::types::{AgentStatus, Permission, UnixMillis};
use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

const MAILBOX: usize = 1_024;
const LOOK_FOR_CHANGES_EVERY: Duration = Duration::from_millis(300);
/// After a failure the store is left alone for so long, whoever asks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A token request waits at most so long for a look at the store; then the snapshot decides.
const LOOK_PATIENCE: Duration = Duration::from_millis(300);

/// Compared with when the client is unknown, so that both refusals take the same time.
const NOBODYS_SECRET_HASH: [u8; 32] = [0x5a; 32];

/// The owner of keys and standings.
pub struct AuthActor {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    settings: Auth,
    published: PublishedAuth,
    list_permissions: Line<ListPermissions>,
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
    /// An owner that publishes into `published`.
    pub fn new(
        store: Store,
        settings: Auth,
        published: PublishedAuth,
        list_permissions: Line<ListPermissions>,
    ) -> Self {
        let (bell, looks) = (Notify::new(), watch::Sender::default());
        Self {
            shared: Arc::new(Shared { store, settings, published, list_permissions, bell, looks }),
        }
    }

    /// Reads every standing for the first snapshot.
    pub fn load(store: &Store, keys: Arc<KeySet>) -> Result<AuthSnapshot, StoreError> {
        let change = store.latest_change()?;
        Ok(AuthSnapshot::new(change, keys, store.agents()?))
    }
}

impl Actor for AuthActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let shared = Arc::clone(&self.shared);
        ctx.spawn(async move { shared.follow().await }.into_actor(self));
    }
}

impl Handler<IssueToken> for AuthActor {
    type Result = ResponseFuture<Result<IssuedToken, IssueError>>;

    fn handle(&mut self, message: IssueToken, _: &mut Self::Context) -> Self::Result {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.issue_token(message.request).await })
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
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || {
            let change = store.latest_change()?;
            if change == known {
                Ok(None)
            } else {
                store.agents().map(|agents| Some((change, agents)))
            }
        });
        // A blocking task fails to join only when it panicked or the runtime ends.
        let Ok(read) = read.await else { return Ok(()) };
        if let Some((change, agents)) = read? {
            let keys = Arc::clone(&self.published.load().keys);
            self.published.store(Arc::new(AuthSnapshot::new(change, keys, agents)));
        }
        Ok(())
    }

    async fn issue_token(&self, request: TokenRequest) -> Result<IssuedToken, IssueError> {
        // An agent made a moment ago by the command line must be known now; with the store away the
        // snapshot decides.
        self.look_now().await;
        let snapshot = self.published.load_full();
        let standing = snapshot.by_client(&request.client_id);
        let expected = standing.map_or(&NOBODYS_SECRET_HASH, |standing| &standing.secret_hash);
        let matches = secret::verify(request.client_secret.expose(), expected);
        let (Some(standing), true) = (standing, matches) else {
            return Err(IssueError::Refused(TokenRefusal::InvalidClient));
        };
        if standing.status != AgentStatus::Active {
            return Err(IssueError::Standing(standing.status));
        }
        self.sign(Arc::clone(&snapshot.keys), standing).await
    }

    async fn sign(
        &self,
        keys: Arc<KeySet>,
        standing: &Standing,
    ) -> Result<IssuedToken, IssueError> {
        let expires_in = self.settings.token_ttl_secs;
        let permissions = self.permissions_of(standing).await;
        let claims = self.claims(standing, permissions, crate::clock::now());
        let risk_tier = standing.risk_tier();
        let signed = tokio::task::spawn_blocking(move || issue(&keys, &claims)).await;
        match signed {
            Ok(Ok(access_token)) => Ok(IssuedToken {
                access_token,
                expires_in,
                agent_id: Arc::clone(&standing.agent_id),
                risk_tier,
            }),
            Ok(Err(error)) => {
                tracing::error!(%error, "a token could not be signed");
                Err(IssueError::Unavailable)
            }
            Err(_) => Err(IssueError::Unavailable),
        }
    }

    /// What the roles hold now. The claim only informs, so a policy that does not answer leaves it empty.
    async fn permissions_of(&self, standing: &Standing) -> Vec<Permission> {
        let principal = Arc::new(standing.principal(Arc::from("")));
        let permissions = self.list_permissions.ask(ListPermissions { principal }).await;
        permissions.unwrap_or_else(|error| {
            tracing::warn!(%error, "a token does not list its permissions");
            Vec::new()
        })
    }

    fn claims(&self, standing: &Standing, permissions: Vec<Permission>, now: UnixMillis) -> Claims {
        let issued_at = now.as_secs();
        Claims {
            iss: self.settings.issuer.clone(),
            sub: standing.agent_id.to_string(),
            aud: self.settings.audience.clone(),
            client_id: standing.client_id.clone(),
            iat: issued_at,
            exp: issued_at.saturating_add_unsigned(self.settings.token_ttl_secs),
            jti: uuid::Uuid::now_v7().to_string(),
            roles: standing.roles.iter().map(ToString::to_string).collect(),
            permissions: permissions.iter().map(ToString::to_string).collect(),
            risk_tier: standing.risk_tier().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
