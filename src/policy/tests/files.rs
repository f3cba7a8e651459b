//! Tests of the files as a whole: their version, their matcher, their size.

use super::*;

#[test]
fn the_version_changes_with_either_file() {
    let build = |model: &str, rules: &str| try_build(model, rules).unwrap().version().to_string();
    let version = build(MODEL, SHIPPED);
    assert_eq!(version.len(), 12);
    assert!(version.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(version, build(MODEL, SHIPPED));
    assert_ne!(version, build(MODEL, &format!("{SHIPPED}#")));
    assert_ne!(version, build(&format!("{MODEL}#"), SHIPPED));
}

#[test]
fn a_matcher_may_be_extended_but_not_loosened_or_broken() {
    let matcher = "g(r.sub, p.sub) && glob(r.obj, p.obj)";
    let build = |with: &str| try_build(&MODEL.replace(&format!("m = {matcher}"), with), SHIPPED);
    let extended = build(&format!(
        "m = {matcher} && !(g(r.sub, \"suspended\") && glob(r.obj, \"*gpt*\")) # on leave"
    ))
    .unwrap();
    assert!(write(&extended, &developer(), "gpt-4o").is_ok());
    assert!(write(&extended, &agent("a", "x", &["developer", "suspended"]), "gpt-4o").is_err());
    assert!(write(&extended, &agent("a", "x", &["developer", "suspended"]), "o3").is_ok());
    for (bad, expected) in [
        (format!("m = {matcher} || true"), "does not keep to the rules"),
        (format!("m = {matcher} || glob(r.obj, \"probe-1\")"), "does not keep to the rules"),
        (format!("m = {matcher} || r.sub != \"\""), "outside of g() and glob()"),
        (format!("m = !({matcher})"), "does not keep to the rules"),
        (format!("m = {matcher} && nonsense(p.sub)"), "the matcher failed"),
        (format!("m = {matcher} && glob(\"a\", \"b\")"), "the matcher failed"),
        (format!("m = {matcher} && glob(r.obj, \"(\")"), "the matcher failed"),
        (format!("m = {matcher} && 1"), "cannot be compiled"),
        (format!("m = {matcher} && r.obj != \"gpt-5\""), "outside of g() and glob()"),
        (format!("m = {matcher} && r_obj != \"gpt-5\""), "outside of g() and glob()"),
        (format!("m = {matcher} && r.sub == \"root\""), "outside of g() and glob()"),
        (format!("m = {matcher} && glob(p.sub, p.sub)"), "the matcher failed"),
        (format!("m = {matcher} && ("), "cannot be compiled"),
        (format!("m = {matcher} && {}true", "(".repeat(50)), "cannot be compiled"),
        (format!("m = {matcher} {}", "|| true".repeat(25)), "does not keep to the rules"),
        (format!("m = {matcher} && {}true", "!".repeat(70)), "more than 64 signs"),
        (format!("m = {matcher} && 0 == {}0", "1+".repeat(450)), "cannot hold `+`"),
        (format!("m = {matcher} && glob(r.obj, \"\\d\")"), "cannot hold `\\`"),
    ] {
        let error = build(&bad).err().expect(&bad);
        assert!(error.reason.contains(expected), "{bad}: {error}");
        assert!(error.line.is_some() && error.file == "model.conf", "{error}");
    }
}

#[test]
fn the_longest_matcher_fits_into_half_of_a_workers_stack() {
    let tails = ["(".repeat(50), "!".repeat(50) + "true", "true==".repeat(25) + "true"];
    for tail in tails {
        let model = MODEL.replace("p.obj)\n", &format!("p.obj) && {tail}\n"));
        let build = move || try_build(&model, SHIPPED).map(|_policy| ());
        let thread = std::thread::Builder::new().stack_size(1024 * 1024);
        // An overflow would end the whole process; whether the matcher is accepted matters less.
        let _either_is_fine = thread.spawn(build).unwrap().join().unwrap();
    }
}

#[test]
fn a_bad_rule_refuses_the_policy_with_its_line() {
    let error = try_build(MODEL, "p2, a, web:read, allow\np, a, gpt-4o, alow\n").err().unwrap();
    assert_eq!(error.to_string(), "policy.csv:2:15: `alow` is no effect; did you mean `allow`?");
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!((json["line"].as_u64(), json["column"].as_u64()), (Some(2), Some(15)));
}

#[test]
fn a_thousand_rules_are_decided_right() {
    let mut rules = "p2, developer, web:write, allow\n".to_owned();
    for number in 0..1000 {
        let effect = if number % 10 == 9 { "deny" } else { "allow" };
        rules += &format!("p, developer, model-{number}(|-*), {effect}\n");
    }
    let policy = policy(&rules);
    for number in [0, 1, 500, 998] {
        assert!(write(&policy, &developer(), &format!("model-{number}-x")).is_ok());
    }
    let denial = write(&policy, &developer(), "model-999").unwrap_err();
    assert_eq!(denial.rule.unwrap().as_ref(), "line 1001: p, developer, model-999(|-*), deny");
    assert!(write(&policy, &developer(), "model-1000").is_err());
}

#[test]
fn one_policy_is_asked_from_many_threads() {
    let policy = policy(SHIPPED);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert!(write(&policy, &developer(), "gpt-4o").is_ok());
                    assert!(write(&policy, &developer(), "claude").is_err());
                }
            });
        }
    });
}
