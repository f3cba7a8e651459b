//! Tests of the warnings: what they are for, and that they are never wrong.

use super::*;
use crate::policy::{Decision, Pattern};
use crate::types::{Principal, Surface};
use proptest::prelude::*;

const MODEL: &str = include_str!("../../../model.conf");

fn source(name: &str, text: &str) -> SourceFile {
    SourceFile::new(name, text)
}

fn review_of(rules: &str, subjects: &[&str]) -> Review {
    let subjects: Vec<Arc<str>> = subjects.iter().map(|it| Arc::from(*it)).collect();
    Review::of(&source("model.conf", MODEL), &source("policy.csv", rules), &subjects)
}

/// Line, kind and by which line.
fn warned(rules: &str, subjects: &[&str]) -> Vec<(u32, &'static str, Option<u32>)> {
    let review = review_of(rules, subjects);
    assert!(review.valid, "{:?}", review.errors);
    review.warnings.iter().map(|it| (it.line, it.kind.as_str(), it.by_line)).collect()
}

const BASE: &str = "p2, a, web:write, allow\np2, b, web:read, allow\n";

#[test]
fn the_shipped_policy_has_nothing_odd_in_it() {
    assert_eq!(warned(include_str!("../../../policy.csv"), &[]), []);
}

#[test]
fn a_rule_that_another_covers_is_shadowed() {
    for (lines, expected) in [
        ("p, a, gpt-*, allow\np, a, gpt-4o, allow", vec![(4, "shadowed", Some(3))]),
        ("p, a, gpt-4o, allow\np, a, gpt-*, deny", vec![(3, "shadowed", Some(4))]),
        ("p, a, gpt-4o, deny\np, a, gpt-*, deny", vec![(3, "shadowed", Some(4))]),
        ("p, a, gpt-4o, deny\np, a, gpt-*, allow", vec![]),
        ("p, a, gpt-*, allow\np, b, gpt-4o, allow", vec![]),
        ("p, a, gpt-*, allow\np, b, gpt-4o, allow\ng, b, a", vec![(4, "shadowed", Some(3))]),
        ("p, a, gpt-*, allow\np, b, gpt-4o, allow\ng, a, b", vec![]),
        ("p, a, (x|y), allow\np, a, (y|x), allow", vec![(4, "repeated", Some(3))]),
        ("p3, a, !get_*, deny\np3, a, shell*, deny", vec![(4, "shadowed", Some(3))]),
        ("p2, a, web:*, allow", vec![(1, "shadowed", Some(3))]),
        ("p2, b, web:?e*, allow", vec![(3, "repeated", Some(2))]),
        (
            "p, a, !*, deny\np, a, !(*|x), allow",
            vec![(3, "without_effect", None), (4, "without_effect", None)],
        ),
    ] {
        assert_eq!(warned(&format!("{BASE}{lines}\n"), &[]), expected, "{lines}");
    }
}

#[test]
fn a_role_that_is_inherited_anyway_is_given_twice() {
    let links = "g, x, a\ng, x, b\ng, b, a\n";
    assert_eq!(warned(&format!("{BASE}{links}"), &[]), [(3, "repeated", Some(4))]);
}

#[test]
fn a_role_that_nobody_has_is_named_once() {
    let rules = format!(
        "{BASE}p, develper, *, allow\np2, develper, web:*, allow\ng, ghost, a\np, type:batch, x, deny\n"
    );
    let subjects = ["bot\ntype:interactive\na\nb\ndeveloper"];
    let review = review_of(&rules, &subjects);
    let reasons: Vec<_> = review.warnings.iter().map(|it| (it.line, it.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (3, "no agent has the role `develper`; did you mean `developer`?"),
            (5, "no agent has the role `ghost`"),
            (6, "no agent is of the type `batch`"),
        ]
    );
    assert_eq!(warned(&rules, &[]), []);
}

#[test]
fn a_matcher_that_looks_at_rules_makes_no_shadows() {
    let rules = source("policy.csv", &format!("{BASE}p, a, *, allow\np, a, x, allow\n"));
    let shadows = |tail: &str| {
        let model = MODEL.replace("p.obj)\n", &format!("p.obj){tail}\n"));
        Policy::build(&source("model.conf", &model), &rules).unwrap().shadows().len()
    };
    assert_eq!(shadows(""), 1);
    assert_eq!(shadows(" && !(g(r.sub, \"on-leave\") && glob(r.obj, \"x\"))"), 1);
    assert_eq!(shadows(" && !(p.obj == \"*\" && glob(r.obj, \"x\"))"), 0);
}

