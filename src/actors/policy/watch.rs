//! Following the files.
//!
//! Owns when a save counts and what happens to a bad one. Content is compared, not times: a save within the
//! clock's granularity counts. It must never publish what was not built and tried.

use super::files::{DetectionsFile, LoadedDetections, LoadedPolicy, PolicyPaths, Sources};
use super::keeper::{Keeper, Scribe};
use super::{PolicySnapshot, PublishedPolicy};
use crate::bus::Line;
use crate::bus::broadcast::{Event, Publish};
use crate::bus::policy::{DetectionsFault, DetectionsView, PolicyFault, PolicyView, Reload};
use crate::detect::DetectionError;
use crate::policy::{PolicyError, SourceFile};
use crate::store::Store;
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
        let scribe = Scribe {
            store,
            published: Arc::clone(&published),
            paths: paths.clone(),
            detections: detections.clone(),
        };
        let (keeper, turn) = (Keeper::new(scribe), Mutex::new(()));
        Self { paths, detections, published, publish, keeper, turn }
    }

    /// Follows the files, and has what is in force kept.
    pub(super) async fn run(self: Arc<Self>) {
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
        let in_force = sources.as_ref().is_ok_and(|sources| sources.are_of(&view));
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
        self.published.store(Arc::new(PolicySnapshot { policy, view, ..self.current() }));
        self.keeper.look();
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
        let current = self.current();
        let snapshot = PolicySnapshot { detections, common, detections_view: view, ..current };
        self.published.store(Arc::new(snapshot));
        self.keeper.look();
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

    /// A store whose database answers nobody while another gateway's transaction holds it.
    struct Held {
        release: std::sync::mpsc::Sender<()>,
        holder: std::thread::JoinHandle<()>,
    }

    impl Held {
        /// `put` is the last thing that the transaction does.
        fn by(
            store: &Store,
            version: &str,
            put: impl FnOnce() -> Result<(), ()> + Send + 'static,
        ) -> Self {
            let ((locked, is_locked), (release, released)) = (channel(), channel::<()>());
            let (store, version) = (store.clone(), version.to_owned());
            let holder = std::thread::spawn(move || {
                let new = NewPolicyVersion { version: &version, text: "", reason: None };
                let held = || {
                    locked.send(()).unwrap();
                    released.recv().unwrap();
                    put()
                };
                let _ = store.save_policy_version(new, "policy.saved", "ada", UnixMillis(1), held);
            });
            is_locked.recv().unwrap();
            Self { release, holder }
        }

        fn release(self) {
            self.release.send(()).unwrap();
            self.holder.join().unwrap();
        }
    }

    /// A gate that runs, and its first version.
    async fn run(directory: &Path) -> (Store, Arc<Watch>, tokio::task::JoinHandle<()>) {
        let data_dir = directory.to_owned();
        let options = StoreOptions { database_url: None, data_dir, pool_size: 4 };
        let store = Store::open(&options).unwrap();
        let watch = watch(directory, &store);
        let running = tokio::spawn(Arc::clone(&watch).run());
        eventually("the first is kept", || store.policy_versions(9, None).unwrap().len() == 1)
            .await;
        (store, watch, running)
    }

    async fn write_policy(directory: &Path, watch: &Arc<Watch>, models: &str) {
        fs::write(directory.join("policy.csv"), policy_of(models)).unwrap();
        Arc::clone(watch).reload(Reload::Policy).await;
        assert_eq!(watch.published.load().view.text, policy_of(models));
    }

    async fn write_rules(directory: &Path, watch: &Arc<Watch>, rules: &str) {
        fs::write(directory.join("detections.toml"), rules).unwrap();
        Arc::clone(watch).reload(Reload::Detections).await;
        assert_eq!(watch.published.load().detections_view.text, rules);
    }

    fn kinds(store: &Store) -> Vec<String> {
        let changes = store.changes_after(0, 9).unwrap();
        changes.into_iter().map(|change| change.kind).collect()
    }

    #[tokio::test]
    async fn a_database_that_is_away_holds_no_edit_back_and_learns_what_is_in_force_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let (store, watch, running) = run(directory).await;
        let first = Arc::clone(&watch.published.load().view.version);
        let held = Held::by(&store, "x", || Err(()));
        let began = std::time::Instant::now();
        write_policy(directory, &watch, "two").await;
        write_policy(directory, &watch, "three").await;
        let edited = format!("# Edited.\n{RULES}");
        write_rules(directory, &watch, &edited).await;
        write_rules(directory, &watch, RULES).await;
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        held.release();
        eventually("the policy is kept", || kinds(&store) == ["policy.edited"]).await;
        let edit = store.changes_after(0, 9).unwrap().remove(0);
        assert_eq!(edit.subject, *watch.published.load().view.version);
        assert_eq!(edit.detail["version_before"], *first);
        // What was put back meanwhile is no edit; one that stays is.
        write_rules(directory, &watch, &edited).await;
        eventually("rules are kept", || kinds(&store) == ["policy.edited", "detections.edited"])
            .await;
        running.abort();
    }

    #[tokio::test]
    async fn a_save_that_follows_an_edit_before_that_is_written_down_is_told_once_and_as_a_save() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let (store, watch, running) = run(directory).await;
        let saved = policy_of("three");
        let model = SourceFile::new("", &*watch.published.load().view.model_text);
        let version = crate::policy::version_of(&model, &SourceFile::new("", &*saved));
        let path = directory.join("policy.csv");
        let held = Held::by(&store, &version, move || fs::write(path, saved).or(Err(())));
        write_policy(directory, &watch, "two").await;
        held.release();
        eventually("it is in force", || watch.published.load().view.version == version).await;
        write_rules(directory, &watch, &format!("# Edited.\n{RULES}")).await;
        eventually("rules are kept", || kinds(&store).len() > 1).await;
        assert_eq!(kinds(&store), ["policy.saved", "detections.edited"]);
        running.abort();
    }

    #[tokio::test]
    async fn gates_that_share_files_and_a_database_tell_of_an_edit_once_and_of_a_save_never() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let (store, one, running_one) = run(directory).await;
        let two = watch(directory, &store);
        let running_two = tokio::spawn(Arc::clone(&two).run());
        let saved = policy_of("two");
        let model = SourceFile::new("", &*one.published.load().view.model_text);
        let version = crate::policy::version_of(&model, &SourceFile::new("", &*saved));
        let path = directory.join("policy.csv");
        let put = move || fs::write(path, saved).or(Err(()));
        Held::by(&store, &version, put).release();
        for models in ["two", "one", "two", "three"] {
            fs::write(directory.join("policy.csv"), policy_of(models)).unwrap();
            let is_followed = |gate: &Watch| gate.published.load().view.text == policy_of(models);
            eventually("both follow", || is_followed(&one) && is_followed(&two)).await;
            let version = Arc::clone(&one.published.load().view.version);
            let is_kept = || *store.policy_versions(1, None).unwrap()[0].version == *version;
            eventually("it is kept", is_kept).await;
        }
        write_rules(directory, &one, &format!("# Edited.\n{RULES}")).await;
        eventually("rules are kept", || kinds(&store).len() > 4).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let by_hand = ["policy.edited", "policy.edited", "policy.edited", "detections.edited"];
        assert_eq!(kinds(&store)[0], "policy.saved");
        assert_eq!(kinds(&store)[1..], by_hand);
        running_one.abort();
        running_two.abort();
    }

    #[tokio::test]
    async fn a_broken_file_that_is_mended_is_no_edit_and_holds_none_back() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let (store, watch, running) = run(directory).await;
        fs::write(directory.join("policy.csv"), "p, broken").unwrap();
        Arc::clone(&watch).reload(Reload::Policy).await;
        assert!(watch.published.load().view.error.is_some());
        // What another gateway saves is not what this one has in force.
        Held::by(&store, "x", || Ok(())).release();
        write_policy(directory, &watch, "one").await;
        let held = Held::by(&store, "y", || Err(()));
        write_policy(directory, &watch, "two").await;
        fs::write(directory.join("policy.csv"), "p, broken").unwrap();
        Arc::clone(&watch).reload(Reload::Policy).await;
        held.release();
        eventually("the edit is kept", || kinds(&store).len() > 1).await;
        assert_eq!(kinds(&store), ["policy.saved", "policy.edited"]);
        let edit = store.changes_after(0, 9).unwrap().remove(1);
        assert_eq!(edit.subject, *watch.published.load().view.version);
        running.abort();
    }

    #[tokio::test]
    async fn a_policy_stays_in_force_beside_the_file_that_was_refused_but_not_beside_another() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().to_owned();
        let options = StoreOptions { database_url: None, data_dir, pool_size: 2 };
        let watch = watch(directory.path(), &Store::open(&options).unwrap());
        let view = Arc::clone(&watch.published.load().view);
        let stays = |text: &str| {
            fs::write(directory.path().join("policy.csv"), text).unwrap();
            watch.keeper.scribe.is_policy_in_file(&view)
        };
        assert!(stays(&policy_of("one")));
        assert!(!stays("p, broken"), "it may yet be taken");
        Arc::clone(&watch).reload(Reload::Policy).await;
        assert!(stays("p, broken"));
        assert!(stays(&policy_of("one")));
        assert!(!stays(&policy_of("two")), "somebody has saved over it");
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
