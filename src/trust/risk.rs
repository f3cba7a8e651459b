//! Risk: of one decision, and in tiers.
//!
//! Owns the formula and the thresholds.

use super::MOST;
use crate::config::Trust;
use crate::types::{Severity, text_enum};

text_enum! {
    /// How much an agent, or a decision, is to be feared, as tokens, records and the dashboard show it.
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

/// The risk of one decision. Where something was found it is that of the worst finding, of the number of violations
/// and of what the caller lacks in trust; a session that has seen dangerous things adds its own. A call in which
/// nothing was found is no riskier for being a stranger's.
pub(super) fn of_decision(
    worst: Option<Severity>,
    violations: u32,
    trust_score: i64,
    session_risk: i64,
    settings: &Trust,
) -> i64 {
    let of_findings = worst.map_or(0, |severity| {
        let [low, medium, high, critical] = settings.severity_risk;
        let severity = match severity {
            Severity::Low => low,
            Severity::Medium => medium,
            Severity::High => high,
            Severity::Critical => critical,
        };
        let violations = i64::from(violations).saturating_mul(settings.violation_risk);
        let lacking = MOST - trust_score.clamp(0, MOST);
        severity
            + violations.min(settings.violation_risk_most)
            + lacking * settings.distrust_risk / 100
    });
    (of_findings + session_risk).clamp(0, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::conduct::testing::defaults;

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

    #[test]
    fn a_decisions_risk_is_severity_and_violations_and_distrust_and_session() {
        use Severity::{Critical, High, Low, Medium};
        let settings = defaults();
        for (worst, violations, trust_score, session_risk, expected) in [
            (None, 0, 0, 0, 0),
            (None, 0, 0, 3_000, 3_000),
            (Some(Low), 0, 10_000, 0, 1_000),
            (Some(Low), 0, 0, 0, 4_000),
            (Some(Medium), 1, 5_000, 0, 3_000 + 200 + 1_500),
            (Some(High), 3, 9_999, 0, 6_000 + 600),
            (Some(High), 3, 8_000, 1_000, 6_000 + 600 + 600 + 1_000),
            (Some(Low), 25, 10_000, 0, 1_000 + 5_000),
            (Some(Low), u32::MAX, 10_000, 0, 1_000 + 5_000),
            (Some(Critical), 1, 0, 5_000, 10_000),
            (Some(Critical), u32::MAX, i64::MIN + MOST, 5_000, 10_000),
        ] {
            let risk = of_decision(worst, violations, trust_score, session_risk, &settings);
            assert_eq!(risk, expected, "{worst:?} ×{violations}, {trust_score}, {session_risk}");
        }
    }

    #[test]
    fn risk_never_falls_with_severity_or_violations_and_never_rises_with_trust() {
        let settings = defaults();
        let severities = [None].into_iter().chain(Severity::ALL.iter().copied().map(Some));
        let severities: Vec<_> = severities.collect();
        for (at, worst) in severities.iter().enumerate() {
            for violations in 0..60 {
                for trust_score in (0..=MOST).step_by(499) {
                    let risk = |worst, violations, trust_score| {
                        of_decision(worst, violations, trust_score, 1_000, &settings)
                    };
                    let here = risk(*worst, violations, trust_score);
                    assert!((0..=MOST).contains(&here));
                    assert!(risk(*worst, violations + 1, trust_score) >= here);
                    assert!(risk(*worst, violations, trust_score + 1) <= here);
                    if let Some(worse) = severities.get(at + 1) {
                        assert!(risk(*worse, violations, trust_score) >= here);
                    }
                }
            }
        }
    }
}
