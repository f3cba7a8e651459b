//! Quarantine: an agent is switched off until an administrator reviews.
//!
//! Owns both ways, and what they do to the agent's trust. No other change of status leads out of it but revocation.

use super::{
    super::{Store, StoreError, clean, schema::agents::dsl},
    row::{AgentRow, agent_of},
    row_by_id,
};
use crate::trust::MOST;
use crate::types::{AgentStatus, UnixMillis};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};
use serde_json::json;

/// What an administrator's approval is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Approval {
    /// Trust that it adds, in hundredths.
    pub trust: i64,
    /// Trust that it can lead to, in hundredths.
    pub most: i64,
}

impl Store {
    /// Puts an agent in quarantine and takes `trust` from it; a suspended one too. Once is enough: one that is in
    /// quarantine or revoked is left alone.
    pub fn quarantine_agent(
        &self,
        id: &str,
        (reason, rule): (&str, Option<&str>),
        trust: i64,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change_if(("agent.quarantined", id), actor, now, |connection| {
            let agent = row_by_id(connection, id)?.map(agent_of).transpose()?.ok_or(NOT_FOUND)?;
            if matches!(agent.status, AgentStatus::Quarantined | AgentStatus::Revoked) {
                return Ok(None);
            }
            let left = (agent.reputation.trust_score - trust).clamp(0, MOST);
            diesel::update(dsl::agents.find(id))
                .set((
                    dsl::status.eq(AgentStatus::Quarantined.as_str()),
                    dsl::quarantined_at.eq(Some(now.0)),
                    dsl::quarantine_reason.eq(Some(clean(reason))),
                    dsl::trust_score.eq(left),
                    dsl::recovered_at.eq(now.0),
                    dsl::updated_at.eq(now.0),
                ))
                .execute(connection)?;
            Ok(Some(json!({ "from": agent.status, "reason": reason, "rule": rule })))
        })
    }

    /// Lets an agent out of quarantine. `NotQuarantined` when it is not in it.
    pub fn lift_quarantine(
        &self,
        id: &str,
        reason: &str,
        approval: Option<Approval>,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change(("agent.quarantine_lifted", id), actor, now, |connection| {
            let row: AgentRow = row_by_id(connection, id)?.ok_or(NOT_FOUND)?;
            let agent = agent_of(row)?;
            if agent.status != AgentStatus::Quarantined {
                return Err(StoreError::NotQuarantined(agent.status));
            }
            let trust_score = agent.reputation.trust_score;
            let approved = approval.map_or(trust_score, |Approval { trust, most }| {
                // What it has already is not taken.
                (trust_score + trust).min(most).max(trust_score)
            });
            diesel::update(dsl::agents.find(id))
                .set((
                    dsl::status.eq(AgentStatus::Active.as_str()),
                    dsl::quarantined_at.eq(None::<i64>),
                    dsl::quarantine_reason.eq(None::<String>),
                    dsl::trust_score.eq(approved),
                    dsl::updated_at.eq(now.0),
                ))
                .execute(connection)?;
            let was = agent.quarantine.map(|quarantine| quarantine.reason);
            Ok(json!({ "reason": reason, "approved": approval.is_some(), "quarantined_for": was }))
        })
    }
}

const NOT_FOUND: StoreError = StoreError::NotFound { what: "agent" };

