//! What may stand in the file, and the words for what may not.

use super::*;
use crate::detect::rule::{Boundary, View};
use crate::types::{Action, DataClass, Lifecycle, RiskDomain, Severity, TextSurface};

/// The shortest rule that there is.
const RULE: &str = "[[rule]]\nid = \"nightjar\"\ntype = \"CUSTOM\"\nseverity = \"HIGH\"\n\
    pattern = 'nightjar'\nmatches = ['a nightjar']\nclean = ['a bird']\n";

fn file(text: &str) -> SourceFile {
    SourceFile::new("d.toml", text)
}

fn errors(text: &str) -> Vec<String> {
    let errors = read(&file(text)).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

/// The errors of [`RULE`] with one line more, which is its eighth.
fn errors_with(line: &str) -> Vec<String> {
    errors(&format!("{RULE}{line}\n"))
}

/// The errors of [`RULE`] with one piece of text changed.
fn errors_where(old: &str, new: &str) -> Vec<String> {
    assert!(RULE.contains(old), "{old}");
    errors(&RULE.replace(old, new))
}

fn rule_with(lines: &str) -> Rule {
    read(&file(&format!("{RULE}{lines}\n"))).unwrap().rules.remove(0)
}

#[test]
fn a_rule_says_what_it_must_and_has_defaults_for_the_rest() {
    let read = read(&file(&format!("# first\n\n{RULE}"))).unwrap();
    assert_eq!((read.template, read.version.len(), read.overrides.len()), ("default", 12, 0));
    let rule = &read.rules[0];
    assert_eq!((&*rule.id, &*rule.kind, rule.line), ("nightjar", "CUSTOM", 3));
    assert_eq!((rule.severity, rule.domain), (Severity::High, RiskDomain::DataProtection));
    assert_eq!((rule.class, rule.action), (DataClass::None, Action::Log));
    assert_eq!(&*rule.lifecycles, Lifecycle::ALL);
    assert_eq!((rule.view, rule.boundary), (View::Text, Boundary::Word));
    assert_eq!((rule.min_entropy, rule.priority), (0, 50));
    assert!(rule.surfaces.is_empty() && rule.app_contexts.is_empty() && rule.context.is_empty());
    assert_eq!((&*rule.patterns[0], &*rule.matches[0]), ("nightjar", "a nightjar"));
}

#[test]
fn every_key_is_read() {
    let rule = rule_with(
        "domain = \"SYSTEM_INTEGRITY\"\nclass = \"IP\"\nlifecycle = [\"EGRESS\"]\n\
         surfaces = [\"tool_arguments\", \"user\"]\napp_contexts = [\"ac_1\"]\nview = \"folded\"\n\
         boundary = \"none\"\nvalidators = [\"luhn\"]\nmin_entropy = 3.14\ncontext = [\"bird\"]\n\
         unless = [\"example\"]\nnot_after = '[.]'\npriority = 100\naction = \"quarantine\"",
    );
    assert_eq!((rule.domain, rule.class), (RiskDomain::SystemIntegrity, DataClass::Ip));
    assert_eq!(&*rule.lifecycles, [Lifecycle::Egress]);
    assert_eq!(&*rule.surfaces, [TextSurface::ToolArguments, TextSurface::User]);
    assert_eq!((&*rule.app_contexts[0], rule.view), ("ac_1", View::Folded));
    assert_eq!((rule.boundary, &*rule.validators[0]), (Boundary::None, "luhn"));
    assert_eq!((rule.min_entropy, rule.priority), (314, 100));
    assert_eq!((&*rule.context[0], &*rule.unless[0], &*rule.not_after), ("bird", "example", "[.]"));
    assert_eq!(rule.action, Action::Quarantine);
}

#[test]
fn keywords_become_patterns_of_any_case_and_spacing() {
    let text = RULE.replace("pattern = 'nightjar'", "keywords = ['Project  Nightjar', 'a.b']");
    let rule = read(&file(&text)).unwrap().rules.remove(0);
    assert_eq!(
        rule.patterns.iter().map(|it| &**it).collect::<Vec<_>>(),
        [r"(?i:Project[ \t\r\n]{1,8}Nightjar)", r"(?i:a\.b)"]
    );
}

#[test]
fn the_version_follows_the_text() {
    let version = |text: &str| read(&file(text)).unwrap().version;
    assert_eq!(version(RULE), version(RULE));
    assert_ne!(version(RULE), version(&format!("{RULE}# more\n")));
}

#[test]
fn a_misspelt_key_is_an_error_at_its_place() {
    assert_eq!(
        errors_with("patern = 'x'"),
        ["d.toml:8:1: unknown key 'patern'; did you mean 'pattern'?"]
    );
    let stranger = errors_with("  colour = 'red'").remove(0);
    assert!(stranger.starts_with("d.toml:8:3: unknown key 'colour'; [[rule]] may have id, type"));
    let top = errors(&format!("[[rules]]\n{RULE}"));
    assert!(top[0].starts_with("d.toml:1:3: unknown key 'rules'; did you mean 'rule'?"), "{top:?}");
}

#[test]
fn what_a_rule_needs_must_be_there() {
    for (line, key) in [
        ("id = \"nightjar\"\n", "id"),
        ("type = \"CUSTOM\"\n", "type"),
        ("severity = \"HIGH\"\n", "severity"),
        ("matches = ['a nightjar']\n", "matches"),
        ("clean = ['a bird']\n", "clean"),
    ] {
        let expected = format!("d.toml:1:1: [[rule]] has no '{key}'; add {key} = …");
        assert_eq!(errors_where(line, ""), [expected]);
    }
}

#[test]
fn exactly_one_key_says_what_to_look_for() {
    let remedy = "write exactly one of pattern, patterns and keywords";
    assert_eq!(
        errors_where("pattern = 'nightjar'\n", ""),
        [format!("d.toml:1:1: [[rule]] says nothing to look for; {remedy}")]
    );
    let twice = "d.toml:1:1: [[rule]] says what to look for in more than one way";
    assert_eq!(errors_with("keywords = ['x']"), [format!("{twice}; {remedy}")]);
    assert_eq!(errors_with("patterns = ['x']"), [format!("{twice}; {remedy}")]);
}

#[test]
fn a_value_of_another_type_is_an_error() {
    for (line, expected) in [
        ("view = 3", "8:8: 'view' must be a text, not an integer; write it between quotes"),
        ("context = 'a'", "8:11: 'context' must be a list of texts, not a string; write [\"a\"]"),
        ("context = 1", "8:11: 'context' must be a list of texts, not an integer; write [\"…\"]"),
        (
            "context = ['a', 2]",
            "8:17: 'context' must hold texts, not an integer; write it between quotes",
        ),
        (
            "priority = '9'",
            "8:12: 'priority' must be a whole number from 0 to 100; write another, without quotes",
        ),
        (
            "priority = 101",
            "8:12: 'priority' must be a whole number from 0 to 100; write another, without quotes",
        ),
        (
            "min_entropy = -0.5",
            "8:15: 'min_entropy' must be a number from 0 to 8; write another, without quotes",
        ),
        (
            "min_entropy = nan",
            "8:15: 'min_entropy' must be a number from 0 to 8; write another, without quotes",
        ),
    ] {
        assert_eq!(errors_with(line), [format!("d.toml:{expected}")]);
    }
    assert_eq!(
        errors("rule = 3\n"),
        [
            "d.toml: there is no [[rule]], so nothing would be found; restore the shipped file, or to \
             look for nothing, override [\"*\"] with \"allow\"",
            "d.toml:1:8: 'rule' is a list of tables; write [[rule]]"
        ]
    );
}

#[test]
fn a_word_out_of_no_set_is_an_error() {
    for (line, expected) in [
        ("view = 'fold'", "8:8: 'fold' is no 'view'; did you mean 'folded'?"),
        ("class = 'pii'", "8:9: 'pii' is no 'class'; did you mean 'PII'?"),
        (
            "action = 'deny'",
            "8:10: 'deny' is no 'action'; write one of allow, log, redact, block, quarantine",
        ),
        ("surfaces = ['user', 'tool']", "8:21: 'tool' is no 'surfaces'; write one of system, user"),
        ("app_contexts = ['support']", "8:17: 'support' is no AppContext's id; ids begin with ac_"),
    ] {
        let found = errors_with(line);
        assert!(found[0].starts_with(&format!("d.toml:{expected}")), "{found:?}");
    }
}

#[test]
fn a_validator_has_a_known_name() {
    assert_eq!(
        errors_with("validators = ['luhn', 'lunh']"),
        ["d.toml:8:23: there is no validator 'lunh'; did you mean 'luhn'?"]
    );
    assert_eq!(
        errors_with("validators = ['moon-phase']"),
        ["d.toml:8:15: there is no validator 'moon-phase'; docs/detections.md lists them"]
    );
    let guide = include_str!("../../../docs/detections.md");
    for name in crate::detect::validators::NAMES {
        assert!(guide.contains(&format!("`{name}`")), "the guide lacks the validator {name}");
    }
}

#[test]
fn an_id_and_a_type_have_their_letters() {
    assert_eq!(
        errors_where("\"nightjar\"", "\"Night jar\""),
        ["d.toml:2:6: 'Night jar' is not an id; use a-z, 0-9 and '-', such as 'acme-codename'"]
    );
    assert_eq!(
        errors_where("\"CUSTOM\"", "\"custom\""),
        ["d.toml:3:8: 'custom' is not a type; use A-Z, 0-9 and '_', such as 'ACME_CODENAME'"]
    );
    let long = format!("\"{}\"", "a".repeat(65));
    assert_eq!(
        errors_where("\"nightjar\"", &long),
        ["d.toml:2:6: an id of 65 bytes; 64 are the most; write a shorter one"]
    );
}

#[test]
fn an_id_stands_once() {
    assert_eq!(
        errors(&format!("{RULE}{RULE}")),
        [
            "d.toml:9:6: the id 'nightjar' stands already in the rule of line 1; give one of them another"
        ]
    );
}

#[test]
fn nothing_is_empty_and_nothing_stands_twice() {
    for (line, expected) in [
        ("context = []", "8:11: 'context' is empty; write at least one, or leave it out"),
        ("context = ['']", "8:12: 'context' holds an empty text; remove it"),
        ("unless = ['a', 'a']", "8:16: 'a' stands twice in 'unless'; remove one of them"),
    ] {
        assert_eq!(errors_with(line), [format!("d.toml:{expected}")]);
    }
    assert_eq!(
        errors_where("['a bird']", "[]"),
        ["d.toml:7:9: 'clean' is empty; write at least one"]
    );
    assert_eq!(
        errors_where("'nightjar'", "' '"),
        ["d.toml:5:11: an empty text would be found everywhere; write what to look for"]
    );
}

#[test]
fn the_limits_hold() {
    let long = format!("'{}'", "a".repeat(4097));
    assert_eq!(
        errors_where("'nightjar'", &long),
        ["d.toml:5:11: a pattern of 4097 bytes; 4096 are the most; split it"]
    );
    let many: Vec<_> = (0..65).map(|index| format!("'{index}'")).collect();
    let examples = errors_where("['a bird']", &format!("[{}]", many.join(",")));
    assert!(examples[0].contains("65 texts in 'clean'; 64 are the most"), "{examples:?}");
    let many: Vec<_> = (0..257).map(|index| format!("'{index}'")).collect();
    let entries = errors_with(&format!("unless = [{}]", many.join(",")));
    assert!(entries[0].contains("'unless' has 257 entries; 256 are the most"), "{entries:?}");
    let rules: String =
        (0..2001).map(|index| RULE.replace("nightjar", &format!("n{index}"))).collect();
    assert_eq!(errors(&rules), ["d.toml: 2001 rules; 2000 are the most; remove some"]);
    let large = errors(&format!("{RULE}#{}", "x".repeat(4 * 1024 * 1024)));
    assert!(large[0].ends_with("4194304 are the most; remove rules that you do not need"));
}

#[test]
fn broken_toml_is_an_error_at_its_place() {
    let found = errors(&format!("{RULE}view = folded\n"));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("d.toml:8:8: "), "{found:?}");
    assert!(errors(&format!("{RULE}id = 'x'\n"))[0].starts_with("d.toml:8:1: duplicate key"));
}

