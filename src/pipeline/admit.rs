//! Who calls, and may it: authentication before anything else, authorisation once the call is read.
//!
//! Owns the translation of the actors' answers into refusals. It must never look at the body.

use super::{Gate, Inbound, Refused, Stop, headers, record::Exchange};
use crate::bus::BusError;
use crate::bus::audit::Told;
use crate::bus::auth::{
    AuthError, Authenticate, Authenticated, Complete, Credential, IssuerUnavailable,
};
use crate::bus::policy::{Authorize, Authorized};
use crate::detect::AnswerGuard;
use crate::openai::{Call, find};
use crate::policy::{Decision, DenialReason, Permit};
use crate::types::{AgentStatus, Governed, Refusal, Sensitive, Surface};
use actix_web::http::header::{self, HeaderMap};
use std::sync::Arc;

/// What a known caller's call is counted as when there is no room for its record.
const RECORD_FULL: &str = "record_full";

/// Authenticates the caller, opens its exchange and counts it. A call without an identity is only counted.
pub(super) async fn identify(
    gate: &Gate,
    inbound: &Inbound<'_>,
) -> Result<Exchange, Option<Refused>> {
    let opening = Exchange::arrive(gate, inbound);
    let credential = match credential(inbound) {
        Ok(credential) => credential,
        Err(refusal) => return Err(Some(anonymous(gate, inbound, opening, refusal))),
    };
    let (caller, standing) = match authenticate(gate, credential).await {
        Ok(Ok(caller)) => (caller, None),
        Ok(Err(AuthError::Standing { caller, status })) => {
            (*caller, Some(refusal_of_status(status)))
        }
        Ok(Err(error)) => {
            return Err(Some(anonymous(gate, inbound, opening, refusal_of(&error))));
        }
        Err(refusal) => return Err(Some(opening.into_refused(refusal))),
    };
    let mut exchange = opening.begin(gate, caller).map_err(|refused| {
        count(gate, inbound, RECORD_FULL);
        Some(refused)
    })?;
    let allowed = match standing {
        _ if gate.drain.is_stopping() => Err(Refusal::Unavailable { what: "shutting down" }),
        Some(refusal) => Err(refusal),
        None => exchange.count().and_then(|()| head_fits(gate, inbound)),
    };
    match allowed {
        Ok(()) => Ok(exchange),
        Err(refusal) => {
            // The record says what was asked for, although it was not looked at.
            let method = inbound.request.method().as_str();
            if let Ok(route) = find(method, inbound.path, gate.settings.forward_unknown) {
                exchange.note_endpoint(route.endpoint);
            }
            Err(Some(exchange.refuse(refusal)))
        }
    }
}

/// What the surface asks its callers to show.
fn credential(inbound: &Inbound<'_>) -> Result<Credential, Refusal> {
    let headers = inbound.request.headers();
    match inbound.surface {
        Surface::Admin => Err(Refusal::InvalidIdentity),
        Surface::Agent => {
            let token = bearer_token(headers).ok_or(Refusal::InvalidIdentity)?;
            Ok(Credential::AgentToken(Sensitive::new(token.into())))
        }
        Surface::DetectionKey => {
            let mut keys = headers.get_all(&headers::DETECTION_KEY);
            let key = keys.next().filter(|key| !key.is_empty());
            let key = key.ok_or(Refusal::DetectionKeyMissing)?;
            match (key.to_str(), keys.next()) {
                (Ok(key), None) => Ok(Credential::DetectionKey(Sensitive::new(key.into()))),
                _ => Err(Refusal::InvalidIdentity),
            }
        }
    }
}

/// A new issuer's first token may need its key and then its agent; what is lacking after that does not exist.
const COMPLETE_AT_MOST: usize = 2;

