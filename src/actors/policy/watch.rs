//! Following the files.
//!
//! Owns when a save counts and what happens to a bad one. Content is compared, not times: a save within the
//! clock's granularity counts. It must never publish what was not built and tried.

use super::files::{DetectionsFile, LoadedDetections, LoadedPolicy, PolicyPaths, Sources};
use super::{PolicySnapshot, PublishedPolicy};
use crate::bus::Line;
use crate::bus::broadcast::{Event, Publish};
use crate::bus::policy::{DetectionsFault, DetectionsView, PolicyFault, PolicyView, Reload};
use crate::detect::DetectionError;
use crate::policy::{PolicyError, SourceFile};
use crate::store::{Found, NewPolicyVersion, Store};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

const LOOK_FOR_SAVES_EVERY: Duration = Duration::from_millis(150);

/// How long until a version that the store did not take is brought to it once more.
const KEEP_AGAIN_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Watch {
    paths: PolicyPaths,
    detections: DetectionsFile,
    published: PublishedPolicy,
    publish: Line<Publish>,
    store: Store,
    /// Whether the store has yet to take the version in force.
    is_unkept: AtomicBool,
    /// Held from looking to publishing, so that what was read first never replaces what was read later.
    turn: Mutex<()>,
}

/// The files at one moment.
type Looked = (Result<Sources, PolicyError>, Result<SourceFile, DetectionError>);

/// What was seen of a file, and what was last tried.
struct Looks<T> {
    seen: Option<T>,
    tried: Option<T>,
}

impl<T: Clone + PartialEq> Looks<T> {
    const fn new() -> Self {
        Self { seen: None, tried: None }
    }

    /// What is new. An editor may be in the middle of writing: a save counts once two looks agree.
    fn settle(&mut self, now: T) -> Option<T> {
        if self.seen.as_ref() != Some(&now) {
            self.seen = Some(now);
            return None;
        }
        if self.tried.as_ref() == Some(&now) {
            return None;
        }
        self.tried = Some(now.clone());
        Some(now)
    }
}

impl Watch {
    pub(super) fn new(
        paths: PolicyPaths,
        detections: DetectionsFile,
        published: PublishedPolicy,
        publish: Line<Publish>,
        store: Store,
    ) -> Self {
        let (is_unkept, turn) = (AtomicBool::new(true), Mutex::new(()));
        Self { paths, detections, published, publish, store, is_unkept, turn }
    }

    pub(super) async fn run(self: Arc<Self>) {
        let (mut policy, mut detections) = (Looks::new(), Looks::new());
        let (mut keep_at, mut found) = (Instant::now(), Found::AtStart);
        loop {
            let turn = self.turn.lock().await;
            if self.is_unkept.load(Ordering::Relaxed) && Instant::now() >= keep_at {
                self.keep_version(found).await;
                keep_at = Instant::now() + KEEP_AGAIN_AFTER;
            }
            if !self.is_unkept.load(Ordering::Relaxed) {
                found = Found::Later;
            }
            drop(turn);
            tokio::time::sleep(LOOK_FOR_SAVES_EVERY).await;
            let _turn = self.turn.lock().await;
            let Some((policy_now, detections_now)) = self.look().await else { continue };
            if let Some(sources) = policy.settle(policy_now) {
                self.take_policy(sources).await;
            }
            if let Some(file) = detections.settle(detections_now) {
                self.take_detections(file).await;
            }
        }
    }

    /// Takes a file as it is: whoever asks has written it whole.
    pub(super) async fn reload(self: Arc<Self>, what: Reload) {
        let _turn = self.turn.lock().await;
        let Some((sources, file)) = self.look().await else { return };
        match what {
            Reload::Policy => self.take_policy(sources).await,
            Reload::Detections => self.take_detections(file).await,
        }
    }

    async fn look(&self) -> Option<Looked> {
        let (paths, file) = (self.paths.clone(), self.detections.clone());
        let look = tokio::task::spawn_blocking(move || (paths.read(), file.source()));
        look.await.ok()
    }

    async fn take_policy(&self, sources: Result<Sources, PolicyError>) {
        let view = Arc::clone(&self.published.load().view);
        let in_force = sources
            .as_ref()
            .is_ok_and(|sources| sources.model == view.model_text && sources.file == view.text);
        if in_force && view.error.is_none() {
            return;
        }
        let paths = self.paths.clone();
        let built = tokio::task::spawn_blocking(move || match sources {
            Ok(sources) => (paths.build(&sources), Some(sources)),
            Err(error) => (Err(error), None),
        });
        match built.await {
            Ok((Ok(loaded), _)) => {
                self.accept_policy(loaded);
                self.keep_version(Found::Later).await;
            }
            Ok((Err(error), sources)) => self.refuse_policy(error, sources),
            Err(_) => tracing::error!("the policy could not be built; the last good one stays"),
        }
    }

