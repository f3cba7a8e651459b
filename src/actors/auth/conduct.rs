//! Saving what agents' conduct came to, so that trust survives a restart, and giving trust back.
//!
//! Owns when. What cannot be saved is kept and saved later; at most a second of it dies with the process. Gateways
//! with one store learn from each save what the others have added.

use super::Shared;
use crate::store::StoreError;
use crate::trust::{Ledger, Reputation, ReputationChange};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinError;

/// How often it is looked whether a day has passed.
const RECOVER_EVERY: Duration = Duration::from_secs(600);

impl Shared {
    /// Adds what conduct came to since the last time to what is stored.
    pub(super) async fn save_conduct(&self) {
        let _turn = self.turn.lock().await;
        let parts = self.unsaved_conduct();
        if parts.is_empty() {
            return;
        }
        let changes: Vec<_> =
            parts.iter().map(|(id, _, change)| (id.to_string(), *change)).collect();
        let store = self.store.clone();
        let saved = tokio::task::spawn_blocking(move || store.add_conduct(&changes)).await;
        if self.catch_up(saved, "what agents' conduct came to cannot be saved now") {
            return;
        }
        for (_, ledger, change) in parts {
            ledger.put_back(&change);
        }
    }

    /// Gives trust back for each day without a violation, where the settings say so.
    pub(super) async fn keep_trust_recovering(&self) {
        let trust = Arc::clone(&self.settings.terms.trust);
        if trust.recovery_per_day == 0 {
            return;
        }
        loop {
            let (store, trust, now) = (self.store.clone(), Arc::clone(&trust), crate::clock::now());
            let turn = self.turn.lock().await;
            let recover =
                move || store.recover_trust(trust.recovery_per_day, |it| it.ceiling(&trust), now);
            let recovered = tokio::task::spawn_blocking(recover).await;
            self.catch_up(recovered, "trust cannot be given back now");
            drop(turn);
            tokio::time::sleep(RECOVER_EVERY).await;
        }
    }

    fn unsaved_conduct(&self) -> Vec<(Arc<str>, Arc<Ledger>, ReputationChange)> {
        let snapshot = self.published.load();
        let unsaved = snapshot.ledgers().filter_map(|(id, ledger)| {
            let change = ledger.take_unsaved()?;
            Some((Arc::clone(id), Arc::clone(ledger), change))
        });
        unsaved.collect()
    }

    /// Lets the ledgers go on from what is stored now. A failure is logged, and `false`.
    fn catch_up(
        &self,
        stored: Result<Result<Vec<(String, Reputation)>, StoreError>, JoinError>,
        failure: &str,
    ) -> bool {
        let error = match stored {
            Ok(Ok(stored)) => {
                let snapshot = self.published.load();
                for (id, reputation) in stored {
                    if let Some(standing) = snapshot.agent(&id) {
                        standing.ledger.catch_up(&reputation);
                    }
                }
                return true;
            }
            Ok(Err(error)) => error.with_causes(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(error, "{failure}");
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LONG, follow, owner, register};
    use super::*;
    use crate::trust::{Conclusion, Conduct, IdentityStrength};
    use crate::types::Severity;

    const CLEAN: Conclusion = Conclusion {
        violations: 0,
        worst: None,
        adversarial: false,
        credentials_seen: false,
        sensitive_seen: false,
        outbound: false,
        completed: true,
    };

    fn conduct(shared: &Shared, id: &str) -> Conduct {
        let ledger = Arc::clone(&shared.published.load().agent(id).unwrap().ledger);
        Conduct::new(ledger, IdentityStrength::Standard)
    }

    fn note(shared: &Shared, id: &str, what: &Conclusion, times: usize) {
        let conduct = conduct(shared, id);
        (0..times).for_each(|_| drop(conduct.note(&"s".into(), what, crate::clock::now())));
    }

    #[actix_web::test]
    async fn gateways_with_one_store_add_to_one_reputation() {
        let directory = tempfile::tempdir().unwrap();
        let id = register(&owner(&directory), "bot", &[]);
        let (one, other) = (owner(&directory), owner(&directory));
        note(&one, &id, &CLEAN, 10);
        note(&other, &id, &CLEAN, 10);
        one.save_conduct().await;
        other.save_conduct().await;
        let bad = Conclusion { violations: 1, worst: Some(Severity::High), ..CLEAN };
        note(&one, &id, &bad, 1);
        one.save_conduct().await;
        one.save_conduct().await;
        let stored = one.store.agent(&id).unwrap().unwrap().reputation;
        assert_eq!((stored.trust_score, stored.calls, stored.violations), (200, 21, 1));
        assert_eq!(conduct(&one, &id).trust_score(), 200);
        assert_eq!(conduct(&other, &id).trust_score(), 300, "it has not saved since");
        note(&other, &id, &CLEAN, 1);
        other.save_conduct().await;
        assert_eq!(conduct(&other, &id).trust_score(), 220);
        let risen =
            owner(&directory).published.load().agent(&id).unwrap().risk_tier(stored.risk.at);
        assert_eq!(risen, "critical", "a restart forgets nothing");
    }

    #[actix_web::test]
    async fn an_approval_is_seen_without_a_call() {
        let directory = tempfile::tempdir().unwrap();
        let id = register(&owner(&directory), "bot", &[]);
        let shared = owner(&directory);
        note(&shared, &id, &CLEAN, 1);
        let now = crate::clock::now();
        shared.store.quarantine_agent(&id, ("a test", None), 10_000, "cli", now).unwrap();
        let approval = crate::store::Approval { trust: 5_000, most: 5_000 };
        shared.store.lift_quarantine(&id, "a test", Some(approval), "cli", now).unwrap();
        follow(&shared);
        assert!(shared.look_now(LONG).await);
        assert_eq!(conduct(&shared, &id).trust_score(), 5_000);
        shared.save_conduct().await;
        let stored = shared.store.agent(&id).unwrap().unwrap().reputation;
        assert_eq!((stored.trust_score, stored.calls), (5_010, 1));
    }
}
