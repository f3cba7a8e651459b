//! Tests of what administrators do with the policy's files and versions.

use super::*;
use crate::admin::{AdminError, InvalidRequest, SourceFileError, testing};
use crate::policy::{Policy, version_of};
use crate::store::Store;
use crate::types::{PolicyResult, UnixMillis};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

const RULES: &str = "p2, developer, web:*, allow\np, developer, gpt-4o*, allow\n";
const MORE: &str = "p2, developer, web:*, allow\np, developer, gpt-*, allow\n";

/// A store, and the files in a directory of their own.
struct Place {
    files: PolicyFiles,
    store: Store,
    _directories: (TempDir, TempDir),
}

fn place() -> Place {
    let (data, store) = testing::store();
    let directory = tempfile::tempdir().unwrap();
    let files = PolicyFiles {
        model: directory.path().join("model.conf"),
        file: directory.path().join("policy.csv"),
    };
    fs::write(&files.model, include_str!("../../../model.conf")).unwrap();
    fs::write(&files.file, RULES).unwrap();
    Place { files, store, _directories: (data, directory) }
}

impl Place {
    fn version(&self) -> String {
        let (model, rules) = read_sources(&self.files).unwrap();
        version_of(&model, &rules).to_string()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.files.file).unwrap()
    }

    fn save(&self, text: &str, base_version: &str) -> Result<String, AdminError> {
        let request = SaveRequest {
            text: text.to_owned(),
            base_version: base_version.to_owned(),
            reason: "for the test".to_owned(),
        };
        save(&self.store, &self.files, &request, "ada", UnixMillis(7)).map(|it| it.to_string())
    }

    fn kept(&self) -> Vec<KeptVersion> {
        let all = VersionsRequest { limit: 9, after: None };
        list_versions(&self.store, &self.version(), all).unwrap().versions
    }
}

#[test]
fn a_draft_is_written_and_kept_with_author_and_reason() {
    let place = place();
    let version = place.save(MORE, &place.version()).unwrap();
    assert_eq!((place.text().as_str(), place.version()), (MORE, version));
    let kept = place.kept();
    assert_eq!((kept.len(), kept[0].author.as_str(), kept[0].current), (1, "ada", true));
    assert_eq!(kept[0].reason.as_deref(), Some("for the test"));
    let shown = show_version(&place.store, "another", kept[0].id).unwrap();
    assert_eq!((shown.text.as_deref(), shown.current), (Some(MORE), false));
}

#[test]
fn what_was_not_seen_is_not_written_over() {
    let place = place();
    let before = place.version();
    place.save(MORE, &before).unwrap();
    let error = place.save(RULES, &before).unwrap_err();
    let AdminError::PolicyChanged { current_version } = error else { panic!("{error}") };
    assert_eq!((*current_version).to_owned(), place.version());
    fs::write(&place.files.file, format!("{MORE}# by hand\n")).unwrap();
    assert!(matches!(place.save(RULES, &current_version), Err(AdminError::PolicyChanged { .. })));
    assert_eq!((place.text(), place.kept().len()), (format!("{MORE}# by hand\n"), 1));
}

#[test]
fn a_draft_that_would_be_refused_is_not_written() {
    let place = place();
    let error = place.save("p, developer, gpt-4o, alow\nq\n", &place.version()).unwrap_err();
    let AdminError::PolicyInvalid(errors) = &error else { panic!("{error}") };
    assert_eq!(errors.len(), 2);
    assert!(error.to_string().ends_with("(and 1 more)"), "{error}");
    let same = place.save(RULES, &place.version());
    assert!(matches!(same, Err(AdminError::Invalid(InvalidRequest::NothingToChange))));
    let long = place.save(&"#\n".repeat(600_000), &place.version());
    assert!(matches!(long, Err(AdminError::Invalid(InvalidRequest::PolicyTooLong))));
    let request =
        SaveRequest { text: MORE.to_owned(), base_version: place.version(), reason: " ".repeat(3) };
    let refused = save(&place.store, &place.files, &request, "ada", UnixMillis(7));
    assert!(matches!(refused, Err(AdminError::Invalid(InvalidRequest::Reason))));
    assert_eq!((place.text().as_str(), place.kept().len()), (RULES, 0));
}

