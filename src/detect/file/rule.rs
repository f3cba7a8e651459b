//! Reading a `[[rule]]`.
//!
//! Owns what each of its keys may hold and what it means when it is left out. Whether the pattern is a
//! good one is for whoever compiles it.

use super::fields::{Fields, Found};
use crate::detect::error::{Problems, nearest, shown};
use crate::detect::rule::{Boundary, Rule, View};
use crate::detect::validators::NAMES;
use crate::types::{Action, DataClass, Lifecycle, RiskDomain, Severity, TextSurface};
use toml_edit::Table;

const KEYS: &[&str] = &[
    "id",
    "type",
    "severity",
    "domain",
    "class",
    "lifecycle",
    "surfaces",
    "app_contexts",
    "view",
    "pattern",
    "patterns",
    "keywords",
    "boundary",
    "validators",
    "min_entropy",
    "context",
    "unless",
    "not_after",
    "priority",
    "action",
    "matches",
    "clean",
];

const MAX_NAME_BYTES: usize = 64;
const MAX_PATTERN_BYTES: usize = 4 * 1024;
const MAX_EXAMPLES: usize = 64;
/// Bits per character: no byte has more.
const MAX_ENTROPY: u32 = 8;
const MAX_PRIORITY: u8 = 100;
const DEFAULT_PRIORITY: u8 = 50;

/// What may stand between the words of a keyword.
const SPACES: &str = r"[ \t\r\n]{1,8}";

/// The rule and the place of its id, unless something is wrong with it.
pub(super) fn read_rule(table: &Table, problems: &mut Problems<'_>) -> Option<Found<Rule>> {
    let before = problems.count();
    let mut fields = Fields::of("[[rule]]", table, KEYS, problems);
    let at = fields.place_of("id");
    let id = id(&mut fields);
    let kind = kind(&mut fields);
    let severity = fields.required_word("severity", Severity::ALL, Severity::as_str);
    let patterns = patterns(&mut fields);
    let (matches, clean) = (examples(&mut fields, "matches"), examples(&mut fields, "clean"));
    let rule = Rule {
        id: id.unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        domain: fields
            .word("domain", RiskDomain::ALL, RiskDomain::as_str)
            .unwrap_or(RiskDomain::DataProtection),
        class: fields.word("class", DataClass::ALL, DataClass::as_str).unwrap_or(DataClass::None),
        severity: severity.unwrap_or(Severity::Low),
        lifecycles: fields
            .words("lifecycle", Lifecycle::ALL, Lifecycle::as_str)
            .unwrap_or_else(|| Lifecycle::ALL.into()),
        surfaces: fields
            .words("surfaces", TextSurface::ALL, TextSurface::as_str)
            .unwrap_or_default(),
        app_contexts: app_contexts(&mut fields),
        view: fields.word("view", View::ALL, View::as_str).unwrap_or(View::Text),
        patterns: patterns.unwrap_or_default(),
        boundary: fields
            .word("boundary", Boundary::ALL, Boundary::as_str)
            .unwrap_or(Boundary::Word),
        validators: validators(&mut fields),
        min_entropy: fields.hundredths("min_entropy", MAX_ENTROPY).unwrap_or(0),
        context: fields.texts("context").map(boxed).unwrap_or_default(),
        unless: fields.texts("unless").map(boxed).unwrap_or_default(),
        not_after: fields.text("not_after").map(|found| found.value.into()).unwrap_or_default(),
        priority: fields.whole("priority", MAX_PRIORITY).unwrap_or(DEFAULT_PRIORITY),
        action: fields.word("action", Action::ALL, Action::as_str).unwrap_or(Action::Log),
        matches,
        clean,
        line: fields.line(),
    };
    (problems.count() == before).then_some(Found { value: rule, at })
}

/// The ids of AppContexts, where there are any.
pub(super) fn app_contexts(fields: &mut Fields<'_, '_, '_>) -> Box<[Box<str>]> {
    let found = fields.texts("app_contexts").unwrap_or_default();
    for context in found.iter().filter(|context| !context.value.starts_with("ac_")) {
        let reason = format!("{} is no AppContext's id", shown(context.value));
        let remedy = "ids begin with ac_; 'portcullis app-context list' shows them";
        fields.problems().add(context.at, reason, remedy);
    }
    boxed(found)
}

