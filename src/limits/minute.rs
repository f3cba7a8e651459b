//! Requests per minute: the rate arithmetic of `governor` (GCRA) at a time that the caller gives.
//!
//! Owns one limit's state: the moment at which the whole minute's number is free again. It must
//! never believe that this moment is more than a minute away, so that a clock set back locks nobody
//! out.

use crate::types::UnixMillis;
use governor::{
    NotUntil, Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use std::{convert::Infallible, num::NonZeroU32, time::Duration};

const MINUTE: Nanos = Nanos::new(60_000_000_000);
const NANOS_PER_MILLI: u64 = 1_000_000;

/// At most so many requests in a minute, at once or one by one; each comes free again a minute's
/// part later.
#[derive(Debug)]
pub(super) struct Minute {
    /// `None`: not a single request.
    quota: Option<Quota>,
    free_at: InMemoryState,
}

/// The state as a limiter sees it whose time begins at `now`.
struct SeenFrom<'a> {
    free_at: &'a InMemoryState,
    now: Nanos,
}

type Limiter<'a> = RateLimiter<NotKeyed, SeenFrom<'a>, Standstill, NoOpMiddleware<Nanos>>;

/// A clock for a limiter that lives no longer than one question.
struct Standstill;

impl Minute {
    /// A limit of which `used` were spent at `at`.
    pub(super) fn new(limit: u32, used: u32, at: UnixMillis) -> Self {
        let quota = NonZeroU32::new(limit).map(Quota::per_minute);
        let minute = Self { quota, free_at: InMemoryState::default() };
        if let (Some(quota), Some(used)) = (quota, NonZeroU32::new(used.min(limit))) {
            // Nothing is spent yet and the number is within the limit: there is room.
            let _ = minute.limiter(quota, at).check_n(used);
        }
        minute
    }

    pub(super) fn limit(&self) -> u32 {
        self.quota.map_or(0, |quota| quota.burst_size().get())
    }

    /// Spends one, or says in how many seconds one is free.
    pub(super) fn take(&self, now: UnixMillis) -> Result<(), u32> {
        let Some(quota) = self.quota else { return Err(60) };
        self.limiter(quota, now).check().map_err(|until: NotUntil<Nanos>| {
            let wait = until.wait_time_from(Nanos::new(0)).as_nanos();
            u32::try_from(wait.div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1)
        })
    }

    /// Takes back one that was spent at `now`.
    pub(super) fn take_back(&self, now: UnixMillis) {
        let Some(quota) = self.quota else { return };
        let one = Nanos::from(quota.replenish_interval());
        self.change(now, |ahead| ahead.saturating_sub(one));
    }

    /// Spends at `now` what is still spent of `used` at `at`, where that is more. The last of them may have been
    /// coming free.
    pub(super) fn raise(&self, used: u32, at: UnixMillis, now: UnixMillis) {
        let Some(quota) = self.quota else { return };
        let interval = Nanos::from(quota.replenish_interval()).as_u64();
        let whole = u64::from(used.min(self.limit()).saturating_sub(1));
        let since = nanos(now).saturating_sub(nanos(at));
        let known = Nanos::new(interval.saturating_mul(whole)).saturating_sub(since);
        self.change(now, |ahead| ahead.max(known));
    }

    /// How many are spent at `now`; one that is coming free counts as spent.
    pub(super) fn used(&self, now: UnixMillis) -> u32 {
        let Some(quota) = self.quota else { return 0 };
        let state = SeenFrom { free_at: &self.free_at, now: nanos(now) };
        // An error leaves the state as it is, and brings out what it was.
        let look = |ahead: Option<Nanos>| Err::<((), Nanos), u64>(ahead.map_or(0, Nanos::as_u64));
        let ahead = state.measure_and_replace(&NotKeyed::NonKey, look).err().unwrap_or_default();
        let per_request = Nanos::from(quota.replenish_interval()).as_u64().max(1);
        u32::try_from(ahead.div_ceil(per_request)).unwrap_or(u32::MAX).min(self.limit())
    }

    fn change(&self, now: UnixMillis, change: impl Fn(Nanos) -> Nanos) {
        let state = SeenFrom { free_at: &self.free_at, now: nanos(now) };
        let changed = |ahead: Option<Nanos>| {
            Ok::<_, Infallible>(((), change(ahead.unwrap_or(Nanos::new(0)))))
        };
        let Ok(()) = state.measure_and_replace(&NotKeyed::NonKey, changed);
    }

    fn limiter(&self, quota: Quota, now: UnixMillis) -> Limiter<'_> {
        RateLimiter::new(quota, SeenFrom { free_at: &self.free_at, now: nanos(now) }, Standstill)
    }
}

impl StateStore for SeenFrom<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.free_at.measure_and_replace(key, |free_at| {
            let ahead = free_at.map(|free_at| free_at.saturating_sub(self.now).min(MINUTE));
            decide(ahead).map(|(result, ahead)| (result, self.now + ahead))
        })
    }
}

impl Clock for Standstill {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(0)
    }
}

/// Since 1970; good until 2554.
fn nanos(moment: UnixMillis) -> Nanos {
    let millis = u64::try_from(moment.0).unwrap_or_default();
    let last = u64::MAX - Duration::from_secs(120).as_secs() * 1_000 * NANOS_PER_MILLI;
    Nanos::new(millis.saturating_mul(NANOS_PER_MILLI).min(last))
}
