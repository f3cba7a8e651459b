//! What a permit covers: further models, AppContexts, and the very call.

use super::*;

fn context(id: &str) -> Arc<AppContext> {
    Arc::new(AppContext::new(id.into(), id.into(), Arc::new([]), None))
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
