//! What one rule does, for those who ask about the rule rather than about a caller.
//!
//! Owns the reading of the overrides for a single rule. What a caller meets is for
//! [`Profile`](super::Profile) to say, which knows also what the caller's AppContext enables.

use super::{Override, Rule};
use crate::types::{Action, Lifecycle};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// What a rule does in each direction; null where it does not look.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RuleActions {
    /// To the provider.
    #[serde(rename = "INGRESS")]
    pub ingress: Option<Action>,
    /// To the caller.
    #[serde(rename = "EGRESS")]
    pub egress: Option<Action>,
}

impl RuleActions {
    /// What a rule does for whoever has these roles and comes through this AppContext, where the rule itself
    /// is not held to other ones. `overrides`: those that mean the rule, in their order.
    pub fn of<'o>(
        rule: &Rule,
        overrides: impl Iterator<Item = &'o Override> + Clone,
        roles: &[Arc<str>],
        app_context: Option<&str>,
    ) -> Self {
        let action = |lifecycle: Lifecycle| {
            let fitting = overrides.clone().filter(|it| it.fits(roles, app_context, lifecycle));
            let last = fitting.last().map_or(rule.action, |it| it.action);
            rule.lifecycles.contains(&lifecycle).then_some(last)
        };
        Self { ingress: action(Lifecycle::Ingress), egress: action(Lifecycle::Egress) }
    }

    /// What it does in one direction.
    pub const fn at(self, lifecycle: Lifecycle) -> Option<Action> {
        match lifecycle {
            Lifecycle::Ingress => self.ingress,
            Lifecycle::Egress => self.egress,
        }
    }

    /// The strictest of what it does.
    pub fn strictest(self) -> Action {
        let severity = |action: &Action| Action::ALL.iter().position(|it| it == action);
        let actions = [self.ingress, self.egress].into_iter().flatten();
        actions.max_by_key(severity).unwrap_or(Action::Allow)
    }
}
