//! The keeper of the record: one per process, told rather than asked.
//!
//! Owns the batch of records that are not yet in the store, in outcome order, and the counts of calls
//! without an identity. It must never block its thread (writing happens on blocking threads) and
//! never drop a record because the store is away: places run out first, and new calls are refused.
//!
//! What it is told waits in an [`Inbox`] that outlives it; [`Places`](crate::bus::audit::Places) bound what can be
//! in there. Its mailbox holds bells and flushes only. A new actor starts with an empty batch and collects.

mod writer;

use crate::bus::Line;
use crate::bus::audit::{Closed, Collect, Flush, Inbox, Told};
use crate::bus::broadcast::{Event, Publish};
use crate::config::Audit;
use crate::store::Store;
use crate::types::UnixMillis;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use writer::{AnonymousKey, Written};

const MAILBOX: usize = 64;
/// What is told within this time is collected at once.
const COLLECT_AFTER: Duration = Duration::from_millis(2);
const MINUTE_MS: i64 = 60_000;
/// Distinct addresses and codes counted between two flushes; beyond it they share one row.
const MAX_ANONYMOUS_ROWS: usize = 10_000;
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The owner of what is not yet stored.
pub struct AuditActor {
    store: Store,
    settings: Audit,
    inbox: Inbox,
    publish: Line<Publish>,
    pending: Vec<Closed>,
    anonymous: HashMap<AnonymousKey, i64>,
    writing: bool,
    store_away: bool,
    waiting: Vec<oneshot::Sender<()>>,
}

impl AuditActor {
    /// An actor with an empty batch.
    pub fn new(store: Store, settings: Audit, inbox: Inbox, publish: Line<Publish>) -> Self {
        Self {
            store,
            settings,
            inbox,
            publish,
            pending: Vec::new(),
            anonymous: HashMap::new(),
            writing: false,
            store_away: false,
            waiting: Vec::new(),
        }
    }

    /// Takes what was told and passes it on to the live page.
    fn collect(&mut self, ctx: &mut Context<Self>) {
        let mut events = Vec::new();
        for told in self.inbox.clone().collect() {
            match told {
                Told::Opened(record) => events.push(Event::ExchangeStarted(record)),
                Told::Closed(closed) => {
                    events.push(Event::ExchangeFinished(Arc::clone(&closed.record)));
                    self.pending.push(closed);
                }
                Told::Anonymous { address, code } => self.count_anonymous(address, code),
            }
        }
        if !events.is_empty()
            && let Err(error) = self.publish.tell(Publish(events))
        {
            tracing::debug!(%error, "live activity lost events");
        }
        if self.pending.len() >= self.settings.batch_records {
            self.write(ctx);
        }
    }

    fn count_anonymous(&mut self, address: IpAddr, code: &'static str) {
        let now = crate::clock::now();
        let minute = UnixMillis(now.0 - now.0.rem_euclid(MINUTE_MS));
        let mut key = (address, minute, code);
        if self.anonymous.len() >= MAX_ANONYMOUS_ROWS && !self.anonymous.contains_key(&key) {
            key.0 = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        }
        *self.anonymous.entry(key).or_default() += 1;
    }

    /// Writes one batch, unless one is being written. One at a time keeps the order.
    fn write(&mut self, ctx: &mut Context<Self>) {
        if self.writing || self.store_away {
            return;
        }
        if self.pending.is_empty() && self.anonymous.is_empty() {
            for waiting in self.waiting.drain(..) {
                // Whoever asked for the flush may have gone.
                let _ = waiting.send(());
            }
            return;
        }
        self.writing = true;
        let length = self.pending.len().min(self.settings.batch_records);
        let records: Vec<_> = self.pending.drain(..length).collect();
        let anonymous = self.anonymous.drain().collect();
        let store = self.store.clone();
        let written = actix_web::web::block(move || writer::write(&store, records, anonymous));
        ctx.spawn(written.into_actor(self).map(|written, actor, ctx| {
            actor.writing = false;
            match written {
                Ok(written) => actor.settle(written, ctx),
                Err(_) => tracing::error!("a batch of records was lost: its writer panicked"),
            }
        }));
    }

    fn settle(&mut self, written: Written, ctx: &mut Context<Self>) {
        if let Some(error) = written.store_away {
            let (error, waiting) = (error.with_causes(), written.records.len());
            tracing::warn!(error, waiting, "records cannot be stored yet");
            self.pending.splice(0..0, written.records);
            for (key, count) in written.anonymous {
                *self.anonymous.entry(key).or_default() += count;
            }
            self.store_away = true;
            ctx.run_later(RETRY_AFTER, |actor, ctx| {
                actor.store_away = false;
                actor.write(ctx);
            });
            return;
        }
        if self.pending.len() >= self.settings.batch_records || !self.waiting.is_empty() {
            self.write(ctx);
        }
    }
}

impl Actor for AuditActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.collect(ctx);
        ctx.run_interval(Duration::from_millis(self.settings.flush_every_ms), |actor, ctx| {
            actor.collect(ctx);
            actor.write(ctx);
        });
    }
}

impl Handler<Collect> for AuditActor {
    type Result = ();

    fn handle(&mut self, _: Collect, ctx: &mut Self::Context) {
        ctx.run_later(COLLECT_AFTER, Self::collect);
    }
}

impl Handler<Flush> for AuditActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        let (done, flushed) = oneshot::channel();
        self.waiting.push(done);
        self.collect(ctx);
        self.write(ctx);
        Box::pin(async move {
            // The sender is dropped only when the actor ends: then nothing more can be written.
            let _ = flushed.await;
        })
    }
}
