//! What an automaton has learned, per thread.
//!
//! Owns the lazily built states of every automaton in use. It must never outlive the automaton by
//! much: what belongs to none any more is dropped when the next one comes.

use regex_automata::hybrid::{
    LazyStateID,
    dfa::{Cache, DFA},
};
use std::{
    cell::RefCell,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

/// More automata than one thread uses at a time; the one that was not used for longest goes first.
const MAX_SLOTS: usize = 64;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The one used last stands at the end.
    #[expect(clippy::vec_box, reason = "slots are moved at every use")]
    static SLOTS: RefCell<Vec<Box<Slot>>> = const { RefCell::new(Vec::new()) };
}

/// One automaton's states on one thread.
pub(super) struct Slot {
    owner: Weak<DFA>,
    id: u64,
    pub(super) cache: Cache,
}

/// A state to go on from later. It is worth nothing once its cache was cleared, or on another thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saved {
    slot: u64,
    clears: usize,
    state: LazyStateID,
}

impl Slot {
    pub(super) fn save(&self, state: LazyStateID) -> Saved {
        Saved { slot: self.id, clears: self.cache.clear_count(), state }
    }

    pub(super) fn restore(&self, saved: Saved) -> Option<LazyStateID> {
        let is_known = saved.slot == self.id && saved.clears == self.cache.clear_count();
        is_known.then_some(saved.state)
    }
}

/// Lends the thread's slot for an automaton.
pub(super) fn with<T>(dfa: &Arc<DFA>, use_it: impl FnOnce(&mut Slot) -> T) -> T {
    let mut slot = take(dfa).unwrap_or_else(|| Box::new(new(dfa)));
    let result = use_it(&mut slot);
    SLOTS.with_borrow_mut(|slots| slots.push(slot));
    result
}

fn take(dfa: &Arc<DFA>) -> Option<Box<Slot>> {
    SLOTS.with_borrow_mut(|slots| {
        let at = slots.iter().rposition(|slot| slot.owner.as_ptr() == Arc::as_ptr(dfa));
        if at.is_none() {
            slots.retain(|slot| slot.owner.strong_count() > 0);
            if slots.len() >= MAX_SLOTS {
                slots.remove(0);
            }
        }
        at.map(|at| slots.remove(at))
    })
}

fn new(dfa: &Arc<DFA>) -> Slot {
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    Slot { owner: Arc::downgrade(dfa), id, cache: dfa.create_cache() }
}

#[cfg(test)]
pub(super) fn slots() -> usize {
    SLOTS.with_borrow(Vec::len)
}
