//! Saving what callers used, so that their quotas survive a restart.
//!
//! Owns when it is saved. What cannot be saved is kept and saved later; at most a second of it dies with the
//! process. Gateways with one store learn from each save what the others have counted.

use super::{SAVE_COUNTS_EVERY, Shared};
use crate::limits::{Meter, Used, UsedSince};
use crate::store::{UsageCount, UsageOf};
use std::{collections::HashMap, sync::Arc};

/// One caller's part of a save.
struct Part {
    of: UsageOf,
    id: Arc<str>,
    meter: Arc<Meter>,
    used: UsedSince,
}

impl Shared {
    pub(super) async fn keep_counts_saved(&self) {
        loop {
            tokio::time::sleep(SAVE_COUNTS_EVERY).await;
            self.save_usage().await;
            self.save_conduct().await;
        }
    }

    /// Adds what the meters counted since the last time to the store's counts.
    pub(super) async fn save_usage(&self) {
        let parts = self.unsaved();
        if parts.is_empty() {
            return;
        }
        let counts: Vec<UsageCount> = parts.iter().map(count_of).collect();
        let store = self.store.clone();
        let saved = tokio::task::spawn_blocking(move || store.add_usage(&counts)).await;
        let error = match saved {
            Ok(Ok(before)) => return catch_up(&parts, &before),
            Ok(Err(error)) => error.with_causes(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(error, "what callers used cannot be saved now");
        for part in parts {
            part.meter.put_back(&part.used);
        }
    }

    fn unsaved(&self) -> Vec<Part> {
        let (snapshot, now) = (self.published.load(), crate::clock::now());
        let mut parts = Vec::new();
        for (of, id, meter) in snapshot.meters() {
            while let Some(used) = meter.take_unsaved(now) {
                let (id, meter) = (Arc::clone(id), Arc::clone(meter));
                parts.push(Part { of, id, meter, used });
            }
        }
        parts
    }
}

/// Lets the meters count what other gateways had stored.
fn catch_up(parts: &[Part], before: &[UsageCount]) {
    let before: HashMap<(UsageOf, &str, u32), Used> =
        before.iter().map(|count| ((count.of, &*count.id, count.month), used_of(count))).collect();
    for Part { of, id, meter, used } in parts {
        if let Some(stored) = before.get(&(*of, &**id, used.month)) {
            let requests = stored.requests.saturating_add(used.requests);
            meter.catch_up(&Used { requests, ..*stored }, crate::clock::now());
        }
    }
}

/// What the store has of one caller, as its meter takes it.
pub(super) fn used_of(count: &UsageCount) -> Used {
    Used {
        month: count.month,
        requests: count.requests,
        minute_used: count.minute_used,
        at: count.at,
    }
}

fn count_of(part: &Part) -> UsageCount {
    let UsedSince { month, requests, minute_used, at } = part.used;
    UsageCount { of: part.of, id: part.id.to_string(), month, requests, minute_used, at }
}
