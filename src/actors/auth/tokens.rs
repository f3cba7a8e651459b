//! Tokens of our own: issued for a client's secret, and revoked by the client that holds them.
//!
//! Owns the order of the checks. It must never tell an unknown client from a wrong secret.

use super::{AuthSnapshot, Shared, standing::Standing};
use crate::bus::auth::{IssueError, IssuedToken, RevokeError};
use crate::bus::policy::ListPermissions;
use crate::identity::{
    Claims, KeySet, RevocationRequest, TokenRefusal, TokenRequest, issue, secret, verify_at_any_age,
};
use crate::types::{AgentStatus, Permission, Sensitive, UnixMillis};
use std::{sync::Arc, time::Duration};

/// Compared with when the client is unknown, so that both refusals take the same time.
const NOBODYS_SECRET_HASH: [u8; 32] = [0x5a; 32];

/// A token request waits at most so long for a look at the store; then the snapshot decides.
const LOOK_PATIENCE: Duration = Duration::from_millis(300);

/// Who revokes a token, in the list of changes.
const CLIENT: &str = "client";

impl Shared {
    pub(super) async fn issue_token(
        &self,
        request: TokenRequest,
    ) -> Result<IssuedToken, IssueError> {
        let snapshot = self.newest_snapshot().await;
        let standing = client(&snapshot, &request.client_id, &request.client_secret)
            .ok_or(IssueError::Refused(TokenRefusal::InvalidClient))?;
        if standing.status != AgentStatus::Active {
            return Err(IssueError::Standing(standing.status));
        }
        self.sign(Arc::clone(&snapshot.keys), standing).await
    }

    /// A token that is not good, or is over, needs no revocation (RFC 7009 §2.2); another client's is refused.
    pub(super) async fn revoke_token(&self, request: RevocationRequest) -> Result<(), RevokeError> {
        let snapshot = self.newest_snapshot().await;
        let standing = client(&snapshot, &request.client_id, &request.client_secret)
            .ok_or(RevokeError::Refused(TokenRefusal::InvalidClient))?;
        let now = crate::clock::now();
        let tokens = &self.settings.tokens;
        let token = request.token.expose();
        let (issuer, audience) = (&tokens.issuer, &tokens.audience);
        let Ok(claims) = verify_at_any_age(&snapshot.keys, token, issuer, audience, now) else {
            return Ok(());
        };
        if *claims.sub != *standing.agent_id {
            return Err(RevokeError::Refused(TokenRefusal::InvalidGrant));
        }
        let (store, ends) = (self.store.clone(), UnixMillis(0).plus_secs(claims.exp));
        let written = tokio::task::spawn_blocking(move || {
            store.revoke_session(&claims.sub, &claims.jti, ends, CLIENT, now)
        });
        match written.await {
            Ok(Ok(())) => {
                self.look_now(LOOK_PATIENCE).await;
                Ok(())
            }
            Ok(Err(error)) => {
                let error = error.with_causes();
                tracing::error!(error, "a revocation could not be written down");
                Err(RevokeError::Unavailable)
            }
            Err(_) => Err(RevokeError::Unavailable),
        }
    }

    /// An agent made a moment ago by the command line must be known now; with the store away the known
    /// standings decide.
    async fn newest_snapshot(&self) -> Arc<AuthSnapshot> {
        if !self.look_now(LOOK_PATIENCE).await {
            tracing::debug!("a client is checked against the known standings");
        }
        self.published.load_full()
    }

    async fn sign(
        &self,
        keys: Arc<KeySet>,
        standing: &Standing,
    ) -> Result<IssuedToken, IssueError> {
        let expires_in = self.settings.tokens.token_ttl_secs;
        let permissions = self.permissions_of(standing).await;
        let now = crate::clock::now();
        let claims = self.claims(standing, permissions, now);
        let risk_tier = standing.risk_tier(now);
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
        let principal = Arc::new(standing.principal(Arc::from(""), &[]));
        let permissions = self.policy.list_permissions.ask(ListPermissions { principal }).await;
        permissions.unwrap_or_else(|error| {
            tracing::warn!(%error, "a token does not list its permissions");
            Vec::new()
        })
    }

    fn claims(&self, standing: &Standing, permissions: Vec<Permission>, now: UnixMillis) -> Claims {
        let tokens = &self.settings.tokens;
        let issued_at = now.as_secs();
        Claims {
            iss: tokens.issuer.clone(),
            sub: standing.agent_id.to_string(),
            aud: tokens.audience.clone(),
            client_id: standing.client_id.clone(),
            iat: issued_at,
            exp: issued_at.saturating_add_unsigned(tokens.token_ttl_secs),
            jti: uuid::Uuid::now_v7().to_string(),
            roles: standing.roles.iter().map(ToString::to_string).collect(),
            permissions: permissions.iter().map(ToString::to_string).collect(),
            risk_tier: standing.risk_tier(now).to_owned(),
        }
    }
}

/// The client with this secret.
fn client<'s>(
    snapshot: &'s AuthSnapshot,
    client_id: &str,
    client_secret: &Sensitive<String>,
) -> Option<&'s Standing> {
    let standing = snapshot.by_client(client_id);
    let expected = standing.map_or(&NOBODYS_SECRET_HASH, |standing| &standing.secret_hash);
    let matches = secret::verify(client_secret.expose(), expected);
    standing.filter(|_| matches)
}