#[test]
fn where_the_file_cannot_be_written_no_version_is_kept() {
    let place = place();
    fs::set_permissions(&place.files.file, fs::Permissions::from_mode(0o444)).unwrap();
    let error = place.save(MORE, &place.version()).unwrap_err();
    assert!(matches!(error, AdminError::SourceFile(SourceFileError::Io { .. })), "{error}");
    assert_eq!((place.text().as_str(), place.kept().len()), (RULES, 0));
    assert_eq!(place.store.changes_after(0, 9).unwrap(), []);
}

#[test]
fn an_old_version_is_put_in_force_again() {
    let place = place();
    place.save(MORE, &place.version()).unwrap();
    let first = place.kept()[0].id;
    place.save(RULES, &place.version()).unwrap();
    let request =
        RestoreRequest { base_version: place.version(), reason: "it was better".to_owned() };
    let version =
        restore(&place.store, &place.files, first, request, "bob", UnixMillis(9)).unwrap();
    assert_eq!((place.text().as_str(), place.version()), (MORE, version.to_string()));
    let kept = place.kept();
    let shown: Vec<_> = kept.iter().map(|it| (it.author.as_str(), it.current)).collect();
    assert_eq!(shown, [("bob", true), ("ada", false), ("ada", false)]);
    let kinds: Vec<_> =
        place.store.changes_after(0, 9).unwrap().into_iter().map(|change| change.kind).collect();
    assert_eq!(kinds, ["policy.saved", "policy.saved", "policy.restored"]);
    let request = RestoreRequest { base_version: place.version(), reason: "x".to_owned() };
    let missing = restore(&place.store, &place.files, 99, request, "bob", UnixMillis(9));
    assert!(matches!(missing, Err(AdminError::NoSuch { what: "policy version", .. })));
}

#[test]
fn versions_are_listed_in_pages() {
    let place = place();
    for number in 0..3 {
        place.save(&format!("{RULES}# {number}\n"), &place.version()).unwrap();
    }
    let page = |after| {
        let request = VersionsRequest { limit: 2, after };
        list_versions(&place.store, &place.version(), request).unwrap()
    };
    let first = page(None);
    assert_eq!((first.versions.len(), first.next), (2, Some(first.versions[1].id)));
    let last = page(first.next);
    assert_eq!((last.versions.len(), last.next), (1, None));
}

#[test]
fn a_diff_is_against_the_text_in_force_or_a_kept_version() {
    let place = place();
    place.save(MORE, &place.version()).unwrap();
    let diff = |against| {
        let request = DiffRequest { text: RULES.to_owned(), against };
        diff_draft(&place.store, RULES, &request).map(|diff| (diff.added, diff.removed))
    };
    assert_eq!(diff(None).unwrap(), (0, 0));
    assert_eq!(diff(Some(place.kept()[0].id)).unwrap(), (1, 1));
    assert!(matches!(diff(Some(0)), Err(AdminError::NoSuch { .. })));
}

#[test]
fn a_role_that_no_agent_has_is_warned_of() {
    let place = place();
    let (model, _) = read_sources(&place.files).unwrap();
    let review = |text: &str| {
        review_draft(&place.store, &model, &SourceFile::new("policy.csv", text)).unwrap().warnings
    };
    let draft = format!("{RULES}p, develper, o3, allow\n");
    assert_eq!(review(&draft), [], "nobody is there yet");
    testing::agent(&place.store, "bot");
    let warnings = review(&draft);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].reason.ends_with("did you mean `developer`?"), "{warnings:?}");
}

#[test]
fn an_explanation_is_of_the_agent_as_it_is_and_of_its_app_context() {
    let place = place();
    testing::agent(&place.store, "bot");
    let (model, rules) = read_sources(&place.files).unwrap();
    let policy = Policy::build(&model, &rules).unwrap();
    let ask = |model: &str| {
        let request = ExplainRequest {
            agent: "bot".to_owned(),
            model: Some(model.to_owned()),
            tool: None,
            permission: None,
            app_context: None,
        };
        explain(&place.store, &policy, &request).unwrap()
    };
    assert_eq!(ask("gpt-4o").result, PolicyResult::Allow);
    assert_eq!(ask("o3").result, PolicyResult::Deny);
}
