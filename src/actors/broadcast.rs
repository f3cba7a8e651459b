//! The keeper of live activity: one per process, told rather than asked.
//!
//! Owns the subscribers, the exchanges in flight and a ring of what was last finished. It must never
//! wait for a subscriber: each has a bounded queue, and one that does not keep up loses events and
//! is told how many. Frames hold metadata only.
//!
//! Mailbox: bounded; events beyond it are lost to the live page, never to the record. A new actor
//! starts without subscribers (their streams end and reconnect) and with a new epoch.

mod frames;

use crate::bus::broadcast::{Event, Greeting, Publish, Subscribe, Subscription};
use crate::types::{ExchangeId, Finding, Record};
use actix::{Actor, Context, Handler, MessageResult};
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

const MAILBOX: usize = 65_536;
const RING: usize = 4_096;
const RING_BYTES: usize = 16 * 1024 * 1024;
const QUEUE: usize = 1_024;
/// By then a record is in the store, unless that is away.
const STORED_AFTER: Duration = Duration::from_secs(10);
const RECENT: usize = 512;

/// The owner of the live page's state.
pub struct BroadcastActor {
    greeting: Greeting,
    /// Tells event ids of this run from those of an earlier one.
    epoch: i64,
    last_id: u64,
    ring: VecDeque<Finished>,
    ring_bytes: usize,
    in_flight: HashMap<ExchangeId, Arc<Record>>,
    followers: Vec<Follower>,
}

struct Finished {
    id: u64,
    at: Instant,
    record: Arc<Record>,
}

struct Follower {
    queue: mpsc::Sender<Bytes>,
    lost: u64,
}

impl BroadcastActor {
    /// An actor without followers.
    pub fn new(greeting: Greeting) -> Self {
        Self {
            greeting,
            epoch: crate::clock::now().0,
            last_id: 0,
            ring: VecDeque::with_capacity(RING),
            ring_bytes: 0,
            in_flight: HashMap::new(),
            followers: Vec::new(),
        }
    }

    fn publish(&mut self, event: Event) {
        match event {
            Event::ExchangeStarted(record) => {
                self.send(|| frames::started(&record));
                self.in_flight.insert(record.id, record);
            }
            Event::ExchangeFinished(record) => {
                self.in_flight.remove(&record.id);
                self.last_id += 1;
                let (epoch, id) = (self.epoch, self.last_id);
                self.send(|| frames::finished(epoch, id, &record));
                self.keep(id, record);
            }
            Event::PolicyReloaded { version } => self.send(|| frames::policy(&version, None)),
            Event::PolicyRefused { version, fault } => {
                self.send(|| frames::policy(&version, Some(&fault)));
            }
            Event::DetectionsReloaded { version } => {
                self.send(|| frames::detections(&version, None));
            }
            Event::DetectionsRefused { version, fault } => {
                self.send(|| frames::detections(&version, Some(&fault)));
            }
        }
    }

    /// Keeps a finished exchange in the ring, whose oldest ones make room.
    fn keep(&mut self, id: u64, record: Arc<Record>) {
        self.ring_bytes += size_of_record(&record);
        self.ring.push_back(Finished { id, at: Instant::now(), record });
        while self.ring.len() > RING || self.ring_bytes > RING_BYTES {
            let Some(oldest) = self.ring.pop_front() else { return };
            self.ring_bytes -= size_of_record(&oldest.record);
        }
    }

    /// Encodes once, and only when somebody follows.
    fn send(&mut self, frame: impl FnOnce() -> Bytes) {
        if self.followers.is_empty() {
            return;
        }
        let frame = frame();
        self.followers.retain_mut(|follower| follower.offer(&frame));
    }

    fn subscribe(&mut self, last_event_id: Option<&str>) -> Subscription {
        let (queue, frames) = mpsc::channel(QUEUE);
        let mut backlog = vec![frames::hello(&self.greeting)];
        match last_event_id.map(|last_event_id| self.missed_since(last_event_id)) {
            Some(Some(missed)) => backlog.extend(missed),
            Some(None) => {
                backlog.push(frames::lost(None));
                backlog.extend(self.recent());
            }
            None => backlog.extend(self.recent()),
        }
        backlog.extend(self.in_flight.values().map(|record| frames::started(record)));
        self.followers.push(Follower { queue, lost: 0 });
        Subscription { backlog, frames }
    }

    /// What finished after this event, or `None` when that is no longer known.
    fn missed_since(&self, last_event_id: &str) -> Option<Vec<Bytes>> {
        let (epoch, id) = last_event_id.split_once('-')?;
        let id: u64 = id.parse().ok()?;
        let oldest = self.ring.front().map_or(self.last_id + 1, |oldest| oldest.id);
        if epoch.parse() != Ok(self.epoch) || id > self.last_id || id + 1 < oldest {
            return None;
        }
        let missed = self.ring.iter().filter(|finished| finished.id > id);
        Some(missed.map(|finished| self.frame(finished)).collect())
    }

    /// What finished so lately that a follower who reads the stored records next may not find it there.
    fn recent(&self) -> Vec<Bytes> {
        let newest = self.ring.iter().rev().take(RECENT);
        let recent = newest.take_while(|finished| finished.at.elapsed() < STORED_AFTER);
        let mut frames: Vec<_> = recent.map(|finished| self.frame(finished)).collect();
        frames.reverse();
        frames
    }

