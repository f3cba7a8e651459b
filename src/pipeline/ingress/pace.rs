//! How slowly an upload may arrive.
//!
//! Owns one rule: after a first grace a client sends at least so many bytes per second, on average, and being ahead
//! is worth no more than that grace. It must never count against the client what the gate or the provider takes.

use super::{stop_of, unread};
use crate::pipeline::Stop;
use crate::types::Refusal;
use actix_web::dev::Payload;
use bytes::Bytes;
use futures_util::StreamExt;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const LEAST_BYTES_PER_SEC: u32 = 16 * 1024;

/// The patience that is left with one client.
pub(super) struct Pace {
    left: Duration,
    most: Duration,
}

impl Pace {
    pub(super) const fn new(grace: Duration) -> Self {
        Self { left: grace, most: grace }
    }

    /// The next chunk; `None` at the end.
    pub(super) async fn next(&mut self, payload: &mut Payload) -> Result<Option<Bytes>, Stop> {
        let waiting_since = Instant::now();
        let late = |_| Stop::Refused(Refusal::BodyTooSlow);
        let chunk = timeout(self.left, payload.next()).await.map_err(late)?;
        let waited = waiting_since.elapsed();
        let chunk = chunk.transpose().map_err(|error| stop_of(unread(error), 0))?;
        self.note(waited, chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }

    fn note(&mut self, waited: Duration, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = Duration::from_secs(bytes) / LEAST_BYTES_PER_SEC;
        self.left = self.left.saturating_sub(waited).saturating_add(earned).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    /// How long a client is borne with that sends this much each second.
    fn seconds_of(bytes_per_sec: usize) -> usize {
        let mut pace = Pace::new(GRACE);
        let in_time = |_: &usize| {
            let in_time = pace.left >= SECOND;
            pace.note(SECOND, bytes_per_sec);
            in_time
        };
        (0..3_600).take_while(in_time).count()
    }

    #[test]
    fn a_client_may_go_on_for_ever_at_the_least_rate_and_half_of_it_for_twice_the_grace() {
        assert_eq!(seconds_of(16 * 1024), 3_600);
        assert_eq!(seconds_of(8 * 1024), 119);
        assert_eq!(seconds_of(1), 60);
        assert_eq!(seconds_of(0), 60);
    }

    #[test]
    fn a_flood_at_first_buys_no_more_than_the_grace() {
        let mut pace = Pace::new(GRACE);
        pace.note(Duration::ZERO, 64 * 1024 * 1024);
        assert_eq!(pace.left, GRACE);
        pace.note(GRACE - SECOND, 0);
        assert_eq!(pace.left, SECOND);
        pace.note(SECOND, 32 * 1024);
        assert_eq!(pace.left, 2 * SECOND, "whoever goes on sending is forgiven");
    }
}
