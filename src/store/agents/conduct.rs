//! What agents' conduct came to: scores and counts, to which several gateways add.
//!
//! Owns how their changes become one reputation. They are no administrative changes: no row tells of them, and the
//! agent's `updated_at` stays.

use super::{
    super::{Store, StoreError, clean, connection::AnyConnection, schema::agents::dsl},
    row::{AgentRow, reputation_of},
};
use crate::trust::{IdentityStrength, MOST, Reputation, ReputationChange};
use crate::types::{AgentStatus, UnixMillis};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, SelectableHelper as _};
use std::collections::BTreeMap;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Days that are given back at once, at most: for a gate that was not running, or that did not give back before.
const MOST_DAYS: i64 = 7;
/// Most ids in one statement.
const IDS_PER_STATEMENT: usize = 1_000;

impl Store {
    /// Adds to the agents' reputations and returns them as they are then; agents that are no more are left out. Not
    /// idempotent: after an error that may have come behind the commit, what is added again counts twice.
    pub fn add_conduct(
        &self,
        changes: &[(String, ReputationChange)],
    ) -> Result<Vec<(String, Reputation)>, StoreError> {
        let mut by_id = BTreeMap::<String, ReputationChange>::new();
        for (id, change) in changes {
            let sum = by_id.entry(clean(id)).or_default();
            *sum = sum.and(change);
        }
        let ids: Vec<&String> = by_id.keys().collect();
        self.state.write(None, |connection| {
            let mut after = Vec::new();
            for ids in ids.chunks(IDS_PER_STATEMENT) {
                for row in locked(connection, ids)? {
                    let Some(change) = by_id.get(&row.id) else { continue };
                    let change = &worth(*change, &row);
                    let reputation = reputation_of(&row)?.after(change);
                    let bad_until = change.last_violation_at.map_or(0, |at| at.0);
                    let recovered_at = row.recovered_at.max(bad_until);
                    put(connection, &row.id, &reputation, recovered_at)?;
                    after.push((row.id, reputation));
                }
            }
            Ok(after)
        })
    }

    /// Gives `per_day` of trust back to each agent that has been a whole day without a violation, up to `most` of what
    /// is known of its identity. Returns the reputations that changed. Several gateways give back once.
    pub fn recover_trust(
        &self,
        per_day: i64,
        most: impl Fn(IdentityStrength) -> i64,
        now: UnixMillis,
    ) -> Result<Vec<(String, Reputation)>, StoreError> {
        self.state.write(None, |connection| {
            let due: Vec<String> = dsl::agents
                .filter(dsl::recovered_at.le(now.0 - DAY_MS))
                .filter(dsl::status.eq(AgentStatus::Active.as_str()))
                .select(dsl::id)
                .order(dsl::id)
                .load(connection)?;
            let due: Vec<&String> = due.iter().collect();
            let mut after = Vec::new();
            for ids in due.chunks(IDS_PER_STATEMENT) {
                for row in locked(connection, ids)? {
                    let days = (now.0 - row.recovered_at) / DAY_MS;
                    let reputation = reputation_of(&row)?;
                    let before = reputation.trust_score;
                    let most = most(identity_of(&row)).max(before).min(MOST);
                    let trust_score = (before + days.min(MOST_DAYS) * per_day).min(most);
                    let reputation = Reputation { trust_score, ..reputation };
                    // Another gateway was first where no day is due any more.
                    if days > 0 {
                        put(connection, &row.id, &reputation, row.recovered_at + days * DAY_MS)?;
                        after.push((row.id, reputation));
                    }
                }
            }
            Ok(after)
        })
    }
}

/// These agents in order, which nobody else changes until the transaction ends. Gateways that lock in the same order
/// cannot deadlock.
fn locked(connection: &mut AnyConnection, ids: &[&String]) -> Result<Vec<AgentRow>, StoreError> {
    let these = dsl::agents.filter(dsl::id.eq_any(ids.iter().copied())).order(dsl::id);
    Ok(match connection {
        // A transaction that writes is alone.
        AnyConnection::Sqlite(sqlite) => these.select(AgentRow::as_select()).load(sqlite)?,
        AnyConnection::Postgres(postgres) => {
            these.select(AgentRow::as_select()).for_update().load(postgres)?
        }
    })
}

