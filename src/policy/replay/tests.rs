//! Tests of what-if: what flips is what the two policies say of the same call.

use super::*;
use crate::policy::{Decision, SourceFile};
use crate::types::Principal;
use proptest::prelude::*;
use uuid::Uuid;

const MODEL: &str = include_str!("../../../model.conf");

fn policy(rules: &str) -> Policy {
    let model = SourceFile::new("model.conf", MODEL);
    Policy::build(&model, &SourceFile::new("policy.csv", rules)).unwrap()
}

fn calls<'a>(agent: &'a str, subject: &'a str, model: &'a str, calls: u64) -> PastCalls<'a> {
    PastCalls {
        agent,
        subject,
        permission: Permission::WebWrite,
        model: Some(model),
        endpoint: Some("chat/completions"),
        surface: Surface::Agent,
        app_context: None,
        tools: &[],
        has_more_tools: false,
        recorded: PolicyResult::Allow,
        calls,
        last_id: ExchangeId(Uuid::from_u128(u128::from(calls))),
        last_at: UnixMillis(7),
    }
}

const BASE: &str = "p2, dev, web:*, allow\n";

#[test]
fn what_flips_is_told_with_both_rules_and_sums() {
    let before = policy(&format!("{BASE}p, dev, gpt-*, allow\n"));
    let after =
        policy(&format!("{BASE}p, dev, gpt-4*, allow\np, dev, o3, allow\np, qa, x, deny\n"));
    let mut replay = Replay::new(&before, &after);
    replay.decide(&calls("a", "a\ntype:x\ndev", "gpt-5", 3));
    replay.decide(&calls("a", "a\ntype:x\ndev", "gpt-5", 4));
    replay.decide(&calls("b", "b\ntype:x\ndev", "o3", 2));
    replay.decide(&calls("a", "a\ntype:x\ndev", "gpt-4o", 9));
    replay.leave_out("were refused before the policy was asked", 5);
    replay.leave_out("are of AppContexts that are gone", 1);
    let told = replay.finish();
    assert_eq!((told.records, told.flipped_calls, told.more_flips), (24, 9, false));
    let why = "1 are of AppContexts that are gone; 5 were refused before the policy was asked";
    assert_eq!((told.undecidable.count, told.undecidable.why.as_deref()), (6, Some(why)));
    let flip = &told.flips[0];
    assert_eq!((&*flip.agent, flip.calls, flip.recorded_allowed), ("a", 7, 7));
    assert_eq!((flip.before, flip.after), (PolicyResult::Allow, PolicyResult::Deny));
    assert_eq!(flip.rule_before.as_deref(), Some("line 2: p, dev, gpt-*, allow"));
    assert_eq!((flip.rule_after.as_deref(), flip.last_id.0.as_u128()), (None, 4));
    let turns = |turns: &[Turn]| -> Vec<_> {
        turns.iter().map(|it| (it.agent.to_string(), it.model.clone(), it.calls)).collect()
    };
    assert_eq!(turns(&told.losses), [("a".to_owned(), Some("gpt-5".into()), 7)]);
    assert_eq!(turns(&told.gains), [("b".to_owned(), Some("o3".into()), 2)]);
    assert_eq!(told.never_matched.iter().map(|rule| rule.line).collect::<Vec<_>>(), [4]);
}

#[test]
fn tools_flip_in_calls_that_both_allow() {
    let before = policy(&format!("{BASE}p, dev, *, allow\np3, dev, shell*, deny\n"));
    let after =
        policy(&format!("{BASE}p, dev, gpt*, allow\np3, dev, s*, deny\np3, dev, z, deny\n"));
    let mut replay = Replay::new(&before, &after);
    let tools: [Box<str>; 3] = ["search".into(), "shell".into(), "get".into()];
    replay.decide(&PastCalls { tools: &tools, ..calls("a", "a\ntype:x\ndev", "gpt-5", 3) });
    replay.decide(&PastCalls { tools: &tools, ..calls("a", "a\ntype:x\ndev", "o3", 3) });
    let told = replay.finish();
    let tools: Vec<_> = told
        .tools
        .iter()
        .map(|it| (&*it.tool, it.before.as_str(), it.after.as_str(), it.calls))
        .collect();
    assert_eq!(tools, [("search", "allow", "deny", 3)]);
    assert_eq!(told.never_matched.iter().map(|rule| rule.line).collect::<Vec<_>>(), [4]);
}

