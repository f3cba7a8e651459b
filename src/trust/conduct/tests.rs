//! What calls do to trust, and when they quarantine.

use super::{testing::defaults, *};

const NOW: UnixMillis = UnixMillis(1_795_233_600_000);
const CLEAN: Conclusion = Conclusion {
    violations: 0,
    worst: None,
    adversarial: false,
    credentials_seen: false,
    sensitive_seen: false,
    outbound: false,
    completed: true,
};

fn bad(violations: u32) -> Conclusion {
    Conclusion { violations, worst: Some(Severity::High), ..CLEAN }
}

fn ledger(settings: Trust, trust_score: i64, calls: u64) -> Arc<Ledger> {
    let reputation = Reputation { trust_score, calls, ..Reputation::default() };
    Arc::new(Ledger::new(Arc::new(settings), reputation))
}

fn conduct(ledger: &Arc<Ledger>, identity: IdentityStrength) -> Conduct {
    Conduct::new(Arc::clone(ledger), identity)
}

fn standard(trust_score: i64, calls: u64) -> Conduct {
    conduct(&ledger(defaults(), trust_score, calls), IdentityStrength::Standard)
}

#[test]
fn a_call_wins_or_loses_trust() {
    for (before, calls, what, after) in [
        (0, 0, CLEAN, 10),
        (0, 4, CLEAN, 10),
        (0, 5, CLEAN, 20),
        (4_990, 5, CLEAN, 5_000),
        (5_000, 5, CLEAN, 5_000),
        (0, 5, Conclusion { adversarial: true, ..CLEAN }, 0),
        (0, 5, Conclusion { completed: false, ..CLEAN }, 0),
        (0, 5, Conclusion { worst: Some(Severity::Low), ..CLEAN }, 20),
        (1_000, 5, bad(1), 900),
        (1_000, 5, Conclusion { completed: false, ..bad(3) }, 700),
        (2_000, 5, bad(10), 1_000),
        (2_000, 5, bad(u32::MAX), 1_000),
        (50, 5, bad(1), 0),
    ] {
        let conduct = standard(before, calls);
        assert_eq!(
            conduct.note(&"session".into(), &what, NOW).trust_score,
            after,
            "{before}, {calls}, {what:?}"
        );
        assert_eq!(conduct.trust_score(), after);
    }
}

#[test]
fn what_a_session_has_seen_is_a_risk_to_its_own_calls_alone() {
    let conduct = standard(0, 0);
    let seen = Conclusion { credentials_seen: true, ..CLEAN };
    let risk = |session: &str, what| conduct.note(&session.into(), what, NOW).risk_score;
    assert_eq!((risk("one", &seen), risk("other", &CLEAN), risk("one", &CLEAN)), (3_000, 0, 3_000));
}

#[test]
fn all_callers_of_an_agent_share_the_session_that_nobody_named() {
    let ledger = ledger(defaults(), 0, 0);
    let begin = |secs, name: &str| {
        let conduct = conduct(&ledger, IdentityStrength::Standard);
        conduct.session(None, NOW.plus_secs(secs), || name.into()).to_string()
    };
    assert_eq!((begin(0, "a"), begin(1_799, "b")), ("a".into(), "a".into()));
    let late = conduct(&ledger, IdentityStrength::Basic);
    late.note(&"a".into(), &CLEAN, NOW.plus_secs(3_000));
    assert_eq!((begin(4_799, "c"), begin(6_599, "d")), ("a".into(), "d".into()));
}

#[test]
fn trust_counts_as_far_as_the_callers_identity_bears_it() {
    use IdentityStrength::{Basic, Standard, Verified};
    let ledger = ledger(defaults(), 9_000, 5);
    for (identity, ceiling) in [(Basic, 2_500), (Standard, 5_000), (Verified, 8_000)] {
        let conduct = conduct(&ledger, identity);
        assert_eq!(conduct.trust_score(), ceiling);
        assert_eq!(conduct.note(&"session".into(), &CLEAN, NOW).trust_score, ceiling);
    }
    assert_eq!(ledger.reputation().trust_score, 9_000, "a weak identity takes nothing");
}

