//! How much each caller has asked for, and whether it may ask for more.
//!
//! Owns the counts of requests per minute and per calendar month (UTC) and of open streams, all in
//! atomics that every worker shares. It must never wait, lock, store anything or read a clock:
//! `now` is an argument, and what survives a restart is handed out as [`UsedSince`].

mod headers;
mod minute;
mod month;

pub use headers::{rate_headers, reset_text};

use crate::types::{CallerLimits, LimitKind, Refusal, UnixMillis};
use minute::Minute;
use month::Months;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// What one agent or one AppContext has used, held against its limits. A limit that is not set
/// costs nothing, but the month and the streams are counted all the same, so that a limit set later
/// finds them right.
#[derive(Debug)]
pub struct Meter {
    limits: CallerLimits,
    minute: Option<Arc<Minute>>,
    counts: Arc<Counts>,
}

/// What a meter has counted, as it is read back after a restart.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Used {
    /// The calendar month (UTC), such as 202611.
    pub month: u32,
    /// Requests in that month.
    pub requests: u64,
    /// Requests of the minute's limit that were spent at `at`.
    pub minute_used: u32,
    /// When that was.
    pub at: UnixMillis,
}

/// What must be added to the stored counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsedSince {
    /// The calendar month (UTC) that the requests belong to.
    pub month: u32,
    /// Requests since the last save, to be added.
    pub requests: u64,
    /// Requests of the minute's limit that are spent at `at`; replaces what is stored.
    pub minute_used: u32,
    /// When that is.
    pub at: UnixMillis,
}

/// An open stream. Dropping it makes room for another.
#[derive(Debug)]
#[must_use = "the stream counts as closed when this is dropped"]
pub struct OpenStream(Arc<Counts>);

/// What outlives a change of the limits.
#[derive(Debug)]
struct Counts {
    months: Months,
    streams: AtomicU32,
}

impl Meter {
    /// A meter that goes on from what was stored: a restart gives no fresh burst.
    pub fn new(limits: CallerLimits, used: Used, now: UnixMillis) -> Self {
        // A moment in the future was stored before the clock was set back.
        let at = used.at.min(now);
        let counts =
            Counts { months: Months::new(used.month, used.requests), streams: AtomicU32::new(0) };
        Self { minute: minute_of(limits, used.minute_used, at), limits, counts: Arc::new(counts) }
    }

    /// The same meter with other limits. Both share their counts, so that calls and streams which
    /// still hold the old one are not forgotten.
    pub fn with_limits(&self, limits: CallerLimits, now: UnixMillis) -> Self {
        let same_minute = limits.requests_per_minute == self.limits.requests_per_minute;
        let minute = if same_minute {
            self.minute.clone()
        } else {
            minute_of(limits, self.minute_used(now), now)
        };
        Self { limits, minute, counts: Arc::clone(&self.counts) }
    }

    /// The limits that it holds callers to.
    pub const fn limits(&self) -> CallerLimits {
        self.limits
    }

    /// Counts one request, or refuses it with [`Refusal::LimitReached`] and counts nothing.
    pub fn enter(&self, now: UnixMillis) -> Result<(), Refusal> {
        let month_limit = self.limits.monthly_requests.unwrap_or(u64::MAX);
        let month_over = || Refusal::LimitReached {
            kind: LimitKind::MonthlyRequests,
            limit: month_limit,
            retry_after_secs: month::secs_left(now),
        };
        let month = month::of(now);
        // Asked before the minute, so that what the month refuses does not spend the minute.
        if self.counts.months.requests(month) >= month_limit {
            return Err(month_over());
        }
        if let Some(minute) = &self.minute {
            minute.take(now).map_err(|retry_after_secs| Refusal::LimitReached {
                kind: LimitKind::RequestsPerMinute,
                limit: minute.limit().into(),
                retry_after_secs,
            })?;
        }
        if self.counts.months.add(month, month_limit) { Ok(()) } else { Err(month_over()) }
    }

    /// Takes back a request that was counted at `now` and then not let in.
    pub fn take_back(&self, now: UnixMillis) {
        self.counts.months.take_back(month::of(now));
        if let Some(minute) = &self.minute {
            minute.take_back(now);
        }
    }

    /// Opens a stream, or refuses it with [`Refusal::LimitReached`].
    pub fn open_stream(&self) -> Result<OpenStream, Refusal> {
        let limit = self.limits.concurrent_streams.unwrap_or(u32::MAX);
        let one_more = |open: u32| (open < limit).then(|| open + 1);
        match self.counts.streams.try_update(Relaxed, Relaxed, one_more) {
            Ok(_) => Ok(OpenStream(Arc::clone(&self.counts))),
            Err(_) => Err(Refusal::LimitReached {
                kind: LimitKind::ConcurrentStreams,
                limit: limit.into(),
                // When a stream ends is for its caller to say.
                retry_after_secs: 1,
            }),
        }
    }

    /// What is used at `now`.
    pub fn used(&self, now: UnixMillis) -> Used {
        let month = month::of(now);
        Used {
            month,
            requests: self.counts.months.requests(month),
            minute_used: self.minute_used(now),
            at: now,
        }
    }

    /// What has been counted since this was last asked, and counts it as saved. To be called until
    /// it gives `None`: when a month has ended, its rest and the new month come one after another.
    pub fn take_unsaved(&self, now: UnixMillis) -> Option<UsedSince> {
        let (month, requests) = self.counts.months.take_unsaved()?;
        Some(UsedSince { month, requests, minute_used: self.minute_used(now), at: now })
    }

    /// Takes back what could not be saved: the next [`take_unsaved`](Self::take_unsaved) has it.
    pub fn put_back(&self, unsaved: &UsedSince) {
        self.counts.months.put_back(unsaved.month, unsaved.requests);
    }

    /// Takes in what other gateways have counted: `stored` is everybody's count, with what was saved from here.
    pub fn catch_up(&self, stored: &Used, now: UnixMillis) {
        self.counts.months.raise(stored.month, stored.requests);
        if let Some(minute) = &self.minute {
            minute.raise(stored.minute_used, stored.at, now);
        }
    }

    fn minute_used(&self, now: UnixMillis) -> u32 {
        self.minute.as_ref().map_or(0, |minute| minute.used(now))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Relaxed);
    }
}

/// The calendar month (UTC) of a moment, such as 202611.
pub fn month_of(moment: UnixMillis) -> u32 {
    month::of(moment)
}

fn minute_of(limits: CallerLimits, used: u32, at: UnixMillis) -> Option<Arc<Minute>> {
    limits.requests_per_minute.map(|limit| Arc::new(Minute::new(limit, used, at)))
}

#[cfg(test)]
mod tests;
