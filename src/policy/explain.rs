//! Why the policy answers as it does.
//!
//! Owns the explanation for administrators (`portcullis policy explain`, the dashboard). It must
//! never be shown to a caller.

use super::engine::Engine;
use super::rules::Rule;
use super::{Decision, Denial, DenialReason, Effect, Pattern, Policy, RuleKind};
use crate::types::{Permission, PolicyResult, Principal};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A call that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who calls.
    pub principal: &'a Principal,
    /// What the call needs.
    pub permission: Permission,
    /// The model, where it names one.
    pub model: Option<&'a str>,
    /// A tool that it offers.
    pub tool: Option<&'a str>,
    /// The list of models of its AppContext, as in [`Policy::authorize_call`].
    pub allowed_models: Option<&'a [Pattern]>,
}

/// A decision with everything that led to it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Explanation {
    /// The version of the policy that was asked.
    pub policy_version: Arc<str>,
    /// The agent's name.
    pub agent: Arc<str>,
    /// Every role of the agent: its name, its type, its stored roles and what they inherit.
    pub roles: Vec<Arc<str>>,
    /// What the call needs.
    pub permission: Permission,
    /// The model, where the call names one.
    pub model: Option<String>,
    /// The tool that was asked for besides.
    pub tool: Option<String>,
    /// Allow or deny.
    pub result: PolicyResult,
    /// Why, in words.
    pub reason: String,
    /// The rule that decided; `None` where nothing allows.
    pub deciding_rule: Option<Arc<str>>,
    /// Every rule that matched, in the order of the lines; a deny among them wins.
    pub matched: Vec<MatchedRule>,
}

/// A rule that matched.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct MatchedRule {
    /// Its line in `policy.csv`.
    pub line: u32,
    /// `p`, `p2` or `p3`.
    pub kind: RuleKind,
    /// Allow or deny.
    pub effect: Effect,
    /// The rule as records quote it.
    pub text: Arc<str>,
}

impl Policy {
    /// Decides like [`Policy::authorize`] and tells why.
    pub fn explain(&self, question: &Question<'_>) -> Explanation {
        let &Question { principal, permission, model, tool, allowed_models } = question;
        let roles = self.roles.effective(&principal.subject);
        let mut matched = matched_by(&self.permissions, &roles, permission.as_str());
        if let Some(model) = model {
            matched.extend(matched_by(&self.models, &roles, model));
        }
        if let Some(tool) = tool {
            matched.extend(matched_by(&self.tools, &roles, tool));
        }
        matched.sort_by_key(|rule| rule.line);
        let decision = self.authorize_call(principal, permission, model, &[], allowed_models);
        let (result, deciding_rule, reason) = match without_denied(decision, tool) {
            Decision::Allow(permit) => {
                let what = model.map_or_else(|| permission.to_string(), |it| format!("model {it}"));
                let rule = permit.rule().map_or("the AppContext", |rule| rule);
                let reason = format!("{what} is allowed by {rule}; no rule denies it");
                (PolicyResult::Allow, permit.rule().cloned(), reason)
            }
            Decision::Deny(denial) => {
                (PolicyResult::Deny, denial.rule, denial.explanation.into_owned())
            }
        };
        Explanation {
            policy_version: Arc::clone(self.version()),
            agent: Arc::clone(&principal.agent_name),
            roles,
            permission,
            model: model.map(str::to_owned),
            tool: tool.map(str::to_owned),
            result,
            reason,
            deciding_rule,
            matched,
        }
    }
}

/// For the terminal: the answer first, then what led to it, one fact per line.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.result, self.reason)?;
        writeln!(f, "  agent    {}", self.agent)?;
        writeln!(f, "  roles    {}", self.roles.join(", "))?;
        write!(f, "  asks     {}", self.permission)?;
        for (what, name) in [("model", &self.model), ("tool", &self.tool)] {
            if let Some(name) = name {
                write!(f, ", {what} {name}")?;
            }
        }
        writeln!(f)?;
        if self.matched.is_empty() {
            writeln!(f, "  matched  no rule")?;
        }
        for rule in &self.matched {
            writeln!(f, "  matched  {}", rule.text)?;
        }
        write!(f, "  policy   {}", self.policy_version)
    }
}

/// A tool that is denied does not stop a call: it is taken out of it.
fn without_denied(decision: Decision, tool: Option<&str>) -> Decision {
    let Decision::Allow(permit) = &decision else { return decision };
    let asked: Vec<Box<str>> = tool.into_iter().map(Into::into).collect();
    let Some((name, rule)) = permit.denied_tools(&asked).pop() else { return decision };
    Decision::Deny(Denial {
        reason: DenialReason::PermissionDenied,
        explanation: format!("the tool {name} is taken out of the call by {rule}").into(),
        rule: Some(rule),
        version: Arc::clone(permit.version()),
    })
}

/// A question that fails matches nothing here; the reason then says that it failed.
fn matched_by(engine: &Engine, roles: &[Arc<str>], object: &str) -> Vec<MatchedRule> {
    let matched = engine.matching(roles, object).unwrap_or_default();
    matched.into_iter().map(MatchedRule::from).collect()
}

impl From<&Rule> for MatchedRule {
    fn from(rule: &Rule) -> Self {
        let Rule { line, kind, effect, text, .. } = rule;
        Self { line: *line, kind: *kind, effect: *effect, text: Arc::clone(text) }
    }
}
