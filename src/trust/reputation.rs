//! What is kept of an agent's conduct, and what changed in it.
//!
//! Owns how two gateways' changes become one: trust and counts add up, of risks the greater counts.

use super::MOST;
use crate::types::UnixMillis;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// What is kept of an agent's conduct.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reputation {
    /// In hundredths.
    pub trust_score: i64,
    /// Calls that came to their end.
    pub calls: u64,
    /// Violations in all of them.
    pub violations: u64,
    /// When the last of these was.
    pub last_violation_at: Option<UnixMillis>,
    /// How risky it was lately.
    pub risk: Risk,
}

/// A risk as it was at a moment. It fades evenly and is gone after a day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Risk {
    /// In hundredths.
    pub score: i64,
    /// When it was so high.
    pub at: UnixMillis,
}

/// What must be added to a kept reputation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReputationChange {
    /// Trust won, or lost, in hundredths.
    pub trust: i64,
    /// Calls.
    pub calls: u64,
    /// Violations.
    pub violations: u64,
    /// When the last of these was.
    pub last_violation_at: Option<UnixMillis>,
    /// A risk that was higher than what was known.
    pub risk: Option<Risk>,
}

impl Risk {
    /// What is left of it, in hundredths.
    pub const fn score_at(self, now: UnixMillis) -> i64 {
        // A moment in the future was noted before the clock was set back.
        let age = now.0.saturating_sub(self.at.0);
        match age {
            ..=0 => self.score,
            DAY_MS.. => 0,
            age => self.score * (DAY_MS - age) / DAY_MS,
        }
    }

    /// The one of which more is left.
    #[must_use]
    pub const fn or_greater(self, other: Self, now: UnixMillis) -> Self {
        if other.score_at(now) > self.score_at(now) { other } else { self }
    }
}

impl Reputation {
    /// With these changes added.
    #[must_use]
    pub fn after(&self, change: &ReputationChange) -> Self {
        Self {
            trust_score: self.trust_score.saturating_add(change.trust).clamp(0, MOST),
            calls: self.calls.saturating_add(change.calls),
            violations: self.violations.saturating_add(change.violations),
            last_violation_at: self.last_violation_at.max(change.last_violation_at),
            risk: change.risk.map_or(self.risk, |risk| self.risk.or_greater(risk, risk.at)),
        }
    }
}

impl ReputationChange {
    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Both changes in one.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        Self {
            trust: self.trust.saturating_add(later.trust),
            calls: self.calls.saturating_add(later.calls),
            violations: self.violations.saturating_add(later.violations),
            last_violation_at: self.last_violation_at.max(later.last_violation_at),
            risk: match (self.risk, later.risk) {
                (Some(risk), Some(other)) => Some(risk.or_greater(other, other.at)),
                (risk, other) => risk.or(other),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_000);

    fn hours(hours: i64) -> UnixMillis {
        NOW.plus_secs(hours * 3_600)
    }

    #[test]
    fn a_risk_fades_within_a_day() {
        let risk = Risk { score: 8_000, at: NOW };
        for (later, left) in [(-1, 8_000), (0, 8_000), (6, 6_000), (12, 4_000), (24, 0), (99, 0)] {
            assert_eq!(risk.score_at(hours(later)), left, "after {later} h");
        }
    }

    #[test]
    fn of_two_risks_the_one_counts_of_which_more_is_left() {
        let old = Risk { score: 8_000, at: NOW };
        let new = Risk { score: 5_000, at: hours(6) };
        assert_eq!(old.or_greater(new, hours(6)), old);
        let new = Risk { score: 5_000, at: hours(12) };
        assert_eq!(old.or_greater(new, hours(12)), new);
    }

    #[test]
    fn changes_add_up_and_the_score_keeps_its_bounds() {
        let change = ReputationChange {
            trust: 3_000,
            calls: 2,
            violations: 1,
            last_violation_at: Some(NOW),
            risk: Some(Risk { score: 5_000, at: NOW }),
        };
        let once = Reputation::default().after(&change);
        assert_eq!((once.trust_score, once.calls, once.violations), (3_000, 2, 1));
        assert_eq!((once.last_violation_at, once.risk.score), (Some(NOW), 5_000));
        assert_eq!(once.after(&change), Reputation::default().after(&change.and(&change)));
        assert_eq!(once.after(&ReputationChange { trust: i64::MAX, ..change }).trust_score, MOST);
        assert_eq!(once.after(&ReputationChange { trust: i64::MIN, ..change }).trust_score, 0);
        assert!(ReputationChange::default().is_empty() && !change.is_empty());
        let earlier = ReputationChange { last_violation_at: Some(hours(-1)), ..change };
        assert_eq!(once.after(&earlier).last_violation_at, Some(NOW));
    }
}