    fn frame(&self, finished: &Finished) -> Bytes {
        frames::finished(self.epoch, finished.id, &finished.record)
    }
}

/// About what a record takes: its own fields and those whose length the call decides.
fn size_of_record(record: &Record) -> usize {
    let names = record.tool_names.iter().chain(&record.tools_removed);
    let texts = [record.model.as_deref(), record.response_model.as_deref()];
    let words = [&record.policy_reason, &record.error_code];
    size_of::<Record>()
        + names.map(|name| size_of::<Box<str>>() + name.len()).sum::<usize>()
        + texts.iter().flatten().map(|text| text.len()).sum::<usize>()
        + words.into_iter().flatten().map(|text| text.len()).sum::<usize>()
        + record.findings.len() * size_of::<Finding>()
        + record.target.len()
        + record.detail.as_deref().map_or(0, str::len)
}

impl Follower {
    /// Queues a frame; `false` when the follower has gone.
    fn offer(&mut self, frame: &Bytes) -> bool {
        if self.lost > 0 {
            match self.queue.try_send(frames::lost(Some(self.lost))) {
                Ok(()) => self.lost = 0,
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
                Err(mpsc::error::TrySendError::Full(_)) => {}
            }
        }
        match self.queue.try_send(frame.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.lost += 1;
                true
            }
        }
    }
}

impl Actor for BroadcastActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Publish> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, message: Publish, _: &mut Self::Context) {
        for event in message.0 {
            self.publish(event);
        }
    }
}

impl Handler<Subscribe> for BroadcastActor {
    type Result = MessageResult<Subscribe>;

    fn handle(&mut self, message: Subscribe, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.subscribe(message.last_event_id.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Surface, UnixMillis};

    fn actor() -> BroadcastActor {
        BroadcastActor::new(Greeting { node: "test".into(), version: "0", sandbox: false })
    }

    fn finish(actor: &mut BroadcastActor) {
        let id = ExchangeId(uuid::Uuid::now_v7());
        let record = Record::new(id, UnixMillis(0), "test".into(), Surface::Agent);
        actor.publish(Event::ExchangeFinished(Arc::new(record)));
    }

    fn names(frames: &[Bytes]) -> Vec<String> {
        let name = |frame: &Bytes| {
            let text = std::str::from_utf8(frame).unwrap();
            text.lines().find_map(|line| line.strip_prefix("event: ")).unwrap().to_owned()
        };
        frames.iter().map(name).collect()
    }

    #[test]
    fn a_follower_that_comes_back_gets_what_it_missed() {
        let mut actor = actor();
        for _ in 0..3 {
            finish(&mut actor);
        }
        let last_seen = format!("{}-1", actor.epoch);
        let subscription = actor.subscribe(Some(&last_seen));
        assert_eq!(names(&subscription.backlog), ["hello", "exchange", "exchange"]);
    }

    #[test]
    fn a_follower_of_another_run_or_from_too_long_ago_is_told_that_it_lost_events() {
        let mut actor = actor();
        for _ in 0..RING + 2 {
            finish(&mut actor);
        }
        for last_seen in ["1-1".to_owned(), format!("{}-1", actor.epoch), "nonsense".to_owned()] {
            let subscription = actor.subscribe(Some(&last_seen));
            assert_eq!(names(&subscription.backlog)[..2], ["hello", "lost"], "{last_seen}");
        }
    }

    #[test]
    fn a_follower_that_cannot_resume_gets_what_the_store_may_not_have_yet() {
        let mut actor = actor();
        finish(&mut actor);
        finish(&mut actor);
        let subscription = actor.subscribe(Some("1-1"));
        assert_eq!(names(&subscription.backlog), ["hello", "lost", "exchange", "exchange"]);
        let subscription = actor.subscribe(None);
        assert_eq!(names(&subscription.backlog), ["hello", "exchange", "exchange"]);
        for finished in &mut actor.ring {
            finished.at = Instant::now().checked_sub(STORED_AFTER).unwrap();
        }
        assert_eq!(names(&actor.subscribe(None).backlog), ["hello"]);
    }

    #[test]
    fn great_records_leave_the_ring_before_they_fill_the_memory() {
        let mut actor = actor();
        for number in 0..40 {
            let id = ExchangeId(uuid::Uuid::now_v7());
            let mut record = Record::new(id, UnixMillis(0), "test".into(), Surface::Agent);
            record.tool_names = vec!["x".repeat(1024 * 1024).into()];
            actor.keep(number, Arc::new(record));
        }
        assert_eq!(actor.ring.len(), 15);
        let sizes = actor.ring.iter().map(|finished| size_of_record(&finished.record));
        assert_eq!(actor.ring_bytes, sizes.sum::<usize>());
    }

    #[test]
    fn a_slow_follower_is_told_how_many_events_it_lost_and_never_waited_for() {
        let mut actor = actor();
        let mut subscription = actor.subscribe(None);
        for _ in 0..QUEUE + 5 {
            finish(&mut actor);
        }
        for _ in 0..QUEUE {
            subscription.frames.try_recv().unwrap();
        }
        finish(&mut actor);
        assert_eq!(subscription.frames.try_recv().unwrap(), frames::lost(Some(5)));
    }

    #[test]
    fn a_follower_that_has_gone_is_forgotten() {
        let mut actor = actor();
        drop(actor.subscribe(None));
        finish(&mut actor);
        assert!(actor.followers.is_empty());
    }
}
