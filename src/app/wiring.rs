//! The wiring: which actor sits at the end of which line, and on which thread.
//!
//! Owns the only place where actors are named together. Two threads serve the process: one for the
//! owners of identities and policy, one for the record. Each worker has its own desks.

use super::record::OpenRecord;
use crate::actors::audit::{AuditActor, Desk};
use crate::actors::auth::{
    AuthActor, AuthDesk, AuthSettings, AuthSnapshot, PolicyLines, PublishedAuth,
};
use crate::actors::broadcast::BroadcastActor;
use crate::actors::keep;
use crate::actors::objects::ObjectActor;
use crate::actors::policy::{
    DetectionsFile, PolicyActor, PolicyDesk, PolicySnapshot, PublishedPolicy,
};
use crate::actors::upstream::{Provider, UpstreamActor};
use crate::bus::audit::{Inbox, Places};
use crate::bus::broadcast::Greeting;
use crate::bus::{Bus, Line, RecordLines};
use crate::bus::{auth, objects, policy};
use crate::config::{Config, Upstream};
use crate::store::Store;
use actix::{Actor, Addr, Arbiter};
use arc_swap::ArcSwap;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A desk answers in microseconds; this long means that something is broken.
const DESK_DEADLINE: Duration = Duration::from_secs(2);
/// A signature takes a millisecond, but many may be asked for at once.
const TOKEN_DEADLINE: Duration = Duration::from_secs(10);
/// Another server is asked, twice where its metadata says where its keys are.
const ISSUER_DEADLINE: Duration = Duration::from_secs(15);
const STORE_DEADLINE: Duration = Duration::from_secs(10);
/// The rules of detection are compiled and tried on their examples.
const RELOAD_DEADLINE: Duration = Duration::from_secs(60);
const FLUSH_DEADLINE: Duration = Duration::from_secs(15);

/// The process's actors, and what a worker needs to seat its own.
#[derive(Clone)]
pub(super) struct Wiring {
    settings: AuthSettings,
    auth: PublishedAuth,
    standings: watch::Sender<u64>,
    policy: PublishedPolicy,
    owners: OwnerLines,
    record: RecordLines,
}

/// The lines to the owners, which every worker shares.
#[derive(Clone)]
struct OwnerLines {
    issue_token: Line<auth::IssueToken>,
    revoke_token: Line<auth::RevokeToken>,
    quarantine: Line<auth::QuarantineAgent>,
    complete: Line<auth::Complete>,
    save_usage: Line<auth::SaveUsage>,
    find_objects: Line<objects::FindObjects>,
    bind_objects: Line<objects::BindObjects>,
    reload_policy: Line<policy::Reload>,
}

impl OwnerLines {
    fn new() -> Self {
        Self {
            issue_token: Line::new(TOKEN_DEADLINE),
            revoke_token: Line::new(TOKEN_DEADLINE),
            quarantine: Line::new(STORE_DEADLINE),
            complete: Line::new(ISSUER_DEADLINE),
            save_usage: Line::new(STORE_DEADLINE),
            find_objects: Line::new(STORE_DEADLINE),
            bind_objects: Line::new(STORE_DEADLINE),
            reload_policy: Line::new(RELOAD_DEADLINE),
        }
    }
}

impl Wiring {
    /// Starts the process's actors. Lines are seated before anything is served: the port's workers
    /// start later, on other threads, and an unseated line fails closed.
    pub(super) fn start(
        config: &Config,
        store: Store,
        (settings, auth): (AuthSettings, AuthSnapshot),
        (policy, detections): (PolicySnapshot, DetectionsFile),
        open: OpenRecord,
        greeting: Greeting,
    ) -> Self {
        let wiring = Self {
            settings,
            standings: watch::Sender::new(auth.version),
            auth: Arc::new(ArcSwap::from_pointee(auth)),
            policy: Arc::new(ArcSwap::from_pointee(policy)),
            owners: OwnerLines::new(),
            record: RecordLines {
                audit: Inbox::new(Line::new(DESK_DEADLINE)),
                flush: Line::new(FLUSH_DEADLINE),
                publish: Line::new(DESK_DEADLINE),
                subscribe: Line::new(DESK_DEADLINE),
                places: Places::new(config.audit.max_open_exchanges),
                journal: open.journal,
                gauge: open.gauge,
            },
        };
        wiring.keep_record(open.desk, greeting);
        wiring.keep_owners(config, store, detections);
        wiring
    }

    /// The line on which counts are saved.
    pub(super) fn save_usage(&self) -> &Line<auth::SaveUsage> {
        &self.owners.save_usage
    }

    /// The lines to the record's actors.
    pub(super) fn record(&self) -> &RecordLines {
        &self.record
    }

    fn keep_record(&self, desk: Desk, greeting: Greeting) {
        let lines = self.record.clone();
        on_own_thread(move || {
            let seat = lines.clone();
            let start = move || BroadcastActor::new(greeting.clone()).start();
            keep("broadcast", start, move |addr: &Addr<BroadcastActor>| {
                seat.publish.seat(addr.clone().recipient());
                seat.subscribe.seat(addr.clone().recipient());
            });
            let publish = lines.publish.clone();
            let inbox = lines.audit.clone();
            let start =
                move || AuditActor::new(desk.clone(), inbox.clone(), publish.clone()).start();
            keep("audit", start, move |addr: &Addr<AuditActor>| {
                lines.audit.bell().seat(addr.clone().recipient());
                lines.flush.seat(addr.clone().recipient());
            });
        });
    }

