//! Requests per calendar month (UTC), and which of them are not yet saved.
//!
//! Owns the months' arithmetic. A month and its count are one number, so that a count can never be
//! taken for another month's.

use crate::types::UnixMillis;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use time::{Date, OffsetDateTime};

/// The low bits of a slot's number are the count, the high ones the month.
const COUNT_BITS: u32 = 44;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// This month and the one before. Neighbours never share a slot (December is even, January odd), so
/// that the end of a month can still be counted and saved when the next has begun.
#[derive(Debug, Default)]
pub(super) struct Months {
    even: Slot,
    odd: Slot,
}

#[derive(Debug, Default)]
struct Slot {
    counted: AtomicU64,
    saved: AtomicU64,
}

impl Months {
    /// Starts with the requests that were stored for `month`.
    pub(super) fn new(month: u32, requests: u64) -> Self {
        let months = Self::default();
        let slot = months.slot(month);
        slot.counted.store(pack(month, requests), Relaxed);
        slot.saved.store(pack(month, requests), Relaxed);
        months
    }

    /// Requests counted in `month`.
    pub(super) fn requests(&self, month: u32) -> u64 {
        count_in(self.slot(month).counted.load(Relaxed), month)
    }

    /// Counts one request, if that stays within `limit`.
    pub(super) fn add(&self, month: u32, limit: u64) -> bool {
        let one_more = |number| {
            let count = count_in(number, month);
            (count < limit).then(|| pack(month, count + 1))
        };
        self.slot(month).counted.try_update(Relaxed, Relaxed, one_more).is_ok()
    }

    /// Takes back one request.
    pub(super) fn take_back(&self, month: u32) {
        change(&self.slot(month).counted, month, |count| Some(count.saturating_sub(1)));
    }

    /// Counts what others have stored besides: `total` is all that is stored, what was saved from here with it.
    pub(super) fn raise(&self, month: u32, total: u64) {
        let slot = self.slot(month);
        let more = |saved| (saved < total).then_some(total);
        if let Some(saved) = change(&slot.saved, month, more) {
            let others = total.saturating_sub(saved);
            change(&slot.counted, month, |count| Some(count.saturating_add(others)));
        }
    }

    /// A month with requests that are not yet saved, which then count as saved.
    pub(super) fn take_unsaved(&self) -> Option<(u32, u64)> {
        [&self.even, &self.odd].into_iter().find_map(|slot| {
            let counted = slot.counted.load(Relaxed);
            let month = month_in(counted);
            // A request that was taken back after it was saved leaves more saved than counted; the next one is
            // then saved already.
            let most = |saved| Some(counted.max(if month_in(saved) == month { saved } else { 0 }));
            let saved = slot.saved.try_update(Relaxed, Relaxed, most).unwrap_or_default();
            let unsaved = (counted & COUNT_MASK).saturating_sub(count_in(saved, month));
            (unsaved > 0).then_some((month, unsaved))
        })
    }

    /// Makes requests unsaved again.
    pub(super) fn put_back(&self, month: u32, requests: u64) {
        change(&self.slot(month).saved, month, |saved| Some(saved.saturating_sub(requests)));
    }

    const fn slot(&self, month: u32) -> &Slot {
        if month.is_multiple_of(2) { &self.even } else { &self.odd }
    }
}

/// The month of a moment, such as 202611.
pub(super) fn of(moment: UnixMillis) -> u32 {
    let date = date_of(moment);
    let year = u32::try_from(date.year()).unwrap_or_default();
    year * 100 + u32::from(u8::from(date.month()))
}

/// Seconds until the month of `now` ends, rounded up.
pub(super) fn secs_left(now: UnixMillis) -> u32 {
    let date = date_of(now);
    let next = match date.month() {
        time::Month::December => Date::from_calendar_date(date.year() + 1, time::Month::January, 1),
        month => Date::from_calendar_date(date.year(), month.next(), 1),
    };
    // Only the end of the year 9999 has no next month.
    let end = next.unwrap_or(Date::MAX).midnight().assume_utc().unix_timestamp();
    u32::try_from(end.saturating_sub(now.as_secs())).unwrap_or(u32::MAX).max(1)
}

fn date_of(moment: UnixMillis) -> Date {
    OffsetDateTime::from_unix_timestamp(moment.as_secs())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .date()
}

/// Changes a month's count and returns what it was. `None`: it stays as it is, or the slot has gone on to another
/// month, and the rest of this one is past.
fn change(slot: &AtomicU64, month: u32, count: impl Fn(u64) -> Option<u64>) -> Option<u64> {
    let changed = |number| {
        let new = (month_in(number) == month).then(|| count(number & COUNT_MASK)).flatten();
        new.map(|new| pack(month, new))
    };
    slot.try_update(Relaxed, Relaxed, changed).ok().map(|before| before & COUNT_MASK)
}

fn pack(month: u32, count: u64) -> u64 {
    u64::from(month) << COUNT_BITS | count.min(COUNT_MASK)
}

fn month_in(number: u64) -> u32 {
    u32::try_from(number >> COUNT_BITS).unwrap_or_default()
}

/// The count in a slot's number; 0 when it is another month's.
fn count_in(number: u64, month: u32) -> u64 {
    if month_in(number) == month { number & COUNT_MASK } else { 0 }
}
