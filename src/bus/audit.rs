//! What may be said to the keeper of the record.
//!
//! An exchange takes a [`Place`] before anything is forwarded and gives it back when its record is in
//! the store: so the mailbox needs no bound of its own, an end always finds room, and a store that is
//! away fills the places and then refuses new calls instead of losing records.

use crate::types::Record;
use actix::Message;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// An exchange began: it is in flight until [`CloseExchange`] tells its end.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct OpenExchange(pub Arc<Record>);

/// An exchange ended. Never refused for lack of room: its place was taken at the start.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CloseExchange {
    /// The whole record.
    pub record: Arc<Record>,
    /// The room that it has held since it began.
    pub place: Place,
}

/// A call without an identity: counted per address, minute and code.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CountAnonymous {
    /// Where it came from.
    pub address: IpAddr,
    /// What it was answered.
    pub code: &'static str,
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
    fn a_place_is_refused_when_all_are_taken_and_free_again_after_its_drop() {
        let places = Places::new(1);
        let held = places.take().unwrap();
        assert!(places.take().is_none());
        drop(held);
        assert!(places.take().is_some());
        assert_eq!(places.taken(), 0);
    }
}
