//! What-if: calls that were made, decided by the policy in force and by a draft.
//!
//! Owns what is told of the difference. Both are asked in the same way, so that nothing flips but by the draft. It must
//! never guess: what a record does not tell is counted as such.

mod judge;
mod told;

pub use told::{Replayed, Turn};

use super::Policy;
use super::pattern::Pattern;
use crate::types::{ExchangeId, Permission, PolicyResult, Surface, UnixMillis};
use judge::Judge;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use told::{Flip, RuleLine, ToolFlip, Undecidable};

/// As many rows of a kind are told, those with the most calls first.
const MAX_TOLD: usize = 500;

/// As many different flips are told apart: callers choose the names of models. Further ones are only counted.
const MAX_FLIPS: usize = 50_000;

const MORE_TOOLS: &str = "offered tools that the record does not name whole";

/// Calls that are alike: same caller, same question.
#[derive(Clone, Copy, Debug)]
pub struct PastCalls<'a> {
    /// The agent's name.
    pub agent: &'a str,
    /// Name, type and roles, as they were then.
    pub subject: &'a str,
    /// What they needed.
    pub permission: Permission,
    /// The model that they named.
    pub model: Option<&'a str>,
    /// The endpoint's name.
    pub endpoint: Option<&'a str>,
    /// The door.
    pub surface: Surface,
    /// The AppContext's id and its list of models as it is now.
    pub app_context: Option<(&'a str, &'a [Pattern])>,
    /// The tools that they offered.
    pub tools: &'a [Box<str>],
    /// Whether they offered others too, whose names are not known.
    pub has_more_tools: bool,
    /// What was decided then.
    pub recorded: PolicyResult,
    /// How many they are.
    pub calls: u64,
    /// The last one.
    pub last_id: ExchangeId,
    /// When the last one began.
    pub last_at: UnixMillis,
}

#[derive(Eq, Hash, PartialEq)]
struct FlipKey {
    agent: Box<str>,
    model: Option<Box<str>>,
    endpoint: Option<Box<str>>,
    permission: Permission,
    app_context: Option<Box<str>>,
    surface: Surface,
    rules: [Option<Arc<str>>; 2],
    after: PolicyResult,
}

/// A replay under way.
pub struct Replay<'p> {
    before: Judge<'p>,
    after: Judge<'p>,
    records: u64,
    flips: HashMap<FlipKey, Flip>,
    flipped_calls: u64,
    has_untold: bool,
    tools: HashMap<(Box<str>, Box<str>, PolicyResult), ToolFlip>,
    undecidable: BTreeMap<&'static str, u64>,
}

impl<'p> Replay<'p> {
    /// A replay of nothing yet.
    pub fn new(in_force: &'p Policy, draft: &'p Policy) -> Self {
        Self {
            before: Judge::new(in_force),
            after: Judge::new(draft),
            records: 0,
            flips: HashMap::new(),
            flipped_calls: 0,
            has_untold: false,
            tools: HashMap::new(),
            undecidable: BTreeMap::new(),
        }
    }

    /// How many records were read.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Counts calls that cannot be decided.
    pub fn leave_out(&mut self, why: &'static str, calls: u64) {
        self.records = self.records.saturating_add(calls);
        *self.undecidable.entry(why).or_default() += calls;
    }

    /// Decides calls twice.
    pub fn decide(&mut self, calls: &PastCalls<'_>) {
        self.records = self.records.saturating_add(calls.calls);
        let (before, after) = (self.before.decide(calls), self.after.decide(calls));
        if before.result != after.result {
            self.flipped_calls = self.flipped_calls.saturating_add(calls.calls);
            self.note_flip(calls, [before.rule, after.rule], after.result);
        } else if after.result == PolicyResult::Allow {
            for tool in calls.tools {
                let denied = |judged: &judge::Judged| judged.denies(tool);
                let after_result = result_of(!denied(&after));
                if result_of(!denied(&before)) != after_result {
                    self.note_tool(calls, tool, after_result);
                }
            }
            if calls.has_more_tools && (before.judges_tools() || after.judges_tools()) {
                *self.undecidable.entry(MORE_TOOLS).or_default() += calls.calls;
            }
        }
    }

