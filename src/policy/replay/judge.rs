//! One policy's answers to past calls, each worked out once.
//!
//! Owns the memo. It must never decide by itself: the policy is asked as it is for a call.

use super::super::{Decision, Effect, Policy, ToolPolicy};
use super::PastCalls;
use crate::types::{Permission, PolicyResult, Principal, Surface};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// More answers are not remembered at once: callers choose the names of models.
const MAX_REMEMBERED: usize = 50_000;

/// A policy that is asked.
pub(super) struct Judge<'p> {
    policy: &'p Policy,
    /// By name, type and stored roles: the roles that decide.
    subjects: HashMap<Box<str>, Arc<str>>,
    judged: HashMap<Question, Judged>,
    tools: HashSet<(Arc<str>, Box<str>)>,
    matched: HashSet<u32>,
}

#[derive(Clone, Eq, Hash, PartialEq)]
struct Question {
    subject: Arc<str>,
    permission: Permission,
    model: Option<Box<str>>,
    app_context: Option<Box<str>>,
}

/// What is decided of a call.
#[derive(Clone)]
pub(super) struct Judged {
    pub(super) result: PolicyResult,
    pub(super) rule: Option<Arc<str>>,
    tools: Option<Arc<ToolPolicy>>,
}

impl Judged {
    /// Whether the policy says anything of tools.
    pub(super) const fn judges_tools(&self) -> bool {
        self.tools.is_some()
    }

    /// Whether a tool is taken out of the call.
    pub(super) fn denies(&self, tool: &str) -> bool {
        self.tools.as_ref().is_some_and(|tools| tools.denies(tool).is_some())
    }
}

impl<'p> Judge<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self {
            policy,
            subjects: HashMap::new(),
            judged: HashMap::new(),
            tools: HashSet::new(),
            matched: HashSet::new(),
        }
    }

    pub(super) const fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// The lines of rules that matched a call.
    pub(super) const fn matched(&self) -> &HashSet<u32> {
        &self.matched
    }

    pub(super) fn decide(&mut self, calls: &PastCalls<'_>) -> Judged {
        let question = Question {
            subject: self.subject(calls.subject),
            permission: calls.permission,
            model: calls.model.map(Into::into),
            app_context: calls.app_context.map(|(id, _)| id.into()),
        };
        self.note_tools(&question.subject, calls.tools);
        if let Some(judged) = self.judged.get(&question) {
            return judged.clone();
        }
        let judged = self.ask(&question, calls);
        if self.judged.len() >= MAX_REMEMBERED {
            self.judged.clear();
        }
        self.judged.insert(question, judged.clone());
        judged
    }

    fn ask(&mut self, question: &Question, calls: &PastCalls<'_>) -> Judged {
        let Question { subject, permission, model, .. } = question;
        let list = calls.app_context.map(|(_, list)| list);
        // Where an AppContext's list stands in for them, allow lines say nothing.
        let counts = |effect| effect == Effect::Deny || list.is_none();
        let roles = self.policy.roles_of(subject);
        let models = model.as_deref().map(|model| (&self.policy.models, model));
        let asked = [Some((&self.policy.permissions, permission.as_str())), models];
        for (engine, object) in asked.into_iter().flatten() {
            let rules = engine.matching(&roles, object).unwrap_or_default();
            let rules = rules.into_iter().filter(|rule| counts(rule.effect));
            self.matched.extend(rules.map(|rule| rule.line));
        }
        let principal = principal(Arc::clone(subject));
        let model = model.as_deref();
        match self.policy.authorize_call(&principal, *permission, model, &[], list) {
            Decision::Allow(permit) => Judged {
                result: PolicyResult::Allow,
                rule: permit.rule().cloned(),
                tools: permit.tools().cloned(),
            },
            Decision::Deny(denial) => {
                Judged { result: PolicyResult::Deny, rule: denial.rule, tools: None }
            }
        }
    }

    /// Notes which rules match the tools.
    fn note_tools(&mut self, subject: &Arc<str>, tools: &[Box<str>]) {
        if self.policy.tools.rules().is_empty() {
            return;
        }
        for tool in tools {
            let asked = (Arc::clone(subject), tool.clone());
            if self.tools.contains(&asked) {
                continue;
            }
            let roles = self.policy.roles_of(subject);
            let rules = self.policy.tools.matching(&roles, tool).unwrap_or_default();
            self.matched.extend(rules.into_iter().map(|rule| rule.line));
            if self.tools.len() < MAX_REMEMBERED {
                self.tools.insert(asked);
            }
        }
    }

    /// The roles that can make a difference: those of all agents who have the same ones need not be asked for again.
    fn subject(&mut self, subject: &str) -> Arc<str> {
        if let Some(known) = self.subjects.get(subject) {
            return Arc::clone(known);
        }
        let deciding: Arc<str> = self.policy.deciding_roles(subject).join("\n").into();
        if self.subjects.len() >= MAX_REMEMBERED {
            self.subjects.clear();
        }
        self.subjects.insert(subject.into(), Arc::clone(&deciding));
        deciding
    }
}

/// Somebody with these roles; nothing else of a caller decides.
fn principal(subject: Arc<str>) -> Principal {
    Principal {
        agent_id: "".into(),
        agent_name: "".into(),
        agent_type: "".into(),
        roles: Arc::default(),
        session_id: "".into(),
        app_context: None,
        surface: Surface::Agent,
        subject,
    }
}
