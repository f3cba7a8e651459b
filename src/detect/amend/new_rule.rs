//! A rule of an administrator's own, as it is asked for and as it is written into the file.
//!
//! Owns the names of its fields. Whether they are good, the reader of the file says, when it reads them there.

use super::block;
use crate::types::{Action, DataClass, Lifecycle, RiskDomain, Severity, TextSurface};
use schemars::JsonSchema;
use serde::Deserialize;
use toml_edit::{Array, Table, value};

/// A new rule. What is left out has the default of the file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// Its name: a-z, 0-9 and '-'.
    pub id: String,
    /// What its findings are called: A-Z, 0-9 and '_'.
    #[serde(rename = "type")]
    pub kind: String,
    /// How bad a finding is.
    pub severity: Severity,
    /// What kind of data it is.
    pub class: Option<DataClass>,
    /// What it endangers.
    pub risk_domain: Option<RiskDomain>,
    /// A regular expression of what to look for; or else `keywords`.
    pub pattern: Option<String>,
    /// Plain words to look for, in any case.
    pub keywords: Option<Vec<String>>,
    /// In which directions; both unless told.
    pub lifecycle: Option<Vec<Lifecycle>>,
    /// In which parts of calls and answers; all unless told.
    pub surfaces: Option<Vec<TextSurface>>,
    /// Only in these AppContexts, by id.
    pub app_contexts: Option<Vec<String>>,
    /// Words of which one must stand shortly before.
    pub context: Option<Vec<String>>,
    /// Checks that the value must pass.
    pub validators: Option<Vec<String>>,
    /// What is done; `log` unless told.
    pub action: Option<Action>,
    /// What it is for: written above the rule as a comment.
    pub description: Option<String>,
    /// Texts in which it must be found: at least one.
    pub matches: Vec<String>,
    /// Texts in which it must not be found: at least one.
    pub misses: Vec<String>,
}

/// The request's name for what the file calls otherwise.
const RENAMED: [(&str, &str); 2] = [("clean", "misses"), ("domain", "risk_domain")];

impl NewRule {
    /// The request's field that became this key of the file.
    pub fn field_of(key: &str) -> &str {
        RENAMED.iter().find(|(file, _)| *file == key).map_or(key, |(_, request)| request)
    }

    pub(super) fn to_toml(&self) -> String {
        let mut table = Table::new();
        let mut text = |key: &str, text: Option<&str>| {
            if let Some(text) = text {
                table.insert(key, value(text));
            }
        };
        text("id", Some(&self.id));
        text("type", Some(&self.kind));
        text("severity", Some(self.severity.as_str()));
        text("domain", self.risk_domain.map(RiskDomain::as_str));
        text("class", self.class.map(DataClass::as_str));
        text("pattern", self.pattern.as_deref());
        text("action", self.action.map(Action::as_str));
        let texts = |list: &Option<Vec<String>>| list.clone();
        let lifecycle = words(self.lifecycle.as_deref(), |it| it.as_str());
        let surfaces = words(self.surfaces.as_deref(), |it| it.as_str());
        for (key, list) in [
            ("keywords", texts(&self.keywords)),
            ("lifecycle", lifecycle),
            ("surfaces", surfaces),
            ("app_contexts", texts(&self.app_contexts)),
            ("context", texts(&self.context)),
            ("validators", texts(&self.validators)),
            ("matches", Some(self.matches.clone())),
            ("clean", Some(self.misses.clone())),
        ] {
            if let Some(list) = list {
                table.insert(key, value(Array::from_iter(list)));
            }
        }
        let comment = self.description.as_deref().unwrap_or_default().split_whitespace();
        let comment = comment.collect::<Vec<_>>().join(" ");
        let rule = block("rule", table);
        if comment.is_empty() { rule } else { format!("# {comment}\n{rule}") }
    }
}

fn words<T: Copy>(list: Option<&[T]>, name: fn(T) -> &'static str) -> Option<Vec<String>> {
    list.map(|list| list.iter().map(|word| name(*word).to_owned()).collect())
}
