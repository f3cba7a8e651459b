//! Changing `detections.toml` as an administrator would by hand: a block more, a block less.
//!
//! Owns where an override has to stand to do what is wanted, and how a new rule is written. It must never touch
//! a byte of any other block: comments, order and spelling stay.

mod blocks;
mod new_rule;

pub use new_rule::NewRule;

use super::error::DetectionError;
use super::file::{RuleFile, read};
use super::{Override, Rule, RuleActions, Selector};
use crate::policy::SourceFile;
use crate::types::{Action, Lifecycle};
use blocks::{Blocks, Draft};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

/// Why a file cannot be changed so.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AmendError {
    /// The rule is not there.
    #[error("there is no rule {0:?}; `portcullis detections list` shows them all")]
    NoSuchRule(String),
    /// Another rule has this id.
    #[error("there is a rule {0:?} already; choose another id, or change that rule")]
    Taken(String),
    /// The file says so already.
    #[error("nothing is to be changed: {0}")]
    Already(String),
    /// The change would have no effect.
    #[error("{0}")]
    Elsewhere(String),
    /// The file, as it is or as it would be, has mistakes.
    #[error("{}", first_of(.0))]
    Invalid(Vec<DetectionError>),
}

/// For whom, and in which direction, a rule's action is changed.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The rule.
    pub rule: &'a str,
    /// Only in this AppContext.
    pub app_context: Option<&'a str>,
    /// Only in this direction.
    pub lifecycle: Option<Lifecycle>,
}

/// What is to become of a rule's action.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NewAction {
    /// It does this.
    Do(Action),
    /// It does what it did before it was switched off; at least it notes what it finds.
    Enable,
    /// What was said for this rule and this scope alone is taken back.
    Reset,
}

fn first_of(errors: &[DetectionError]) -> String {
    errors.first().map(ToString::to_string).unwrap_or_default()
}

/// The file in which a rule does something else. Overrides that speak of this rule and this scope alone are
/// taken out, unless the rule is switched off: what it did stays for the day when it is switched on again. Where the rest does not come to what is wanted, one is put behind all others that speak of the
/// rule, but before those for narrower circles, which go on to count.
pub fn set_action(
    file: &SourceFile,
    scope: Scope<'_>,
    to: NewAction,
) -> Result<SourceFile, AmendError> {
    let read = read(file).map_err(AmendError::Invalid)?;
    let rule = rule_of(&read, scope.rule)?;
    scope.refuse_elsewhere(rule)?;
    let already = |what: &str| AmendError::Already(format!("{} {what}", scope.rule));
    if to.is_done_by(&scope.actions(rule, &read)) {
        return Err(already("does that already"));
    }
    let blocks = Blocks::of(file)?;
    let mut draft = Draft::of(file);
    let said = own_overrides(&read, &blocks)
        .filter(|(it, _)| scope.is_said_by(it) && to.replaces(it.action));
    said.for_each(|(_, at)| draft.cut(at));
    let bare = draft.finish();
    if to == NewAction::Reset {
        let is_said = bare.text != file.text;
        return is_said.then_some(bare).ok_or_else(|| already("has no action of its own here"));
    }
    let read = super::file::read(&bare).map_err(AmendError::Invalid)?;
    match to {
        _ if to.is_done_by(&scope.actions(rule, &read)) => Ok(bare),
        NewAction::Do(action) => insert(&bare, &read, scope, rule, action),
        NewAction::Enable | NewAction::Reset => insert(&bare, &read, scope, rule, Action::Log),
    }
}

/// The file with one rule more, at its end.
pub fn add_rule(file: &SourceFile, new: &NewRule) -> Result<SourceFile, AmendError> {
    let read = read(file).map_err(AmendError::Invalid)?;
    if read.rules.iter().any(|rule| *rule.id == *new.id) {
        return Err(AmendError::Taken(new.id.clone()));
    }
    let mut draft = Draft::of(file);
    draft.insert(file.text.len(), &new.to_toml());
    Ok(draft.finish())
}

/// The file without a rule and what was said for it alone.
pub fn remove_rule(file: &SourceFile, id: &str) -> Result<SourceFile, AmendError> {
    let read = read(file).map_err(AmendError::Invalid)?;
    let blocks = Blocks::of(file)?;
    let mut draft = Draft::of(file);
    let at = read.rules.iter().position(|rule| *rule.id == *id);
    let block = at.and_then(|at| blocks.rules.get(at));
    draft.cut(block.ok_or_else(|| AmendError::NoSuchRule(id.to_owned()))?);
    let only_it = |it: &Override| matches!(&*it.rules, [only] if **only == *id);
    own_overrides(&read, &blocks).filter(|(it, _)| only_it(it)).for_each(|(_, at)| draft.cut(at));
    Ok(draft.finish())
}

/// The comment that stands directly above a rule: what somebody says of it.
pub fn description_of(text: &str, rule: &Rule) -> Option<String> {
    let above = usize::try_from(rule.line).ok()?.checked_sub(1)?;
    let lines: Vec<&str> = text.lines().take(above).collect();
    let comment = lines.iter().rev().take_while(|line| line.starts_with('#'));
    let mut words: Vec<&str> = comment.map(|line| line.trim_start_matches('#').trim()).collect();
    words.reverse();
    Some(words.join(" ").trim().to_owned()).filter(|words| !words.is_empty())
}

