//! How agents, AppContexts and keys are shown to administrators, in HTTP answers and with `--json`.
//!
//! Owns the names of the JSON members. It must never show a secret, nor its hash.

use super::{Agent, AppContextRow, ListedKey, ListedUser, NewKey, Provisioned};
use crate::store::VerifyingKey;
use crate::trust::risk_tier;
use crate::types::{CallerLimits, Sensitive, UnixMillis};
use serde_json::{Value, json};

/// An agent. Scores are in hundredths, as in records; its risk fades.
pub fn agent(agent: &Agent, now: UnixMillis) -> Value {
    let risk_score = agent.reputation.risk.score_at(now);
    let quarantine = agent.quarantine.as_ref();
    let identity = agent.identity.as_ref();
    json!({
        "agent_id": agent.id,
        "name": agent.name,
        "client_id": agent.client_id,
        "agent_type": agent.agent_type,
        "roles": agent.roles,
        "owner": agent.owner,
        "identity": identity.map(|it| json!({ "issuer": it.issuer, "subject": it.subject })),
        "limits": limits(agent.limits),
        "status": agent.status,
        "quarantine": quarantine.map(|it| json!({ "reason": it.reason, "at": it.at })),
        "trust_score": agent.reputation.trust_score,
        "risk_score": risk_score,
        "risk_tier": risk_tier(risk_score),
        "calls": agent.reputation.calls,
        "violations": agent.reputation.violations,
        "last_violation_at": agent.reputation.last_violation_at,
        "last_call_at": agent.last_call_at,
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
    })
}

/// A new agent, or one with a new secret: the only time that the secret is shown.
pub fn provisioned(new: &Provisioned) -> Value {
    json!({
        "agent_id": new.agent_id,
        "client_id": new.client_id,
        "client_secret": new.client_secret.expose(),
    })
}

/// An AppContext.
pub fn app_context(context: &AppContextRow) -> Value {
    json!({
        "id": context.id,
        "name": context.name,
        "allowed_models": context.allowed_models,
        "provider_key": context.provider_key,
        "detectors": context.detectors,
        "limits": limits(context.limits),
        "last_call_at": context.last_call_at,
        "created_at": context.created_at,
        "updated_at": context.updated_at,
        "revoked_at": context.revoked_at,
    })
}

/// A detection key, by its last four characters.
pub fn key(listed: &ListedKey) -> Value {
    json!({
        "id": listed.key.id,
        "last4": listed.key.last4,
        "app_context_id": listed.key.app_context_id,
        "app_context": listed.app_context,
        "agent_id": listed.key.agent_id,
        "agent": listed.agent,
        "state": listed.state,
        "created_at": listed.key.created_at,
        "expires_at": listed.key.expires_at,
        "revoked_at": listed.key.revoked_at,
    })
}

/// A new detection key: the only time that it is shown.
pub fn new_key(new: &NewKey) -> Value {
    json!({ "id": new.id, "key": new.key.expose() })
}

/// A user of the dashboard.
pub fn user(ListedUser { user, sessions }: &ListedUser) -> Value {
    json!({
        "username": user.username,
        "role": user.role,
        "source": user.source,
        "disabled": user.disabled,
        "configured": user.configured,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "last_sign_in_at": user.last_sign_in_at,
        "sessions": sessions,
    })
}

/// A new user, with the password if it was generated: the only time that it is shown.
pub fn new_user(user: &ListedUser, password: Option<&Sensitive<String>>) -> Value {
    let mut shown = self::user(user);
    if let Some(members) = shown.as_object_mut() {
        members.insert("password".to_owned(), json!(password.map(Sensitive::expose)));
    }
    shown
}

/// The public half of a signing key, without its numbers: these are in the JWKS.
pub fn signing_key(key: &VerifyingKey) -> Value {
    json!({
        "kid": key.kid,
        "node": key.node,
        "signs": key.verify_until.is_none(),
        "created_at": key.created_at,
        "verify_until": key.verify_until,
    })
}

fn limits(limits: CallerLimits) -> Value {
    json!({
        "requests_per_minute": limits.requests_per_minute,
        "monthly_requests": limits.monthly_requests,
        "concurrent_streams": limits.concurrent_streams,
    })
}