/// Texts without their places.
pub(super) fn boxed(found: Vec<Found<&str>>) -> Box<[Box<str>]> {
    found.into_iter().map(|found| found.value.into()).collect()
}

fn id(fields: &mut Fields<'_, '_, '_>) -> Option<Box<str>> {
    let found = fields.required_text("id")?;
    let mut bytes = found.value.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let rest = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    named(fields, found, first && rest, "an id", "use a-z, 0-9 and '-', such as 'acme-codename'")
}

fn kind(fields: &mut Fields<'_, '_, '_>) -> Option<Box<str>> {
    let found = fields.required_text("type")?;
    let mut bytes = found.value.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_uppercase());
    let rest = bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    named(fields, found, first && rest, "a type", "use A-Z, 0-9 and '_', such as 'ACME_CODENAME'")
}

fn named(
    fields: &mut Fields<'_, '_, '_>,
    found: Found<&str>,
    is_good: bool,
    what: &str,
    remedy: &str,
) -> Option<Box<str>> {
    if found.value.len() > MAX_NAME_BYTES {
        let reason =
            format!("{what} of {} bytes; {MAX_NAME_BYTES} are the most", found.value.len());
        fields.problems().add(found.at, reason, "write a shorter one");
        return None;
    }
    if !is_good {
        fields.problems().add(found.at, format!("{} is not {what}", shown(found.value)), remedy);
        return None;
    }
    Some(found.value.into())
}

fn validators(fields: &mut Fields<'_, '_, '_>) -> Box<[Box<str>]> {
    let found = fields.texts("validators").unwrap_or_default();
    for validator in found.iter().filter(|found| !NAMES.contains(&found.value)) {
        let remedy = nearest(validator.value, NAMES).map_or_else(
            || "docs/detections.md lists them".to_owned(),
            |meant| format!("did you mean '{meant}'?"),
        );
        let reason = format!("there is no validator {}", shown(validator.value));
        fields.problems().add(validator.at, reason, remedy);
    }
    boxed(found)
}

/// What the rule looks for: exactly one of three keys says it.
fn patterns(fields: &mut Fields<'_, '_, '_>) -> Option<Box<[Box<str>]>> {
    let pattern = fields.text("pattern").map(|found| vec![found]);
    let ways = [
        ("pattern", pattern),
        ("patterns", fields.texts("patterns")),
        ("keywords", fields.texts("keywords")),
    ];
    let given = ways.iter().filter(|(key, _)| fields.has(key)).count();
    if given != 1 {
        let reason = match given {
            0 => "[[rule]] says nothing to look for",
            _ => "[[rule]] says what to look for in more than one way",
        };
        let at = fields.place_of_table();
        fields.problems().add(at, reason, "write exactly one of pattern, patterns and keywords");
        return None;
    }
    let (key, found) = ways.into_iter().find_map(|(key, found)| Some((key, found?)))?;
    for found in found.iter().filter(|found| found.value.len() > MAX_PATTERN_BYTES) {
        let reason = format!("a {key} of {} bytes", found.value.len());
        fields.problems().add(
            found.at,
            reason,
            format!("{MAX_PATTERN_BYTES} are the most; split it"),
        );
    }
    let read = if key == "keywords" { keyword } else { |text: &str| text.into() };
    for found in found.iter().filter(|found| found.value.trim().is_empty()) {
        fields.problems().add(
            found.at,
            "an empty text would be found everywhere",
            "write what to look for",
        );
    }
    Some(found.into_iter().map(|found| read(found.value)).collect())
}

/// The pattern of a literal text, whatever its case and however its words are spaced.
fn keyword(text: &str) -> Box<str> {
    let words: Vec<_> = text.split_whitespace().map(regex_syntax::escape).collect();
    format!("(?i:{})", words.join(SPACES)).into()
}

fn examples(fields: &mut Fields<'_, '_, '_>, key: &str) -> Box<[Box<str>]> {
    let found = fields.required_texts(key).unwrap_or_default();
    if let Some(first_too_many) = found.get(MAX_EXAMPLES) {
        let reason = format!("{} texts in '{key}'; {MAX_EXAMPLES} are the most", found.len());
        fields.problems().add(first_too_many.at, reason, "keep those that show the most");
    }
    boxed(found)
}
