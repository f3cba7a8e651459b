//! A change does what it says, and nothing else in the file moves.

use super::*;
use crate::detect::Detections;
use crate::types::Severity;

const SHIPPED: &str = include_str!("../../../detections.toml");

const FILE: &str = "# Ours.\ntemplate = \"default\"\n\n# About owls.\n[[rule]]\nid = \"owl\"\ntype = \"BIRD_OWL\"\n\
    severity = \"LOW\" # harmless\nclass = \"PII\"\npattern = 'owl'\nmatches = ['owl']\nclean = ['a']\n\n\
    [[rule]]\nid = \"crow\"\ntype = \"BIRD_CROW\"\nseverity = \"LOW\"\npattern = 'crow'\nmatches = ['crow']\nclean = ['a']\n\n\
    # Everybody.\n[[override]]\nrules = [\"type:BIRD_*\"]\naction = \"redact\"\n\n\
    # Only there.\n[[override]]\nrules = [\"class:PII\"]\napp_contexts = [\"ac_1\"]\naction = \"log\"\n";

fn file(text: &str) -> SourceFile {
    SourceFile::new("d.toml", text)
}

fn whole(rule: &str) -> Scope<'_> {
    Scope { rule, app_context: None, lifecycle: None }
}

fn actions(file: &SourceFile, rule: &str, app_context: Option<&str>) -> (Action, Action) {
    let read = read(file).unwrap();
    let rule = rule_of(&read, rule).unwrap();
    let overrides = read.overrides.iter().filter(|it| means(it, rule));
    let actions = RuleActions::of(rule, overrides, &[], app_context);
    (actions.ingress.unwrap(), actions.egress.unwrap())
}

fn both(action: Action) -> (Action, Action) {
    (action, action)
}

#[test]
fn a_change_for_everyone_stands_before_what_is_said_for_fewer() {
    let changed = set_action(&file(FILE), whole("owl"), NewAction::Do(Action::Block)).unwrap();
    let added = "[[override]]\nrules = [\"owl\"]\naction = \"block\"\n\n# Only there.\n";
    assert_eq!(changed.text, FILE.replace("# Only there.\n", added));
    assert_eq!(actions(&changed, "owl", None), both(Action::Block));
    assert_eq!(actions(&changed, "owl", Some("ac_1")), both(Action::Log));
    assert_eq!(actions(&changed, "crow", None), both(Action::Redact));
    let reset = set_action(&changed, whole("owl"), NewAction::Reset).unwrap();
    assert_eq!(reset.text, FILE);
}

#[test]
fn a_change_for_one_app_context_is_for_it_alone_and_replaces_the_one_before() {
    let there = Scope { app_context: Some("ac_1"), ..whole("owl") };
    let changed = set_action(&file(FILE), there, NewAction::Do(Action::Block)).unwrap();
    let added =
        "\n[[override]]\nrules = [\"owl\"]\napp_contexts = [\"ac_1\"]\naction = \"block\"\n";
    assert_eq!(changed.text, format!("{FILE}{added}"));
    assert_eq!(actions(&changed, "owl", None), both(Action::Redact));
    let again = set_action(&changed, there, NewAction::Do(Action::Quarantine)).unwrap();
    assert_eq!(again.text, changed.text.replace("block", "quarantine"));
    // What the rest of the file says needs no override.
    let as_before = set_action(&again, there, NewAction::Do(Action::Log)).unwrap();
    assert_eq!(as_before.text, FILE);
}

#[test]
fn a_rule_is_switched_off_and_does_again_what_it_did() {
    let off = set_action(&file(FILE), whole("owl"), NewAction::Do(Action::Allow)).unwrap();
    assert_eq!(actions(&off, "owl", None), both(Action::Allow));
    let on = set_action(&off, whole("owl"), NewAction::Enable).unwrap();
    assert_eq!(on.text, FILE);
    let all_off = file(&format!("{FILE}\n[[override]]\nrules = [\"*\"]\naction = \"allow\"\n"));
    let on = set_action(&all_off, whole("owl"), NewAction::Enable).unwrap();
    assert_eq!(actions(&on, "owl", None), both(Action::Log));
    assert_eq!(actions(&on, "crow", None), both(Action::Allow));
}

#[test]
fn a_rule_that_is_switched_off_and_on_does_what_it_did_before() {
    for scope in [whole("owl"), Scope { app_context: Some("ac_1"), ..whole("owl") }] {
        let strict = set_action(&file(FILE), scope, NewAction::Do(Action::Block)).unwrap();
        let off = set_action(&strict, scope, NewAction::Do(Action::Allow)).unwrap();
        assert_eq!(actions(&off, "owl", scope.app_context), both(Action::Allow));
        let on = set_action(&off, scope, NewAction::Enable).unwrap();
        assert_eq!(on.text, strict.text);
        let reset = set_action(&off, scope, NewAction::Reset).unwrap();
        assert_eq!(reset.text, FILE);
    }
}

