//! The proof that a call was authorised, and its opposite.
//!
//! Owns `Permit` and `Permitted`, which only this room can make: forgetting to authorise, or
//! authorising one call and sending another, does not compile.

use super::ToolPolicy;
use crate::types::{Governed, Permission, Principal, text_enum};
use std::borrow::Cow;
use std::sync::Arc;

/// The policy's answer. Cheap to clone, so that it can be remembered per subject, permission,
/// model and policy version.
#[derive(Clone, Debug)]
pub enum Decision {
    /// The rules allow it.
    Allow(Permit),
    /// The rules deny it, or do not allow it, or could not be evaluated.
    Deny(Denial),
}

/// An allow decision for one subject, permission and model.
#[derive(Clone, Debug)]
pub struct Permit {
    pub(super) subject: Arc<str>,
    /// The AppContext's policy key.
    pub(super) app_context: Option<Arc<str>>,
    pub(super) permission: Permission,
    pub(super) model: Option<Arc<str>>,
    pub(super) implied_models: Arc<[Arc<str>]>,
    pub(super) tools: Option<Arc<ToolPolicy>>,
    pub(super) rule: Option<Arc<str>>,
    pub(super) version: Arc<str>,
}

/// A call that a permit covers.
#[derive(Debug)]
pub struct Permitted<C>(C);

/// The call differs from what was permitted; a fault of the gate, never of the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Uncovered {
    /// Another subject.
    #[error("the permit is another principal's")]
    Principal,
    /// Another permission.
    #[error("the permit is for another permission")]
    Permission,
    /// Another model, or a model where none was permitted.
    #[error("the permit is for another model")]
    Model,
    /// A tool that the policy denies.
    #[error("the permit does not cover one of the tools")]
    Tool,
}

/// A deny decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// What the caller may learn.
    pub reason: DenialReason,
    /// The rule that denies; `None` where nothing allows.
    pub rule: Option<Arc<str>>,
    /// The version of the policy that was asked.
    pub version: Arc<str>,
    /// For the administrator, never for the caller.
    pub explanation: Cow<'static, str>,
}

text_enum! {
    /// Which of the two questions was denied.
    DenialReason {
        /// The roles lack the permission.
        PermissionDenied = "permission_denied",
        /// The roles may not use the model.
        ModelNotAllowed = "model_not_allowed",
    }
}

impl Permit {
    /// Binds the permit to the very call that goes on, or refuses if it is not the one that was
    /// decided on.
    pub fn cover<C: Governed>(
        &self,
        principal: &Principal,
        call: C,
    ) -> Result<Permitted<C>, Uncovered> {
        let context = principal.app_context.as_ref().map(|context| &context.policy_key);
        let same_context = self.app_context.as_ref() == context;
        if self.subject != principal.subject || !same_context {
            return Err(Uncovered::Principal);
        }
        let facts = call.facts();
        if self.permission != facts.permission {
            return Err(Uncovered::Permission);
        }
        if self.model != facts.model || *self.implied_models != *facts.implied_models {
            return Err(Uncovered::Model);
        }
        if !self.denied_tools(&facts.tool_names).is_empty() {
            return Err(Uncovered::Tool);
        }
        Ok(Permitted(call))
    }

    /// Those of a call's tools that must be taken out of it, each with the rule that denies it.
    pub fn denied_tools(&self, names: &[Box<str>]) -> Vec<(Box<str>, Arc<str>)> {
        let Some(tools) = &self.tools else { return Vec::new() };
        names.iter().filter_map(|name| Some((name.clone(), tools.denies(name)?))).collect()
    }

    /// What the policy says of tools that the answer will call.
    pub fn tools(&self) -> Option<&Arc<ToolPolicy>> {
        self.tools.as_ref()
    }

    /// The rule that allowed, e.g. `line 12: p, developer, gpt-4o*, allow`; `None` where an
    /// AppContext's list of models did.
    pub fn rule(&self) -> Option<&Arc<str>> {
        self.rule.as_ref()
    }

    /// The version of the policy that was asked.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }
}

impl<C> Permitted<C> {
    /// The call.
    pub fn call(&self) -> &C {
        &self.0
    }

    /// Takes the call out; what is made of it then is no longer proven.
    pub fn into_call(self) -> C {
        self.0
    }
}
