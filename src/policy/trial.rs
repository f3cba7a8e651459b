//! Trying a policy before it is used.
//!
//! Owns the questions whose answers are known. It must never take a matcher for good that answers one
//! of them in another way.

use super::engine::{Answer, Engine, EngineError};
use super::line::Effect::{Allow, Deny};
use super::line::RuleKind;
use super::model::Model;
use super::pattern::{Pattern, PatternError};
use super::rules::Rule;
use std::sync::Arc;

/// Tries the matcher on a small policy whose answers are known.
pub(super) fn try_matcher(model: &Model) -> Result<(), String> {
    let rule = |line, pattern: &str, effect| -> Result<Rule, PatternError> {
        Ok(Rule {
            line,
            kind: RuleKind::Model,
            role: "probe".to_owned(),
            pattern: Pattern::parse(pattern)?,
            effect,
            text: "probe".into(),
        })
    };
    let rules = [rule(1, "probe-*", Allow), rule(2, "probe-secret*", Deny)];
    let rules = rules.into_iter().collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let engine = Engine::build(model, rules).map_err(|error| error.to_string())?;
    for (subject, object, expected) in [
        ("agent\nprobe", "probe-1", "allow"),
        ("agent\nprobe", "probe-secret", "deny"),
        ("agent\nprobe", "other", "silent"),
        ("agent\nother", "probe-1", "silent"),
        ("", "", "silent"),
    ] {
        let roles: Vec<Arc<str>> = subject.split('\n').map(Arc::from).collect();
        let found = match engine.ask(&roles, object) {
            Answer::Allowed(_) => "allow",
            Answer::Denied(_) => "deny",
            Answer::Silent => "silent",
            Answer::Failed(error) => return Err(error.to_string()),
        };
        if found != expected {
            return Err(format!(
                "the matcher does not keep to the rules ({found}, not {expected})"
            ));
        }
    }
    Ok(())
}

/// Asks once with every role that the rules mention, so that each pattern is evaluated.
pub(super) fn try_rules(engine: &Engine) -> Result<(), EngineError> {
    let roles: Vec<Arc<str>> = engine.rules().iter().map(|it| it.role.as_str().into()).collect();
    engine.matching(&roles, "gpt-4o").map(|_matched| ())
}
