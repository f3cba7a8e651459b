//! Tests of a version of the rules as a whole: what refuses it, and what it does for whom.

use super::testing::{RULES, detections, profile};
use super::*;
use crate::detect::read;
use crate::policy::SourceFile;

fn wrong(pattern: &str) -> (u32, String) {
    let text = format!(
        "[[rule]]\nid = \"x\"\ntype = \"CUSTOM\"\nseverity = \"LOW\"\npattern = '{pattern}'\nmatches = ['a']\nclean = ['b']\n"
    );
    let file = read(&SourceFile::new("detections.toml", text)).unwrap();
    let mut wrong = Detections::build(file, None).err().unwrap_or_default();
    assert_eq!(wrong.len(), 1, "{pattern}");
    let (line, reason, remedy) = wrong.remove(0);
    assert!(!remedy.is_empty());
    (line, reason)
}

#[test]
fn every_rule_finds_its_own_examples() {
    let detections = detections("");
    let failed = detections.failed_examples();
    let ids: Vec<_> = failed.iter().map(|it| &detections.rules()[it.rule].id).collect();
    assert_eq!(failed, [], "{ids:?}");
}

#[test]
fn an_example_that_is_judged_otherwise_is_reported() {
    let text = RULES.replace(
        "matches = ['quiet']\nclean = ['quite']",
        "matches = ['loud']\nclean = ['so', 'quiet']",
    );
    let file = read(&SourceFile::new("detections.toml", text)).unwrap();
    let detections = Detections::build(file, None).unwrap();
    let line = detections.rules()[11].line;
    let failed = |expected_match, example_index| FailedExample {
        rule: 11,
        line,
        expected_match,
        example_index,
    };
    assert_eq!(detections.failed_examples(), [failed(true, 0), failed(false, 1)]);
}

#[test]
fn a_pattern_that_cannot_be_searched_for_is_an_error_with_its_line() {
    for (pattern, reason) in [
        ("a*", "the pattern matches the empty text"),
        ("ab+", "the pattern's matches have no greatest length"),
        (r"\bab", r"the pattern uses \b"),
        ("a{20000}", "the pattern's matches may be 20000 bytes long, more than 16384"),
        ("a[b&&c]", "the pattern can match nothing at all"),
        (
            r"(?:\w{1000}){4}",
            "the pattern cannot be compiled: heap usage during NFA compilation exceeded limit of 4194304",
        ),
        ("(", "the pattern cannot be read: unclosed group"),
    ] {
        assert_eq!(wrong(pattern), (1, reason.into()), "{pattern}");
    }
}

#[test]
fn the_last_override_that_fits_wins_and_what_is_switched_off_stays_off() {
    let detections = detections(
        r#"
[[override]]
rules = ["type:PII_*", "class:CREDENTIALS"]
lifecycle = ["EGRESS"]
action = "block"
[[override]]
rules = ["email"]
roles = ["developer"]
action = "allow"
"#,
    );
    let number = |id: &str| detections.rules().iter().position(|rule| &*rule.id == id).unwrap();
    let nobody = Audience { roles: &[], app_context: None, detectors: &[], steps_up: false };
    let plain = detections.profile(&nobody);
    assert_eq!(plain.action(number("email"), Lifecycle::Egress), Action::Block);
    assert_eq!(plain.action(number("email"), Lifecycle::Ingress), Action::Redact);
    assert_eq!(plain.action(number("key"), Lifecycle::Egress), Action::Block);
    assert_eq!(plain.action(number("quiet"), Lifecycle::Egress), Action::Allow);

    let roles: [Arc<str>; 1] = ["developer".into()];
    let developer = detections.profile(&Audience { roles: &roles, ..nobody });
    assert_eq!(developer.action(number("email"), Lifecycle::Egress), Action::Allow);

    let detectors: [Box<str>; 1] = ["type:CUSTOM".into()];
    let loud = detections.profile(&Audience {
        app_context: Some("ac_loud"),
        detectors: &detectors,
        ..nobody
    });
    assert_eq!(loud.action(number("quiet"), Lifecycle::Egress), Action::Quarantine);
    assert_eq!(loud.action(number("key"), Lifecycle::Egress), Action::Allow);
    assert!(loud.acts(Lifecycle::Ingress) && loud.watches(Lifecycle::Ingress));
}

#[test]
fn equal_actions_are_one_profile() {
    let detections = detections("");
    let audience = Audience { roles: &[], app_context: None, detectors: &[], steps_up: false };
    let first = detections.profile(&audience);
    let other = Audience { app_context: Some("ac_other"), ..audience };
    assert!(Arc::ptr_eq(&first, &detections.profile(&other)));
    let loud = Audience { app_context: Some("ac_loud"), ..audience };
    assert!(!Arc::ptr_eq(&first, &detections.profile(&loud)));
    assert!(profile().watches(Lifecycle::Ingress));
}
