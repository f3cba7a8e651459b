//! Tests of the patterns: the published table, the refusals, and a naive reference.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn matches(pattern: &str, name: &str) -> bool {
    Pattern::parse(pattern).expect(pattern).matches(name)
}

#[test]
fn the_published_table_of_patterns_is_true() {
    let guide = include_str!("../../../docs/policy.md");
    let rows = guide
        .lines()
        .skip_while(|line| !line.starts_with("```text pattern-vectors"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let mut count = 0;
    for row in rows {
        let [pattern, name, expected] = row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("not three words: {row}");
        };
        assert!(matches!(expected, "yes" | "no"), "{row}");
        assert_eq!(matches(pattern, name), expected == "yes", "{row}");
        count += 1;
    }
    assert!(count >= 30, "only {count} rows were found");
}

#[test]
fn what_would_mean_something_else_than_it_looks_is_refused_with_its_place() {
    for (pattern, offset) in [
        ("", 0),
        ("!", 1),
        ("!!a", 1),
        ("a!b", 1),
        ("a|b", 1),
        ("gpt-(4|5", 4),
        ("gpt-4)", 5),
        ("!(a|b", 1),
        ("gpt-[45]", 4),
        ("gpt-4{o}", 5),
        ("^gpt", 0),
        ("gpt$", 3),
        ("gpt\\d", 3),
        ("é b", 1),
        ("a()", 1),
        ("(|)", 0),
        ("(a,b)", 2),
    ] {
        let error = Pattern::parse(pattern).expect_err(pattern);
        assert_eq!(error.offset, offset, "{pattern}: {error}");
    }
    assert!(Pattern::parse(&"(".repeat(2000)).is_err());
    assert!(Pattern::parse(&"a".repeat(2049)).is_err());
}

#[test]
fn nested_groups_and_empty_alternatives_have_a_meaning() {
    assert!(matches("gpt-4(o(|-mini)|.1)", "gpt-4o-mini"));
    assert!(matches("gpt-4(o(|-mini)|.1)", "gpt-4o"));
    assert!(matches("gpt-4(o(|-mini)|.1)", "gpt-4.1"));
    assert!(!matches("gpt-4(o(|-mini)|.1)", "gpt-4.1-mini"));
}

#[test]
fn names_cut_in_the_middle_of_a_character_do_no_harm() {
    assert!(matches("gpt-*", "gpt-é日本語"));
    assert!(matches("gpt-??", "gpt-é"));
    assert!(!matches("gpt-?", "gpt-é"));
    assert!(matches("*é*", "日é本"));
    assert!(!matches("gpt-4o*", "gpt-4é"));
}

#[test]
fn many_stars_take_no_exponential_time() {
    let name = "a".repeat(256);
    let started = Instant::now();
    for pattern in ["*a".repeat(500) + "b", "(*a|a*|*a*)".repeat(100) + "b", "*".repeat(2000)] {
        matches(&pattern, &name);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// The grammar as a tree, for a matcher so plain that it is evidently right.
#[derive(Clone, Debug)]
enum Node {
    Character(char),
    OneByte,
    AnyBytes,
    OneOf(Vec<Vec<Node>>),
}

fn render(nodes: &[Node]) -> String {
    nodes
        .iter()
        .map(|node| match node {
            Node::Character(it) => it.to_string(),
            Node::OneByte => "?".to_owned(),
            Node::AnyBytes => "*".to_owned(),
            Node::OneOf(branches) => {
                let branches: Vec<_> = branches.iter().map(|it| render(it)).collect();
                format!("({})", branches.join("|"))
            }
        })
        .collect()
}

/// Tries everything; `then` must accept what is left of the name.
fn naive(nodes: &[Node], name: &[u8], then: &dyn Fn(&[u8]) -> bool) -> bool {
    let Some((first, rest)) = nodes.split_first() else { return then(name) };
    match first {
        Node::Character(it) => {
            name.strip_prefix(it.to_string().as_bytes()).is_some_and(|left| naive(rest, left, then))
        }
        Node::OneByte => name.split_first().is_some_and(|(_, left)| naive(rest, left, then)),
        Node::AnyBytes => (0..=name.len()).any(|at| naive(rest, &name[at..], then)),
        Node::OneOf(branches) => {
            branches.iter().any(|it| naive(it, name, &|left| naive(rest, left, then)))
        }
    }
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!['a', 'b', '-', 'é']).prop_map(Node::Character),
        1 => Just(Node::OneByte),
        1 => Just(Node::AnyBytes),
    ];
    let node = leaf.prop_recursive(2, 12, 3, |inner| {
        let branch = prop::collection::vec(inner, 1..3);
        prop::collection::vec(branch, 1..3).prop_map(Node::OneOf)
    });
    prop::collection::vec(node, 1..5)
}

proptest! {
    #[test]
    fn the_matcher_agrees_with_a_naive_one(
        nodes in nodes(),
        negated in any::<bool>(),
        name in "[abé-]{0,7}",
    ) {
        let pattern = format!("{}{}", if negated { "!" } else { "" }, render(&nodes));
        let expected = naive(&nodes, name.as_bytes(), &|left| left.is_empty()) != negated;
        prop_assert_eq!(matches(&pattern, &name), expected, "{} against {}", pattern, name);
    }

    #[test]
    fn a_name_without_signs_matches_itself_alone(name in "[a-z0-9.:/_-]{1,20}", other in "\\PC{0,20}") {
        prop_assert!(matches(&name, &name));
        prop_assert_eq!(matches(&name, &other), name == other);
    }

    #[test]
    fn parsing_and_matching_never_panic(pattern in "\\PC{0,40}", name in "\\PC{0,40}") {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            pattern.matches(&name);
        }
    }
}

#[test]
fn nothing_fits_nothing_and_is_what_its_text_says() {
    assert_eq!(Pattern::nothing(), Pattern::parse("!*").unwrap());
    for name in ["", "gpt-4o", "!*", "*"] {
        assert!(!Pattern::nothing().matches(name), "{name}");
    }
}
