//! What a draft of `policy.csv` is worth: its problems, and what in it will never do anything.
//!
//! Owns the warnings. It must never warn of a rule that might decide something: who takes out all that is called
//! shadowed, repeated or without effect gets the same decisions for every caller and every call.

use super::error::{Hints, PolicyError, SourceFile};
use super::line::{Effect, RuleKind};
use super::pattern::Effort;
use super::roles::RoleGraph;
use super::rules::{self, Link, Rule, RuleSet};
use super::{Policy, lint, version_of};
use crate::types::{Permission, text_enum};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How long rules are compared with each other, in places of patterns: some tenths of a second. In a file that takes
/// longer, the last lines are not warned of: whatever is compared is paid for, and nothing is where nothing is left.
const MAX_EFFORT: usize = 4_000_000;

text_enum! {
    /// What is odd about a line.
    WarningKind {
        /// Another line decides all that this one could decide.
        Shadowed = "shadowed",
        /// Another line says the same.
        Repeated = "repeated",
        /// Nothing fits it.
        WithoutEffect = "without_effect",
        /// Nobody has its role.
        UnknownRole = "unknown_role",
    }
}

/// A line that loads, and probably does not do what it was written for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Warning {
    /// The line, counted from 1.
    pub line: u32,
    /// What is odd.
    pub kind: WarningKind,
    /// Why, in words.
    pub reason: String,
    /// The line that makes it so.
    pub by_line: Option<u32>,
}

/// What was found out about a draft without using it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Review {
    /// Whether it can be put in force.
    pub valid: bool,
    /// The version that it would be.
    pub version: Option<Arc<str>>,
    /// All problems, in the order of the lines.
    pub errors: Vec<PolicyError>,
    /// What will never do anything, in the order of the lines.
    pub warnings: Vec<Warning>,
}

/// A rule that never decides, and the rule that decides in its place.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Shadow {
    /// The line that could go.
    pub line: u32,
    /// Its text.
    pub text: Arc<str>,
    /// The line that covers it.
    pub by_line: u32,
    /// Its text.
    pub by_text: Arc<str>,
}

impl Review {
    /// Reviews `rules` under `model`. `subjects` are all agents there are; where there are none, nobody is missed.
    pub fn of(model: &SourceFile, rules: &SourceFile, subjects: &[Arc<str>]) -> Self {
        let mut errors = lint(rules);
        let built = if errors.is_empty() {
            Policy::build(model, rules).map_err(|error| errors.push(error)).ok()
        } else {
            None
        };
        let warnings = built.as_ref().zip(rules::read(rules).ok());
        let warnings = warnings.map(|(policy, set)| warnings_of(policy, &set, subjects));
        Self {
            valid: built.is_some(),
            version: built.map(|_| version_of(model, rules)),
            errors,
            warnings: warnings.unwrap_or_default(),
        }
    }
}

impl Policy {
    /// The rules that never decide anything. Empty where `model.conf` looks at more of a rule than role and pattern.
    pub fn shadows(&self) -> Vec<Shadow> {
        let rules: Vec<&Rule> = self.rules().collect();
        let shadows = self.covered(&rules, &mut Effort(MAX_EFFORT));
        let mut shadows: Vec<_> = shadows.into_iter().map(|(rule, by)| shadow(rule, by)).collect();
        shadows.sort_by_key(|shadow| shadow.line);
        shadows
    }

    /// Pairs of a rule and one that covers it.
    fn covered<'a>(&self, rules: &[&'a Rule], effort: &mut Effort) -> Vec<(&'a Rule, &'a Rule)> {
        if !self.plain_matcher {
            return Vec::new();
        }
        let mut by_role: HashMap<(RuleKind, &str), Vec<&'a Rule>> = HashMap::new();
        for rule in rules {
            by_role.entry((rule.kind, rule.role.as_str())).or_default().push(rule);
        }
        let mut covered = Vec::new();
        let mut inherited = Inherited::new(&self.roles);
        for rule in rules {
            let Some(roles) = inherited.by(&rule.role, effort) else { break };
            let mut others =
                roles.iter().filter_map(|role| by_role.get(&(rule.kind, &**role))).flatten();
            let by = others.find(|other| effort.0 == 0 || shadows(other, rule, effort));
            if effort.0 == 0 {
                break;
            }
            covered.extend(by.map(|by| (*rule, *by)));
        }
        covered
    }
}

/// What roles inherit, worked out once for each.
struct Inherited<'a> {
    graph: &'a RoleGraph,
    known: HashMap<&'a str, Vec<Arc<str>>>,
}

impl<'a> Inherited<'a> {
    fn new(graph: &'a RoleGraph) -> Self {
        Self { graph, known: HashMap::new() }
    }

    /// All that who has the role has; `None` where the effort does not suffice to look at them.
    fn by(&mut self, role: &'a str, effort: &mut Effort) -> Option<&[Arc<str>]> {
        let roles = self.known.entry(role).or_insert_with(|| self.graph.effective(role));
        effort.spend(roles.len()).then_some(roles)
    }
}

fn shadow(rule: &Rule, by: &Rule) -> Shadow {
    let (text, by_text) = (Arc::clone(&rule.text), Arc::clone(&by.text));
    Shadow { line: rule.line, text, by_line: by.line, by_text }
}