    fn keep_owners(&self, config: &Config, store: Store, detections: DetectionsFile) {
        let wiring = self.clone();
        let paths = super::policy_paths(config);
        on_own_thread(move || {
            let Self { settings, auth, standings, policy, owners, record } = wiring;
            let lines = PolicyLines {
                list_permissions: Line::new(DESK_DEADLINE),
                check_grants: Line::new(DESK_DEADLINE),
            };
            let (ask, objects, versions) = (lines.clone(), store.clone(), store.clone());
            let start = move || {
                let (store, settings) = (store.clone(), settings.clone());
                let (published, standings) = (Arc::clone(&auth), standings.clone());
                AuthActor::new(store, settings, published, standings, ask.clone()).start()
            };
            let seat = owners.clone();
            keep("auth", start, move |addr: &Addr<AuthActor>| {
                seat.issue_token.seat(addr.clone().recipient());
                seat.revoke_token.seat(addr.clone().recipient());
                seat.quarantine.seat(addr.clone().recipient());
                seat.complete.seat(addr.clone().recipient());
                seat.save_usage.seat(addr.clone().recipient());
            });
            let reload = owners.reload_policy.clone();
            let start = move || ObjectActor::new(objects.clone()).start();
            keep("objects", start, move |addr: &Addr<ObjectActor>| {
                owners.find_objects.seat(addr.clone().recipient());
                owners.bind_objects.seat(addr.clone().recipient());
            });
            let start = move || {
                let (paths, detections) = (paths.clone(), detections.clone());
                let (published, publish) = (Arc::clone(&policy), record.publish.clone());
                PolicyActor::new(paths, detections, published, publish, versions.clone()).start()
            };
            keep("policy", start, move |addr: &Addr<PolicyActor>| {
                lines.list_permissions.seat(addr.clone().recipient());
                lines.check_grants.seat(addr.clone().recipient());
                reload.seat(addr.clone().recipient());
            });
        });
    }

    /// Starts the current worker's desks and returns its bus.
    pub(super) fn seat_worker(&self, upstream: &Upstream, provider: &Provider) -> Bus {
        let bus = Bus {
            authenticate: Line::new(DESK_DEADLINE),
            recheck: Line::new(DESK_DEADLINE),
            complete: self.owners.complete.clone(),
            standings: self.standings.subscribe(),
            issue_token: self.owners.issue_token.clone(),
            revoke_token: self.owners.revoke_token.clone(),
            quarantine: self.owners.quarantine.clone(),
            list_keys: Line::new(DESK_DEADLINE),
            authorize: Line::new(DESK_DEADLINE),
            select_models: Line::new(DESK_DEADLINE),
            reload_policy: self.owners.reload_policy.clone(),
            show_in_force: Line::new(DESK_DEADLINE),
            describe_policy: Line::new(DESK_DEADLINE),
            describe_detections: Line::new(DESK_DEADLINE),
            find_objects: self.owners.find_objects.clone(),
            bind_objects: self.owners.bind_objects.clone(),
            // The actor keeps the configured deadlines.
            forward: Line::unhurried(),
            record: self.record.clone(),
        };
        let (seat, published, settings) =
            (bus.clone(), Arc::clone(&self.auth), self.settings.tokens.clone());
        let start = move || AuthDesk::new(Arc::clone(&published), settings.clone()).start();
        keep("auth desk", start, move |addr: &Addr<AuthDesk>| {
            seat.authenticate.seat(addr.clone().recipient());
            seat.recheck.seat(addr.clone().recipient());
            seat.list_keys.seat(addr.clone().recipient());
        });
        let (seat, published) = (bus.clone(), Arc::clone(&self.policy));
        let start = move || PolicyDesk::new(Arc::clone(&published)).start();
        keep("policy desk", start, move |addr: &Addr<PolicyDesk>| {
            seat.authorize.seat(addr.clone().recipient());
            seat.select_models.seat(addr.clone().recipient());
            seat.show_in_force.seat(addr.clone().recipient());
            seat.describe_policy.seat(addr.clone().recipient());
            seat.describe_detections.seat(addr.clone().recipient());
        });
        let (seat, upstream, provider) = (bus.clone(), upstream.clone(), provider.clone());
        let start = move || UpstreamActor::new(&upstream, provider.clone()).start();
        keep("upstream", start, move |addr: &Addr<UpstreamActor>| {
            seat.forward.seat(addr.clone().recipient());
        });
        bus
    }
}

/// Runs the closure on a new arbiter's thread and waits until it has run: then its lines are seated.
fn on_own_thread(start: impl FnOnce() + Send + 'static) {
    let (seated, wait) = std::sync::mpsc::channel();
    let arbiter = Arbiter::new();
    let spawned = arbiter.spawn_fn(move || {
        start();
        // The waiting thread is this function's caller.
        let _ = seated.send(());
    });
    if spawned {
        // An arbiter that ended at once has dropped the sender; its lines then fail closed.
        let _ = wait.recv();
    }
}
