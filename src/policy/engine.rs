//! Casbin, behind one typed question.
//!
//! Owns the enforcer of one kind of rule, our functions in its matcher, and the effect "deny
//! wins". It must never turn an error or a panic of Casbin into anything but a refusal.

use super::line::Effect;
use super::model::Model;
use super::pattern::Pattern;
use super::rules::Rule;
use casbin::rhai::Dynamic;
use casbin::{
    CoreApi, DefaultModel, EffectKind, Effector, EffectorStream, Enforcer, Model as _, NullAdapter,
    function_map::OperatorFunction,
};
use futures_util::FutureExt;
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Why Casbin gave no answer, for the administrator.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum EngineError {
    #[error("the model cannot be compiled: {0}")]
    Build(String),
    #[error("the matcher failed: {0}")]
    Evaluate(String),
    #[error("the matcher panicked")]
    Panic,
}

/// The enforcer of one kind of rule.
pub(super) struct Engine {
    enforcer: Enforcer,
    rules: Vec<Rule>,
    patterns: Arc<Patterns>,
}

/// What the rules say about one question.
#[derive(Debug)]
pub(super) enum Answer<'a> {
    Allowed(&'a Rule),
    Denied(&'a Rule),
    /// No rule matched.
    Silent,
    Failed(EngineError),
}

type Patterns = HashMap<Box<str>, Pattern>;

impl Engine {
    pub(super) fn build(model: &Model, rules: Vec<Rule>) -> Result<Self, EngineError> {
        let enforcer = catch_unwind(|| build_enforcer(model, &rules))
            .map_err(|_panic| EngineError::Panic)??;
        let patterns =
            rules.iter().map(|it| (it.pattern.as_str().into(), it.pattern.clone())).collect();
        Ok(Self { enforcer, rules, patterns: Arc::new(patterns) })
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What follows from all matching rules together: the first deny, else the first allow.
    pub(super) fn ask(&self, roles: &[Arc<str>], object: &str) -> Answer<'_> {
        let matched = match self.matching(roles, object) {
            Ok(matched) => matched,
            Err(error) => return Answer::Failed(error),
        };
        let first_of = |effect| matched.iter().find(|rule| rule.effect == effect);
        match (first_of(Effect::Deny), first_of(Effect::Allow)) {
            (Some(rule), _) => Answer::Denied(rule),
            (None, Some(rule)) => Answer::Allowed(rule),
            (None, None) => Answer::Silent,
        }
    }

    /// Every matching rule, in the order of the lines.
    pub(super) fn matching(
        &self,
        roles: &[Arc<str>],
        object: &str,
    ) -> Result<Vec<&Rule>, EngineError> {
        // Without rules Casbin evaluates the matcher once with empty fields, and may allow.
        if self.rules.is_empty() {
            return Ok(Vec::new());
        }
        let object = Object { name: object.into(), patterns: Arc::clone(&self.patterns) };
        let question = vec![Dynamic::from(roles.join("\n")), Dynamic::from(object)];
        let allowed = catch_unwind(AssertUnwindSafe(|| self.enforcer.enforce(question)))
            .map_err(|_panic| EngineError::Panic)?
            .map_err(|error| EngineError::Evaluate(error.to_string()))?;
        let matched: Vec<&Rule> =
            MATCHED.take().into_iter().filter_map(|index| self.rules.get(index)).collect();
        let rules_allow = matched.iter().any(|rule| rule.effect == Effect::Allow)
            && matched.iter().all(|rule| rule.effect != Effect::Deny);
        if rules_allow != allowed {
            return Err(EngineError::Evaluate("its verdict differs from its rules".to_owned()));
        }
        Ok(matched)
    }
}

fn build_enforcer(model: &Model, rules: &[Rule]) -> Result<Enforcer, EngineError> {
    let failed = |error: casbin::Error| EngineError::Build(error.to_string());
    let mut definitions = DefaultModel::default();
    for (key, value) in model.definitions() {
        definitions.add_def(key, key, value);
    }
    // `new_raw` is async for adapters that read files; with none it is ready at once.
    let mut enforcer = Enforcer::new_raw(definitions, NullAdapter)
        .now_or_never()
        .ok_or_else(|| EngineError::Build("it did not finish at once".to_owned()))?
        .map_err(failed)?;
    enforcer.add_function("g", OperatorFunction::Arg2(has_role));
    enforcer.add_function("glob", OperatorFunction::Arg2(fits_pattern));
    enforcer.set_effector(Box::new(DenyWins));
    let lines = rules.iter().map(|rule| {
        vec![rule.role.clone(), rule.pattern.as_str().to_owned(), rule.effect.as_str().to_owned()]
    });
    if !enforcer.get_mut_model().add_policies("p", "p", lines.collect()) {
        return Err(EngineError::Build("a rule stands twice".to_owned()));
    }
    Ok(enforcer)
}

/// `g(r.sub, p.sub)`. The subject arrives with all of its roles (see `RoleGraph::effective`), so
/// that one evaluation sees them together and a deny of one role beats an allow of another.
fn has_role(subject: Dynamic, role: Dynamic) -> Dynamic {
    match (subject.into_immutable_string(), role.into_immutable_string()) {
        (Ok(subject), Ok(role)) => subject.split('\n').any(|own| own == role.as_str()).into(),
        // Not a boolean: the evaluation fails, and so denies.
        _ => Dynamic::UNIT,
    }
}

/// `glob(r.obj, p.obj)`. The object brings the compiled patterns of its engine along, because
/// Casbin's functions can hold no state.
fn fits_pattern(object: Dynamic, pattern: Dynamic) -> Dynamic {
    let (Some(object), Ok(pattern)) =
        (object.try_cast::<Object>(), pattern.into_immutable_string())
    else {
        return Dynamic::UNIT;
    };
    match object.patterns.get(pattern.as_str()) {
        Some(compiled) => compiled.matches(&object.name).into(),
        // A pattern that an administrator wrote into the matcher itself.
        None => Pattern::parse(&pattern)
            .map_or(Dynamic::UNIT, |pattern| pattern.matches(&object.name).into()),
    }
}

#[derive(Clone)]
struct Object {
    name: Arc<str>,
    patterns: Arc<Patterns>,
}

thread_local! {
    /// The indices of the rules that matched in this thread's latest evaluation. Casbin hands back
    /// a bare bool, and an evaluation never leaves its thread.
    static MATCHED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Something must allow and nothing may deny; every rule is looked at, so that all matches are
/// known.
struct DenyWins;

#[derive(Default)]
struct DenyWinsStream {
    next_index: usize,
    allowed: bool,
    denied: bool,
}

impl Effector for DenyWins {
    fn new_stream(&self, _effect: &str, _rules: usize) -> Box<dyn EffectorStream> {
        MATCHED.take();
        Box::new(DenyWinsStream::default())
    }
}

impl EffectorStream for DenyWinsStream {
    fn next(&self) -> bool {
        self.allowed && !self.denied
    }

    fn push_effect(&mut self, effect: EffectKind) -> bool {
        self.allowed |= effect == EffectKind::Allow;
        self.denied |= effect == EffectKind::Deny;
        if effect != EffectKind::Indeterminate {
            MATCHED.with_borrow_mut(|matched| matched.push(self.next_index));
        }
        self.next_index += 1;
        false
    }
}
