//! The keeper of the record: one per process, told rather than asked.
//!
//! Owns the way of records from the journal to the store, in outcome order, those of administrative changes, the counts of
//! calls without an identity, the signing of checkpoints and the end of what was kept long enough. It must never block its thread (writing
//! happens on blocking threads) and never lose a record because the store is away: what the store does not have
//! stays in the journal.
//!
//! What it is told waits in an [`Inbox`] that outlives it; [`Places`](crate::bus::audit::Places) bound what can be
//! in there. Its mailbox holds bells and flushes only. A new actor goes on where the store had everything, by the
//! journal.

mod changes;
mod desk;
mod notary;
mod outbox;
mod upkeep;
mod writer;

pub use desk::Desk;
pub use notary::Notary;

use crate::bus::Line;
use crate::bus::audit::{Closed, Collect, Flush, Inbox, Told};
use crate::bus::broadcast::{Event, Publish};
use crate::journal::Place;
use crate::types::UnixMillis;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use changes::Looked;
use outbox::{Batch, Outbox};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use writer::{AnonymousKey, Job, Written};

const MAILBOX: usize = 64;
/// What is told within this time is collected at once.
const COLLECT_AFTER: Duration = Duration::from_millis(10);
const MINUTE_MS: i64 = 60_000;
/// Distinct addresses and codes counted between two flushes; beyond it they share one row.
const MAX_ANONYMOUS_ROWS: usize = 10_000;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// A database that takes so long for a batch counts as away.
const HANGS_AFTER: Duration = Duration::from_secs(5);
/// How often what was kept long enough is looked for.
const UPKEEP_EVERY: Duration = Duration::from_secs(3_600);

/// The owner of what is not yet stored.
pub struct AuditActor {
    desk: Desk,
    /// Which of the keepers that follow each other.
    keeper: u64,
    inbox: Inbox,
    publish: Line<Publish>,
    outbox: Outbox,
    anonymous: HashMap<AnonymousKey, i64>,
    /// When changes are looked for again.
    look_at: Instant,
    /// Since when a batch is being written.
    writing_since: Option<Instant>,
    store_is_away: bool,
    waiting: Vec<oneshot::Sender<u64>>,
}

impl AuditActor {
    /// An actor that gives the store everything that the journal has: what is there already is known by its id.
    pub fn new(desk: Desk, inbox: Inbox, publish: Line<Publish>) -> Self {
        let keeper = desk.keeper.fetch_add(1, Ordering::AcqRel) + 1;
        Self {
            outbox: Outbox::after(Place::START),
            desk,
            keeper,
            inbox,
            publish,
            anonymous: HashMap::new(),
            look_at: Instant::now(),
            writing_since: None,
            store_is_away: false,
            waiting: Vec::new(),
        }
    }

