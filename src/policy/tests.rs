//! Tests of the decisions: what the files say is what happens.

mod files;
mod permits;

use super::*;
use crate::types::{AppContext, CallFacts, Governed, PolicyResult, Surface};
use proptest::prelude::*;

const MODEL: &str = include_str!("../../model.conf");
const SHIPPED: &str = include_str!("../../policy.csv");

fn try_build(model: &str, rules: &str) -> Result<Policy, PolicyError> {
    Policy::build(&SourceFile::new("model.conf", model), &SourceFile::new("policy.csv", rules))
}

fn policy(rules: &str) -> Policy {
    try_build(MODEL, rules).unwrap()
}

fn agent(name: &str, agent_type: &str, roles: &[&str]) -> Principal {
    let roles: Arc<[Arc<str>]> = roles.iter().map(|&role| Arc::from(role)).collect();
    Principal {
        agent_id: "018f".into(),
        agent_name: name.into(),
        agent_type: agent_type.into(),
        subject: Principal::subject_of(name, agent_type, &roles),
        roles,
        session_id: "s".into(),
        app_context: None,
        surface: Surface::Agent,
    }
}

fn developer() -> Principal {
    agent("demo", "interactive", &["developer"])
}

fn write(policy: &Policy, principal: &Principal, model: &str) -> Result<String, Denial> {
    match policy.authorize(principal, Permission::WebWrite, Some(model)) {
        Decision::Allow(permit) => Ok(permit.rule().unwrap().to_string()),
        Decision::Deny(denial) => Err(denial),
    }
}

fn explain(policy: &Policy, model: &str, tool: Option<&str>) -> Explanation {
    policy.explain(&Question {
        principal: &developer(),
        permission: Permission::WebWrite,
        model: Some(model),
        tool,
        allowed_models: None,
    })
}

#[derive(Debug)]
struct Call(CallFacts);

impl Governed for Call {
    fn facts(&self) -> &CallFacts {
        &self.0
    }
}

fn call(permission: Permission, model: Option<&str>) -> Call {
    Call(CallFacts {
        endpoint: "chat/completions",
        permission,
        model: model.map(Arc::from),
        implied_models: Vec::new(),
        message_count: None,
        has_system_prompt: None,
        has_tools: None,
        tool_names: Vec::new(),
        stream: false,
    })
}

#[test]
fn the_shipped_policy_gives_a_developer_the_models_of_every_endpoint() {
    let policy = policy(SHIPPED);
    for model in [
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4.1",
        "gpt-5",
        "gpt-5-codex",
        "gpt-3.5-turbo",
        "gpt-3.5-turbo-instruct",
        "chatgpt-4o-latest",
        "o1",
        "o3-mini",
        "o4-mini",
        "codex-mini-latest",
        "babbage-002",
        "text-embedding-3-small",
        "text-embedding-ada-002",
        "whisper-1",
        "gpt-4o-transcribe",
        "tts-1-hd",
        "gpt-4o-mini-tts",
        "dall-e-3",
        "gpt-image-1",
        "omni-moderation-latest",
    ] {
        assert!(write(&policy, &developer(), model).is_ok(), "{model}");
    }
    for model in ["claude-3", "ft:gpt-4o:acme::x", "", "GPT-4o", "gpt-2"] {
        assert!(write(&policy, &developer(), model).is_err(), "{model}");
    }
    assert!(write(&policy, &agent("demo", "interactive", &[]), "gpt-4o").is_err());
}

#[test]
fn the_shipped_policy_holds_autonomous_agents_to_two_models() {
    let policy = policy(SHIPPED);
    let autonomous = agent("bot", "autonomous", &["developer"]);
    assert!(write(&policy, &autonomous, "gpt-4o-mini").is_ok());
    assert!(write(&policy, &autonomous, "gpt-3.5-turbo").is_ok());
    let denial = write(&policy, &autonomous, "gpt-4o").unwrap_err();
    assert_eq!(denial.reason, DenialReason::ModelNotAllowed);
    assert!(
        denial.rule.unwrap().ends_with(": p, type:autonomous, !(gpt-4o-mini|gpt-3.5-turbo), deny")
    );
    assert!(write(&policy, &agent("bot", "autonomous", &[]), "gpt-4o-mini").is_err());
}

