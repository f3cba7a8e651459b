//! What may be said to the keeper of the record.
//!
//! An exchange takes a [`Place`] before anything is forwarded and gives it back when its record is in
//! the store: so an end always finds room, and a store that is away fills the places and then refuses new
//! calls instead of losing records.
//!
//! What is told goes into an [`Inbox`] that outlives the actor, and a bell is rung once for all that is told
//! within two milliseconds: waking another thread costs more than everything else about a record.

use super::Line;
use crate::types::Record;
use actix::Message;
use crossbeam_queue::SegQueue;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// What the keeper of the record is told.
#[derive(Debug)]
pub enum Told {
    /// An exchange began: it is in flight until its end is told.
    Opened(Arc<Record>),
    /// An exchange ended. Never refused for lack of room: its place was taken at the start.
    Closed(Closed),
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

/// Write everything that was told so far; the reply comes when it is in the store or given up on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Flush;

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