    /// Takes what was told and passes it on to the live page.
    fn collect(&mut self, ctx: &mut Context<Self>) {
        let mut events = Vec::new();
        for message in self.inbox.clone().collect() {
            match message {
                Told::Opened(record) => events.push(Event::ExchangeStarted(record)),
                Told::Closed(Closed { record, mark, place: _ }) => {
                    events.push(Event::ExchangeFinished(Arc::clone(&record)));
                    self.outbox.tell((record, mark));
                }
                Told::Lost(record) => {
                    self.desk.gauge.note_lost();
                    events.push(Event::ExchangeFinished(record));
                }
                Told::Anonymous { address, code } => self.count_anonymous(address, code),
            }
        }
        self.publish(events);
        if self.outbox.in_memory() >= self.desk.settings.batch_records {
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
        if let Some(since) = self.writing_since {
            if since.elapsed() >= HANGS_AFTER {
                self.desk.gauge.note_store_away(crate::clock::now());
            }
            return;
        }
        if self.store_is_away {
            return;
        }
        let is_flush = !self.waiting.is_empty();
        let batch = self.outbox.take(self.desk.settings.batch_records);
        let look_for_changes = is_flush || self.look_at <= Instant::now();
        let is_due = look_for_changes || self.desk.notary.is_due(is_flush);
        if batch.is_none() && self.anonymous.is_empty() && !is_due {
            self.answer_flushes();
            return;
        }
        self.writing_since = Some(Instant::now());
        let had_batch = batch.is_some();
        let job = Job {
            keeper: self.keeper,
            batch,
            anonymous: self.anonymous.drain().collect(),
            sign_all: is_flush,
            look_for_changes,
        };
        if look_for_changes {
            self.look_at = Instant::now() + changes::LOOK_EVERY;
        }
        let desk = self.desk.clone();
        let written = actix_web::web::block(move || writer::write(&desk, job));
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            actor.writing_since = None;
            match written {
                Ok(written) => actor.settle(written, had_batch, ctx),
                Err(_) => {
                    tracing::error!("the writer of records panicked; the journal is read again");
                    actor.outbox = Outbox::after(Place::START);
                    actor.pause(ctx);
                }
            }
        }));
    }

    fn settle(&mut self, written: Written, had_batch: bool, ctx: &mut Context<Self>) {
        match written.batch {
            writer::Fate::None => {}
            writer::Fate::ToldStored => self.outbox.told_is_stored(),
            writer::Fate::ReadStored { next, last, caught_up } => {
                self.outbox.read_is_stored(next, last, caught_up);
            }
            writer::Fate::Back(records) => self.outbox.put_back(records),
            writer::Fate::Unread => self.outbox.read_is_in_doubt(),
        }
        for (key, count) in written.anonymous {
            *self.anonymous.entry(key).or_default() += count;
        }
        let has_looked_in_vain = written.changes.failed;
        self.tell_of(written.changes);
        if let Some(error) = written.store_away {
            let waiting = self.desk.unsettled();
            tracing::warn!(error = error.with_causes(), waiting, "records cannot be stored yet");
            self.desk.gauge.note_store_away(crate::clock::now());
            self.pause(ctx);
            return;
        }
        if !has_looked_in_vain {
            self.desk.gauge.note_store_back();
        }
        if !had_batch && self.outbox.is_empty() {
            self.answer_flushes();
        }
        let is_due = self.outbox.in_memory() >= self.desk.settings.batch_records;
        if is_due || self.outbox.has_backlog() || !self.waiting.is_empty() {
            self.write(ctx);
        }
    }

    /// Passes changes on to the live page, and says when to look again.
    fn tell_of(&mut self, changes: Looked) {
        if changes.more {
            self.look_at = Instant::now();
        }
        if changes.failed {
            self.look_at = Instant::now() + changes::LOOK_AGAIN_AFTER;
        }
        self.publish(changes.records.into_iter().map(Event::ExchangeFinished).collect());
    }

    fn publish(&self, events: Vec<Event>) {
        if !events.is_empty()
            && let Err(error) = self.publish.tell(Publish(events))
        {
            tracing::debug!(%error, "live activity lost events");
        }
    }

    /// The store is left alone for a moment. Who waits for a flush hears what the journal keeps.
    fn pause(&mut self, ctx: &mut Context<Self>) {
        self.store_is_away = true;
        self.answer_flushes();
        ctx.run_later(RETRY_AFTER, |actor, ctx| {
            actor.store_is_away = false;
            actor.write(ctx);
        });
    }

    fn answer_flushes(&mut self) {
        let left = if self.outbox.is_empty() { 0 } else { self.desk.unsettled().max(1) };
        for waiting in self.waiting.drain(..) {
            // Whoever asked for the flush may have gone.
            let _ = waiting.send(left);
        }
    }

    /// What the database needs now and then, beside the batches.
    fn keep_up(&mut self, ctx: &mut Context<Self>) {
        let desk = self.desk.clone();
        let done = actix_web::web::block(move || upkeep::keep_up(&desk));
        ctx.spawn(done.into_actor(self).map(|_done, _actor, ctx| {
            ctx.run_later(UPKEEP_EVERY, Self::keep_up);
        }));
    }
}

impl Actor for AuditActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.collect(ctx);
        self.write(ctx);
        self.keep_up(ctx);
        let tick = Duration::from_millis(self.desk.settings.flush_every_ms);
        ctx.run_interval(tick, |actor, ctx| {
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
    type Result = ResponseFuture<u64>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        let (done, flushed) = oneshot::channel();
        self.waiting.push(done);
        self.collect(ctx);
        if self.store_is_away {
            self.answer_flushes();
        } else {
            self.write(ctx);
        }
        Box::pin(async move {
            // The sender is dropped only when the actor ends: then nothing more can be written.
            flushed.await.unwrap_or(1)
        })
    }
}
