//! Quarantine by hand, and its end: an administrator's review.
//!
//! Owns what an approval is worth. Every review leaves its reason in the list of changes.

use super::agents::{check_reason, find_agent};
use super::{AdminError, Agent};
use crate::config::Trust;
use crate::store::{Approval, Store};
use crate::trust::IdentityStrength;
use crate::types::UnixMillis;
use schemars::JsonSchema;
use serde::Deserialize;

/// Why an agent is to be in quarantine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuarantineRequest {
    /// For those who review it.
    pub reason: String,
}

/// What an administrator found.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftRequest {
    /// Why the agent may call again.
    pub reason: String,
    /// Whether the agent did nothing wrong: that adds trust.
    #[serde(default)]
    pub approve: bool,
}

/// Refuses an agent's calls until it is reviewed, and takes its trust.
pub fn quarantine_agent(
    store: &Store,
    trust: &Trust,
    name_or_id: &str,
    request: &QuarantineRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<Agent, AdminError> {
    check_reason(&request.reason)?;
    let agent = find_agent(store, name_or_id)?;
    store.quarantine_agent(&agent.id, (&request.reason, None), trust.quarantine, actor, now)?;
    find_agent(store, &agent.id)
}

/// Lets an agent out of quarantine.
pub fn lift_quarantine(
    store: &Store,
    trust: &Trust,
    name_or_id: &str,
    request: &LiftRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<Agent, AdminError> {
    check_reason(&request.reason)?;
    let agent = find_agent(store, name_or_id)?;
    let identity = match agent.identity {
        Some(_) => IdentityStrength::Verified,
        None => IdentityStrength::Standard,
    };
    let approval =
        request.approve.then(|| Approval { trust: trust.approval, most: identity.ceiling(trust) });
    store.lift_quarantine(&agent.id, &request.reason, approval, actor, now)?;
    find_agent(store, &agent.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::testing::{agent, store};
    use crate::config::{Inputs, resolve};
    use crate::types::AgentStatus;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);

    fn trust() -> Trust {
        let inputs = Inputs { file: None, environment: &[], overrides: &[], host_name: "h" };
        resolve(&inputs).unwrap().config.trust
    }

    #[test]
    fn an_agent_is_put_in_quarantine_and_let_out_with_a_reason() {
        let (_data, store) = store();
        agent(&store, "bot");
        let trust = trust();
        let quarantine = |reason: &str| {
            let request = QuarantineRequest { reason: reason.to_owned() };
            quarantine_agent(&store, &trust, "bot", &request, "cli", NOW)
        };
        let lift = |reason: &str, approve| {
            let request = LiftRequest { reason: reason.to_owned(), approve };
            lift_quarantine(&store, &trust, "bot", &request, "cli", NOW)
        };
        assert!(lift("looked at it", false).unwrap_err().to_string().contains("active"));
        for bad in ["", "two\nlines", &"x".repeat(257)] {
            assert!(quarantine(bad).is_err() && lift(bad, false).is_err(), "{bad}");
        }
        let held = quarantine("leaked a key").unwrap();
        assert_eq!(held.status, AgentStatus::Quarantined);
        assert_eq!(held.quarantine.unwrap().reason, "leaked a key");
        assert_eq!(lift("looked at it", false).unwrap().reputation.trust_score, 0);
        quarantine("again").unwrap();
        let approved = lift("it was a test", true).unwrap();
        assert_eq!((approved.status, approved.quarantine), (AgentStatus::Active, None));
        assert_eq!(approved.reputation.trust_score, 5_000);
        quarantine("and again").unwrap();
        assert_eq!(find_agent(&store, "bot").unwrap().reputation.trust_score, 0);
    }
}