fn put(
    connection: &mut AnyConnection,
    id: &str,
    reputation: &Reputation,
    recovered_at: i64,
) -> Result<(), StoreError> {
    diesel::update(dsl::agents.find(id))
        .set((
            dsl::trust_score.eq(reputation.trust_score),
            dsl::calls.eq(i64::try_from(reputation.calls).unwrap_or(i64::MAX)),
            dsl::violations.eq(i64::try_from(reputation.violations).unwrap_or(i64::MAX)),
            dsl::last_violation_at.eq(reputation.last_violation_at.map(|at| at.0)),
            dsl::risk_score.eq(reputation.risk.score),
            dsl::risk_at.eq(reputation.risk.at.0),
            dsl::recovered_at.eq(recovered_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// What was won before a quarantine and comes to be saved after it is lost with the rest.
fn worth(change: ReputationChange, row: &AgentRow) -> ReputationChange {
    if row.status == AgentStatus::Quarantined.as_str() {
        return ReputationChange { trust: change.trust.min(0), ..change };
    }
    change
}

/// The best that is known of an agent's callers.
const fn identity_of(row: &AgentRow) -> IdentityStrength {
    if row.issuer.is_some() { IdentityStrength::Verified } else { IdentityStrength::Standard }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{
            ExternalIdentity, NewAgent,
            testing::{new_agent, on_both_databases},
        },
        *,
    };
    use crate::trust::Risk;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);
    const DAY: i64 = DAY_MS / 1_000;

    on_both_databases!(
        what_gateways_add_adds_up,
        conduct_of_more_agents_than_one_statement_takes_is_kept,
        gateways_that_save_at_the_same_time_lose_nothing,
        trust_comes_back_once_a_day_up_to_what_the_identity_bears,
        a_violation_begins_the_day_anew,
        what_was_won_before_a_quarantine_is_lost_with_it,
    );

    fn create(store: &Store, name: &str) -> String {
        store.create_agent(&new_agent(name), "cli", NOW).unwrap().id
    }

    fn won(trust: i64) -> ReputationChange {
        ReputationChange { trust, calls: 1, ..ReputationChange::default() }
    }

    fn lost(trust: i64, at: UnixMillis) -> ReputationChange {
        let risk = Some(Risk { score: 9_000, at });
        ReputationChange {
            trust: -trust,
            calls: 1,
            violations: 2,
            last_violation_at: Some(at),
            risk,
        }
    }

    fn known(store: &Store, id: &str) -> Reputation {
        store.agent(id).unwrap().unwrap().reputation
    }

    fn what_gateways_add_adds_up(store: &Store) {
        let (one, two) = (create(store, "one"), create(store, "two"));
        let changes =
            [(two.clone(), won(20)), ("none".to_owned(), won(20)), (one.clone(), won(500))];
        let after = store.add_conduct(&changes).unwrap();
        assert_eq!(after.len(), 2, "agents that are no more are left out");
        let twice = [(one.clone(), lost(300, NOW)), (one.clone(), lost(300, NOW))];
        let after = store.add_conduct(&twice).unwrap();
        assert_eq!(after, [(one.clone(), known(store, &one))]);
        let expected = Reputation {
            trust_score: 0,
            calls: 3,
            violations: 4,
            last_violation_at: Some(NOW),
            risk: Risk { score: 9_000, at: NOW },
        };
        assert_eq!(known(store, &one), expected);
        assert_eq!((known(store, &two).trust_score, known(store, &two).violations), (20, 0));
        assert_eq!(store.add_conduct(&[]).unwrap(), []);
        assert_eq!(store.latest_change().unwrap(), 2, "it is no administrative change");
    }

    fn conduct_of_more_agents_than_one_statement_takes_is_kept(store: &Store) {
        let many: Vec<_> = (0..IDS_PER_STATEMENT).map(|it| (it.to_string(), won(20))).collect();
        let last = create(store, "one");
        let all = [many, vec![(last.clone(), won(20))]].concat();
        assert_eq!(store.add_conduct(&all).unwrap().len(), 1);
        assert_eq!(known(store, &last).trust_score, 20);
    }

    fn gateways_that_save_at_the_same_time_lose_nothing(store: &Store) {
        let ids = [create(store, "one"), create(store, "two"), create(store, "three")];
        std::thread::scope(|scope| {
            for gateway in 0..4 {
                let (store, mut ids) = (store.clone(), ids.to_vec());
                ids.rotate_left(gateway % 3);
                let changes: Vec<_> = ids.into_iter().map(|id| (id, won(20))).collect();
                scope.spawn(move || {
                    for _ in 0..10 {
                        store.add_conduct(&changes).unwrap();
                    }
                });
            }
        });
        for id in &ids {
            assert_eq!((known(store, id).trust_score, known(store, id).calls), (800, 40));
        }
    }

    fn what_was_won_before_a_quarantine_is_lost_with_it(store: &Store) {
        let id = create(store, "one");
        store.quarantine_agent(&id, ("a test", None), 10_000, "cli", NOW).unwrap();
        store.add_conduct(&[(id.clone(), won(20))]).unwrap();
        assert_eq!((known(store, &id).trust_score, known(store, &id).calls), (0, 1));
    }

    fn trust_comes_back_once_a_day_up_to_what_the_identity_bears(store: &Store) {
        let most = |identity: IdentityStrength| match identity {
            IdentityStrength::Verified => 500,
            _ => 200,
        };
        let recover = |days: i64| {
            let after = store.recover_trust(50, most, NOW.plus_secs(days * DAY)).unwrap();
            after.into_iter().map(|(_, reputation)| reputation.trust_score).collect::<Vec<_>>()
        };
        create(store, "one");
        assert!(recover(0).is_empty());
        assert_eq!(recover(1), [50]);
        assert!(recover(1).is_empty(), "another gateway was first");
        assert_eq!(recover(3), [150]);
        assert_eq!(recover(6), [200]);
        let identity = ExternalIdentity { issuer: "corp".to_owned(), subject: "1".to_owned() };
        let verified = NewAgent { identity: Some(identity), ..new_agent("two") };
        let id = store.create_agent(&verified, "cli", NOW).unwrap().id;
        assert_eq!(recover(6), [300]);
        assert_eq!(recover(600), [200, 500]);
        store.add_conduct(&[(id.clone(), won(4_000))]).unwrap();
        assert_eq!(recover(700).iter().max(), Some(&4_500), "what it has already is not taken");
        store.set_agent_status(&id, AgentStatus::Suspended, "cli", NOW).unwrap();
        assert_eq!(recover(800), [200]);
    }

    fn a_violation_begins_the_day_anew(store: &Store) {
        let id = create(store, "one");
        store.add_conduct(&[(id, lost(0, NOW.plus_secs(DAY / 2)))]).unwrap();
        let recover = |secs| store.recover_trust(50, |_| 200, NOW.plus_secs(secs)).unwrap().len();
        assert_eq!((recover(DAY), recover(DAY + DAY / 2)), (0, 1));
    }
}