#[test]
fn tools_that_are_not_named_are_counted_where_they_could_matter() {
    let open = policy(&format!("{BASE}p, dev, *, allow\n"));
    let narrow = policy(&format!("{BASE}p, dev, gpt*, allow\np3, dev, shell*, deny\n"));
    for (after, expected) in [(&open, 0), (&narrow, 3)] {
        let mut replay = Replay::new(&open, after);
        let some =
            |model| PastCalls { has_more_tools: true, ..calls("a", "a\ntype:x\ndev", model, 3) };
        replay.decide(&some("gpt-5"));
        // Its model decides, whatever the tools are.
        replay.decide(&some("o3"));
        let told = replay.finish();
        assert_eq!((told.records, told.undecidable.count), (6, expected));
        assert_eq!(told.flipped_calls, expected);
    }
}

#[test]
fn rows_that_are_not_told_are_counted() {
    let before = policy(&format!("{BASE}p, dev, *, allow\n"));
    let after = policy(&format!("{BASE}p, dev, gpt-*, allow\n"));
    let mut replay = Replay::new(&before, &after);
    for number in 0..=MAX_TOLD {
        replay.decide(&calls("a", "a\ntype:x\ndev", &format!("o{number}"), 1));
    }
    let told = replay.finish();
    assert_eq!((told.losses.len(), told.losses_total), (MAX_TOLD, MAX_TOLD + 1));
    assert_eq!((told.gains_total, told.tools_total, told.more_flips), (0, 0, true));
}

#[test]
fn an_app_contexts_list_stands_in_for_allow_lines_in_a_replay_too() {
    let before = policy(&format!("{BASE}p, other, gpt-5, deny\n"));
    let after = policy(&format!("{BASE}p, dev, gpt-5, deny\np, dev, gpt-4*, allow\n"));
    let mut replay = Replay::new(&before, &after);
    let list = [Pattern::parse("gpt-*").unwrap()];
    let through = |model| PastCalls {
        app_context: Some(("ac_1", &list)),
        surface: Surface::DetectionKey,
        ..calls("a", "a\ntype:x\ndev", model, 1)
    };
    replay.decide(&through("gpt-4o"));
    replay.decide(&through("gpt-5"));
    let told = replay.finish();
    assert_eq!((told.flipped_calls, told.flips[0].model.as_deref()), (1, Some("gpt-5")));
    // Only the deny line did something.
    assert_eq!(told.never_matched.iter().map(|rule| rule.line).collect::<Vec<_>>(), [1, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_replay_decides_as_calls_are_decided(
        lines in prop::collection::vec((0..4_usize, prop::sample::select(vec!["*", "a*", "!(a)", "b"]), any::<bool>()), 0..8),
        links in prop::collection::vec((0..4_usize, 0..4_usize), 0..3),
        mine in prop::collection::vec(0..4_usize, 0..4),
        tail in prop::sample::select(vec!["", " && !(g(r.sub, \"r3\") && glob(r.obj, \"a\"))"]),
    ) {
        let mut text = format!("{BASE}p2, r0, web:write, allow\n");
        let mut seen = HashSet::new();
        for (role, pattern, allow) in lines {
            if seen.insert((role, pattern)) {
                text += &format!("p, r{role}, {pattern}, {}\n", if allow { "allow" } else { "deny" });
            }
        }
        for (member, role) in links {
            // Downward only: no circles; twice is refused, and then there is nothing to compare.
            if member < role {
                text += &format!("g, r{member}, r{role}\n");
            }
        }
        let model = SourceFile::new("model.conf", MODEL.replace("p.obj)\n", &format!("p.obj){tail}\n")));
        let Ok(draft) = Policy::build(&model, &SourceFile::new("policy.csv", text)) else { return Ok(()) };
        let nothing = policy("p2, nobody, web:read, allow\n");
        let roles: Arc<[Arc<str>]> = mine.iter().map(|role| format!("r{role}").into()).collect();
        let subject = Principal::subject_of("bot", "x", &roles);
        let mut replay = Replay::new(&nothing, &draft);
        let principal = Principal {
            agent_id: "".into(), agent_name: "bot".into(), agent_type: "x".into(), roles,
            session_id: "".into(), app_context: None, surface: Surface::Agent,
            subject: Arc::clone(&subject),
        };
        let models = ["a", "b", "ab", "c"];
        let mut allowed = 0;
        for model in models {
            replay.decide(&calls("bot", &subject, model, 1));
            let decision = draft.authorize(&principal, Permission::WebWrite, Some(model));
            allowed += u64::from(matches!(decision, Decision::Allow(_)));
        }
        prop_assert_eq!(replay.finish().flipped_calls, allowed);
    }
}
