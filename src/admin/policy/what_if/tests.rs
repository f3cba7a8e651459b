//! Tests of what-if on records that are really stored.

use super::*;
use crate::admin::testing;
use crate::policy::SourceFile;
use crate::store::NewAppContext;
use crate::types::{CallerLimits, Record};
use std::borrow::Cow;

const BEGIN: UnixMillis = UnixMillis(1_795_392_000_000);

fn policy(rules: &str) -> Policy {
    let model = SourceFile::new("model.conf", include_str!("../../../../model.conf"));
    Policy::build(&model, &SourceFile::new("policy.csv", rules)).unwrap()
}

fn call(model: &str) -> Record {
    let moment = uuid::Timestamp::from_unix(uuid::NoContext, 1_795_392_000, 0);
    let id = ExchangeId(Uuid::new_v7(moment));
    let mut record = Record::new(id, BEGIN, "node-1".into(), Surface::Agent);
    record.agent_name = Some("bot".into());
    record.agent_type = Some("interactive".into());
    record.roles = ["developer".into()].into();
    record.permission = Some(Permission::WebWrite);
    record.endpoint = Some(Cow::Borrowed("chat/completions"));
    record.model = Some(model.into());
    record.policy_result = Some(PolicyResult::Allow);
    record
}

fn keep(store: &Store, records: impl IntoIterator<Item = Record>) {
    let mut batch: Vec<_> = records.into_iter().map(Arc::new).collect();
    store.append_records(&mut batch, false, BEGIN).unwrap();
}

fn replay(store: &Store, draft: &str) -> WhatIf {
    let in_force = policy("p2, developer, web:*, allow\np, developer, gpt-*, allow\n");
    let patience = Patience {
        most: Duration::from_secs(20),
        is_given_up: &|| false,
        progress: &mut |_, _| {},
    };
    what_if(store, &in_force, &policy(draft), (None, None), BEGIN, patience).unwrap()
}

const NARROW: &str = "p2, developer, web:*, allow\np, developer, gpt-4*, allow\n";

#[test]
fn recorded_calls_are_decided_by_both_policies() {
    let (_directory, store) = testing::store();
    let last = call("gpt-5");
    let last_id = last.id;
    keep(&store, [call("gpt-5"), call("gpt-4o"), call("o3"), last]);
    let told = replay(&store, NARROW);
    assert!(told.complete);
    assert_eq!((told.replayed.records, told.replayed.flipped_calls), (4, 2));
    let flip = &told.replayed.flips[0];
    assert_eq!((flip.calls, flip.last_at), (2, BEGIN));
    assert_eq!(flip.last_id, last_id.max(flip.last_id));
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["losses"][0]["model"], "gpt-5");
    assert_eq!((json["from"].is_null(), json["flips"][0]["after"].as_str()), (true, Some("deny")));
}

#[test]
fn what_a_record_does_not_tell_is_counted_with_the_reason() {
    let (_directory, store) = testing::store();
    let of_endpoint = |endpoint: &'static str, model: Option<&str>| Record {
        endpoint: Some(Cow::Borrowed(endpoint)),
        model: model.map(Into::into),
        ..call("gpt-5")
    };
    let drawing = Record {
        tool_names: vec!["image_generation".into()],
        ..of_endpoint("responses", Some("gpt-5"))
    };
    keep(
        &store,
        [
            Record { policy_result: None, ..call("gpt-5") },
            Record { agent_name: None, ..call("gpt-5") },
            Record { app_context: Some("ac_gone".into()), ..call("gpt-5") },
            of_endpoint("images/generations", None),
            of_endpoint("batches", None),
            drawing,
            of_endpoint("responses", Some("gpt-5")),
            of_endpoint("models", None),
        ],
    );
    let told = replay(&store, NARROW).replayed;
    assert_eq!((told.records, told.flipped_calls, told.undecidable.count), (8, 1, 6));
    let why = told.undecidable.why.unwrap();
    for reason in [NOT_ASKED, NO_IDENTITY, NO_CONTEXT] {
        assert!(why.contains(&format!("1 {reason}")), "{why}");
    }
    assert!(why.contains(&format!("3 {SEVERAL_MODELS}")), "{why}");
}

