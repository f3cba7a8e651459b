//! What may be said to the keeper of the record.
//!
//! An exchange takes a [`Place`], which bounds memory, and room in the journal, which bounds the disk, before anything
//! is forwarded. Its begin and its end are in the journal before the keeper is told; what is told here is for the live
//! page and the next batch, and can be read again from the journal.
//!
//! What is told goes into an [`Inbox`] that outlives the actor, and a bell is rung once for all that is told
//! within ten milliseconds: waking another thread costs more than everything else about a record.

use super::Line;
use crate::journal::{Journal, Mark, Status};
use crate::ledger::Checkpoint;
use crate::types::{Record, UnixMillis};
use actix::Message;
use crossbeam_queue::SegQueue;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
};

/// What the keeper of the record is told.
#[derive(Debug)]
pub enum Told {
    /// An exchange began: it is in flight until its end is told.
    Opened(Arc<Record>),
    /// An exchange ended. Never refused for lack of room: its place was taken at the start.
    Closed(Closed),
    /// An exchange ended that the journal had no room for, and that was served all the same.
    Lost(Arc<Record>),
    /// A call without an identity: counted per address, minute and code.
    Anonymous {
        /// Where it came from.
        address: IpAddr,
        /// What it was answered.
        code: &'static str,
    },
}

/// The end of an exchange.
#[derive(Debug)]
pub struct Closed {
    /// The whole record.
    pub record: Arc<Record>,
    /// Where its end stands in the journal.
    pub mark: Mark,
    /// The room that it has held since it began.
    pub place: Place,
}

/// There is something in the inbox.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Collect;

/// What was told and not yet collected. It survives the death of its keeper.
#[derive(Clone)]
pub struct Inbox(Arc<Mail>);

struct Mail {
    told: SegQueue<Told>,
    rung: AtomicBool,
    bell: Line<Collect>,
}

impl Inbox {
    /// An empty inbox whose bell is this line.
    pub fn new(bell: Line<Collect>) -> Self {
        Self(Arc::new(Mail { told: SegQueue::new(), rung: AtomicBool::new(false), bell }))
    }

    /// Tells. Nothing is lost while the keeper is dead; its successor collects.
    pub fn tell(&self, told: Told) {
        self.0.told.push(told);
        if !self.0.rung.swap(true, Ordering::AcqRel) && self.0.bell.tell(Collect).is_err() {
            self.0.rung.store(false, Ordering::Release);
        }
    }

    /// Collects everything. The bell is freed first, so that what is told meanwhile rings it again.
    pub fn collect(&self) -> impl Iterator<Item = Told> {
        self.0.rung.store(false, Ordering::Release);
        std::iter::from_fn(|| self.0.told.pop())
    }

    /// The line that wakes the keeper.
    pub fn bell(&self) -> &Line<Collect> {
        &self.0.bell
    }
}

/// Write everything that was told so far; the reply comes when it is in the store, or says how many records the store
/// does not take now: these stay in the journal.
#[derive(Debug, Message)]
#[rtype(result = "u64")]
pub struct Flush;

/// How the record fares: written by its keeper, read by whoever is asked.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Readings>);

#[derive(Debug)]
struct Readings {
    journal: Journal,
    stored: AtomicU64,
    lost: AtomicU64,
    set_aside: AtomicU64,
    /// Milliseconds since 1970; 0 while the store takes what it gets.
    away_since: AtomicI64,
    checkpoint_seq: AtomicI64,
    checkpoint_at: AtomicI64,
    checkpoint_file_fails: AtomicBool,
    changes_wait: AtomicBool,
}

/// What a [`Gauge`] shows.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The files; what is not settled there is not in the store yet.
    pub journal: Status,
    /// Records that the store has taken since the start.
    pub stored: u64,
    /// Exchanges that were served without a record since the start.
    pub lost: u64,
    /// Records that the store did not take, for a fault of their own, since the start.
    pub set_aside: u64,
    /// Since when the store takes nothing.
    pub store_away_since: Option<UnixMillis>,
    /// Up to where the chain of this node is signed, and when that was.
    pub checkpoint: Option<(i64, UnixMillis)>,
    /// Whether checkpoints wait for their file: outside of the database nothing stands for them yet.
    pub checkpoint_file_fails: bool,
    /// Whether administrative changes wait for their records: the database does not take them now.
    pub changes_wait: bool,
}

