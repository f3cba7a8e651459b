//! Tests of what is wrong with a `policy.csv`, and where.

use super::*;
use proptest::prelude::*;

const GOOD: &str = "p2, developer, web:write, allow\n";

fn problems(text: &str) -> Vec<String> {
    lint(&SourceFile::new("policy.csv", text)).iter().map(ToString::to_string).collect()
}

/// The file with one good line before and the line in question as its second.
fn problem_of(line: &str) -> String {
    let found = problems(&format!("{GOOD}{line}\n"));
    assert_eq!(found.len(), 1, "{line}: {found:?}");
    found[0].strip_prefix("policy.csv:2:").unwrap_or(&found[0]).to_owned()
}

#[test]
fn every_kind_of_mistake_is_reported_with_its_column_and_a_remedy() {
    for (line, column, expected) in [
        (
            "q, developer, gpt-4o, allow",
            1,
            "`p` (models), `p2` (permissions), `p3` (tools), `g` (roles)",
        ),
        ("P, developer, gpt-4o, allow", 1, "did you mean `p`?"),
        ("P2, developer, web:read, allow", 1, "did you mean `p2`?"),
        ("  G, bot, developer", 3, "did you mean `g`?"),
        ("P3, developer, shell_*, deny", 1, "did you mean `p3`?"),
        ("p3, developer, shell_*", 16, "write `p3, role, tool, deny`"),
        ("p3, developer, shell_*, allow", 25, "write `p3, role, !(one|other), deny`"),
        ("p3, developer, shell (x), deny", 21, "cannot hold white space"),
        ("p", 1, "1 fields where 4 belong; write `p, role, model, allow|deny`"),
        ("p, developer, gpt-4o", 15, "3 fields where 4 belong"),
        ("p2, developer, web:read", 16, "write `p2, role, permission, allow|deny`"),
        ("p, developer, gpt-4o, allow, x", 30, "5 fields where 4 belong"),
        ("g, bot", 4, "2 fields where 3 belong"),
        ("g, bot, developer, domain", 20, "4 fields where 3 belong"),
        ("p, developer, gpt-4o, allow,", 28, "a trailing comma; remove it"),
        ("g, bot, developer,", 18, "a trailing comma"),
        ("p, developer, , allow", 15, "an empty field"),
        ("p,, gpt-4o, allow", 3, "an empty field"),
        (", developer, gpt-4o, allow", 1, "is no kind of line"),
        ("p, 'developer', gpt-4o, allow", 4, "quotes would become part of the name"),
        ("p, developer, \"gpt-4o\", allow", 15, "fields need no quotes"),
        ("p, developer, gpt-4o, allow # why", 29, "a line of its own"),
        ("p, developer, gpt\u{a0}4o, allow", 18, "invisible character (U+00A0)"),
        ("p, developer, gpt\u{200b}4o, allow", 18, "invisible character (U+200B)"),
        ("\u{feff}p, developer, gpt-4o, allow", 1, "byte order mark"),
        ("p, developer, gpt-4o, Allow", 23, "did you mean `allow`?"),
        ("p, developer, gpt-4o, alow", 23, "did you mean `allow`?"),
        ("p, developer, gpt-4o, permit", 23, "write `allow` or `deny`"),
        ("p, developer, gpt-4o, deny;", 23, "stray text `;` after `deny`"),
        ("p, developer, gpt-4o, allow always", 23, "stray text `always` after `allow`"),
        ("p, developer, gpt-(4|5, allow", 19, "this `(` is never closed"),
        ("p, developer, (a, b), allow", 15, "separate alternatives with `|`"),
        ("p, developer, é[45], allow", 16, "square and curly brackets"),
        ("p, developer, a|b, allow", 16, "`|` stands outside of a group"),
        ("p, developer, web:write, allow", 15, "did you mean `p2`?"),
        ("p2, developer, web:wrte, allow", 16, "did you mean `web:write`?"),
        ("p2, developer, gpt-4o, allow", 16, "for a model, did you mean `p`?"),
        ("p, dev*, gpt-4o, allow", 4, "is a pattern where a role's name belongs"),
        ("p, Developer, gpt-4o, allow", 4, "did you mean `developer`?"),
        ("p, type:Autonomous, gpt-4o, allow", 4, "did you mean `type:autonomous`?"),
        ("p, type:, gpt-4o, allow", 4, "is not a role's name"),
        ("p, my role, gpt-4o, allow", 4, "use a-z, 0-9"),
        ("g, *, developer", 4, "is a pattern where a role's name belongs"),
        ("g, bot, type:autonomous", 9, "set the type of the agent itself"),
        ("g, bot, bot", 9, "a circle"),
        ("g, bot, develper", 9, "did you mean `developer`?"),
        ("g, bot, stranger", 9, "no rule mentions the role `stranger`"),
        ("p2, developer, web:write, allow", 1, "the same rule as in line 1"),
        ("p2, developer, web:write, deny", 1, "the opposite of line 1, and deny always wins"),
    ] {
        let found = problem_of(line);
        assert!(found.starts_with(&format!("{column}: ")), "{line}: {found}");
        assert!(found.contains(expected), "{line}: {found}");
        assert!(!found.contains('\n'));
    }
}

