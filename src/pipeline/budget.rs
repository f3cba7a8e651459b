//! How much of what clients send may be held in memory at once, over all calls.
//!
//! Owns three accounts of the same size: one of uploads, one of large bodies, one of the small bodies that nearly
//! all calls have; and one of a quarter of it for what is kept of streams, which nobody is refused for. None takes
//! another's room, and of the first two no caller takes another's; a small body that finds
//! no room counts as a large one. It must never wait: a body for which there is no room is refused.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A body up to this size is small: counting it takes no lock.
const SMALL_BODY: usize = 64 * 1024;

/// The bytes that may be held, shared by all workers.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Accounts>);

#[derive(Debug)]
struct Accounts {
    limit: usize,
    small: AtomicUsize,
    /// Of what is kept.
    kept: AtomicUsize,
    large: Account,
    uploads: Account,
}

/// Bytes held for one call, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    accounts: Arc<Accounts>,
    caller: Arc<str>,
    is_upload: bool,
    /// Of the small account.
    small: usize,
    /// Of the other one.
    bytes: usize,
}

/// Bytes kept of one call and its answer while that streams, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    accounts: Arc<Accounts>,
    bytes: usize,
}

#[derive(Debug)]
struct Account {
    limit: usize,
    /// What each caller may hold whenever there is room. Beyond it, only while half of the account is free.
    share: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    /// Those who hold something.
    by_caller: HashMap<Arc<str>, usize>,
}

impl Budget {
    /// Room for this many bytes of uploads and as many of plain bodies. A caller's share is a quarter, or one
    /// body of `body_bytes` where that is more.
    pub fn new(limit: usize, body_bytes: usize) -> Self {
        let share = body_bytes.max(limit / 4);
        let account = || Account { limit, share, taken: Mutex::default() };
        let (small, kept) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self(Arc::new(Accounts { limit, small, kept, large: account(), uploads: account() }))
    }

    /// Nothing of a plain body held yet.
    pub(super) fn body(&self, caller: &Arc<str>) -> Held {
        self.open(caller, false)
    }

    /// Nothing of an upload held yet.
    pub(super) fn upload(&self, caller: &Arc<str>) -> Held {
        self.open(caller, true)
    }

    /// Nothing kept yet.
    pub(super) fn keep(&self) -> Kept {
        Kept { accounts: Arc::clone(&self.0), bytes: 0 }
    }

    fn open(&self, caller: &Arc<str>, is_upload: bool) -> Held {
        let (accounts, caller) = (Arc::clone(&self.0), Arc::clone(caller));
        Held { accounts, caller, is_upload, small: 0, bytes: 0 }
    }
}

impl Held {
    /// How many bytes more could be held now.
    pub(super) fn room(&self) -> usize {
        let account = self.account();
        let room = account.room(&account.taken(), &self.caller);
        if self.is_small() { room.max(self.small_room()) } else { room }
    }

    fn is_small(&self) -> bool {
        !self.is_upload && self.bytes == 0
    }

    fn small_room(&self) -> usize {
        let left = self.accounts.limit.saturating_sub(self.accounts.small.load(Ordering::Relaxed));
        (SMALL_BODY - self.small).min(left)
    }

    /// Whether there is room for this many bytes more; if so, they are held. A small body for which the small
    /// account has no room counts as a large one.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        if self.is_small() && self.small + bytes <= SMALL_BODY && self.take_small(bytes) {
            return true;
        }
        let (account, caller) = (self.account(), &self.caller);
        let mut taken = account.taken();
        if bytes > account.room(&taken, caller) {
            return false;
        }
        taken.total += bytes;
        *taken.by_caller.entry(Arc::clone(caller)).or_default() += bytes;
        drop(taken);
        self.bytes += bytes;
        true
    }

    fn take_small(&mut self, bytes: usize) -> bool {
        let before = self.accounts.small.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.accounts.limit {
            self.accounts.small.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.small += bytes;
        true
    }

    fn account(&self) -> &Account {
        if self.is_upload { &self.accounts.uploads } else { &self.accounts.large }
    }
}

impl Kept {
    /// How many bytes there is room for.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is room for this many bytes more; if so, they are kept.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let Accounts { kept, limit, .. } = &*self.accounts;
        let has_room = kept.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= limit / 4;
        if has_room {
            self.bytes += bytes;
        } else {
            kept.fetch_sub(bytes, Ordering::Relaxed);
        }
        has_room
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.accounts.kept.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.small > 0 {
            self.accounts.small.fetch_sub(self.small, Ordering::Relaxed);
        }
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.account().taken();
        taken.total = taken.total.saturating_sub(self.bytes);
        if let Some(own) = taken.by_caller.get_mut(&self.caller) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                taken.by_caller.remove(&self.caller);
            }
        }
    }
}

