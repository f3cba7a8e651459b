//! Versions that were taken in force, on their way into the store.
//!
//! Owns their order, and that what the store cannot take now is brought to it again. It must never hold up what is taken
//! in force: a database that is away is no reason to go on with an old policy.

use crate::bus::policy::{DetectionsView, PolicyView};
use crate::store::{Found, NewPolicyVersion, Store, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::sync::{
    Mutex,
    mpsc::{self, Receiver, Sender},
};

/// How long until a version that the store did not take is brought to it once more.
const KEEP_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// So many may wait: more edits than anybody makes while a database is away.
const MOST_WAITING: usize = 64;

/// What was taken in force.
#[derive(Clone)]
pub(super) enum Taken {
    Policy(Arc<PolicyView>),
    Detections(Arc<DetectionsView>),
}

pub(super) struct Keeper {
    store: Store,
    send: Sender<(Taken, Found)>,
    taken: Mutex<Receiver<(Taken, Found)>>,
}

impl Keeper {
    pub(super) fn new(store: Store) -> Self {
        let (send, taken) = mpsc::channel(MOST_WAITING);
        Self { store, send, taken: Mutex::new(taken) }
    }

    /// Has it kept, soon.
    pub(super) fn keep(&self, taken: Taken, found: Found) {
        if self.send.try_send((taken, found)).is_err() {
            tracing::error!("a version in force is not kept: too many wait for the database");
        }
    }

    pub(super) async fn run(&self) {
        let mut waiting = self.taken.lock().await;
        while let Some((taken, found)) = waiting.recv().await {
            self.bring(taken, found).await;
        }
    }

    async fn bring(&self, taken: Taken, found: Found) {
        let mut is_first = true;
        loop {
            let (store, taken) = (self.store.clone(), taken.clone());
            match tokio::task::spawn_blocking(move || taken.note(&store, found)).await {
                Ok(Ok(())) => return,
                Ok(Err(error @ StoreError::Unavailable { .. })) if is_first => {
                    tracing::warn!(%error, "the version in force could not be kept; it is tried again");
                }
                Ok(Err(StoreError::Unavailable { .. })) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the version in force could not be kept");
                    return;
                }
                Err(_) => {
                    tracing::error!("the version in force could not be kept");
                    return;
                }
            }
            is_first = false;
            tokio::time::sleep(KEEP_AGAIN_AFTER).await;
        }
    }
}

impl Taken {
    /// Writes it down, unless whoever saved it has.
    fn note(&self, store: &Store, found: Found) -> Result<(), StoreError> {
        match self {
            Self::Policy(view) => {
                let (version, text) = (&*view.version, &*view.text);
                let new = NewPolicyVersion { version, text, reason: None };
                store.note_policy_in_force(new, found, view.loaded_at)
            }
            Self::Detections(view) => {
                store.note_detections_in_force(&view.version, found, view.loaded_at)
            }
        }
    }
}