    fn note_flip(
        &mut self,
        calls: &PastCalls<'_>,
        rules: [Option<Arc<str>>; 2],
        after: PolicyResult,
    ) {
        let [rule_before, rule_after] = rules.clone();
        let key = FlipKey {
            agent: calls.agent.into(),
            model: calls.model.map(Into::into),
            endpoint: calls.endpoint.map(Into::into),
            permission: calls.permission,
            app_context: calls.app_context.map(|(id, _)| id.into()),
            surface: calls.surface,
            rules,
            after,
        };
        if self.flips.len() >= MAX_FLIPS && !self.flips.contains_key(&key) {
            self.has_untold = true;
            return;
        }
        let new = Flip {
            agent: key.agent.clone(),
            model: key.model.clone(),
            endpoint: key.endpoint.clone(),
            permission: key.permission,
            app_context: key.app_context.clone(),
            surface: key.surface,
            before: other_than(after),
            after,
            calls: 0,
            recorded_allowed: 0,
            rule_before,
            rule_after,
            last_at: calls.last_at,
            last_id: calls.last_id,
        };
        let flip = self.flips.entry(key).or_insert(new);
        flip.calls = flip.calls.saturating_add(calls.calls);
        if calls.recorded == PolicyResult::Allow {
            flip.recorded_allowed = flip.recorded_allowed.saturating_add(calls.calls);
        }
        if calls.last_id > flip.last_id {
            (flip.last_id, flip.last_at) = (calls.last_id, calls.last_at);
        }
    }

    fn note_tool(&mut self, calls: &PastCalls<'_>, tool: &str, after: PolicyResult) {
        let key = (calls.agent.into(), tool.into(), after);
        if self.tools.len() >= MAX_FLIPS && !self.tools.contains_key(&key) {
            return;
        }
        let new = ToolFlip {
            agent: calls.agent.into(),
            tool: tool.into(),
            before: other_than(after),
            after,
            calls: 0,
        };
        let flip = self.tools.entry(key).or_insert(new);
        flip.calls = flip.calls.saturating_add(calls.calls);
    }

    /// What there is to tell.
    pub fn finish(self) -> Replayed {
        let flips: Vec<Flip> = self.flips.into_values().collect();
        let draft = self.after.policy();
        let [gains, losses] =
            [PolicyResult::Allow, PolicyResult::Deny].map(|after| turns(&flips, after));
        Replayed {
            policy_version: Arc::clone(self.before.policy().version()),
            draft_version: Arc::clone(draft.version()),
            records: self.records,
            undecidable: undecidable(&self.undecidable),
            gains_total: gains.len(),
            gains: most(gains, |turn| (turn.calls, None)),
            losses_total: losses.len(),
            losses: most(losses, |turn| (turn.calls, None)),
            more_flips: self.has_untold || flips.len() > MAX_TOLD,
            flips: most(flips, |flip| (flip.calls, Some(flip.last_id))),
            flipped_calls: self.flipped_calls,
            tools_total: self.tools.len(),
            tools: most(self.tools.into_values().collect(), |flip| (flip.calls, None)),
            never_matched: never_matched(draft, self.after.matched()),
            shadowed: draft.shadows(),
        }
    }
}

const fn result_of(allowed: bool) -> PolicyResult {
    if allowed { PolicyResult::Allow } else { PolicyResult::Deny }
}

const fn other_than(result: PolicyResult) -> PolicyResult {
    result_of(matches!(result, PolicyResult::Deny))
}

fn undecidable(reasons: &BTreeMap<&'static str, u64>) -> Undecidable {
    let why: Vec<_> = reasons.iter().map(|(why, calls)| format!("{calls} {why}")).collect();
    let why = Some(why.join("; ")).filter(|why| !why.is_empty());
    Undecidable { count: reasons.values().sum(), why }
}

fn most<T>(mut all: Vec<T>, rank: impl Fn(&T) -> (u64, Option<ExchangeId>)) -> Vec<T> {
    all.sort_by_key(|one| std::cmp::Reverse(rank(one)));
    all.truncate(MAX_TOLD);
    all
}

/// Agents and models whose calls turn this way.
fn turns(flips: &[Flip], after: PolicyResult) -> Vec<Turn> {
    let mut sums: BTreeMap<(&str, Option<&str>), u64> = BTreeMap::new();
    for flip in flips.iter().filter(|flip| flip.after == after) {
        *sums.entry((&flip.agent, flip.model.as_deref())).or_default() += flip.calls;
    }
    let turn = |((agent, model), calls): ((&str, Option<&str>), u64)| Turn {
        agent: agent.into(),
        model: model.map(Into::into),
        calls,
    };
    sums.into_iter().map(turn).collect()
}

fn never_matched(draft: &Policy, matched: &HashSet<u32>) -> Vec<RuleLine> {
    let rules = draft.rules().map(|rule| (rule.line, Arc::clone(&rule.text)));
    let mut lines: Vec<RuleLine> = rules
        .filter(|(line, _)| !matched.contains(line))
        .map(|(line, text)| RuleLine { line, text })
        .collect();
    lines.sort_by_key(|rule| rule.line);
    lines
}

#[cfg(test)]
mod tests;
