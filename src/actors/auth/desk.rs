//! A worker's desk for identities: verifies a token once, then answers from its memo.
//!
//! Owns the memo. It must never answer from a memo entry whose snapshot is not the newest without
//! looking at the agent's standing again.

use super::snapshot::{AuthSnapshot, PublishedAuth};
use crate::bus::auth::{AuthError, Authenticate, ListKeys};
use crate::config::Auth;
use crate::identity::{TokenError, verify};
use crate::types::{AgentStatus, Principal, UnixMillis};
use actix::{Actor, Context, Handler, MessageResult};
use lru::LruCache;
use sha2::{Digest, Sha256};
use std::{num::NonZeroUsize, sync::Arc};

const MAILBOX: usize = 1_024;
const MEMO_TOKENS: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();
/// A verified token is verified again after this long.
const MEMO_SECS: i64 = 60;

/// One per worker.
pub struct AuthDesk {
    published: PublishedAuth,
    settings: Auth,
    memo: LruCache<[u8; 32], Verified>,
}

struct Verified {
    principal: Arc<Principal>,
    change: i64,
    valid_until: UnixMillis,
    /// The token's own end, after which it is expired rather than unknown.
    expires_at: UnixMillis,
}

impl AuthDesk {
    /// A desk that reads what the owner publishes.
    pub fn new(published: PublishedAuth, settings: Auth) -> Self {
        Self { published, settings, memo: LruCache::new(MEMO_TOKENS) }
    }

    fn authenticate(&mut self, token: &str, now: UnixMillis) -> Result<Arc<Principal>, AuthError> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let snapshot = self.published.load();
        if let Some(verified) = self.memo.get_mut(&digest) {
            if now >= verified.expires_at {
                return Err(AuthError::Expired);
            }
            if now < verified.valid_until {
                if verified.change != snapshot.change {
                    let session_id = Arc::clone(&verified.principal.session_id);
                    let agent_id = Arc::clone(&verified.principal.agent_id);
                    verified.principal = stand(&snapshot, &agent_id, session_id)?;
                    verified.change = snapshot.change;
                }
                return Ok(Arc::clone(&verified.principal));
            }
        }
        let claims =
            verify(&snapshot.keys, token, &self.settings.issuer, &self.settings.audience, now)
                .map_err(refuse)?;
        let principal = stand(&snapshot, &claims.sub, claims.jti.into())?;
        let expires_at = UnixMillis(claims.exp.saturating_mul(1_000));
        let verified = Verified {
            principal: Arc::clone(&principal),
            change: snapshot.change,
            valid_until: now.plus_secs(MEMO_SECS).min(expires_at),
            expires_at,
        };
        self.memo.put(digest, verified);
        Ok(principal)
    }
}

/// The agent as a caller, if it may call.
fn stand(
    snapshot: &AuthSnapshot,
    agent_id: &str,
    session_id: Arc<str>,
) -> Result<Arc<Principal>, AuthError> {
    let standing = snapshot.agent(agent_id).ok_or(AuthError::Invalid)?;
    let principal = Arc::new(standing.principal(session_id));
    match standing.status {
        AgentStatus::Active => Ok(principal),
        status => Err(AuthError::Standing { principal, status }),
    }
}

fn refuse(error: TokenError) -> AuthError {
    match error {
        TokenError::Expired => AuthError::Expired,
        _ => AuthError::Invalid,
    }
}

impl Actor for AuthDesk {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Authenticate> for AuthDesk {
    type Result = Result<Arc<Principal>, AuthError>;

    fn handle(&mut self, message: Authenticate, _: &mut Self::Context) -> Self::Result {
        self.authenticate(message.token.expose(), crate::clock::now())
    }
}

impl Handler<ListKeys> for AuthDesk {
    type Result = MessageResult<ListKeys>;

    fn handle(&mut self, _: ListKeys, _: &mut Self::Context) -> Self::Result {
        MessageResult(Arc::clone(&self.published.load().jwks))
    }
}
