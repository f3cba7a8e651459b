//! Trust: the arithmetic of scores and risk.
//!
//! Owns the thresholds. Pure: it must never read a clock or keep a score.

use crate::types::text_enum;

text_enum! {
    /// How much an agent is to be feared, as tokens and the dashboard show it.
    RiskTier {
        /// Below 25.
        Low = "low",
        /// From 25.
        Medium = "medium",
        /// From 50.
        High = "high",
        /// From 75.
        Critical = "critical",
    }
}

/// The tier of a risk score in hundredths (0 to 10000, standing for 0 to 100). Scores outside that
/// range belong to the nearest tier.
pub const fn risk_tier(risk_score_hundredths: i64) -> RiskTier {
    match risk_score_hundredths {
        7_500.. => RiskTier::Critical,
        5_000.. => RiskTier::High,
        2_500.. => RiskTier::Medium,
        _ => RiskTier::Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tier_begins_at_its_threshold() {
        for (score, tier) in [
            (-1, "low"),
            (0, "low"),
            (2_499, "low"),
            (2_500, "medium"),
            (4_999, "medium"),
            (5_000, "high"),
            (7_499, "high"),
            (7_500, "critical"),
            (i64::MAX, "critical"),
        ] {
            assert_eq!(risk_tier(score).as_str(), tier, "{score}");
        }
    }
}