#[test]
fn a_draft_with_problems_has_all_of_them_and_no_version() {
    let review = review_of("p, a, *, alow\nq\n", &[]);
    assert!(!review.valid && review.version.is_none() && review.warnings.is_empty());
    assert_eq!(
        review.errors.iter().map(|error| error.line).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
}

#[test]
fn a_thousand_rules_are_reviewed_soon() {
    let mut rules = BASE.to_owned();
    for number in 0..1_000 {
        rules += &format!("p, a, model-{number}(|-*), allow\n");
    }
    rules += "p, a, model-999, allow\n";
    let started = std::time::Instant::now();
    assert_eq!(warned(&rules, &[]), [(1_003, "shadowed", Some(1_002))]);
    println!("reviewed in {:?}", started.elapsed());
}

fn principal(roles: &[String]) -> Principal {
    let roles: Arc<[Arc<str>]> = roles.iter().map(|role| Arc::from(role.as_str())).collect();
    Principal {
        agent_id: "id".into(),
        agent_name: "bot".into(),
        agent_type: "x".into(),
        subject: Principal::subject_of("bot", "x", &roles),
        roles,
        session_id: "s".into(),
        app_context: None,
        surface: Surface::Agent,
    }
}

/// Lines of all kinds over few roles and names, so that much covers much.
fn line() -> impl Strategy<Value = String> {
    let role = || (0..4_usize).prop_map(|number| format!("r{number}"));
    let effect = || prop::sample::select(vec!["allow", "deny"]);
    let names = vec!["*", "a*", "ab", "(a|b)", "!(a)", "?", "!*", "a?", "(ab|a)*", "!a*", "(b|a)"];
    let names = prop::sample::select(names);
    let permissions =
        prop::sample::select(vec!["web:read", "web:write", "web:*", "*", "!web:read"]);
    prop_oneof![
        6 => (role(), names.clone(), effect()).prop_map(|(r, n, e)| format!("p, {r}, {n}, {e}")),
        2 => (role(), permissions, effect()).prop_map(|(r, n, e)| format!("p2, {r}, {n}, {e}")),
        2 => (role(), names).prop_map(|(r, n)| format!("p3, {r}, {n}, deny")),
        2 => (role(), role()).prop_map(|(member, role)| format!("g, {member}, {role}")),
    ]
}

/// Everything that a policy can be asked by somebody with these roles.
fn answers(policy: &Policy, roles: &[String]) -> Vec<(bool, bool, Vec<bool>)> {
    let names = ["", "a", "b", "ab", "abc", "ba", "x"];
    let principal = principal(roles);
    let list = [Pattern::parse("a*").unwrap()];
    let ask = |permission, model, list| {
        let decision = policy.authorize_call(&principal, permission, Some(model), &[], list);
        matches!(decision, Decision::Allow(_))
    };
    let tools = policy.tools_of(&principal.subject);
    let tool = |name: &str| tools.as_ref().is_some_and(|tools| tools.denies(name).is_some());
    let mut answers = Vec::new();
    for permission in Permission::ALL {
        answers.extend(names.map(|name| {
            (
                ask(*permission, name, None),
                ask(*permission, name, Some(&list)),
                names.map(tool).to_vec(),
            )
        }));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn without_the_shadowed_rules_every_decision_is_the_same(
        lines in prop::collection::vec(line(), 1..14),
        mine in prop::collection::vec(0..4_usize, 1..4),
    ) {
        // These keep the file from being refused, whatever is taken out; nobody has `base`.
        let mut lines: Vec<String> = lines;
        lines.push("p2, base, web:read, allow".to_owned());
        for number in 0..4 {
            lines.push(format!("p, r{number}, only-r{number}, deny"));
        }
        let mut kept: Vec<String> = Vec::new();
        for line in lines {
            let text = format!("{}\n{line}\n", kept.join("\n"));
            if line.contains("base") || rules::read(&source("policy.csv", &format!("p2, base, web:read, allow\n{text}"))).is_ok() {
                kept.push(line);
            }
        }
        let text = kept.join("\n");
        let review = review_of(&text, &[]);
        prop_assume!(review.valid);
        let odd: HashSet<u32> = review.warnings.iter().map(|it| it.line).collect();
        let less: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|(index, _)| !odd.contains(&(u32::try_from(*index).unwrap() + 1)))
            .map(|(_, line)| line)
            .collect();
        let build = |text: &str| {
            Policy::build(&source("model.conf", MODEL), &source("policy.csv", text))
        };
        let Ok(shorter) = build(&less.join("\n")) else {
            // Without the shadowed, a role of a `g` line may have no rule left.
            return Ok(());
        };
        let roles: Vec<String> = mine.iter().map(|role| format!("r{role}")).collect();
        prop_assert_eq!(
            answers(&build(&text).unwrap(), &roles),
            answers(&shorter, &roles),
            "{}\n-- without {:?}", text, odd
        );
    }
}

#[test]
fn where_nothing_of_the_effort_is_left_nothing_is_compared() {
    let lines =
        |count: usize, line: &dyn Fn(usize) -> String| -> String { (0..count).map(line).collect() };
    let mut text = "p2, r0, web:*, allow\np, r0, a*, allow\np, r0, ab, allow\n".to_owned();
    text += &lines(3_000, &|number| format!("p, r0, m{number}*, allow\n"));
    text += &lines(1_000, &|number| format!("g, bot, x{number}\np, x{number}, m, allow\n"));
    text += &lines(1_000, &|number| format!("g, y{number}, r0\n"));
    let rules = source("policy.csv", &text);
    let held: Vec<Arc<str>> = (0..3_000).map(|number| format!("z{number}").into()).collect();
    let review = Review::of(&source("model.conf", MODEL), &rules, &held);
    assert!(review.valid, "{:?}", review.errors.first());
    assert!(review.warnings.iter().any(|it| it.kind == WarningKind::Shadowed));
    let hints = review.warnings.iter().filter(|it| it.reason.contains("did you mean")).count();
    assert!((1..=10).contains(&hints), "{hints}");
}
