//! The keeper of the policy and of the rules of detection.
//!
//! [`PolicyActor`], one per process, watches `model.conf`, `policy.csv` and `detections.toml`, builds what
//! was saved beside what is in force and swaps the whole; a save that does not build keeps the last good one
//! and says why. [`PolicyDesk`], one per worker, answers from the newest snapshot with a memo that lives as
//! long as its version.
//!
//! Mailboxes: bounded; askers wait until their deadline and then fail closed. What is published survives the
//! death of either.

mod desk;
mod files;
mod keeper;
mod watch;

pub use desk::PolicyDesk;
pub use files::{DetectionsFile, LoadedDetections, LoadedPolicy, PolicyPaths};

use crate::bus::Line;
use crate::bus::broadcast::Publish;
use crate::bus::policy::{CheckGrants, DetectionsView, ListPermissions, PolicyView, Reload};
use crate::detect::{Detections, Profile};
use crate::policy::{Decision, Policy};
use crate::store::Store;
use crate::types::Permission;
use actix::{Actor, AsyncContext, Context, Handler, MessageResult, ResponseFuture, WrapFuture};
use arc_swap::ArcSwap;
use std::sync::Arc;
use watch::Watch;

/// Where the owner puts policies and the desks take them.
pub type PublishedPolicy = Arc<ArcSwap<PolicySnapshot>>;

/// What is in force, and what the dashboard shows of it.
#[derive(Clone)]
pub struct PolicySnapshot {
    /// The enforcer.
    pub policy: Arc<Policy>,
    /// Its texts, version and the last error.
    pub view: Arc<PolicyView>,
    /// The rules of detection.
    pub detections: Arc<Detections>,
    /// What they do for callers of whom no override speaks, kept ready.
    pub common: Arc<Profile>,
    /// Their text, version and the last errors.
    pub detections_view: Arc<DetectionsView>,
}

impl PolicySnapshot {
    /// Both together.
    pub fn of(policy: LoadedPolicy, detections: LoadedDetections) -> Self {
        Self {
            policy: policy.policy,
            view: policy.view,
            detections: detections.detections,
            common: detections.common,
            detections_view: detections.view,
        }
    }
}

/// The owner of the policy and of the rules of detection.
pub struct PolicyActor {
    published: PublishedPolicy,
    watch: Arc<Watch>,
}

impl PolicyActor {
    /// An owner that publishes into `published`, which holds what was read first, and keeps every version in the store.
    pub fn new(
        paths: PolicyPaths,
        detections: DetectionsFile,
        published: PublishedPolicy,
        publish: Line<Publish>,
        store: Store,
    ) -> Self {
        let watch = Watch::new(paths, detections, Arc::clone(&published), publish, store);
        Self { published, watch: Arc::new(watch) }
    }
}

impl Actor for PolicyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Arc::clone(&self.watch).run().into_actor(self));
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

impl Handler<Reload> for PolicyActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, message: Reload, _: &mut Self::Context) -> Self::Result {
        Box::pin(Arc::clone(&self.watch).reload(message))
    }
}

impl Handler<CheckGrants> for PolicyActor {
    type Result = bool;

    fn handle(&mut self, message: CheckGrants, _: &mut Self::Context) -> Self::Result {
        self.published.load().policy.grants_to(&message.name)
    }
}