#[test]
fn a_permit_names_its_rule_with_the_line() {
    let policy = policy("# c\np2, developer, web:*, allow\n\np, developer, gpt-4o*, allow\n");
    assert_eq!(
        write(&policy, &developer(), "gpt-4o").unwrap(),
        "line 4: p, developer, gpt-4o*, allow"
    );
    let Decision::Allow(permit) = policy.authorize(&developer(), Permission::WebRead, None) else {
        panic!("a call without a model needs only its permission");
    };
    assert_eq!(permit.rule().unwrap().as_ref(), "line 2: p2, developer, web:*, allow");
    assert_eq!(permit.version(), policy.version());
}

#[test]
fn a_deny_wins_over_every_role_whatever_the_order() {
    let lines = [
        "p2, developer, web:*, allow",
        "p, developer, *, allow",
        "p, careful, gpt-5*, deny",
        "p2, sleeping, web:write, deny",
    ];
    let reversed: Vec<_> = lines.iter().rev().copied().collect();
    for text in [lines.join("\n"), reversed.join("\n")] {
        let policy = policy(&text);
        let careful = agent("a", "x", &["developer", "careful"]);
        assert!(write(&policy, &careful, "gpt-4o").is_ok());
        let denial = write(&policy, &careful, "gpt-5").unwrap_err();
        assert_eq!(denial.reason, DenialReason::ModelNotAllowed);
        assert!(denial.rule.unwrap().ends_with("p, careful, gpt-5*, deny"));

        let sleeping = agent("a", "x", &["sleeping", "developer"]);
        let denial = write(&policy, &sleeping, "gpt-4o").unwrap_err();
        assert_eq!(denial.reason, DenialReason::PermissionDenied);
        assert!(denial.rule.unwrap().ends_with("p2, sleeping, web:write, deny"));
        let read = policy.authorize(&sleeping, Permission::WebRead, None);
        assert!(matches!(read, Decision::Allow(_)));
    }
}

#[test]
fn a_model_needs_its_permission_and_a_permission_gives_no_model() {
    let policy =
        policy("p2, reader, web:read, allow\np, reader, *, allow\np2, w, web:write, allow");
    let denial = write(&policy, &agent("a", "x", &["reader"]), "gpt-4o").unwrap_err();
    assert_eq!(denial.reason, DenialReason::PermissionDenied);
    assert_eq!(denial.rule, None);
    assert_eq!(denial.explanation, "no rule allows the permission web:write for a, type:x, reader");
    let denial = write(&policy, &agent("a", "x", &["w"]), "gpt-4o").unwrap_err();
    assert_eq!(denial.reason, DenialReason::ModelNotAllowed);
    assert_eq!(denial.explanation, "no rule allows the model gpt-4o for a, type:x, w");
    assert!(policy.permits_model(&agent("a", "x", &["reader"]), "gpt-4o", None));
    assert!(!policy.permits_model(&agent("a", "x", &["w"]), "gpt-4o", None));
}

#[test]
fn name_type_stored_roles_and_inheritance_all_count() {
    let policy = policy(
        "p2, base, web:write, allow\np, base, gpt-4o, allow\np, named-bot, gpt-5, allow\n\
         g, type:worker, base\ng, senior, base\ng, named-bot, senior\np, senior, o3, allow",
    );
    assert!(write(&policy, &agent("a", "worker", &[]), "gpt-4o").is_ok());
    assert!(write(&policy, &agent("a", "x", &["senior"]), "gpt-4o").is_ok());
    assert!(write(&policy, &agent("named-bot", "x", &[]), "gpt-4o").is_ok());
    assert!(write(&policy, &agent("named-bot", "x", &[]), "gpt-5").is_ok());
    assert!(write(&policy, &agent("a", "x", &["base"]), "o3").is_err(), "roles inherit upwards");
    assert!(write(&policy, &agent("worker", "x", &[]), "gpt-4o").is_err(), "a name is no type");
}

#[test]
fn names_in_any_script_and_of_any_length_are_decided() {
    let policy = policy("p2, developer, web:*, allow\np, developer, !(gpt-4o|*é), allow");
    assert!(write(&policy, &developer(), "日本語モデル").is_ok());
    assert!(write(&policy, &developer(), "gpt-é").is_err());
    assert!(write(&policy, &developer(), "a\nb\"; \u{0}").is_ok());
    assert!(write(&policy, &developer(), &"x".repeat(256)).is_ok());
    let denial = write(&policy, &developer(), &"x".repeat(257)).unwrap_err();
    assert_eq!(denial.explanation, "a model name of 257 bytes is denied unread");
}

