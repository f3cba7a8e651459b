//! Where an exchange's record will be: its room in the journal.
//!
//! Owns what happens when there is none. It must never let an exchange go on without room, unless the configuration
//! says so.

use crate::bus::audit::Place;
use crate::config::WhenFull;
use crate::journal::{Full, Journal, Room, SyncFailed, Written};
use crate::pipeline::{Gate, record::Exchange};
use crate::types::Refusal;
use futures_util::{FutureExt, future::LocalBoxFuture};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::oneshot;

/// What an exchange holds until its end is written.
pub(super) enum Kept {
    Room {
        place: Place,
        room: Box<Room>,
    },
    /// It is served all the same, and lost to the record.
    Nowhere,
}

impl Kept {
    /// Takes room, or `None` when the call is to be refused.
    pub(super) fn of(gate: &Gate) -> Option<Self> {
        let lines = &gate.bus.record;
        let place = lines.places.take();
        let room = place.map(|place| Ok((place, lines.journal.reserve()?)));
        let why = match room {
            Some(Ok((place, room))) => return Some(Self::Room { place, room: Box::new(room) }),
            Some(Err::<_, Full>(full)) => full.to_string(),
            None => format!("{} exchanges are open", lines.places.taken()),
        };
        tell_now_and_then(&why);
        (gate.settings.when_full == WhenFull::Serve).then_some(Self::Nowhere)
    }
}

/// An end that is written down later.
pub(super) type Pending = oneshot::Receiver<Option<Written>>;

/// The end of a wait for the disk.
pub(in crate::pipeline) type Durable = LocalBoxFuture<'static, Result<(), SyncFailed>>;

/// Ends when this is safe. `None`: it is.
pub(in crate::pipeline) fn durable(journal: &Journal, written: Written) -> Option<Durable> {
    let mut durable = journal.durable(written).boxed_local();
    match (&mut durable).now_or_never() {
        Some(Ok(())) => None,
        Some(failed) => Some(std::future::ready(failed).boxed_local()),
        None => Some(durable),
    }
}

/// One line in ten seconds: the log may be on the disk that is full.
fn tell_now_and_then(why: &str) {
    static LAST_SECS: AtomicI64 = AtomicI64::new(i64::MIN);
    let now = crate::clock::now().as_secs();
    let last = LAST_SECS.load(Ordering::Relaxed);
    let is_due = now.saturating_sub(last) >= 10;
    if is_due && LAST_SECS.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    {
        tracing::warn!(
            why,
            "no room for another record; such calls are not recorded, and refused unless audit.when_full says otherwise"
        );
    }
}

impl Exchange {
    /// Writes down that the exchange has begun. A record that has outgrown its room is like one without any.
    pub(super) fn begin_record(&mut self, gate: &Gate) -> Result<(), Refusal> {
        let Some(Kept::Room { room, .. }) = &mut self.kept else { return Ok(()) };
        match (room.begin(&self.record), gate.settings.when_full) {
            (Ok(written), _) => self.written = Some(written),
            (Err(_full), WhenFull::Serve) => self.kept = Some(Kept::Nowhere),
            (Err(_full), WhenFull::Refuse) => return Err(NOT_WRITTEN),
        }
        Ok(())
    }

    /// Ends when what was last written down is safe. `None`: it is.
    pub(in crate::pipeline) fn durable(&mut self) -> Option<Durable> {
        let journal = &self.lines.journal;
        let Some(pending) = self.pending.take() else {
            return self.written.and_then(|written| durable(journal, written));
        };
        let journal = journal.clone();
        Some(Box::pin(async move {
            match pending.await {
                Ok(Some(written)) => journal.durable(written).await,
                // It has no room in the journal, or its worker ends.
                Ok(None) | Err(_) => Ok(()),
            }
        }))
    }

    /// Waits until what was last written down is safe.
    pub(in crate::pipeline) async fn settled(&mut self) -> Result<(), Refusal> {
        match self.durable() {
            None => Ok(()),
            Some(durable) => durable.await.map_err(|_failed| NOT_WRITTEN),
        }
    }
}

/// What the caller gets when the journal's disk fails.
pub(in crate::pipeline) const NOT_WRITTEN: Refusal = Refusal::Unavailable { what: "record" };