impl Account {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self, taken: &Taken, caller: &str) -> usize {
        let own = taken.by_caller.get(caller).copied().unwrap_or_default();
        let of_share = self.share.saturating_sub(own);
        let of_free_half = (self.limit / 2).saturating_sub(taken.total);
        of_share.max(of_free_half).min(self.limit.saturating_sub(taken.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn callers() -> [Arc<str>; 3] {
        ["agt_1", "agt_2", "agt_3"].map(Arc::from)
    }

    #[test]
    fn what_is_held_by_one_call_is_missing_to_the_next_until_it_ends() {
        let budget = Budget::new(10 * MIB, 10 * MIB);
        let [caller, ..] = callers();
        let (mut first, mut second) = (budget.body(&caller), budget.body(&caller));
        assert!(first.take(4 * MIB) && first.take(4 * MIB));
        assert!(!second.take(3 * MIB), "only two are left");
        assert!(second.take(2 * MIB));
        drop(first);
        assert_eq!(second.room(), 8 * MIB);
        assert!(second.take(8 * MIB));
    }

    #[test]
    fn uploads_large_bodies_and_small_ones_do_not_take_each_others_room() {
        let budget = Budget::new(MIB, MIB);
        let [caller, ..] = callers();
        let (mut upload, mut large) = (budget.upload(&caller), budget.body(&caller));
        assert!(upload.take(MIB) && large.take(MIB));
        let mut small: Vec<Held> = (0..16).map(|_| budget.body(&caller)).collect();
        assert!(small.iter_mut().all(|body| body.take(SMALL_BODY)));
        let mut one_more = budget.body(&caller);
        assert!(!one_more.take(1), "neither account has room");
        drop(small);
        assert_eq!(one_more.room(), SMALL_BODY);
        assert!(one_more.take(1));
        assert!(!one_more.take(SMALL_BODY), "it has grown out of the small ones");
    }

    #[test]
    fn whoever_fills_the_small_account_leaves_others_the_large_one() {
        let budget = Budget::new(MIB, MIB / 4);
        let [greedy, other, _] = callers();
        let mut small: Vec<Held> = (0..16).map(|_| budget.body(&greedy)).collect();
        assert!(small.iter_mut().all(|body| body.take(SMALL_BODY)));
        assert!(budget.body(&other).take(SMALL_BODY));
    }

    #[test]
    fn a_caller_gets_more_than_its_share_only_of_the_half_that_is_free() {
        let budget = Budget::new(100, 10);
        let [greedy, second, third] = callers();
        let mut calls = [(); 6].map(|()| budget.upload(&greedy));
        let got = calls.iter_mut().filter_map(|call| call.take(10).then_some(10)).sum::<usize>();
        assert_eq!(got, 50, "nobody else held anything");
        let mut other = budget.upload(&second);
        assert!(other.take(25) && !other.take(1), "a quarter is always there for another");
        assert!(budget.upload(&third).take(25));
        drop(calls);
        assert!(other.take(25));
    }

    #[test]
    fn a_body_of_the_allowed_size_is_within_every_share() {
        let budget = Budget::new(10 * MIB, 4 * MIB);
        let [first, second, _] = callers();
        let (mut one, mut other) = (budget.body(&first), budget.body(&second));
        assert!(one.take(5 * MIB));
        assert!(other.take(4 * MIB));
    }

    #[test]
    fn what_is_kept_of_streams_has_room_of_its_own() {
        let budget = Budget::new(4 * MIB, MIB);
        let [caller, ..] = callers();
        let (mut one, mut other) = (budget.keep(), budget.keep());
        assert!(one.take(MIB - 1) && !other.take(2) && other.take(1));
        assert_eq!((one.bytes(), other.bytes()), (MIB - 1, 1));
        assert!(budget.body(&caller).take(2 * MIB), "no call is refused for it");
        drop(one);
        assert!(other.take(MIB - 1));
    }

    #[test]
    fn nothing_is_kept_of_callers_that_hold_nothing() {
        let budget = Budget::new(100, 10);
        let [caller, ..] = callers();
        let mut held = budget.upload(&caller);
        assert!(held.take(5) && !held.take(500));
        drop((held, budget.upload(&caller)));
        assert_eq!(budget.0.uploads.taken().total, 0);
        assert!(budget.0.uploads.taken().by_caller.is_empty());
    }
}