#[test]
fn whatever_happens_scores_stay_within_their_bounds_and_changes_add_up() {
    let start = 4_970;
    let ledger = ledger(defaults(), start, 0);
    let conduct = conduct(&ledger, IdentityStrength::Standard);
    let mut stored = ledger.reputation();
    for step in 0..2_000_u32 {
        let what = match step % 7 {
            0 => bad(step % 40),
            1 => Conclusion { credentials_seen: true, ..CLEAN },
            2 => Conclusion { adversarial: true, outbound: true, ..bad(1) },
            _ => CLEAN,
        };
        let noted = conduct.note(&"session".into(), &what, NOW.plus_secs(step.into()));
        assert!((0..=5_000).contains(&noted.trust_score), "{noted:?}");
        assert!((0..=MOST).contains(&noted.risk_score), "{noted:?}");
        assert_eq!(noted.risk_tier, risk_tier(noted.risk_score));
        if step % 5 == 0 {
            stored = stored.after(&ledger.take_unsaved().unwrap());
        }
    }
    stored = stored.after(&ledger.take_unsaved().unwrap());
    assert_eq!(stored, ledger.reputation());
    assert_eq!(stored.calls, 2_000);
}

#[test]
fn what_could_not_be_saved_is_saved_later_and_others_changes_are_caught_up_with() {
    let ledger = ledger(defaults(), 1_000, 5);
    let conduct = conduct(&ledger, IdentityStrength::Standard);
    conduct.note(&"session".into(), &bad(1), NOW);
    let unsaved = ledger.take_unsaved().unwrap();
    assert_eq!(ledger.take_unsaved(), None);
    conduct.note(&"session".into(), &CLEAN, NOW);
    ledger.put_back(&unsaved);
    let elsewhere = Reputation { trust_score: 3_000, calls: 50, ..Reputation::default() };
    ledger.catch_up(&elsewhere);
    let known = ledger.reputation();
    assert_eq!((known.trust_score, known.calls, known.violations), (2_920, 52, 1));
    assert_eq!(known.last_violation_at, Some(NOW));
    let unsaved = ledger.take_unsaved().unwrap();
    assert_eq!((unsaved.trust, unsaved.calls, unsaved.violations), (-80, 2, 1));
}

#[test]
fn the_worst_risk_of_the_last_day_is_the_agents() {
    let conduct = standard(0, 0);
    let risk = conduct.note(&"session".into(), &bad(1), NOW).risk_score;
    assert_eq!(risk, 6_000 + 200 + 3_000);
    assert_eq!(conduct.note(&"session".into(), &CLEAN, NOW.plus_secs(1)).risk_score, 0);
    let known = conduct.ledger.reputation().risk;
    assert_eq!((known.score_at(NOW), known.score_at(NOW.plus_secs(43_200))), (risk, risk / 2));
}

#[test]
fn with_the_defaults_nothing_steps_up_and_no_number_of_violations_quarantines() {
    let usual = standard(0, 0);
    assert!(!usual.steps_up());
    assert_eq!(usual.note(&"session".into(), &bad(u32::MAX), NOW).quarantine, None);
    let strict = ledger(Trust { block_below: 1_000, ..defaults() }, 999, 0);
    assert!(conduct(&strict, IdentityStrength::Verified).steps_up());
    let trusted = ledger(Trust { block_below: 1_000, ..defaults() }, 1_000, 0);
    assert!(!conduct(&trusted, IdentityStrength::Verified).steps_up());
}

#[test]
fn too_many_violations_within_the_window_quarantine_once() {
    let settings = Trust { quarantine_violations: 5, quarantine_window_secs: 60, ..defaults() };
    let conduct = conduct(&ledger(settings, 0, 0), IdentityStrength::Standard);
    let note = |violations, secs| {
        let what = if violations == 0 { CLEAN } else { bad(violations) };
        conduct.note(&"session".into(), &what, NOW.plus_secs(secs)).quarantine
    };
    assert_eq!(note(4, 0), None);
    assert_eq!(note(4, 60), None, "the first four are forgotten");
    assert_eq!(note(0, 61), None);
    assert_eq!(note(1, 119).unwrap(), "5 violations within 60 seconds");
    assert_eq!(note(1, 119), None, "they are counted anew");
}
