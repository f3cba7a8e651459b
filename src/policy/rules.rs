//! Reads `policy.csv` as a whole.
//!
//! Owns what lines mean together: duplicates, contradictions, circles, roles without any rule. It
//! reports every problem of the file, not only the first.

use super::Policy;
use super::error::{Hints, PolicyError, Problem, SourceFile, closest, ordinal};
use super::line::{Effect, RuleKind, Statement, read_line};
use super::pattern::Pattern;
use super::roles::{RoleError, RoleGraph};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One `p`, `p2` or `p3` line.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) line: u32,
    pub(super) kind: RuleKind,
    pub(super) role: String,
    pub(super) pattern: Pattern,
    pub(super) effect: Effect,
    /// What records and administrators see: `line 12: p, developer, gpt-4o*, allow`.
    pub(super) text: Arc<str>,
}

impl Rule {
    /// Its text without its line.
    pub(super) fn said(&self) -> &str {
        without_line(&self.text)
    }
}

/// What a rule's text says, wherever the rule stands.
pub(super) fn without_line(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(_line, said)| said)
}

/// One `g` line.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) line: u32,
    pub(super) member: String,
    pub(super) role: String,
}

/// A file that was read without a problem.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    pub(super) rules: Vec<Rule>,
    pub(super) links: Vec<Link>,
    pub(super) roles: RoleGraph,
}

/// All problems of the rules, in the order of their lines; none means that they can be loaded.
pub fn lint(rules: &SourceFile) -> Vec<PolicyError> {
    read(rules).err().unwrap_or_default()
}

pub(super) fn read(file: &SourceFile) -> Result<RuleSet, Vec<PolicyError>> {
    let mut reader = Reader::default();
    let (mut problems, mut unread) = (Vec::new(), Vec::new());
    for (index, line) in file.text.lines().enumerate() {
        let number = ordinal(index);
        // `lines` leaves the carriage return of a last line without line feed.
        let line = line.strip_suffix('\r').unwrap_or(line);
        let read = read_line(line).and_then(|it| it.map_or(Ok(()), |it| reader.take(number, it)));
        if let Err(problem) = read {
            problems.push(problem.at(file, Some(number)));
            unread.push(line);
        }
    }
    problems.extend(reader.missing(&unread).into_iter().map(|(line, it)| it.at(file, line)));
    problems.sort_by_key(|problem| problem.line.unwrap_or(u32::MAX));
    if problems.is_empty() { Ok(reader.set) } else { Err(problems) }
}

impl Policy {
    /// The name that was probably meant by one that no line speaks of.
    pub fn closest_role(&self, name: &str) -> Option<&str> {
        let of_rules = self.rules().map(|rule| rule.role.as_str());
        closest(name, of_rules.chain(self.roles.members()))
    }

    /// What each rule says, without its line.
    pub fn rule_texts(&self) -> impl Iterator<Item = &str> {
        self.rules().map(Rule::said)
    }
}

#[derive(Default)]
struct Reader {
    set: RuleSet,
    rule_lines: HashMap<(RuleKind, String, Box<str>), (u32, Effect)>,
    links: HashMap<(String, String), LinkPlace>,
}

#[derive(Clone, Copy)]
struct LinkPlace {
    line: u32,
    role_column: u32,
}

impl Reader {
    fn take(&mut self, line: u32, statement: Statement) -> Result<(), Problem> {
        match statement {
            Statement::Rule { kind, role, pattern, effect } => {
                let text = format!("line {line}: {kind}, {role}, {}, {effect}", pattern.as_str());
                self.take_rule(Rule { line, kind, role, pattern, effect, text: text.into() })
            }
            Statement::Link { member, role, role_column } => {
                self.take_link(member, role, LinkPlace { line, role_column })
            }
        }
    }

