//! A worker's desk for identities: verifies a token once, then answers from its memo.
//!
//! Owns the memo. It must never answer from a memo entry whose snapshot is not the newest without
//! looking at the caller's standing again.

use super::snapshot::{AuthSnapshot, KnownIssuer, PublishedAuth};
use crate::bus::auth::{
    AuthError, Authenticate, Authenticated, Credential, Lacking, ListKeys, Recheck,
};
use crate::config::Auth;
use crate::identity::{
    ExternalClaims, TokenError, secret, unverified_issuer, verify, verify_external,
};
use crate::trust::IdentityStrength;
use crate::types::UnixMillis;
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

/// A token whose signature was checked.
struct Verified {
    caller: Authenticated,
    identity: IdentityStrength,
    /// Roles that the token adds to the stored ones.
    more_roles: Vec<Arc<str>>,
    valid_until: UnixMillis,
    /// The token's own end, after which it is expired rather than unknown.
    expires_at: UnixMillis,
}

/// What a good token says, whoever issued it.
struct Shown {
    agent_id: Arc<str>,
    session_id: Arc<str>,
    identity: IdentityStrength,
    more_roles: Vec<Arc<str>>,
    expires_at: UnixMillis,
}

impl AuthDesk {
    /// A desk that reads what the owner publishes.
    pub fn new(published: PublishedAuth, settings: Auth) -> Self {
        Self { published, settings, memo: LruCache::new(MEMO_TOKENS) }
    }

    fn authenticate(
        &mut self,
        credential: &Credential,
        now: UnixMillis,
    ) -> Result<Authenticated, AuthError> {
        match credential {
            Credential::AgentToken(token) => self.agent_token(token.expose(), now),
            Credential::DetectionKey(key) => {
                let snapshot = self.published.load();
                let hash = secret::hash(key.expose());
                let key = snapshot.detection_key(&hash).ok_or(AuthError::Invalid)?;
                snapshot.admit_key(key, now)
            }
        }
    }

    fn agent_token(&mut self, token: &str, now: UnixMillis) -> Result<Authenticated, AuthError> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let snapshot = self.published.load();
        if let Some(verified) = self.memo.get_mut(&digest) {
            if now >= verified.expires_at {
                return Err(AuthError::Expired);
            }
            if now < verified.valid_until {
                if verified.caller.version != snapshot.version {
                    let principal = &verified.caller.principal;
                    let standing = snapshot.agent(&principal.agent_id);
                    let session_id = Arc::clone(&principal.session_id);
                    verified.caller = snapshot.admit(
                        standing.ok_or(AuthError::Invalid)?,
                        session_id,
                        verified.identity,
                        &verified.more_roles,
                    )?;
                }
                return Ok(verified.caller.clone());
            }
        }
        let Shown { agent_id, session_id, identity, more_roles, expires_at } =
            self.verify(&snapshot, token, now)?;
        let standing = snapshot.agent(&agent_id).ok_or(AuthError::Invalid)?;
        let caller = snapshot.admit(standing, session_id, identity, &more_roles)?;
        let verified = Verified {
            caller: caller.clone(),
            identity,
            more_roles,
            valid_until: now.plus_secs(MEMO_SECS).min(expires_at),
            expires_at,
        };
        self.memo.put(digest, verified);
        Ok(caller)
    }

    /// Checks a token of ours, or of the external issuer that it claims to be from.
    fn verify(
        &self,
        snapshot: &AuthSnapshot,
        token: &str,
        now: UnixMillis,
    ) -> Result<Shown, AuthError> {
        let claimed = unverified_issuer(token).ok_or(AuthError::Invalid)?;
        if let Some(issuer) = snapshot.issuers.get(&claimed) {
            return verify_from_outside(snapshot, issuer, token, now);
        }
        let Auth { issuer, audience, .. } = &self.settings;
        let claims = match verify(&snapshot.keys, token, issuer, audience, now) {
            Err(TokenError::UnknownKey) if claimed == *issuer => {
                return Err(AuthError::Lacking(Lacking::OwnKey));
            }
            claims => claims.map_err(refuse)?,
        };
        Ok(Shown {
            agent_id: claims.sub.into(),
            session_id: claims.jti.into(),
            identity: IdentityStrength::Standard,
            more_roles: Vec::new(),
            expires_at: UnixMillis(claims.exp.saturating_mul(1_000)),
        })
    }
}

fn verify_from_outside(
    snapshot: &AuthSnapshot,
    issuer: &KnownIssuer,
    token: &str,
    now: UnixMillis,
) -> Result<Shown, AuthError> {
    let name = &issuer.settings.name;
    let lacks_keys = || {
        AuthError::Lacking(Lacking::Keys { issuer: Arc::clone(name), version: snapshot.version })
    };
    let keys = issuer.keys.as_ref().ok_or_else(lacks_keys)?;
    let claims = match verify_external(&issuer.settings, keys, token, now) {
        Err(TokenError::UnknownKey) => return Err(lacks_keys()),
        claims => claims.map_err(|error| {
            tracing::debug!(%error, issuer = &**name, "a token of an external issuer is refused");
            refuse(error)
        })?,
    };
    let ExternalClaims { subject, session_id, expires_at, roles } = claims;
    let Some(standing) = snapshot.by_subject(name, &subject) else {
        let agent = Lacking::Agent { issuer: Arc::clone(name), subject: subject.into() };
        return Err(if issuer.creates_agents {
            AuthError::Lacking(agent)
        } else {
            AuthError::Invalid
        });
    };
    Ok(Shown {
        agent_id: Arc::clone(&standing.agent_id),
        session_id: session_id.into(),
        identity: IdentityStrength::Verified,
        more_roles: roles,
        expires_at,
    })
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
    type Result = Result<Authenticated, AuthError>;

    fn handle(&mut self, message: Authenticate, _: &mut Self::Context) -> Self::Result {
        self.authenticate(&message.credential, crate::clock::now())
    }
}

impl Handler<Recheck> for AuthDesk {
    type Result = Result<(), AuthError>;

    fn handle(&mut self, message: Recheck, _: &mut Self::Context) -> Self::Result {
        self.published.load().recheck(&message.principal, crate::clock::now())
    }
}

impl Handler<ListKeys> for AuthDesk {
    type Result = MessageResult<ListKeys>;

    fn handle(&mut self, _: ListKeys, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.published.load().keys.jwks(crate::clock::now()).into())
    }
}
