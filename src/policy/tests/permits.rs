//! What a permit covers: further models, AppContexts, and the very call.

use super::*;

fn context(id: &str) -> Arc<AppContext> {
    Arc::new(AppContext::new(id.into(), id.into(), Arc::new([]), Arc::new([]), None))
}

#[test]
fn every_model_that_a_call_uses_is_asked_for() {
    let policy = policy("p2, developer, web:*, allow\np, developer, gpt-4o*, allow\n");
    let ask = |implied: &[&str]| {
        let implied: Vec<Arc<str>> = implied.iter().map(|model| Arc::from(*model)).collect();
        policy.authorize_call(&developer(), Permission::WebWrite, None, &implied, None)
    };
    let Decision::Allow(permit) = ask(&["gpt-4o", "gpt-4o-mini"]) else { panic!("both allowed") };
    assert!(matches!(ask(&["gpt-4o", "o3"]), Decision::Deny(_)));
    let mut batch = call(Permission::WebWrite, None);
    batch.0.implied_models = vec!["gpt-4o".into(), "gpt-4o-mini".into()];
    assert!(permit.cover(&developer(), batch).is_ok());
    let mut other = call(Permission::WebWrite, None);
    other.0.implied_models = vec!["gpt-4o".into(), "o3".into()];
    assert_eq!(permit.cover(&developer(), other).unwrap_err(), Uncovered::Model);
}

#[test]
fn an_app_context_stands_in_for_allows_but_not_for_denials() {
    let policy =
        policy("p2, developer, web:*, allow\np, bot, gpt-5, deny\np2, frozen, web:write, deny\n");
    let mut bot = agent("bot", "x", &[]);
    bot.app_context = Some(context("ac_1"));
    let list = [Pattern::parse("gpt-(4o|5)").unwrap()];
    let ask = |bot: &Principal, model, list: &[Pattern]| {
        policy.authorize_call(bot, Permission::WebWrite, Some(model), &[], Some(list))
    };
    assert!(
        matches!(ask(&bot, "gpt-4o", &list), Decision::Allow(permit) if permit.rule().is_none())
    );
    assert!(matches!(ask(&bot, "anything", &[]), Decision::Allow(_)));
    let Decision::Deny(denial) = ask(&bot, "o3", &list) else { panic!("not in the list") };
    assert_eq!(denial.reason, DenialReason::ModelNotAllowed);
    assert!(denial.explanation.contains("the AppContext's list"));
    let Decision::Deny(denial) = ask(&bot, "gpt-5", &list) else { panic!("a deny line wins") };
    assert_eq!(denial.rule.unwrap().as_ref(), "line 2: p, bot, gpt-5, deny");
    let frozen = agent("a", "x", &["frozen"]);
    let Decision::Deny(denial) = ask(&frozen, "gpt-4o", &[]) else { panic!("a deny line wins") };
    assert_eq!(denial.reason, DenialReason::PermissionDenied);
    assert!(policy.permits_model(&bot, "gpt-4o", Some(&list)));
    assert!(!policy.permits_model(&bot, "gpt-5", Some(&list)));
    assert!(write(&policy, &bot, "gpt-4o").is_err(), "without the AppContext nothing allows");

    let Decision::Allow(permit) = ask(&bot, "gpt-4o", &list) else { panic!("as above") };
    let mut elsewhere = bot.clone();
    elsewhere.app_context = Some(context("ac_2"));
    let call = call(Permission::WebWrite, Some("gpt-4o"));
    assert_eq!(permit.cover(&elsewhere, call).unwrap_err(), Uncovered::Principal);
}

#[test]
fn a_permit_covers_the_call_it_was_given_for_and_no_other() {
    let policy = policy(SHIPPED);
    let Decision::Allow(permit) =
        policy.authorize(&developer(), Permission::WebWrite, Some("gpt-4o"))
    else {
        panic!("the shipped policy allows this");
    };
    let same = call(Permission::WebWrite, Some("gpt-4o"));
    let permitted = permit.cover(&developer(), same).unwrap();
    assert_eq!(permitted.call().facts().model.as_deref(), Some("gpt-4o"));
    assert_eq!(permitted.into_call().0.permission, Permission::WebWrite);

    let cover = |who: &Principal, permission, model| {
        permit.cover(who, call(permission, model)).map(|_| ()).unwrap_err()
    };
    let (gpt, write) = (Some("gpt-4o"), Permission::WebWrite);
    assert_eq!(cover(&agent("other", "x", &[]), write, gpt), Uncovered::Principal);
    assert_eq!(cover(&developer(), Permission::WebRead, gpt), Uncovered::Permission);
    assert_eq!(cover(&developer(), write, Some("gpt-5")), Uncovered::Model);
    assert_eq!(cover(&developer(), write, None), Uncovered::Model);
}

#[test]
fn a_tool_is_allowed_unless_a_line_denies_it_to_one_of_the_roles() {
    let policy = policy(
        "p2, developer, web:*, allow\np, developer, *, allow\np3, developer, shell_*, deny\n\
         p3, type:autonomous, !(search|get_*), deny\ng, bot, developer\n",
    );
    let denied = |who: &Principal, tool| policy.tools_of(&who.subject).unwrap().denies(tool);
    for _ in 0..2 {
        assert_eq!(
            denied(&developer(), "shell_exec").as_deref(),
            Some("line 3: p3, developer, shell_*, deny")
        );
    }
    assert_eq!(denied(&developer(), "search"), None);
    assert_eq!(denied(&agent("other", "x", &[]), "shell_exec"), None, "not a developer");
    assert!(denied(&agent("bot", "x", &[]), "shell_exec").is_some(), "by inheritance");
    let worker = agent("w", "autonomous", &["developer"]);
    assert_eq!(denied(&worker, "get_weather"), None);
    assert!(denied(&worker, "send_mail").is_some());
    assert!(denied(&developer(), &"x".repeat(257)).is_some(), "denied unread");
}

#[test]
fn a_permit_does_not_cover_a_call_that_still_offers_a_denied_tool() {
    let policy = policy(
        "p2, developer, web:*, allow\np, developer, *, allow\np3, developer, shell_*, deny\n",
    );
    let decision = policy.authorize(&developer(), Permission::WebWrite, Some("m"));
    let Decision::Allow(permit) = decision else { panic!("the call itself is allowed") };
    let offering = |tools: &[&str]| {
        let mut call = call(Permission::WebWrite, Some("m"));
        call.0.tool_names = tools.iter().map(|name| Box::from(*name)).collect();
        call
    };
    let both = offering(&["search", "shell_exec"]);
    let denied = permit.denied_tools(&both.0.tool_names);
    assert_eq!(denied.len(), 1);
    assert_eq!(
        (&*denied[0].0, &*denied[0].1),
        ("shell_exec", "line 3: p3, developer, shell_*, deny")
    );
    assert_eq!(permit.cover(&developer(), both).unwrap_err(), Uncovered::Tool);
    assert!(permit.cover(&developer(), offering(&["search"])).is_ok());
}

#[test]
fn an_explanation_says_what_becomes_of_a_tool() {
    let policy = policy(
        "p2, developer, web:*, allow\np, developer, *, allow\np3, developer, shell_*, deny\n",
    );
    let explain = |tool| explain(&policy, "m", Some(tool));
    let denied = explain("shell_exec");
    assert_eq!(denied.result, PolicyResult::Deny);
    assert!(denied.reason.contains("is taken out of the call by line 3"), "{}", denied.reason);
    assert!(denied.to_string().contains("web:write, model m, tool shell_exec"), "{denied}");
    assert_eq!(explain("search").result, PolicyResult::Allow);
}