    fn take_rule(&mut self, rule: Rule) -> Result<(), Problem> {
        let key = (rule.kind, rule.role.clone(), rule.pattern.as_str().into());
        match self.rule_lines.entry(key) {
            Entry::Occupied(earlier) => {
                let (line, effect) = *earlier.get();
                return Err(if effect == rule.effect {
                    let reason = format!("the same rule as in line {line}");
                    Problem::new(Some(1), reason, "remove one of them")
                } else {
                    let reason = format!("the opposite of line {line}, and deny always wins");
                    Problem::new(Some(1), reason, "keep the line that you mean")
                });
            }
            Entry::Vacant(free) => free.insert((rule.line, rule.effect)),
        };
        self.set.rules.push(rule);
        Ok(())
    }

    fn take_link(&mut self, member: String, role: String, at: LinkPlace) -> Result<(), Problem> {
        if let Some(earlier) = self.links.get(&(member.clone(), role.clone())) {
            let reason = format!("the same as line {}", earlier.line);
            return Err(Problem::new(Some(1), reason, "remove one of them"));
        }
        self.set.roles.add(&member, &role).map_err(|error| {
            let (reason, remedy) = match error {
                RoleError::Circle => (
                    format!("a circle: `{role}` already is or inherits `{member}`"),
                    "remove one of its `g` lines",
                ),
                RoleError::TooMany => (
                    format!("`{role}` inherits more than {} roles", RoleGraph::MOST_INHERITED),
                    "give fewer roles to roles",
                ),
            };
            Problem::new(Some(at.role_column), reason, remedy)
        })?;
        let link = Link { line: at.line, member: member.clone(), role: role.clone() };
        self.set.links.push(link);
        self.links.insert((member, role), at);
        Ok(())
    }

    /// What only the whole file can lack, and what no line that could not be read may have meant to say.
    fn missing(&self, unread: &[&str]) -> Vec<(Option<u32>, Problem)> {
        let mut problems = self.roles_without_rules(unread);
        if !unread.is_empty() {
            return problems;
        }
        let allows =
            |kind| self.set.rules.iter().any(|it| it.kind == kind && it.effect == Effect::Allow);
        if !allows(RuleKind::Permission) {
            let reason = if allows(RuleKind::Model) {
                "no `p2` line allows a permission, so every call would be denied"
            } else {
                "no line allows anything, so every call would be denied"
            };
            let remedy = "add a line such as `p2, developer, web:write, allow`";
            problems.push((None, Problem::new(None, reason, remedy)));
        }
        problems
    }

    /// Roles that are given and never spoken of, not even in a line that could not be read.
    fn roles_without_rules(&self, unread: &[&str]) -> Vec<(Option<u32>, Problem)> {
        let with_rules: HashSet<&str> = self.set.rules.iter().map(|it| it.role.as_str()).collect();
        let members: HashSet<&str> = self.links.keys().map(|(member, _)| member.as_str()).collect();
        let meant: HashSet<&str> =
            unread.iter().flat_map(|line| line.split(',')).map(str::trim).collect();
        let is_unknown =
            |role: &str| [&with_rules, &members, &meant].iter().all(|it| !it.contains(role));
        let mut unknown: Vec<_> =
            self.links.iter().filter(|((_, role), _)| is_unknown(role)).collect();
        unknown.sort_by_key(|(_, place)| place.line);
        let mut hints = Hints::default();
        let written: Vec<&str> =
            unread.iter().filter_map(|line| line.split(',').nth(1)).map(str::trim).collect();
        let problem = |((_, role), place): (&(String, String), &LinkPlace)| {
            let roles = || with_rules.iter().chain(&written).copied();
            let remedy = match hints.closest(role, roles) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("add a `p` or `p2` line for `{role}`, or remove this line"),
            };
            let reason = format!("no rule mentions the role `{role}`");
            (Some(place.line), Problem::new(Some(place.role_column), reason, remedy))
        };
        unknown.into_iter().map(problem).collect()
    }
}

#[cfg(test)]
mod tests;
