//! Looking at the store: what callers are, and our own keys, as they are now.
//!
//! Owns when that happens. One task looks, however many ask: a look serves all who waited for it, and what it publishes
//! is never older than what is published. Looking must never write more than to forget what is over.

use super::{AuthSnapshot, Shared, snapshot::Seen};
use crate::identity::KeySet;
use crate::store::{Store, StoreError};
use crate::types::UnixMillis;
use std::{sync::Arc, time::Duration};

const LOOK_FOR_CHANGES_EVERY: Duration = Duration::from_millis(300);
/// After a failure the store is left alone for so long, whoever asks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The looks at the store: how many began, how many ended, and whether the last one failed.
#[derive(Clone, Copy, Default)]
pub(super) struct Looks {
    begun: u64,
    ended: u64,
    pub(super) failing: bool,
}

impl Shared {
    /// Looks for changes until the actor ends. A failure is logged once, and so is its end.
    pub(super) async fn follow(&self) {
        let mut failing = false;
        loop {
            if failing {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            } else {
                // Whether somebody rang or the time has come, the next look is due.
                let _ = tokio::time::timeout(LOOK_FOR_CHANGES_EVERY, self.bell.notified()).await;
            }
            self.looks.send_modify(|looks| looks.begun += 1);
            let refreshed = self.refresh().await;
            match &refreshed {
                Err(error) if !failing => {
                    let error = error.with_causes();
                    tracing::warn!(
                        error,
                        "agents cannot be read; the known standings stay in force"
                    );
                }
                Ok(()) if failing => tracing::info!("agents can be read again"),
                _ => {}
            }
            failing = refreshed.is_err();
            self.looks.send_modify(|looks| {
                looks.ended = looks.begun;
                looks.failing = failing;
            });
        }
    }

    /// Has the store looked at now, and says whether a look that began after this call succeeded in time.
    pub(super) async fn look_now(&self, patience: Duration) -> bool {
        self.bell.notify_one();
        self.next_look(patience).await
    }

    /// The same for the look that is due anyway: whoever asks for this cannot make the store busier. Nobody
    /// waits while looks fail.
    pub(super) async fn next_look(&self, patience: Duration) -> bool {
        let mut looks = self.looks.subscribe();
        let before = *looks.borrow();
        if before.failing {
            return false;
        }
        let seen = looks.wait_for(|looks| looks.ended > before.begun || looks.failing);
        let seen = tokio::time::timeout(patience, seen).await;
        seen.is_ok_and(|looks| looks.is_ok_and(|looks| !looks.failing))
    }

    /// Publishes a new snapshot when the store has changed. For [`follow`](Self::follow) alone: of two at once the
    /// slower could publish the older.
    async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let known = self.published.load().change;
        let (store, now) = (self.store.clone(), crate::clock::now());
        let read = tokio::task::spawn_blocking(move || {
            if store.latest_change()? == known { Ok(None) } else { look(&store, now).map(Some) }
        });
        // A blocking task fails to join only when it panicked or the runtime ends.
        let Ok(read) = read.await else { return Ok(()) };
        if let Some(seen) = read? {
            let keys = self.current_keys(&seen).await;
            let next = self.published.load().next(seen, keys, &self.settings.terms, now);
            self.publish(next);
        }
        Ok(())
    }

    /// Our own key as its file is now, and the keys of all gateways. A file that cannot be read, or has gone,
    /// leaves the key that signs.
    async fn current_keys(&self, seen: &Seen) -> Arc<KeySet> {
        let files = self.settings.key_files.clone();
        let read = tokio::task::spawn_blocking(move || files.load()).await;
        let known = Arc::clone(&self.published.load().keys);
        let keys = match read {
            Ok(Ok(key)) if key.kid() != known.current().kid() => KeySet::new(key),
            Ok(Err(error)) => {
                tracing::error!(%error, "the signing key cannot be read; the known one stays");
                known.signing_alone()
            }
            _ => known.signing_alone(),
        };
        Arc::new(with_verifying_keys(keys, seen))
    }

    pub(super) fn publish(&self, snapshot: AuthSnapshot) {
        let version = snapshot.version;
        self.published.store(Arc::new(snapshot));
        self.standings.send_replace(version);
    }
}

/// Everything that the store says of callers. Sessions whose tokens are over need not be remembered.
pub(super) fn look(store: &Store, now: UnixMillis) -> Result<Seen, StoreError> {
    store.forget_revoked_sessions(now)?;
    // First, so that what changes meanwhile is looked at again.
    let change = store.latest_change()?;
    Ok(Seen {
        change,
        agents: store.agents()?,
        app_contexts: store.app_contexts()?,
        detection_keys: store.detection_keys()?,
        revoked_sessions: store.revoked_sessions(now)?,
        verifying_keys: store.verifying_keys(now)?,
    })
}

/// The key that signs, and those with which other gateways do, or did.
pub(super) fn with_verifying_keys(mut keys: KeySet, seen: &Seen) -> KeySet {
    for key in &seen.verifying_keys {
        if let Err(error) = keys.add_public(&key.jwk, key.verify_until) {
            tracing::error!(%error, kid = key.kid, "a verifying key in the database cannot be read");
        }
    }
    keys
}