#[test]
fn rows_that_share_a_name_are_told_apart_by_what_they_need() {
    let (_directory, store) = testing::store();
    let listing = |endpoint: &'static str| Record {
        endpoint: Some(Cow::Borrowed(endpoint)),
        permission: Some(Permission::WebRead),
        model: None,
        ..call("gpt-5")
    };
    keep(&store, ["chat/completions", "batches", "files"].map(listing));
    let told = replay(&store, "p2, developer, web:write, allow\np, developer, gpt-*, allow\n");
    assert_eq!((told.replayed.flipped_calls, told.replayed.undecidable.count), (3, 0));
}

#[test]
fn a_batchs_file_with_several_models_is_not_decided_on_its_permission_alone() {
    let (_directory, store) = testing::store();
    let upload = |model: Option<&str>| Record {
        endpoint: Some(Cow::Borrowed("files")),
        model: model.map(Into::into),
        ..call("gpt-5")
    };
    keep(&store, [upload(None), upload(Some("gpt-5"))]);
    let told = replay(&store, NARROW).replayed;
    assert_eq!((told.flipped_calls, told.undecidable.count), (1, 1));
}

#[test]
fn tools_that_a_record_has_no_room_for_are_counted() {
    let (_directory, store) = testing::store();
    let offers = |endpoint: &'static str, model: &str, tool: &str| Record {
        endpoint: Some(Cow::Borrowed(endpoint)),
        tool_names: vec![tool.into()],
        ..call(model)
    };
    let long = "t".repeat(64);
    keep(
        &store,
        [
            offers("responses", "gpt-4o", "…and 3 more"),
            offers("chat/completions", "gpt-4o", "…and 3 more"),
            offers("chat/completions", "gpt-4o", &long),
            offers("chat/completions", "gpt-5", &long),
        ],
    );
    let told = replay(&store, NARROW).replayed;
    assert_eq!((told.flipped_calls, told.undecidable.count), (1, 1));
    let told = replay(&store, &format!("{NARROW}p3, developer, t*, deny\n")).replayed;
    assert_eq!((told.records, told.flipped_calls, told.undecidable.count), (4, 1, 3));
}

#[test]
fn app_contexts_count_with_their_lists_of_now() {
    let (_directory, store) = testing::store();
    let new = NewAppContext {
        id: "ac_1".to_owned(),
        name: "support".to_owned(),
        allowed_models: vec!["o3".to_owned()],
        provider_key: None,
        detectors: Vec::new(),
        limits: CallerLimits::default(),
    };
    store.create_app_context(&new, "cli", BEGIN).unwrap();
    let through = |model| Record {
        app_context: Some("ac_1".into()),
        surface: Surface::DetectionKey,
        ..call(model)
    };
    keep(&store, [through("o3"), through("gpt-5")]);
    let told = replay(&store, &format!("{NARROW}p, developer, o3, deny\n")).replayed;
    assert_eq!(told.flipped_calls, 1);
    assert_eq!(told.flips[0].model.as_deref(), Some("o3"));
    assert_eq!(told.flips[0].rule_before, None);
}

#[test]
fn a_replay_that_nobody_waits_for_ends_and_says_so() {
    let (_directory, store) = testing::store();
    keep(&store, [call("gpt-5")]);
    let in_force = policy(NARROW);
    let ask = |most, range| {
        let patience = Patience { most, is_given_up: &|| false, progress: &mut |_, _| {} };
        what_if(&store, &in_force, &in_force, range, BEGIN, patience)
    };
    let told = ask(Duration::ZERO, (None, None)).unwrap();
    assert_eq!((told.complete, told.replayed.records), (false, 0));
    let backwards = ask(Duration::MAX, (Some(BEGIN), Some(UnixMillis(1))));
    assert!(matches!(backwards, Err(AdminError::Invalid(InvalidRequest::Range))));
}
