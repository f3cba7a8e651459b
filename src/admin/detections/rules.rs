//! Every rule in force, with its state and how often it found something.
//!
//! Owns the form in which a rule is shown.

use crate::detect::{Detections, Override, Rule, RuleActions, description_of, is_shipped};
use crate::store::FindingTotals;
use crate::types::{
    Action, DataClass, Lifecycle, RiskDomain, Severity, TextSurface, UnixMillis, text_enum,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

text_enum! {
    /// Where a rule comes from.
    RuleSource {
        /// It comes with Portcullis.
        Template = "template",
        /// It is the administrator's own.
        File = "file",
    }
}

/// The rules in force.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "Rules")]
pub struct RulesView {
    /// Their version.
    pub version: String,
    /// The template that they start from.
    pub template: String,
    /// Findings are counted from here,
    pub from: UnixMillis,
    /// to here.
    pub to: UnixMillis,
    /// The rules, in the order of the file.
    pub rules: Vec<RuleView>,
}

/// A rule in force.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "Rule")]
pub struct RuleView {
    /// Its name.
    pub id: String,
    /// What its findings are called. Several rules may share a type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of data it finds.
    pub class: DataClass,
    /// How bad a finding is.
    pub severity: Severity,
    /// What it endangers.
    pub risk_domain: RiskDomain,
    /// In which directions it looks.
    pub lifecycle: Vec<Lifecycle>,
    /// In which parts of calls and answers it looks; empty: in all.
    pub surfaces: Vec<TextSurface>,
    /// The AppContexts that it is held to; empty: everywhere.
    pub only_app_contexts: Vec<String>,
    /// What it does for everyone of whom nothing else is said: the stricter, where the directions differ.
    pub action: Action,
    /// The same by direction.
    pub actions: RuleActions,
    /// Whether it does anything for everyone.
    pub enabled: bool,
    /// Where it comes from.
    pub source: RuleSource,
    /// The comment directly above it in the file.
    pub description: Option<String>,
    /// How many examples of its own it is tried on.
    pub examples: usize,
    /// The longest text that it can match, in bytes.
    pub max_bytes: Option<usize>,
    /// The line of the file where it begins.
    pub line: u32,
    /// The AppContexts for which the file says what it does.
    pub app_contexts: Vec<ForContext>,
    /// The roles for which the file says what it does.
    pub roles: Vec<ForRole>,
    /// How often it found something.
    #[serde(flatten)]
    pub found: RuleCounts,
}

/// What a rule does in one AppContext.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ForContext {
    /// The AppContext's id.
    pub id: String,
    /// What it does there: the stricter, where the directions differ.
    pub action: Action,
    /// The same by direction.
    pub actions: RuleActions,
}

/// What a rule does for callers with one role.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ForRole {
    /// The role, as the policy sees it.
    pub role: String,
    /// Only in this AppContext.
    pub app_context: Option<String>,
    /// What it does there: the stricter, where the directions differ.
    pub action: Action,
    /// The same by direction.
    pub actions: RuleActions,
}

/// What a rule found in the time asked for, according to the record.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct RuleCounts {
    /// How many findings.
    pub findings: i64,
    /// In how many exchanges.
    pub exchanges: i64,
    /// The last one.
    pub last_at: Option<UnixMillis>,
}

/// The rules in force. `text`: the file that they were read from.
pub fn view_rules(
    detections: &Detections,
    text: &str,
    found: Vec<FindingTotals>,
    (from, to): (UnixMillis, UnixMillis),
) -> RulesView {
    let found: HashMap<String, RuleCounts> = found.into_iter().map(counts).collect();
    let rules = detections.rules().iter().enumerate();
    RulesView {
        version: detections.version().to_string(),
        template: detections.template().to_owned(),
        from,
        to,
        rules: rules
            .map(|(at, rule)| {
                let found = found.get(&*rule.id).cloned().unwrap_or_default();
                view(detections, text, (at, rule), found)
            })
            .collect(),
    }
}

fn counts(totals: FindingTotals) -> (String, RuleCounts) {
    let FindingTotals { rule, findings, exchanges, last_at } = totals;
    (rule, RuleCounts { findings, exchanges, last_at: Some(last_at) })
}

fn view(
    detections: &Detections,
    text: &str,
    (at, rule): (usize, &Rule),
    found: RuleCounts,
) -> RuleView {
    let overrides: Vec<&Override> = detections.overrides_of(at).collect();
    let actions_of = |roles: &[Arc<str>], context: Option<&str>| {
        RuleActions::of(rule, overrides.iter().copied(), roles, context)
    };
    let actions = actions_of(&[], None);
    let app_contexts = named(&overrides, |it| it.roles.is_empty()).into_iter().map(|(id, _)| {
        let actions = actions_of(&[], id);
        let id = id.unwrap_or_default().to_owned();
        ForContext { id, action: actions.strictest(), actions }
    });
    let roles = named(&overrides, |it| !it.roles.is_empty()).into_iter().map(|(id, role)| {
        let actions = actions_of(&[role.into()], id);
        let app_context = id.map(str::to_owned);
        ForRole { role: role.to_owned(), app_context, action: actions.strictest(), actions }
    });
    RuleView {
        app_contexts: app_contexts.collect(),
        roles: roles.collect(),
        id: rule.id.to_string(),
        kind: rule.kind.to_string(),
        class: rule.class,
        severity: rule.severity,
        risk_domain: rule.domain,
        lifecycle: rule.lifecycles.to_vec(),
        surfaces: rule.surfaces.to_vec(),
        only_app_contexts: rule.app_contexts.iter().map(ToString::to_string).collect(),
        action: actions.strictest(),
        actions,
        enabled: actions.strictest() != Action::Allow,
        source: if is_shipped(&rule.id) { RuleSource::Template } else { RuleSource::File },
        description: description_of(text, rule),
        examples: rule.matches.len() + rule.clean.len(),
        max_bytes: detections.longest_match(at),
        line: rule.line,
        found,
    }
}

/// For which AppContexts and roles overrides speak, each pair once. An override without one of the two, where the
/// other is asked for, is for all of them.
fn named<'o>(
    overrides: &[&'o Override],
    wanted: impl Fn(&Override) -> bool,
) -> BTreeSet<(Option<&'o str>, &'o str)> {
    let mut named = BTreeSet::new();
    for it in overrides.iter().filter(|it| wanted(it)) {
        let contexts = it.app_contexts.iter().map(|id| Some(&**id));
        let everywhere = (it.app_contexts.is_empty() && !it.roles.is_empty()).then_some(None);
        for context in contexts.chain(everywhere) {
            let roles = it.roles.iter().map(|role| &**role);
            let anybody = it.roles.is_empty().then_some("");
            named.extend(roles.chain(anybody).map(|role| (context, role)));
        }
    }
    named
}