#[test]
fn an_explanation_tells_roles_matches_and_the_reason() {
    let policy = policy(
        "p2, developer, web:*, allow\np, developer, gpt-*, allow\np, demo, gpt-4*, deny\n\
         p, developer, gpt-4o, allow\ng, developer, staff\np2, staff, web:read, allow\n",
    );
    let explained = explain(&policy, "gpt-4o", None);
    assert_eq!(explained.result, PolicyResult::Deny);
    assert_eq!(explained.reason, "the model gpt-4o is denied by line 3: p, demo, gpt-4*, deny");
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(
        json["roles"],
        serde_json::json!(["demo", "type:interactive", "developer", "staff"])
    );
    let matched: Vec<_> = explained.matched.iter().map(|rule| (rule.line, rule.effect)).collect();
    assert_eq!(matched, [(1, Allow), (2, Allow), (3, Effect::Deny), (4, Allow)]);
    assert_eq!(json["matched"][2]["effect"], "deny");
    assert_eq!(json["matched"][0]["kind"], "p2");
    assert_eq!(json["deciding_rule"], "line 3: p, demo, gpt-4*, deny");

    let allowed = explain(&policy, "gpt-5", None);
    assert_eq!(allowed.result, PolicyResult::Allow);
    assert_eq!(
        allowed.reason,
        "model gpt-5 is allowed by line 2: p, developer, gpt-*, allow; no rule denies it"
    );
    assert_eq!(
        allowed.to_string(),
        format!(
            "allow: {}\n  agent    demo\n  roles    demo, type:interactive, developer, staff\n  \
             asks     web:write, model gpt-5\n  matched  line 1: p2, developer, web:*, allow\n  \
             matched  line 2: p, developer, gpt-*, allow\n  policy   {}",
            allowed.reason,
            policy.version()
        )
    );
    let silent = explain(&policy, "o3", None);
    assert_eq!((silent.result, silent.deciding_rule), (PolicyResult::Deny, None));
}

#[test]
fn only_what_gives_something_takes_a_name_from_new_agents() {
    let policy = policy(
        "p, held, gpt-4o, deny\np, free, gpt-4o, allow\np2, asks, web:read, allow\n\
         p, given, gpt-4o, deny\ng, member, given\n",
    );
    let grants = |name: &&str| policy.grants_to(name);
    let names = ["held", "free", "asks", "member", "given", "unheard-of"];
    assert_eq!(names.into_iter().filter(grants).collect::<Vec<_>>(), ["free", "asks", "given"]);
    let known = names.into_iter().filter(|name| policy.names_role(name));
    assert_eq!(known.collect::<Vec<_>>(), ["held", "free", "asks", "member", "given"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn build_never_panics_on_any_text(model in "(?s).{0,120}", rules in "(?s).{0,120}") {
        prop_assert!(try_build(&model, SHIPPED).is_err());
        let _either_is_fine = try_build(MODEL, &rules);
    }

    #[test]
    fn build_never_panics_on_any_matcher(tail in "[-+*/&|!=<>()\\[\\]{}a-z0-9\"'., _]{0,40}") {
        let model = MODEL.replace("p.obj)\n", &format!("p.obj) {tail}\n"));
        let _either_is_fine = try_build(&model, "p2, a, web:read, allow");
    }

    #[test]
    fn a_decision_is_deny_wins_over_the_union_of_roles(
        rules in prop::collection::vec(
            (0..4_usize, prop::sample::select(vec!["*", "a*", "!(a)", "(a|b)"]), any::<bool>()),
            0..8,
        ),
        model in "[ab]{1,2}",
        mine in prop::collection::vec(0..4_usize, 0..4),
    ) {
        let mut text = "p2, base, web:write, allow\n".to_owned();
        let mut seen = std::collections::HashMap::new();
        for (role, pattern, allow) in rules {
            seen.entry((role, pattern)).or_insert(allow);
        }
        for ((role, pattern), allow) in &seen {
            text += &format!("p, r{role}, {pattern}, {}\n", if *allow { "allow" } else { "deny" });
        }
        let matching: Vec<bool> = seen
            .iter()
            .filter(|((role, pattern), _)| {
                mine.contains(role) && Pattern::parse(pattern).unwrap().matches(&model)
            })
            .map(|(_, allow)| *allow)
            .collect();
        let expected = !matching.is_empty() && matching.iter().all(|allow| *allow);
        let roles: Vec<String> = mine.iter().map(|role| format!("r{role}")).collect();
        let mut roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        roles.push("base");
        let found = write(&policy(&text), &agent("x", "y", &roles), &model).is_ok();
        prop_assert_eq!(found, expected, "{}", text);
    }
}