#[test]
fn all_problems_are_reported_in_the_order_of_their_lines() {
    let found = problems("q, a\np, developer, gpt-4o, allow\np, developer\n\n# fine\ng, a\n");
    let places: Vec<_> = found.iter().filter_map(|it| it.split(": ").next()).collect();
    assert_eq!(places, ["policy.csv:1:1", "policy.csv:3:4", "policy.csv:6:4"]);
}

#[test]
fn a_role_without_a_rule_is_told_beside_lines_that_cannot_be_read() {
    let found = problems(
        "p, developer, gpt-4o, alow\ng, bot, develper\ng, a, developer\np, writer\ng, b, writer\n",
    );
    let places: Vec<_> = found.iter().filter_map(|it| it.split(": ").next()).collect();
    assert!(found[1].contains("did you mean `developer`?"), "{}", found[1]);
    // What a broken line may have been about is no second problem.
    assert_eq!(places, ["policy.csv:1:23", "policy.csv:2:9", "policy.csv:4:4"]);
}

#[test]
fn a_circle_over_several_lines_is_found_where_it_closes() {
    let found = problems(&format!("{GOOD}g, a, developer\ng, developer, b\ng, b, a\n"));
    assert_eq!(
        found,
        ["policy.csv:4:7: a circle: `a` already is or inherits `b`; remove one of its `g` lines"]
    );
    let twice = problems(&format!("{GOOD}g, a, developer\ng, a, developer\n"));
    assert_eq!(twice, ["policy.csv:3:1: the same as line 2; remove one of them"]);
}

#[test]
fn a_policy_that_allows_nothing_is_refused() {
    for text in ["", "# nothing\n\n", "p, developer, gpt-4o, deny\np2, developer, web:*, deny\n"] {
        let found = problems(text);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("policy.csv: no line allows anything"), "{found:?}");
    }
    let found = problems("p, developer, gpt-4o, allow\n");
    assert!(found[0].contains("no `p2` line allows a permission"), "{found:?}");
    // What is wrong with a line comes before what the whole file lacks.
    let found = problems("p, developer, gpt-4o, allow\ng, bot, ghost\n");
    assert!(found[0].starts_with("policy.csv:2:9: no rule mentions the role `ghost`"), "{found:?}");
    assert!(found[1].contains("no `p2` line allows a permission"), "{found:?}");
}

#[test]
fn carriage_returns_comments_tabs_and_patterns_of_permissions_are_fine() {
    let text = "# a \"comment\", with 'quotes'\r\n\r\n  p2,\tdeveloper, web:*, allow\r\n\
                p, type:autonomous, !(a|b), deny\r\np, developer, ft:gpt-4o:acme::é, allow\r";
    assert!(problems(text).is_empty(), "{:?}", problems(text));
    assert!(problems(include_str!("../../../policy.csv")).is_empty());
}

proptest! {
    #[test]
    fn lint_never_panics_on_any_text(text in "(?s).{0,200}") {
        problems(&text);
    }

    #[test]
    fn lint_never_panics_on_lines_that_are_nearly_right(
        text in "((p|p2|g|P|#)[ ,\t]{0,2}(developer|type:|a|\u{e9})?,? ?(gpt-[*?(|)!]{0,4}|web:\\*)?,? ?(allow|deny|den)?[,\r]?\n){0,6}"
    ) {
        problems(&text);
    }
}