    fn accept_policy(&self, loaded: LoadedPolicy) {
        let version = Arc::clone(&loaded.view.version);
        tracing::info!(version = %version, "policy reloaded");
        let LoadedPolicy { policy, view } = loaded;
        self.published.store(Arc::new(PolicySnapshot { policy, view, ..self.current() }));
        self.tell(Event::PolicyReloaded { version });
    }

    fn refuse_policy(&self, error: PolicyError, sources: Option<Sources>) {
        let current = self.current();
        let version = Arc::clone(&current.view.version);
        tracing::error!(%error, version = %version, "policy refused; the last good one stays in force");
        let is_model = error.file == current.view.model_file;
        let text = sources.map(|sources| if is_model { sources.model } else { sources.file });
        let fault = PolicyFault { error, at: crate::clock::now(), text };
        let view = PolicyView { error: Some(fault.clone()), ..PolicyView::clone(&current.view) };
        self.published.store(Arc::new(PolicySnapshot { view: Arc::new(view), ..current }));
        self.tell(Event::PolicyRefused { version, fault });
    }

    /// Keeps what is in force, unless whoever saved it has. Without the store it is in force all the same.
    async fn keep_version(&self, found: Found) {
        let view = Arc::clone(&self.published.load().view);
        let store = self.store.clone();
        let keep = tokio::task::spawn_blocking(move || {
            let new = NewPolicyVersion { version: &view.version, text: &view.text, reason: None };
            store.note_policy_in_force(new, found, crate::clock::now())
        });
        let kept = keep.await;
        self.is_unkept.store(!matches!(kept, Ok(Ok(()))), Ordering::Relaxed);
        match kept {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the policy's version could not be kept; it is tried again");
            }
            Err(_) => tracing::error!("the policy's version could not be kept"),
        }
    }

    async fn take_detections(&self, file: Result<SourceFile, DetectionError>) {
        let view = Arc::clone(&self.published.load().detections_view);
        let in_force = file.as_ref().is_ok_and(|file| file.text == view.text);
        if in_force && view.error.is_none() {
            return;
        }
        let text = file.as_ref().ok().map(|file| file.text.clone());
        let detections = self.detections.clone();
        let built = tokio::task::spawn_blocking(move || match file {
            Ok(file) => detections.build(file),
            Err(error) => Err(vec![error]),
        });
        match built.await {
            Ok(Ok(loaded)) => self.accept_detections(loaded),
            Ok(Err(errors)) => self.refuse_detections(errors, text),
            Err(_) => tracing::error!("detections could not be built; the last good ones stay"),
        }
    }

    fn accept_detections(&self, loaded: LoadedDetections) {
        let version = Arc::clone(&loaded.view.version);
        tracing::info!(version = %version, rules = loaded.view.rules, "detections reloaded");
        let LoadedDetections { detections, common, view } = loaded;
        let current = self.current();
        let snapshot = PolicySnapshot { detections, common, detections_view: view, ..current };
        self.published.store(Arc::new(snapshot));
        self.tell(Event::DetectionsReloaded { version });
    }

    fn refuse_detections(&self, errors: Vec<DetectionError>, text: Option<String>) {
        let current = self.current();
        let version = Arc::clone(&current.detections_view.version);
        let error = errors.first().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%error, errors = errors.len(), version = %version, "detections refused; the last good ones stay in force");
        let fault = DetectionsFault { errors, at: crate::clock::now(), text };
        let view = DetectionsView {
            error: Some(fault.clone()),
            ..DetectionsView::clone(&current.detections_view)
        };
        let snapshot = PolicySnapshot { detections_view: Arc::new(view), ..current };
        self.published.store(Arc::new(snapshot));
        self.tell(Event::DetectionsRefused { version, fault });
    }

    /// What is published now. Only this thread publishes, and never waits between reading and storing.
    fn current(&self) -> PolicySnapshot {
        PolicySnapshot::clone(&self.published.load())
    }

    fn tell(&self, event: Event) {
        if let Err(error) = self.publish.tell(Publish(vec![event])) {
            tracing::warn!(%error, "the dashboard was not told of the files");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_counts_once_two_looks_agree_and_only_once() {
        let mut looks = Looks::new();
        assert_eq!(looks.settle("a"), None);
        assert_eq!(looks.settle("a half"), None);
        assert_eq!(looks.settle("a whole"), None);
        assert_eq!(looks.settle("a whole"), Some("a whole"));
        assert_eq!(looks.settle("a whole"), None);
        assert_eq!(looks.settle("a"), None);
        assert_eq!(looks.settle("a"), Some("a"));
    }
}
