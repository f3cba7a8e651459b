//! Listing, trying and changing rules, as the use cases do it.

use super::*;
use crate::admin::testing::{agent, policy, store};
use crate::detect::{Detections, version_of};
use crate::policy::SourceFile;
use crate::store::FindingTotals;
use crate::types::{Action, Sensitive, UnixMillis};
use std::{path::Path, sync::Arc};

const FILE: &str = "[[rule]]\nid = \"owl\"\ntype = \"BIRD\"\nseverity = \"LOW\"\npattern = 'owl'\n\
    matches = ['owl']\nclean = ['a']\n\n[[override]]\nrules = [\"owl\"]\nroles = [\"developer\"]\n\
    app_contexts = [\"ac_1\"]\naction = \"redact\"\n\n[[override]]\nrules = [\"owl\"]\n\
    app_contexts = [\"ac_1\"]\nlifecycle = [\"EGRESS\"]\naction = \"block\"\n";

fn detections() -> Arc<Detections> {
    let built = Detections::parse(&SourceFile::new("d.toml", FILE), None);
    Arc::new(built.unwrap_or_else(|errors| panic!("{errors:?}")))
}

fn request(text: &str) -> TrialRequest {
    TrialRequest {
        text: Sensitive::new(text.to_owned()),
        lifecycle: None,
        surface: None,
        app_context: None,
        agent: None,
        roles: Vec::new(),
    }
}

#[test]
fn a_rule_says_what_it_does_for_everyone_in_a_context_and_for_a_role() {
    let totals =
        FindingTotals { rule: "owl".to_owned(), findings: 3, exchanges: 2, last_at: UnixMillis(7) };
    let view = view_rules(&detections(), FILE, vec![totals], (UnixMillis(0), UnixMillis(9)));
    let [owl] = view.rules.as_slice() else { panic!("{view:?}") };
    assert_eq!((owl.action, owl.enabled, owl.source), (Action::Log, true, RuleSource::File));
    let there: Vec<_> = owl.app_contexts.iter().map(|it| (it.id.as_str(), it.action)).collect();
    assert_eq!(there, [("ac_1", Action::Block)]);
    let [developer] = owl.roles.as_slice() else { panic!("{:?}", owl.roles) };
    assert_eq!(
        (developer.role.as_str(), developer.app_context.as_deref()),
        ("developer", Some("ac_1"))
    );
    let directions = (developer.actions.ingress, developer.actions.egress);
    assert_eq!(directions, (Some(Action::Redact), Some(Action::Block)));
    assert_eq!((owl.found.findings, owl.found.last_at), (3, Some(UnixMillis(7))));
}

#[test]
fn places_are_counted_as_browsers_count_them() {
    let (_directory, store) = store();
    let tried = try_text(&store, &policy(), &detections(), &request("😀é owl")).unwrap();
    let places: Vec<_> = tried.findings.iter().map(|it| (it.start, it.end)).collect();
    assert_eq!((places, tried.verdict), (vec![(4, 7)], Action::Log));
}

#[test]
fn a_text_is_tried_with_all_roles_of_an_agent() {
    let (_directory, store) = store();
    agent(&store, "nightly");
    let mut request = request("owl");
    request.agent = Some("nightly".to_owned());
    request.app_context = Some("ac_1".to_owned());
    let tried = try_text(&store, &policy(), &detections(), &request).unwrap();
    assert_eq!(tried.redacted.as_deref(), Some("[REDACTED:BIRD]"));
    request.agent = Some("nobody".to_owned());
    assert!(try_text(&store, &policy(), &detections(), &request).is_err());
}

#[test]
fn a_change_is_written_down_with_its_reason_and_one_that_fails_is_not() {
    let (directory, store) = store();
    let path = directory.path().join("d.toml");
    std::fs::write(&path, FILE).unwrap();
    let bench = |path| Workshop { path, store: &store, actor: "ann", now: UnixMillis(5) };
    let request = |base: &str| RuleChangeRequest {
        action: Some(Action::Block),
        base_version: Some(base.to_owned()),
        reason: "it leaks".to_owned(),
        ..RuleChangeRequest::default()
    };
    let base = version_of(&SourceFile::new("", FILE)).to_string();
    let version = change_rule(bench(&path), "owl", &request(&base)).unwrap();
    let [change] = &*store.changes_after(0, 9).unwrap() else { panic!("one change") };
    assert_eq!((change.kind.as_str(), change.actor.as_str()), ("detections.changed", "ann"));
    assert_eq!(change.detail["reason"], "it leaks");
    assert_eq!(change.detail["version"], version.as_str());

    let late = change_rule(bench(&path), "owl", &request(&base)).unwrap_err();
    assert!(matches!(late, DetectionsError::Changed { current } if current == version));
    let gone = change_rule(bench(Path::new("/nowhere/d.toml")), "owl", &request(&base));
    assert!(matches!(gone, Err(DetectionsError::Admin(_))));
    assert_eq!(store.changes_after(0, 9).unwrap().len(), 1);
}