#[cfg(test)]
mod tests {
    use super::{
        super::super::{
            Agent, Quarantine,
            testing::{new_agent, on_both_databases},
        },
        *,
    };
    use crate::trust::ReputationChange;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);
    const LATER: UnixMillis = UnixMillis(1_795_233_600_456);

    on_both_databases!(
        an_agent_goes_into_quarantine_once_and_loses_its_trust,
        only_a_review_or_a_revocation_leads_out,
        an_approval_adds_trust_up_to_its_most,
        a_revoked_agent_is_not_put_in_quarantine,
    );

    /// An agent with this trust.
    fn agent(store: &Store, trust: i64) -> Agent {
        let id = store.create_agent(&new_agent("one"), "cli", NOW).unwrap().id;
        let change = ReputationChange { trust, ..ReputationChange::default() };
        store.add_conduct(&[(id.clone(), change)]).unwrap();
        store.agent(&id).unwrap().unwrap()
    }

    fn quarantine(store: &Store, id: &str, now: UnixMillis) {
        let why = ("rule no-keys: SECRET_JWT\0", Some("no-keys"));
        store.quarantine_agent(id, why, 10_000, "detection", now).unwrap();
    }

    fn an_agent_goes_into_quarantine_once_and_loses_its_trust(store: &Store) {
        let before = agent(store, 3_000);
        quarantine(store, &before.id, NOW);
        quarantine(store, &before.id, LATER);
        let after = store.agent("one").unwrap().unwrap();
        assert_eq!((after.status, after.reputation.trust_score), (AgentStatus::Quarantined, 0));
        let reason = "rule no-keys: SECRET_JWT\u{fffd}".to_owned();
        assert_eq!(after.quarantine, Some(Quarantine { reason, at: NOW }));
        let changes = store.changes_after(1, 10).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!((&*changes[0].kind, &*changes[0].actor), ("agent.quarantined", "detection"));
        assert_eq!(
            (&changes[0].detail["from"], &changes[0].detail["rule"]),
            (&json!("active"), &json!("no-keys"))
        );
        let unknown = store.quarantine_agent("none", ("", None), 0, "detection", NOW);
        assert!(matches!(unknown, Err(StoreError::NotFound { what: "agent" })));
    }

    fn only_a_review_or_a_revocation_leads_out(store: &Store) {
        let id = agent(store, 0).id;
        let lift = |now| store.lift_quarantine(&id, "was a test", None, "admin", now);
        assert!(matches!(lift(NOW), Err(StoreError::NotQuarantined(AgentStatus::Active))));
        store.set_agent_status(&id, AgentStatus::Suspended, "admin", NOW).unwrap();
        quarantine(store, &id, NOW);
        for status in [AgentStatus::Active, AgentStatus::Suspended] {
            let refused = store.set_agent_status(&id, status, "admin", NOW);
            assert!(matches!(refused, Err(StoreError::Quarantined)), "{status}");
        }
        lift(LATER).unwrap();
        let after = store.agent("one").unwrap().unwrap();
        assert_eq!((after.status, after.quarantine), (AgentStatus::Active, None));
        let detail = &store.changes_after(3, 1).unwrap()[0].detail;
        assert_eq!((&detail["reason"], &detail["approved"]), (&json!("was a test"), &json!(false)));
        quarantine(store, &id, NOW);
        store.set_agent_status(&id, AgentStatus::Revoked, "admin", NOW).unwrap();
        assert!(matches!(lift(NOW), Err(StoreError::NotQuarantined(AgentStatus::Revoked))));
    }

    fn an_approval_adds_trust_up_to_its_most(store: &Store) {
        let id = agent(store, 0).id;
        let trust_after = |trust, most| {
            let change = ReputationChange { trust: 1_000, ..ReputationChange::default() };
            store.quarantine_agent(&id, ("a test", None), 10_000, "cli", NOW).unwrap();
            store.lift_quarantine(&id, "a test", None, "cli", NOW).unwrap();
            store.add_conduct(&[(id.clone(), change)]).unwrap();
            store.quarantine_agent(&id, ("a test", None), 0, "cli", NOW).unwrap();
            let approval = Some(Approval { trust, most });
            store.lift_quarantine(&id, "reviewed", approval, "admin", NOW).unwrap();
            store.agent(&id).unwrap().unwrap().reputation.trust_score
        };
        assert_eq!(trust_after(2_000, 5_000), 3_000);
        assert_eq!(trust_after(5_000, 5_000), 5_000);
        assert_eq!(trust_after(5_000, 500), 1_000);
    }

    fn a_revoked_agent_is_not_put_in_quarantine(store: &Store) {
        let id = agent(store, 0).id;
        store.set_agent_status(&id, AgentStatus::Revoked, "admin", NOW).unwrap();
        let before = store.latest_change().unwrap();
        quarantine(store, &id, NOW);
        assert_eq!(store.agent(&id).unwrap().unwrap().status, AgentStatus::Revoked);
        assert_eq!(store.latest_change().unwrap(), before);
    }
}
