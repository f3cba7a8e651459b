//! What is in force, on its way into the store.
//!
//! Owns that the version in force is written down, as soon as the store takes it. It keeps no queue: what was in force only
//! while the store took nothing is told to the log, and the next record says which version was written down before. It must
//! never hold up what is taken in force: a database that is away is no reason to go on with an old policy.

use super::files::{DetectionsFile, PolicyPaths};
use super::{PolicySnapshot, PublishedPolicy};
use crate::bus::policy::{DetectionsView, PolicyView};
use crate::store::{Before, NewPolicyVersion, Store, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::timeout};

/// How long until the store is asked again after its first refusal; twice as long each time.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The longest of these pauses.
const ASK_AGAIN_AT_LEAST_EVERY: Duration = Duration::from_secs(30);

/// What is in force.
enum InForce {
    Policy(Arc<PolicyView>),
    Detections(Arc<DetectionsView>),
}

/// What became of the versions of one kind.
#[derive(Default)]
struct Kept {
    /// The last one that the store knows.
    last: Option<Before>,
    /// The last one that it did not take: nobody is told twice.
    refused: Option<Arc<str>>,
}

pub(super) struct Keeper {
    pub(super) scribe: Scribe,
    changed: Notify,
}

/// Where versions are written down, and what says whether they are in force.
#[derive(Clone)]
pub(super) struct Scribe {
    pub(super) store: Store,
    pub(super) published: PublishedPolicy,
    pub(super) paths: PolicyPaths,
    pub(super) detections: DetectionsFile,
}

impl Keeper {
    pub(super) fn new(scribe: Scribe) -> Self {
        Self { scribe, changed: Notify::new() }
    }

    /// Something else was published.
    pub(super) fn look(&self) {
        self.changed.notify_one();
    }

    pub(super) async fn run(&self) {
        let (mut policy, mut detections) = (Kept::default(), Kept::default());
        let mut pause = ASK_AGAIN_AFTER;
        loop {
            let PolicySnapshot { view, detections_view, .. } =
                PolicySnapshot::clone(&self.scribe.published.load());
            // One that is not taken holds up no other.
            let is_policy_done = self.bring(InForce::Policy(view), &mut policy).await;
            let in_force = InForce::Detections(detections_view);
            if self.bring(in_force, &mut detections).await && is_policy_done {
                pause = ASK_AGAIN_AFTER;
                self.changed.notified().await;
            } else {
                let _ = timeout(pause, self.changed.notified()).await;
                pause = (pause * 2).min(ASK_AGAIN_AT_LEAST_EVERY);
            }
        }
    }

    /// Whether the store knows what is in force.
    async fn bring(&self, in_force: InForce, kept: &mut Kept) -> bool {
        let version = Arc::clone(in_force.version());
        if kept.last.as_ref().is_some_and(|last| last.version == version) {
            return true;
        }
        let (scribe, before) = (self.scribe.clone(), kept.last.clone());
        let note = move || scribe.note(&in_force, before.as_ref());
        let error = match tokio::task::spawn_blocking(note).await {
            Ok(Ok(Some(seen))) => {
                kept.last = Some(Before { version, seen });
                return true;
            }
            // Something else is about to be taken in force, or another gate was faster.
            Ok(Ok(None)) => return false,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if kept.refused.as_ref() != Some(&version) {
            tracing::warn!(%error, version = %version, "the version in force could not be kept; that is tried as long as it is in force");
            kept.refused = Some(version);
        }
        false
    }
}

impl InForce {
    fn version(&self) -> &Arc<str> {
        match self {
            Self::Policy(view) => &view.version,
            Self::Detections(view) => &view.version,
        }
    }
}

impl Scribe {
    /// Writes down what is in force, unless whoever saved it has. A save writes its file before it is kept, so the order
    /// counts: what the file says after the newest version was looked up, only a version that is newer still can replace.
    /// No file is read while the database is locked.
    fn note(&self, in_force: &InForce, before: Option<&Before>) -> Result<Option<i64>, StoreError> {
        match in_force {
            InForce::Policy(view) => {
                let seen = self.store.latest_policy_version()?;
                if !self.is_policy_in_file(view) {
                    return Ok(None);
                }
                let (version, text) = (&*view.version, &*view.text);
                let new = NewPolicyVersion { version, text, reason: None };
                let is_still = || self.published.load().view.version == view.version;
                self.store.note_policy_in_force(new, before, seen, view.loaded_at, is_still)
            }
            InForce::Detections(view) => {
                let seen = self.store.latest_detections_version()?;
                if !self.are_detections_in_file(view) {
                    return Ok(None);
                }
                let (version, at) = (&view.version, view.loaded_at);
                let is_still = || self.published.load().detections_view.version == view.version;
                self.store.note_detections_in_force(version, before, seen, at, is_still)
            }
        }
    }

    /// Whether nothing else is about to be taken in force. Of a file that was refused, what was in force before stays so.
    pub(super) fn is_policy_in_file(&self, view: &PolicyView) -> bool {
        let now = Arc::clone(&self.published.load().view);
        match (self.paths.read(), &now.error) {
            (Ok(sources), _) if sources.are_of(view) => true,
            (Ok(sources), Some(refused)) => sources.are_refused(refused),
            (Err(_), refused) => refused.is_some(),
            (Ok(_), None) => false,
        }
    }

    fn are_detections_in_file(&self, view: &DetectionsView) -> bool {
        let now = Arc::clone(&self.published.load().detections_view);
        match (self.detections.source(), &now.error) {
            (Ok(file), _) if file.text == view.text => true,
            (Ok(file), Some(refused)) => refused.text.as_deref() == Some(&*file.text),
            (Err(_), refused) => refused.is_some(),
            (Ok(_), None) => false,
        }
    }
}