#[test]
fn one_direction_can_be_changed_alone() {
    let back = Scope { lifecycle: Some(Lifecycle::Egress), ..whole("crow") };
    let changed = set_action(&file(FILE), back, NewAction::Do(Action::Block)).unwrap();
    assert_eq!(actions(&changed, "crow", None), (Action::Redact, Action::Block));
    let all = set_action(&changed, whole("crow"), NewAction::Do(Action::Log)).unwrap();
    assert_eq!(all.text.matches("rules = [\"crow\"]").count(), 1, "{}", all.text);
}

#[test]
fn what_changes_nothing_or_cannot_is_refused_in_words() {
    let said = |scope, to| set_action(&file(FILE), scope, to).unwrap_err().to_string();
    assert!(said(whole("eagle"), NewAction::Reset).contains("there is no rule \"eagle\""));
    assert!(said(whole("owl"), NewAction::Reset).contains("no action of its own"));
    assert!(said(whole("owl"), NewAction::Do(Action::Redact)).contains("does that already"));
    assert!(said(whole("owl"), NewAction::Enable).contains("does that already"));
    let held = file(
        &FILE
            .replace("class = \"PII\"", "app_contexts = [\"ac_2\"]\nlifecycle = [\"EGRESS\"]")
            .replace("class:PII", "owl"),
    );
    let there = Scope { app_context: Some("ac_1"), ..whole("owl") };
    let error = set_action(&held, there, NewAction::Do(Action::Block)).unwrap_err();
    assert!(error.to_string().contains("add ac_1 there first"), "{error}");
    let out = Scope { lifecycle: Some(Lifecycle::Ingress), ..whole("owl") };
    let error = set_action(&held, out, NewAction::Do(Action::Block)).unwrap_err();
    assert!(error.to_string().contains("does not look at INGRESS"), "{error}");
}

#[test]
fn every_shipped_rule_can_be_changed_and_changed_back() {
    let shipped = file(SHIPPED);
    let read = read(&shipped).unwrap();
    for rule in read.rules.iter().step_by(37) {
        let changed =
            set_action(&shipped, whole(&rule.id), NewAction::Do(Action::Quarantine)).unwrap();
        assert!(changed.text.starts_with(SHIPPED), "{}", rule.id);
        let back = set_action(&changed, whole(&rule.id), NewAction::Reset).unwrap();
        assert_eq!(back.text, SHIPPED, "{}", rule.id);
    }
}

fn new_rule() -> NewRule {
    NewRule {
        id: "acme-ticket".to_owned(),
        kind: "ACME_TICKET".to_owned(),
        severity: Severity::High,
        pattern: Some(r#"ACME-"?(?<value>[0-9]{4,8})'?"#.to_owned()),
        lifecycle: Some(vec![Lifecycle::Ingress]),
        action: Some(Action::Redact),
        description: Some("Tickets of\nours.".to_owned()),
        matches: vec!["see ACME-12345".to_owned()],
        misses: vec!["ACME".to_owned()],
        class: None,
        risk_domain: None,
        keywords: None,
        surfaces: None,
        app_contexts: None,
        context: None,
        validators: None,
    }
}

#[test]
fn a_rule_of_ones_own_is_added_as_it_was_written_and_removed_without_a_trace() {
    let added = add_rule(&file(FILE), &new_rule()).unwrap();
    assert!(added.text.starts_with(FILE));
    let built = Detections::parse(&added, None).map_err(|errors| format!("{errors:?}")).unwrap();
    let rule = built.rules().last().unwrap();
    assert_eq!((&*rule.id, rule.action), ("acme-ticket", Action::Redact));
    assert_eq!(Some(&*rule.patterns[0]), new_rule().pattern.as_deref());
    assert_eq!(description_of(&added.text, rule).as_deref(), Some("Tickets of ours."));
    assert_eq!(
        add_rule(&added, &new_rule()).unwrap_err(),
        AmendError::Taken("acme-ticket".to_owned())
    );
    let blocked = set_action(&added, whole("acme-ticket"), NewAction::Do(Action::Block)).unwrap();
    assert_eq!(remove_rule(&blocked, "acme-ticket").unwrap().text, FILE);
    assert!(matches!(remove_rule(&added, "none"), Err(AmendError::NoSuchRule(_))));
}

#[test]
fn descriptions_are_the_comments_directly_above() {
    let read = read(&file(FILE)).unwrap();
    let description = |rule: &Rule| description_of(FILE, rule);
    assert_eq!(description(&read.rules[0]).as_deref(), Some("About owls."));
    assert_eq!(description(&read.rules[1]), None);
}

#[test]
fn a_file_keeps_its_line_ends_and_its_last_line() {
    let windows = file(FILE.replace('\n', "\r\n").trim_end());
    let changed = set_action(&windows, whole("crow"), NewAction::Do(Action::Block)).unwrap();
    assert!(!changed.text.replace("\r\n", "").contains('\n'), "{:?}", changed.text);
    let back = set_action(&changed, whole("crow"), NewAction::Reset).unwrap();
    assert_eq!(read(&back).unwrap().overrides.len(), 2);
    assert_eq!(back.text.trim_end(), windows.text);
}
