//! The keeper of the policy.
//!
//! [`PolicyActor`], one per process, watches `model.conf` and `policy.csv`, builds a new enforcer beside
//! the old one and swaps the whole; a save that does not build keeps the last good policy and says
//! why. [`PolicyDesk`], one per worker, answers from the newest policy with a memo that lives as long
//! as its version.
//!
//! Mailboxes: bounded; askers wait until their deadline and then fail closed. The published policy
//! survives the death of either.

mod desk;

pub use desk::PolicyDesk;

use crate::bus::Line;
use crate::bus::broadcast::{Event, Publish};
use crate::bus::policy::{CheckGrants, ListPermissions, PolicyFault, PolicyView};
use crate::policy::{Decision, Policy, PolicyError, SourceFile};
use crate::types::Permission;
use actix::{Actor, AsyncContext, Context, Handler, MessageResult, WrapFuture};
use arc_swap::ArcSwap;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const LOOK_FOR_SAVES_EVERY: Duration = Duration::from_millis(150);

/// Where the owner puts policies and the desks take them.
pub type PublishedPolicy = Arc<ArcSwap<PolicySnapshot>>;

/// The policy in force and what the dashboard shows of it.
pub struct PolicySnapshot {
    /// The enforcer.
    pub policy: Arc<Policy>,
    /// Its texts, version and the last error.
    pub view: Arc<PolicyView>,
}

/// The two files of the policy.
#[derive(Clone, Debug)]
pub struct PolicyPaths {
    /// The Casbin model.
    pub model: PathBuf,
    /// The rules.
    pub file: PathBuf,
}

/// The two files as they were read at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Sources {
    model: String,
    file: String,
}

impl PolicyPaths {
    /// Reads and builds the policy.
    pub fn load(&self) -> Result<PolicySnapshot, PolicyError> {
        self.build(&self.read()?)
    }

    /// Reads the model and the rules, by their names.
    pub fn sources(&self) -> Result<(SourceFile, SourceFile), PolicyError> {
        Ok(self.named(&self.read()?))
    }

    fn named(&self, sources: &Sources) -> (SourceFile, SourceFile) {
        (
            SourceFile::new(shown(&self.model), sources.model.as_str()),
            SourceFile::new(shown(&self.file), sources.file.as_str()),
        )
    }

    fn read(&self) -> Result<Sources, PolicyError> {
        Ok(Sources { model: read(&self.model)?, file: read(&self.file)? })
    }

    fn build(&self, sources: &Sources) -> Result<PolicySnapshot, PolicyError> {
        let (model, file) = self.named(sources);
        let policy = Policy::build(&model, &file)?;
        let view = PolicyView {
            version: Arc::clone(policy.version()),
            file: file.name,
            text: file.text,
            model_file: model.name,
            model_text: model.text,
            loaded_at: crate::clock::now(),
            error: None,
        };
        Ok(PolicySnapshot { policy: Arc::new(policy), view: Arc::new(view) })
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> Result<String, PolicyError> {
    let bytes = std::fs::read(path).map_err(|error| {
        unreadable(path, format!("cannot be read: {error}"), "check the path and its permissions")
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(path, format!("byte {at} is not UTF-8"), "save the file as UTF-8")
    })
}

fn unreadable(path: &Path, reason: String, remedy: &str) -> PolicyError {
    PolicyError { file: shown(path), line: None, column: None, reason, remedy: remedy.to_owned() }
}

/// The owner of the policy.
pub struct PolicyActor {
    paths: PolicyPaths,
    published: PublishedPolicy,
    publish: Line<Publish>,
}

impl PolicyActor {
    /// An owner that publishes into `published`, which holds the first policy.
    pub fn new(paths: PolicyPaths, published: PublishedPolicy, publish: Line<Publish>) -> Self {
        Self { paths, published, publish }
    }
}

impl Actor for PolicyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let watch = Watch {
            paths: self.paths.clone(),
            published: Arc::clone(&self.published),
            publish: self.publish.clone(),
        };
        ctx.spawn(watch.run().into_actor(self));
    }
}

impl Handler<ListPermissions> for PolicyActor {
    type Result = MessageResult<ListPermissions>;

    fn handle(&mut self, message: ListPermissions, _: &mut Self::Context) -> Self::Result {
        let policy = Arc::clone(&self.published.load().policy);
        let holds = |permission: &Permission| {
            let decision = policy.authorize(&message.principal, *permission, None);
            matches!(decision, Decision::Allow(_))
        };
        MessageResult(Permission::ALL.iter().copied().filter(holds).collect())
    }
}

impl Handler<CheckGrants> for PolicyActor {
    type Result = bool;

    fn handle(&mut self, message: CheckGrants, _: &mut Self::Context) -> Self::Result {
        self.published.load().policy.grants_to(&message.name)
    }
}

/// Follows the files. Content is compared, not times: a save within the clock's granularity counts.
struct Watch {
    paths: PolicyPaths,
    published: PublishedPolicy,
    publish: Line<Publish>,
}

impl Watch {
    async fn run(self) {
        let mut tried: Option<Result<Sources, PolicyError>> = None;
        let mut seen: Option<Result<Sources, PolicyError>> = None;
        loop {
            tokio::time::sleep(LOOK_FOR_SAVES_EVERY).await;
            let paths = self.paths.clone();
            let Ok(now) = tokio::task::spawn_blocking(move || paths.read()).await else { continue };
            // An editor may be in the middle of writing: a save counts once two looks agree.
            let settled = seen.as_ref() == Some(&now);
            let is_new = tried.as_ref() != Some(&now);
            seen = Some(now.clone());
            if settled && is_new {
                tried = Some(now.clone());
                self.take(now).await;
            }
        }
    }

    async fn take(&self, sources: Result<Sources, PolicyError>) {
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
            Ok((Ok(snapshot), _)) => self.accept(snapshot),
            Ok((Err(error), sources)) => self.refuse(error, sources),
            Err(_) => tracing::error!("the policy could not be built; the last good one stays"),
        }
    }

    fn accept(&self, snapshot: PolicySnapshot) {
        let version = Arc::clone(&snapshot.view.version);
        tracing::info!(version = %version, "policy reloaded");
        self.published.store(Arc::new(snapshot));
        self.tell(Event::PolicyReloaded { version });
    }

    fn refuse(&self, error: PolicyError, sources: Option<Sources>) {
        let current = self.published.load_full();
        let version = Arc::clone(&current.view.version);
        tracing::error!(%error, version = %version, "policy refused; the last good one stays in force");
        let is_model = error.file == current.view.model_file;
        let text = sources.map(|sources| if is_model { sources.model } else { sources.file });
        let fault = PolicyFault { error, at: crate::clock::now(), text };
        let view = PolicyView { error: Some(fault.clone()), ..PolicyView::clone(&current.view) };
        self.published.store(Arc::new(PolicySnapshot {
            policy: Arc::clone(&current.policy),
            view: Arc::new(view),
        }));
        self.tell(Event::PolicyRefused { version, fault });
    }

    fn tell(&self, event: Event) {
        if let Err(error) = self.publish.tell(Publish(vec![event])) {
            tracing::warn!(%error, "the dashboard was not told of the policy");
        }
    }
}