impl Gauge {
    /// Everything at zero.
    pub fn new(journal: Journal) -> Self {
        Self(Arc::new(Readings {
            journal,
            stored: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            set_aside: AtomicU64::new(0),
            away_since: AtomicI64::new(0),
            checkpoint_seq: AtomicI64::new(0),
            checkpoint_at: AtomicI64::new(0),
            checkpoint_file_fails: AtomicBool::new(false),
            changes_wait: AtomicBool::new(false),
        }))
    }

    /// The store has these; so many of them for a fault of their own only beside the others.
    pub fn note_stored(&self, records: u64, set_aside: u64) {
        self.0.stored.fetch_add(records, Ordering::Relaxed);
        self.0.set_aside.fetch_add(set_aside, Ordering::Relaxed);
    }

    /// The store took what it was given.
    pub fn note_store_back(&self) {
        self.0.away_since.store(0, Ordering::Relaxed);
    }

    /// An exchange was served without a record.
    pub fn note_lost(&self) {
        self.0.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// The store takes nothing.
    pub fn note_store_away(&self, now: UnixMillis) {
        let away_since = &self.0.away_since;
        let _ = away_since.compare_exchange(0, now.0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A checkpoint of this node was signed.
    pub fn note_checkpoint(&self, checkpoint: &Checkpoint) {
        self.0.checkpoint_seq.store(checkpoint.seq, Ordering::Relaxed);
        self.0.checkpoint_at.store(checkpoint.signed_at.0, Ordering::Relaxed);
    }

    /// Checkpoints could, or could not, be written to their file.
    pub fn note_checkpoint_file(&self, fails: bool) {
        self.0.checkpoint_file_fails.store(fails, Ordering::Relaxed);
    }

    /// Administrative changes could not, or could, be recorded. Says whether that is new.
    pub fn note_changes_wait(&self, wait: bool) -> bool {
        self.0.changes_wait.swap(wait, Ordering::Relaxed) != wait
    }

    /// What it shows now.
    pub fn read(&self) -> Reading {
        let it = &*self.0;
        let moment = |millis: i64| (millis != 0).then_some(UnixMillis(millis));
        Reading {
            journal: it.journal.status(),
            stored: it.stored.load(Ordering::Relaxed),
            lost: it.lost.load(Ordering::Relaxed),
            set_aside: it.set_aside.load(Ordering::Relaxed),
            store_away_since: moment(it.away_since.load(Ordering::Relaxed)),
            checkpoint: moment(it.checkpoint_at.load(Ordering::Relaxed))
                .map(|at| (it.checkpoint_seq.load(Ordering::Relaxed), at)),
            checkpoint_file_fails: it.checkpoint_file_fails.load(Ordering::Relaxed),
            changes_wait: it.changes_wait.load(Ordering::Relaxed),
        }
    }
}

/// The room for exchanges that are open or not yet stored.
#[derive(Clone, Debug)]
pub struct Places(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    taken: AtomicUsize,
    capacity: usize,
}

/// One exchange's room; dropping it gives it back.
#[derive(Debug)]
pub struct Place(Arc<Counter>);

impl Places {
    /// Room for `capacity` exchanges.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Counter { taken: AtomicUsize::new(0), capacity }))
    }

    /// Takes a place, or `None` when all are taken.
    pub fn take(&self) -> Option<Place> {
        if self.0.taken.fetch_add(1, Ordering::Relaxed) < self.0.capacity {
            return Some(Place(Arc::clone(&self.0)));
        }
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_waits_for_the_next_keeper_in_order() {
        let inbox = Inbox::new(Line::new(std::time::Duration::from_secs(1)));
        for code in ["first", "second"] {
            inbox.tell(Told::Anonymous { address: IpAddr::from([127, 0, 0, 1]), code });
        }
        let codes: Vec<_> = inbox
            .collect()
            .map(|told| match told {
                Told::Anonymous { code, .. } => code,
                _ => "another",
            })
            .collect();
        assert_eq!(codes, ["first", "second"]);
    }

    #[test]
    fn a_place_is_refused_when_all_are_taken_and_free_again_after_its_drop() {
        let places = Places::new(1);
        let held = places.take().unwrap();
        assert!(places.take().is_none());
        drop(held);
        assert!(places.take().is_some());
        assert_eq!(places.taken(), 0);
    }
}