impl NewAction {
    /// Whether an override with this action, of the same rule and scope, makes way.
    fn replaces(self, said: Action) -> bool {
        match self {
            Self::Do(wanted) => wanted != Action::Allow,
            Self::Enable => said == Action::Allow,
            Self::Reset => true,
        }
    }

    fn is_done_by(self, actions: &[Action]) -> bool {
        match self {
            Self::Do(wanted) => actions.iter().all(|it| *it == wanted),
            Self::Enable => actions.iter().any(|it| *it != Action::Allow),
            Self::Reset => false,
        }
    }
}

impl Scope<'_> {
    /// Whether an override says nothing but what is said anew.
    fn is_said_by(&self, it: &Override) -> bool {
        let same_context = match self.app_context {
            None => it.app_contexts.is_empty(),
            Some(id) => matches!(&*it.app_contexts, [only] if **only == *id),
        };
        let same_direction = self
            .lifecycle
            .is_none_or(|lifecycle| matches!(&*it.lifecycles, [only] if *only == lifecycle));
        let only_it = matches!(&*it.rules, [only] if **only == *self.rule);
        only_it && it.roles.is_empty() && same_context && same_direction
    }

    /// Whether an override is for a narrower circle, and so goes on to count.
    fn is_wider_than(&self, it: &Override) -> bool {
        !it.roles.is_empty() || (self.app_context.is_none() && !it.app_contexts.is_empty())
    }

    fn refuse_elsewhere(&self, rule: &Rule) -> Result<(), AmendError> {
        let id = &rule.id;
        if let Some(context) = self.app_context
            && !super::rule::is_among(&rule.app_contexts, Some(context))
        {
            return Err(AmendError::Elsewhere(format!(
                "{id} is held to other AppContexts by app_contexts in its [[rule]]; add {context} there first"
            )));
        }
        match self.lifecycle.filter(|it| !rule.lifecycles.contains(it)) {
            None => Ok(()),
            Some(lifecycle) => Err(AmendError::Elsewhere(format!(
                "{id} does not look at {lifecycle}: its [[rule]] says so with lifecycle"
            ))),
        }
    }

    /// What the rule does there, in every direction that is meant.
    fn actions(&self, rule: &Rule, file: &RuleFile) -> Vec<Action> {
        let overrides = file.overrides.iter().filter(|it| means(it, rule));
        let actions = RuleActions::of(rule, overrides, &[], self.app_context);
        let lifecycles =
            Lifecycle::ALL.iter().filter(|it| self.lifecycle.is_none_or(|me| me == **it));
        lifecycles.filter_map(|it| actions.at(*it)).collect()
    }

    fn to_toml(self, action: Action) -> String {
        let mut table = Table::new();
        let one = |text: &str| value(Array::from_iter([text]));
        table.insert("rules", one(self.rule));
        if let Some(lifecycle) = self.lifecycle {
            table.insert("lifecycle", one(lifecycle.as_str()));
        }
        if let Some(context) = self.app_context {
            table.insert("app_contexts", one(context));
        }
        table.insert("action", value(action.as_str()));
        block("override", table)
    }
}

fn insert(
    file: &SourceFile,
    read: &RuleFile,
    scope: Scope<'_>,
    rule: &Rule,
    action: Action,
) -> Result<SourceFile, AmendError> {
    let blocks = Blocks::of(file)?;
    let speaking: Vec<_> = own_overrides(read, &blocks).filter(|(it, _)| means(it, rule)).collect();
    let behind = speaking.iter().rposition(|(it, _)| {
        !scope.is_wider_than(it) && super::rule::is_among(&it.app_contexts, scope.app_context)
    });
    let next = speaking.get(behind.map_or(0, |at| at + 1)..).unwrap_or_default();
    let narrower = next.iter().find(|(it, _)| scope.is_wider_than(it));
    let at = narrower.map_or(file.text.len(), |(_, block)| block.start);
    let mut draft = Draft::of(file);
    draft.insert(at, &scope.to_toml(action));
    Ok(draft.finish())
}

/// A `[[name]]` on its own.
fn block(name: &str, table: Table) -> String {
    let mut document = DocumentMut::new();
    let mut tables = ArrayOfTables::new();
    tables.push(table);
    document.insert(name, Item::ArrayOfTables(tables));
    document.to_string().trim_start().to_owned()
}

fn rule_of<'r>(read: &'r RuleFile, id: &str) -> Result<&'r Rule, AmendError> {
    let found = read.rules.iter().find(|rule| *rule.id == *id);
    found.ok_or_else(|| AmendError::NoSuchRule(id.to_owned()))
}

/// The file's own overrides, without the template's, and where each stands.
fn own_overrides<'r>(
    read: &'r RuleFile,
    blocks: &'r Blocks,
) -> impl Iterator<Item = (&'r Override, &'r std::ops::Range<usize>)> + Clone {
    let of_template = read.overrides.len().saturating_sub(blocks.overrides.len());
    read.overrides.iter().skip(of_template).zip(&blocks.overrides)
}

fn means(it: &Override, rule: &Rule) -> bool {
    let selectors = it.rules.iter().filter_map(|text| Selector::parse(text).ok());
    selectors.into_iter().any(|selector| selector.selects(rule))
}

#[cfg(test)]
mod tests;