/// Asks the desk; where it lacks something that can be fetched, again after that.
async fn authenticate(
    gate: &Gate,
    credential: Credential,
) -> Result<Result<Authenticated, AuthError>, Refusal> {
    let ask = |credential| async move {
        let answer = gate.bus.authenticate.ask(Authenticate { credential }).await;
        answer.map_err(|error| unavailable("authentication", error))
    };
    let mut answer = ask(credential.clone()).await?;
    for _ in 0..COMPLETE_AT_MOST {
        let Err(AuthError::Lacking(lacking)) = answer else { break };
        match gate.bus.complete.ask(Complete(lacking)).await {
            Ok(Ok(())) => answer = ask(credential.clone()).await?,
            Ok(Err(IssuerUnavailable)) => {
                return Err(Refusal::Unavailable { what: "token issuer" });
            }
            Err(error) => return Err(unavailable("authentication", error)),
        }
    }
    Ok(answer)
}

/// What a caller who is not let in gets.
pub(super) fn refusal_of(error: &AuthError) -> Refusal {
    match error {
        AuthError::Expired => Refusal::ExpiredIdentity,
        AuthError::Standing { status, .. } => refusal_of_status(*status),
        // What could not be completed is not valid: the key or the agent does not exist.
        AuthError::Invalid | AuthError::Lacking(_) => Refusal::InvalidIdentity,
    }
}

fn refusal_of_status(status: AgentStatus) -> Refusal {
    match status {
        AgentStatus::Quarantined => Refusal::AgentQuarantined,
        AgentStatus::Revoked => Refusal::AgentRevoked,
        AgentStatus::Suspended | AgentStatus::Active => Refusal::AgentSuspended,
    }
}

/// The head is in memory by now; what is refused is what would be passed on.
fn head_fits(gate: &Gate, inbound: &Inbound<'_>) -> Result<(), Refusal> {
    let limit = gate.settings.header_limit;
    let request = inbound.request;
    let line = request.uri().path().len() + request.query_string().len();
    let sizes = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    if line + sizes.sum::<usize>() > limit {
        let limit_bytes = u64::try_from(limit).unwrap_or(u64::MAX);
        return Err(Refusal::HeadTooLarge { limit_bytes });
    }
    Ok(())
}

fn anonymous(
    gate: &Gate,
    inbound: &Inbound<'_>,
    opening: super::record::Arrival,
    refusal: Refusal,
) -> Refused {
    count(gate, inbound, refusal.code());
    opening.into_refused(refusal)
}

/// Counts a call that gets no record, by its address.
fn count(gate: &Gate, inbound: &Inbound<'_>, code: &'static str) {
    if let Some(peer) = inbound.request.peer_addr() {
        gate.bus.record.audit.tell(Told::Anonymous { address: peer.ip(), code });
    }
}

/// The token behind `Bearer `, from exactly one `Authorization` header.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Asks the policy: the permit for this call, and what it and its answer are screened with.
pub(super) async fn authorize(
    gate: &Gate,
    exchange: &mut Exchange,
    call: &Call,
) -> Result<(Permit, AnswerGuard), Stop> {
    let message = Authorize {
        principal: Arc::clone(exchange.principal()),
        permission: call.facts().permission,
        model: call.facts().model.clone(),
        implied_models: call.facts().implied_models.clone(),
        steps_up: exchange.caller().conduct.steps_up(),
    };
    let answer = gate.bus.authorize.ask(message).await;
    let Authorized { decision, profile } = answer.map_err(|error| unavailable("policy", error))?;
    exchange.note_decision(&decision);
    exchange.note_rules(profile.detections().version());
    match decision {
        Decision::Allow(permit) => {
            let guard = AnswerGuard { profile, tools: permit.tools().cloned() };
            Ok((permit, guard))
        }
        Decision::Deny(denial) => Err(Stop::Refused(match denial.reason {
            DenialReason::PermissionDenied => Refusal::PermissionDenied,
            DenialReason::ModelNotAllowed => Refusal::ModelNotAllowed,
        })),
    }
}

/// A bus failure as the caller sees it: closed, never through.
pub(super) fn unavailable(what: &'static str, error: BusError) -> Refusal {
    tracing::error!(%error, what, "an actor did not answer; the call is refused");
    Refusal::Unavailable { what }
}
