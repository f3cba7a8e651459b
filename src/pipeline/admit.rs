//! Who calls, and may it: authentication before anything else, authorisation once the call is read.
//!
//! Owns the translation of the actors' answers into refusals. It must never look at the body.

use super::{Gate, Inbound, Refused, Stop, record::Exchange};
use crate::bus::BusError;
use crate::bus::audit::Told;
use crate::bus::auth::{AuthError, Authenticate};
use crate::bus::policy::Authorize;
use crate::openai::Call;
use crate::policy::{Decision, DenialReason, Permitted};
use crate::types::{AgentStatus, Governed, Principal, Refusal, Sensitive};
use actix_web::http::header::{self, HeaderMap};
use std::sync::Arc;

/// What a known caller's call is counted as when there is no room for its record.
const RECORD_FULL: &str = "record_full";

/// Authenticates the caller and opens its exchange. A call without an identity is only counted.
pub(super) async fn identify(
    gate: &Gate,
    inbound: &Inbound<'_>,
) -> Result<Exchange, Option<Refused>> {
    let opening = Exchange::arrive(gate, inbound);
    let Some(token) = bearer_token(inbound.request.headers()) else {
        return Err(Some(anonymous(gate, inbound, opening, Refusal::InvalidIdentity)));
    };
    let message = Authenticate { token: Sensitive::new(token.into()) };
    let (principal, standing) = match gate.bus.authenticate.ask(message).await {
        Ok(Ok(principal)) => (principal, None),
        Ok(Err(AuthError::Standing { principal, status })) => (principal, Some(status)),
        Ok(Err(AuthError::Expired)) => {
            return Err(Some(anonymous(gate, inbound, opening, Refusal::ExpiredIdentity)));
        }
        Ok(Err(AuthError::Invalid)) => {
            return Err(Some(anonymous(gate, inbound, opening, Refusal::InvalidIdentity)));
        }
        Err(error) => {
            return Err(Some(opening.into_refused(unavailable("authentication", error))));
        }
    };
    let exchange = opening.begin(gate, principal).map_err(|refused| {
        count(gate, inbound, RECORD_FULL);
        Some(refused)
    })?;
    if gate.drain.is_stopping() {
        return Err(Some(exchange.refuse(Refusal::Unavailable { what: "shutting down" })));
    }
    match standing.map(refusal_of) {
        Some(refusal) => Err(Some(exchange.refuse(refusal))),
        None => Ok(exchange),
    }
}

fn refusal_of(status: AgentStatus) -> Refusal {
    match status {
        AgentStatus::Quarantined => Refusal::AgentQuarantined,
        AgentStatus::Revoked => Refusal::AgentRevoked,
        AgentStatus::Suspended | AgentStatus::Active => Refusal::AgentSuspended,
    }
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

/// Asks the policy and returns the call only under a permit that covers it.
pub(super) async fn authorize(
    gate: &Gate,
    exchange: &mut Exchange,
    call: Call,
) -> Result<Permitted<Call>, Stop> {
    let principal: Arc<Principal> = Arc::clone(exchange.principal());
    let message = Authorize {
        principal: Arc::clone(&principal),
        permission: call.facts().permission,
        model: call.facts().model.clone(),
        implied_models: call.facts().implied_models.clone(),
    };
    let decision = gate.bus.authorize.ask(message).await;
    let decision = decision.map_err(|error| unavailable("policy", error))?;
    exchange.note_decision(&decision);
    match decision {
        Decision::Allow(permit) => permit.cover(&principal, call).map_err(|error| {
            tracing::error!(%error, "a permit did not cover the call that it was asked for");
            Stop::Refused(Refusal::Unavailable { what: "policy" })
        }),
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
