//! Following the files.
//!
//! Owns when a save counts and what happens to a bad one. Content is compared, not times: a save within the
//! clock's granularity counts. It must never publish what was not built and tried.

use super::files::{DetectionsFile, LoadedDetections, LoadedPolicy, PolicyPaths, Sources};
use super::keeper::{Keeper, Taken};
use super::{PolicySnapshot, PublishedPolicy};
use crate::bus::Line;
use crate::bus::broadcast::{Event, Publish};
use crate::bus::policy::{DetectionsFault, DetectionsView, PolicyFault, PolicyView, Reload};
use crate::detect::DetectionError;
use crate::policy::{PolicyError, SourceFile};
use crate::store::{Found, Store};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

const LOOK_FOR_SAVES_EVERY: Duration = Duration::from_millis(150);

pub(super) struct Watch {
    paths: PolicyPaths,
    detections: DetectionsFile,
    published: PublishedPolicy,
    publish: Line<Publish>,
    keeper: Keeper,
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
        let (keeper, turn) = (Keeper::new(store), Mutex::new(()));
        Self { paths, detections, published, publish, keeper, turn }
    }

    /// Follows the files, and has what is in force kept.
    pub(super) async fn run(self: Arc<Self>) {
        let PolicySnapshot { view, detections_view, .. } = self.current();
        self.keeper.keep(Taken::Policy(view), Found::AtStart);
        self.keeper.keep(Taken::Detections(detections_view), Found::AtStart);
        tokio::join!(self.follow(), self.keeper.run());
    }

    async fn follow(&self) {
        let (mut policy, mut detections) = (Looks::new(), Looks::new());
        loop {
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
            Ok((Ok(loaded), _)) => self.accept_policy(loaded),
            Ok((Err(error), sources)) => self.refuse_policy(error, sources),
            Err(_) => tracing::error!("the policy could not be built; the last good one stays"),
        }
    }

    fn accept_policy(&self, loaded: LoadedPolicy) {
        let version = Arc::clone(&loaded.view.version);
        tracing::info!(version = %version, "policy reloaded");
        let LoadedPolicy { policy, view } = loaded;
        self.keeper.keep(Taken::Policy(Arc::clone(&view)), Found::Later);
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
        self.keeper.keep(Taken::Detections(Arc::clone(&view)), Found::Later);
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
    use crate::store::{NewPolicyVersion, StoreOptions};
    use crate::types::UnixMillis;
    use arc_swap::ArcSwap;
    use std::{fs, path::Path, sync::mpsc::channel};

    const RULES: &str = "[[rule]]\nid = \"owl\"\ntype = \"BIRD\"\nseverity = \"LOW\"\npattern = 'owl'\n\
                         matches = ['owl']\nclean = ['a']\n";

    /// A policy that lets these through.
    fn policy_of(models: &str) -> String {
        format!("p, developer, {models}, allow\np2, developer, web:write, allow\n")
    }

    fn watch(directory: &Path, store: &Store) -> Arc<Watch> {
        let paths =
            PolicyPaths { model: directory.join("model.conf"), file: directory.join("policy.csv") };
        let detections = DetectionsFile { path: directory.join("detections.toml"), key: None };
        fs::write(&paths.model, include_str!("../../../model.conf")).unwrap();
        fs::write(&paths.file, policy_of("one")).unwrap();
        fs::write(&detections.path, RULES).unwrap();
        let (policy, rules) = (paths.load().unwrap(), detections.load().ok().unwrap());
        let published = Arc::new(ArcSwap::from_pointee(PolicySnapshot::of(policy, rules)));
        Arc::new(Watch::new(paths, detections, published, Line::unhurried(), store.clone()))
    }

    async fn eventually(what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..400 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}");
    }

    /// Another gateway's transaction stands for a database that answers nobody.
    #[tokio::test]
    async fn a_database_that_is_away_holds_no_edit_back_and_learns_of_each_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().to_owned();
        let options = StoreOptions { database_url: None, data_dir, pool_size: 4 };
        let store = Store::open(&options).unwrap();
        let watch = watch(directory.path(), &store);
        let running = tokio::spawn(Arc::clone(&watch).run());
        let kept = || {
            let rows = store.policy_versions(9, None).unwrap();
            rows.into_iter().map(|row| row.version).collect::<Vec<_>>()
        };
        eventually("the first is kept", || kept().len() == 1).await;

        let ((locked, is_locked), (release, released)) = (channel(), channel::<()>());
        let other = store.clone();
        let holder = std::thread::spawn(move || {
            let new = NewPolicyVersion { version: "x", text: "", reason: None };
            other.save_policy_version(new, "policy.saved", "ada", UnixMillis(1), || {
                locked.send(()).unwrap();
                released.recv().unwrap();
                Err(())
            })
        });
        is_locked.recv().unwrap();
        let mut versions = kept();
        let began = std::time::Instant::now();
        for models in ["two", "three"] {
            fs::write(directory.path().join("policy.csv"), policy_of(models)).unwrap();
            Arc::clone(&watch).reload(Reload::Policy).await;
            let view = Arc::clone(&watch.published.load().view);
            assert_eq!(view.text, policy_of(models));
            versions.insert(0, view.version.to_string());
        }
        fs::write(directory.path().join("detections.toml"), format!("# Edited.\n{RULES}")).unwrap();
        Arc::clone(&watch).reload(Reload::Detections).await;
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(kept().len(), 1);

        release.send(()).unwrap();
        let kinds = || {
            let changes = store.changes_after(0, 9).unwrap();
            changes.into_iter().map(|change| change.kind).collect::<Vec<_>>()
        };
        eventually("all are kept", || kinds().len() == 3).await;
        assert_eq!(kept(), versions);
        assert_eq!(kinds(), ["policy.edited", "policy.edited", "detections.edited"]);
        running.abort();
        assert_eq!(holder.join().unwrap().unwrap(), Err(()));
    }

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