#[test]
fn every_problem_is_told_in_the_order_of_the_file() {
    let text =
        RULE.replace("HIGH", "HIHG").replace("clean", "clear") + "\n[[override]]\nrules = 1\n";
    let places: Vec<_> =
        errors(&text).iter().map(|error| error.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(places, ["d.toml:1:1", "d.toml:4:12", "d.toml:7:1", "d.toml:9:1", "d.toml:10:9"]);
}

#[test]
fn overrides_follow_the_templates_own() {
    let text = format!(
        "template = \"healthcare\"\n{RULE}[[override]]\nrules = [\"nightjar\", \"type:CUS*\", \"class:NONE\"]\n\
         roles = [\"developer\"]\nlifecycle = [\"EGRESS\"]\napp_contexts = [\"ac_1\"]\naction = \"block\"\n"
    );
    let read = read(&file(&text)).unwrap();
    assert_eq!(read.template, "healthcare");
    assert!(read.overrides.len() > 3);
    let own = read.overrides.last().unwrap();
    assert_eq!((own.rules.len(), own.action, own.line), (3, Action::Block, 9));
    assert_eq!((&*own.lifecycles, &*own.roles[0]), (&[Lifecycle::Egress][..], "developer"));
    assert_eq!(&*own.app_contexts[0], "ac_1");
}

#[test]
fn an_override_must_select_something() {
    for (selector, expected) in [
        ("nihgtjar", "did you mean 'nightjar'?"),
        ("type:CUSTON", "did you mean 'type:CUSTOM'?"),
        ("typ:CUSTOM", "did you mean 'type:CUSTOM'?"),
        ("class:NOME", "did you mean 'class:NONE'?"),
        ("class:PII", "'portcullis detections list' shows ids and types"),
        ("owl-*", "'portcullis detections list' shows ids and types"),
    ] {
        let found =
            errors(&format!("{RULE}[[override]]\naction = 'log'\nrules = ['{selector}']\n"));
        assert_eq!(found, [format!("d.toml:10:10: '{selector}' selects no rule; {expected}")]);
    }
    let broken = errors(&format!("{RULE}[[override]]\naction = 'log'\nrules = ['(a']\n"));
    assert!(broken[0].starts_with("d.toml:10:10: '(a' is no selector: "), "{broken:?}");
    let bare = errors(&format!("{RULE}[[override]]\n"));
    assert_eq!(bare.len(), 2, "{bare:?}");
}

#[test]
fn every_template_can_be_read_and_selects_by_type_and_class_alone() {
    let names: Vec<_> = TEMPLATES.iter().map(|template| template.name).collect();
    assert_eq!(names, ["default", "healthcare", "financial", "government", "education"]);
    for template in TEMPLATES {
        let overrides = template.overrides().unwrap();
        assert_eq!(overrides.is_empty(), template.name == "default");
        for selector in overrides.iter().flat_map(|change| change.rules.iter()) {
            assert!(selector.starts_with("type:") || selector.starts_with("class:"), "{selector}");
        }
        assert!(template.summary().contains(':'), "{}", template.summary());
    }
    assert_eq!(
        errors(&format!("template = \"helthcare\"\n{RULE}")),
        ["d.toml:1:12: 'helthcare' is no 'template'; did you mean 'healthcare'?"]
    );
}
