//! Reading an `[[override]]`.
//!
//! Owns what it may hold, and that it means something: a selector of the administrator's that selects no
//! rule is a mistake.

use super::fields::{Fields, Found};
use super::rule::{app_contexts, boxed};
use crate::detect::error::{Problems, nearest, shown};
use crate::detect::rule::{Override, Rule};
use crate::detect::selector::Selector;
use crate::types::{Action, Lifecycle};
use toml_edit::Table;

const KEYS: &[&str] = &["rules", "lifecycle", "app_contexts", "roles", "action"];

/// An override whose selectors have not yet met the rules.
pub(super) struct Unmatched<'t> {
    change: Override,
    selectors: Vec<Found<(&'t str, Selector)>>,
}

impl<'t> Unmatched<'t> {
    /// The override, unless something is wrong with it.
    pub(super) fn read(table: &'t Table, problems: &mut Problems<'_>) -> Option<Self> {
        let before = problems.count();
        let mut fields = Fields::of("[[override]]", table, KEYS, problems);
        let rules = fields.required_texts("rules").unwrap_or_default();
        let selectors = selectors(&mut fields, &rules);
        let action = fields.required_word("action", Action::ALL, Action::as_str);
        let change = Override {
            rules: boxed(rules),
            lifecycles: fields
                .words("lifecycle", Lifecycle::ALL, Lifecycle::as_str)
                .unwrap_or_default(),
            app_contexts: app_contexts(&mut fields),
            roles: fields.texts("roles").map(boxed).unwrap_or_default(),
            action: action.unwrap_or(Action::Log),
            line: fields.line(),
        };
        (problems.count() == before).then_some(Self { change, selectors })
    }

    /// The override as it is, whatever it selects.
    pub(super) fn unchecked(self) -> Override {
        self.change
    }

    /// The override, once every selector selects a rule.
    pub(super) fn check(self, rules: &[Rule], problems: &mut Problems<'_>) -> Override {
        for Found { value: (text, selector), at } in &self.selectors {
            if !rules.iter().any(|rule| selector.selects(rule)) {
                let remedy = meant(text, rules).map_or_else(
                    || "'portcullis detections list' shows ids and types".to_owned(),
                    |meant| format!("did you mean '{meant}'?"),
                );
                problems.add(*at, format!("{} selects no rule", shown(text)), remedy);
            }
        }
        self.change
    }
}

fn selectors<'t>(
    fields: &mut Fields<'_, '_, '_>,
    found: &[Found<&'t str>],
) -> Vec<Found<(&'t str, Selector)>> {
    let mut selectors = Vec::new();
    for Found { value, at } in found.iter().copied() {
        match Selector::parse(value) {
            Ok(selector) => selectors.push(Found { value: (value, selector), at }),
            Err(error) => {
                let reason = format!("{} is no selector: {}", shown(value), error.reason);
                fields.problems().add(at, reason, error.remedy);
            }
        }
    }
    selectors
}

/// The selector that one which selects nothing is most likely a misspelling of.
fn meant(text: &str, rules: &[Rule]) -> Option<String> {
    let (prefix, name) = match text.split_once(':') {
        Some((prefix, name)) => (format!("{prefix}:"), name),
        None => (String::new(), text),
    };
    let names: Vec<&str> = match prefix.as_str() {
        "class:" => rules.iter().map(|rule| rule.class.as_str()).collect(),
        "type:" => rules.iter().map(|rule| &*rule.kind).collect(),
        "" => rules.iter().map(|rule| &*rule.id).collect(),
        _ => return nearest(&prefix, &["type:", "class:"]).map(|it| format!("{it}{name}")),
    };
    nearest(name, &names).map(|found| format!("{prefix}{found}"))
}
