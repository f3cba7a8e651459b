//! An agent's trust over time, as its records tell it.
//!
//! Owns how many records are read for it and how many points are shown: both have a bound.

use super::{AdminError, find_agent};
use crate::store::{RecordQuery, Store};
use crate::types::{Outcome, Record, UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;

const MOST_RECORDS: usize = 4_000;
const MOST_POINTS: usize = 400;
/// A page may be short where few records match.
const MOST_PAGES: usize = 16;
const PAGE: u32 = 1_000;

/// How an agent's trust went.
#[derive(Debug, JsonSchema, Serialize)]
pub struct TrustHistory {
    /// The oldest first. Of many calls only some are shown, those with the least trust and the latest among them.
    pub points: Vec<TrustPoint>,
    /// Whether all records of the time were looked at, and not the newest alone.
    pub complete: bool,
}

/// What one call left.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct TrustPoint {
    /// When the call began.
    pub at: UnixMillis,
    /// The agent's trust after it, in hundredths.
    pub trust_score: i64,
    /// The risk of its decision, in hundredths.
    pub risk_score: Option<i64>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// The history of an agent's trust, from its newest records in this time.
pub fn trust_history(
    store: &Store,
    name_or_id: &str,
    from: Option<UnixMillis>,
    to: Option<UnixMillis>,
) -> Result<TrustHistory, AdminError> {
    let agent = Some(find_agent(store, name_or_id)?.id);
    let mut query =
        RecordQuery { limit: PAGE, newest_first: true, from, to, agent, ..RecordQuery::default() };
    let (mut points, mut read) = (Vec::new(), 0);
    for _ in 0..MOST_PAGES {
        let page = store.records(&query)?;
        read += page.events.len();
        points.extend(page.events.iter().filter_map(point));
        query.after = page.next;
        if query.after.is_none() || read >= MOST_RECORDS {
            break;
        }
    }
    points.sort_by_key(|point| point.at);
    Ok(TrustHistory { points: thinned(points), complete: query.after.is_none() })
}

fn point(record: &Record) -> Option<TrustPoint> {
    let Record { started_at, risk_score, outcome, .. } = *record;
    record.trust_score.map(|trust_score| TrustPoint {
        at: started_at,
        trust_score,
        risk_score,
        outcome,
    })
}

/// Of each handful the one with the least trust, so that no fall is lost, and the latest.
fn thinned(points: Vec<TrustPoint>) -> Vec<TrustPoint> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let handfuls = points.chunks(points.len().div_ceil(MOST_POINTS - 1));
    let least = handfuls.filter_map(|some| some.iter().min_by_key(|point| point.trust_score));
    let mut kept: Vec<_> = least.cloned().collect();
    let latest = points.into_iter().next_back().filter(|latest| kept.last() != Some(latest));
    kept.extend(latest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(scores: impl IntoIterator<Item = i64>) -> Vec<TrustPoint> {
        let points = scores.into_iter().zip(0..).map(|(trust_score, at)| TrustPoint {
            at: UnixMillis(at),
            trust_score,
            risk_score: None,
            outcome: None,
        });
        points.collect()
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let points = history(0..400);
        assert_eq!(thinned(points.clone()), points);
    }

    #[test]
    fn of_many_points_falls_and_the_latest_stay() {
        let mut points = history((0..4_000).map(|number| 5_000 + number));
        points[2_345].trust_score = 7;
        let kept = thinned(points);
        assert!((300..=MOST_POINTS).contains(&kept.len()), "{}", kept.len());
        assert!(kept.iter().any(|point| point.trust_score == 7));
        assert_eq!(kept.last().unwrap().at, UnixMillis(3_999));
        assert!(kept.is_sorted_by_key(|point| point.at));
    }
}