/// Whether `other`, which everybody has who has `rule`, decides all that `rule` could decide. Of two that say the same,
/// the first stays.
fn shadows(other: &Rule, rule: &Rule, effort: &mut Effort) -> bool {
    let is_stronger = other.effect == Effect::Deny || other.effect == rule.effect;
    if !effort.spend(1) || other.line == rule.line || !is_stronger || !covers(other, rule, effort) {
        return false;
    }
    !says_the_same(other, rule, effort) || other.line < rule.line
}

/// Whether one, which is known to cover the other, is covered by it as well.
fn says_the_same(one: &Rule, other: &Rule, effort: &mut Effort) -> bool {
    one.role == other.role && one.effect == other.effect && covers(other, one, effort)
}

fn covers(broad: &Rule, narrow: &Rule, effort: &mut Effort) -> bool {
    match narrow.kind {
        // There are two permissions, not any text.
        RuleKind::Permission => {
            let length = broad.pattern.as_str().len() + narrow.pattern.as_str().len();
            let is_covered = |permission: &str| {
                !narrow.pattern.matches(permission) || broad.pattern.matches(permission)
            };
            effort.spend(length / 8) && Permission::ALL.iter().all(|it| is_covered(it.as_str()))
        }
        RuleKind::Model | RuleKind::Tool => broad.pattern.covers(&narrow.pattern, effort),
    }
}

fn warnings_of(policy: &Policy, set: &RuleSet, subjects: &[Arc<str>]) -> Vec<Warning> {
    let mut effort = Effort(MAX_EFFORT);
    let idle = set.rules.iter().filter(|rule| rule.pattern.fits_nothing(&mut effort));
    let mut warnings: Vec<_> = idle.map(without_effect).collect();
    let idle: HashSet<u32> = warnings.iter().map(|warning| warning.line).collect();
    let busy: Vec<&Rule> = set.rules.iter().filter(|rule| !idle.contains(&rule.line)).collect();
    let covered = policy.covered(&busy, &mut effort);
    warnings.extend(covered.into_iter().map(|(rule, by)| of_shadow(rule, by, &mut effort)));
    warnings.extend(repeated_links(set, &mut effort));
    if !subjects.is_empty() {
        let held = policy.roles.effective(&subjects.join("\n"));
        warnings.extend(unknown_roles(set, &held));
    }
    warnings.sort_by_key(|warning| warning.line);
    warnings
}

fn without_effect(rule: &Rule) -> Warning {
    let reason = format!("no name at all fits `{}`", rule.pattern.as_str());
    Warning { line: rule.line, kind: WarningKind::WithoutEffect, reason, by_line: None }
}

fn of_shadow(rule: &Rule, by: &Rule, effort: &mut Effort) -> Warning {
    let line = by.line;
    let (kind, reason) = if says_the_same(by, rule, effort) {
        (WarningKind::Repeated, format!("the same as line {line} in other words"))
    } else if by.effect == rule.effect {
        let verb = if rule.effect == Effect::Allow { "allows" } else { "denies" };
        (WarningKind::Shadowed, format!("line {line} already {verb} all of it"))
    } else {
        let reason = format!("it can never allow anything: line {line} denies all of it");
        (WarningKind::Shadowed, reason)
    };
    Warning { line: rule.line, kind, reason, by_line: Some(line) }
}

/// `g` lines for what the member gets through another one.
fn repeated_links(set: &RuleSet, effort: &mut Effort) -> Vec<Warning> {
    let mut of_member: HashMap<&str, Vec<&Link>> = HashMap::new();
    for link in &set.links {
        of_member.entry(&link.member).or_default().push(link);
    }
    let mut inherited = Inherited::new(&set.roles);
    let mut repeated = Vec::new();
    for link in &set.links {
        for other in of_member.get(link.member.as_str()).into_iter().flatten() {
            let Some(roles) = inherited.by(&other.role, effort) else { return repeated };
            if other.role != link.role && roles.iter().any(|role| **role == *link.role) {
                repeated.push(repeated_link(link, other));
                break;
            }
        }
    }
    repeated
}

fn repeated_link(link: &Link, by: &Link) -> Warning {
    let reason = format!("`{}` already has `{}` through line {}", link.member, link.role, by.line);
    let kind = WarningKind::Repeated;
    Warning { line: link.line, kind, reason, by_line: Some(by.line) }
}

/// One warning for each role, at its first line.
fn unknown_roles(set: &RuleSet, held: &[Arc<str>]) -> Vec<Warning> {
    let held: HashSet<&str> = held.iter().map(AsRef::as_ref).collect();
    let of_rules = set.rules.iter().map(|rule| (rule.line, rule.role.as_str()));
    let of_links = set.links.iter().map(|link| (link.line, link.member.as_str()));
    let mut lines: Vec<_> = of_rules.chain(of_links).collect();
    lines.sort_unstable();
    let mut seen = HashSet::new();
    lines.retain(|(_, role)| !held.contains(role) && seen.insert(*role));
    let mut hints = Hints::default();
    let warning = |(line, role): (u32, &str)| {
        let meant = hints.closest(role, || held.iter().copied());
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        let reason = match role.strip_prefix(RoleGraph::TYPE_PREFIX) {
            Some(kind) => format!("no agent is of the type `{kind}`{meant}"),
            None => format!("no agent has the role `{role}`{meant}"),
        };
        Warning { line, kind: WarningKind::UnknownRole, reason, by_line: None }
    };
    lines.into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests;
