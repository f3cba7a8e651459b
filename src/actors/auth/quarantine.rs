//! Quarantine: an agent is switched off at once, and the store told until it has taken it.
//!
//! Owns the retries. It must never let an agent call in between: the quarantine is published first, and travels from
//! snapshot to snapshot until it is written.

use super::Shared;
use crate::bus::auth::QuarantineAgent;
use crate::store::StoreError;
use crate::types::{AgentStatus, UnixMillis};
use std::{sync::Arc, time::Duration};

const WRITE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Who puts agents in quarantine, in the list of changes.
const DETECTION: &str = crate::types::actor::DETECTION;

impl Shared {
    /// Publishes the quarantine, unless the agent may not call anyway for longer than that.
    pub(super) fn quarantine(&self, message: QuarantineAgent, now: UnixMillis) {
        let snapshot = self.published.load();
        let Some(standing) = snapshot.agent(&message.agent_id) else { return };
        if matches!(standing.status, AgentStatus::Quarantined | AgentStatus::Revoked) {
            return;
        }
        let QuarantineAgent { reason, rule, .. } = &message;
        let (agent, rule) = (&*standing.agent_name, rule.as_deref());
        tracing::warn!(
            agent,
            reason,
            rule,
            "an agent is in quarantine until an administrator reviews it"
        );
        self.publish(snapshot.with_quarantine(message, now));
        self.quarantines.notify_one();
    }

    /// Writes quarantines until the actor ends, those of a predecessor first.
    pub(super) async fn keep_quarantines_written(&self) {
        loop {
            if !self.write_quarantines().await {
                tokio::time::sleep(WRITE_AGAIN_AFTER).await;
            } else if self.published.load().unwritten.is_empty() {
                self.quarantines.notified().await;
            }
        }
    }

    /// Writes all that is unwritten; `false` when the store did not take it.
    pub(super) async fn write_quarantines(&self) -> bool {
        let _turn = self.turn.lock().await;
        let unwritten = self.published.load().unwritten.clone();
        for (agent_id, quarantine) in unwritten {
            let (store, id) = (self.store.clone(), Arc::clone(&agent_id));
            let trust = self.settings.terms.trust.quarantine;
            let written = tokio::task::spawn_blocking(move || {
                let why = (quarantine.reason.as_str(), quarantine.rule.as_deref());
                store.quarantine_agent(&id, why, trust, DETECTION, quarantine.at)
            });
            let error = match written.await {
                // An agent that is no more needs no quarantine.
                Ok(Ok(()) | Err(StoreError::NotFound { .. })) => {
                    let snapshot = self.published.load();
                    self.publish(snapshot.without_unwritten(&agent_id));
                    continue;
                }
                Ok(Err(error)) => error.with_causes(),
                Err(error) => error.to_string(),
            };
            tracing::warn!(
                error,
                "a quarantine cannot be written down now; it is in force all the same"
            );
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LONG, PATIENCE, follow, owner, register};
    use super::*;
    use crate::store::Agent;
    use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};

    const NOW: UnixMillis = UnixMillis(1_795_233_600_000);

    fn quarantine(shared: &Shared, agent_id: &str) {
        let rule = Some("no-keys".into());
        let reason = "rule no-keys: SECRET_JWT".to_owned();
        shared.quarantine(QuarantineAgent { agent_id: agent_id.into(), reason, rule }, NOW);
    }

    fn status(shared: &Shared, id: &str) -> AgentStatus {
        shared.published.load().agent(id).unwrap().status
    }

    fn stored(shared: &Shared) -> Agent {
        shared.store.agent("bot").unwrap().unwrap()
    }

    fn statement(directory: &tempfile::TempDir, sql: &str) {
        let path = directory.path().join("state.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute(sql).unwrap();
    }

    #[actix_web::test]
    async fn a_quarantine_is_in_force_at_once_and_written_once() {
        let directory = tempfile::tempdir().unwrap();
        register(&owner(&directory), "bot", &[]);
        let (shared, other) = (owner(&directory), owner(&directory));
        let id = stored(&shared).id;
        let before = shared.published.load().version;
        quarantine(&shared, &id);
        quarantine(&shared, &id);
        assert_eq!(status(&shared, &id), AgentStatus::Quarantined);
        assert_eq!(shared.published.load().version, before + 1);
        assert_eq!(*shared.standings.borrow(), before + 1, "who keeps a stream open is told");
        assert!(shared.write_quarantines().await && shared.write_quarantines().await);
        assert_eq!(stored(&shared).status, AgentStatus::Quarantined);
        assert_eq!(stored(&shared).quarantine.unwrap().at, NOW);
        assert_eq!(shared.store.latest_change().unwrap(), 2);
        quarantine(&shared, "nobody");

        follow(&other);
        assert!(other.look_now(LONG).await);
        assert_eq!(status(&other, &id), AgentStatus::Quarantined, "other gateways learn of it");
        shared.store.lift_quarantine(&id, "a test", None, "cli", NOW).unwrap();
        follow(&shared);
        assert!(shared.look_now(LONG).await);
        assert_eq!(status(&shared, &id), AgentStatus::Active);
    }

    #[actix_web::test]
    async fn a_store_that_is_away_lets_nobody_out_and_is_asked_again_also_by_a_successor() {
        let directory = tempfile::tempdir().unwrap();
        register(&owner(&directory), "bot", &[]);
        let shared = owner(&directory);
        let id = stored(&shared).id;
        statement(&directory, "ALTER TABLE agents RENAME TO agents_away");
        quarantine(&shared, &id);
        assert!(!shared.write_quarantines().await);
        statement(&directory, "ALTER TABLE agents_away RENAME TO agents");
        register(&shared, "another", &[]);
        follow(&shared);
        assert!(shared.look_now(LONG).await);
        assert_eq!(status(&shared, &id), AgentStatus::Quarantined, "the store says active");
        assert_eq!(stored(&shared).status, AgentStatus::Active);

        let successor = owner(&directory);
        successor.published.store(shared.published.load_full());
        let task = Arc::clone(&successor);
        actix_web::rt::spawn(async move { task.keep_quarantines_written().await });
        let written = async {
            while stored(&shared).status != AgentStatus::Quarantined {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE * 10, written).await.unwrap();
    }
}
