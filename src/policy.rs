//! Who may use which model and which tools: Casbin behind typed questions.
//!
//! Owns the reading of `model.conf` and `policy.csv`, the decision, its explanation, and the only
//! way to a [`Permit`]. It must never allow what no rule allows, nor when something went wrong.

mod diff;
mod engine;
mod error;
mod explain;
mod line;
mod model;
mod pattern;
mod permit;
mod replay;
mod review;
mod roles;
mod rules;
mod tools;
mod trial;

pub use diff::{Diff, DiffLine, DiffMark};
pub use error::{PolicyError, SourceFile};
pub(crate) use error::{closest, ordinal};
pub use explain::{Explanation, MatchedRule, Question};
pub use line::{Effect, RuleKind};
pub use pattern::{Pattern, PatternError};
pub use permit::{Decision, Denial, DenialReason, Permit, Permitted, Uncovered};
pub use replay::{PastCalls, Replay, Replayed, Turn};
pub use review::{Review, Shadow, Warning, WarningKind};
pub use rules::lint;
pub use tools::ToolPolicy;

use crate::types::{Permission, Principal, hex};
use engine::{Answer, Engine};
use line::Effect::Allow;
use model::Model;
use roles::RoleGraph;
use rules::Rule;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;
use trial::{try_matcher, try_rules};

/// A longer model name is denied whatever the rules say, so that callers cannot make us work.
const MAX_MODEL_BYTES: usize = 256;

/// One version of the policy, complete and immutable.
pub struct Policy {
    version: Arc<str>,
    roles: RoleGraph,
    models: Engine,
    permissions: Engine,
    tools: Arc<Engine>,
    /// Whether rules match by role and pattern alone.
    plain_matcher: bool,
    /// Every name that a question can turn on: of rules, and in the matcher.
    deciding: HashSet<Box<str>>,
}

/// What may stand in for an allow line of a role.
#[derive(Clone, Copy)]
enum Basis<'a> {
    Roles,
    AppContext(&'a [Pattern]),
}

impl<'a> Basis<'a> {
    const fn of(allowed_models: Option<&'a [Pattern]>) -> Self {
        match allowed_models {
            Some(list) => Self::AppContext(list),
            None => Self::Roles,
        }
    }
}

/// Nothing allows, or something denies: the rule, if there is one, and the words for it.
struct Refused {
    rule: Option<Arc<str>>,
    explanation: String,
}

impl Policy {
    /// Reads, compiles and tries both files; the first problem refuses them. [`lint`] gives all
    /// problems of the rules.
    pub fn build(model: &SourceFile, rules: &SourceFile) -> Result<Self, PolicyError> {
        let definitions = Model::read(model)?;
        try_matcher(&definitions).map_err(|reason| definitions.refuse(model, reason))?;
        let set = rules::read(rules).map_err(|problems| first(problems, rules))?;
        let build = |kind| {
            let rules: Vec<Rule> =
                set.rules.iter().filter(|rule| rule.kind == kind).cloned().collect();
            let engine = Engine::build(&definitions, rules)?;
            try_rules(&engine).map(|()| engine)
        };
        let refuse = |error: engine::EngineError| definitions.refuse(model, error.to_string());
        Ok(Self {
            version: version_of(model, rules),
            models: build(RuleKind::Model).map_err(refuse)?,
            permissions: build(RuleKind::Permission).map_err(refuse)?,
            tools: Arc::new(build(RuleKind::Tool).map_err(refuse)?),
            plain_matcher: definitions.is_plain(),
            deciding: set
                .rules
                .iter()
                .map(|rule| rule.role.as_str())
                .chain(definitions.texts())
                .map(Into::into)
                .collect(),
            roles: set.roles,
        })
    }

    /// 12 hexadecimal digits that change with either file.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// Whether the principal's roles hold the permission and, where the call names a model, may
    /// use it. The decision depends on the subject, permission and model alone.
    pub fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
        model: Option<&str>,
    ) -> Decision {
        self.authorize_call(principal, permission, model, &[], None)
    }

    /// The same for a call that uses further models, and for a detection key: there the AppContext's
    /// list of models (empty: all) stands in for the allow lines of the roles, and their deny lines
    /// still win. The list is a part of what the decision depends on.
    pub fn authorize_call(
        &self,
        principal: &Principal,
        permission: Permission,
        model: Option<&str>,
        implied_models: &[Arc<str>],
        allowed_models: Option<&[Pattern]>,
    ) -> Decision {
        let basis = Basis::of(allowed_models);
        let roles = self.roles.effective(&principal.subject);
        let mut rule = match self.judge_permission(&roles, permission, basis) {
            Ok(rule) => rule,
            Err(refused) => return self.deny(DenialReason::PermissionDenied, refused),
        };
        for model in implied_models.iter().map(AsRef::as_ref).chain(model) {
            rule = match self.judge_model(&roles, model, basis) {
                Ok(rule) => rule,
                Err(refused) => return self.deny(DenialReason::ModelNotAllowed, refused),
            };
        }
        let context = principal.app_context.as_ref().filter(|_| allowed_models.is_some());
        Decision::Allow(Permit {
            subject: Arc::clone(&principal.subject),
            app_context: context.map(|context| Arc::clone(&context.policy_key)),
            permission,
            model: model.map(Arc::from),
            implied_models: implied_models.into(),
            tools: ToolPolicy::of(&self.tools, roles),
            rule,
            version: Arc::clone(&self.version),
        })
    }

    /// Every role of this subject: its own and what they inherit.
    pub fn roles_of(&self, subject: &str) -> Vec<Arc<str>> {
        self.roles.effective(subject)
    }

    /// Those of a subject's roles that a decision can turn on, sorted: subjects who have the same ones get the same
    /// decisions.
    fn deciding_roles(&self, subject: &str) -> Vec<Arc<str>> {
        let mut roles = self.roles.effective(subject);
        // Another matcher may ask for any text of a rule as if it were a role.
        if self.plain_matcher {
            roles.retain(|role| self.deciding.contains(&**role));
        }
        roles.sort_unstable();
        roles
    }

    /// What the `p3` lines say to this subject; `None` where there are none.
    pub fn tools_of(&self, subject: &str) -> Option<Arc<ToolPolicy>> {
        ToolPolicy::of(&self.tools, self.roles.effective(subject))
    }

    /// Whether any line speaks of this role.
    pub fn names_role(&self, name: &str) -> bool {
        self.rules().any(|rule| rule.role == name) || self.roles.names(name)
    }

    /// Whether a line allows something to this name, or gives it as a role: an agent that is newly
    /// called so would get that.
    pub fn grants_to(&self, name: &str) -> bool {
        self.rules().any(|rule| rule.role == name && rule.effect == Allow)
            || self.roles.is_given(name)
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.permissions.rules().iter().chain(self.models.rules()).chain(self.tools.rules())
    }

    /// Whether the principal may use the model, to filter lists of models. `allowed_models` as in
    /// [`authorize_call`](Self::authorize_call).
    pub fn permits_model(
        &self,
        principal: &Principal,
        model: &str,
        allowed_models: Option<&[Pattern]>,
    ) -> bool {
        let roles = self.roles.effective(&principal.subject);
        self.judge_model(&roles, model, Basis::of(allowed_models)).is_ok()
    }

    fn deny(&self, reason: DenialReason, refused: Refused) -> Decision {
        let Refused { rule, explanation } = refused;
        let version = Arc::clone(&self.version);
        Decision::Deny(Denial { reason, rule, version, explanation: explanation.into() })
    }

    fn judge_permission(
        &self,
        roles: &[Arc<str>],
        permission: Permission,
        basis: Basis<'_>,
    ) -> Result<Option<Arc<str>>, Refused> {
        let stand_in = matches!(basis, Basis::AppContext(_)).then_some(true);
        let what = format!("the permission {permission}");
        judge(self.permissions.ask(roles, permission.as_str()), stand_in, roles, &what)
    }

    fn judge_model(
        &self,
        roles: &[Arc<str>],
        model: &str,
        basis: Basis<'_>,
    ) -> Result<Option<Arc<str>>, Refused> {
        if model.len() > MAX_MODEL_BYTES {
            let explanation = format!("a model name of {} bytes is denied unread", model.len());
            return Err(Refused { rule: None, explanation });
        }
        let stand_in = match basis {
            Basis::Roles => None,
            Basis::AppContext(list) => {
                Some(list.is_empty() || list.iter().any(|pattern| pattern.matches(model)))
            }
        };
        judge(self.models.ask(roles, model), stand_in, roles, &format!("the model {model}"))
    }
}

/// The rule that allows, or why not. `stand_in` replaces the allow lines, never the deny lines.
fn judge(
    answer: Answer<'_>,
    stand_in: Option<bool>,
    roles: &[Arc<str>],
    what: &str,
) -> Result<Option<Arc<str>>, Refused> {
    match (answer, stand_in) {
        (Answer::Denied(rule), _) => {
            let explanation = format!("{what} is denied by {}", rule.text);
            Err(Refused { rule: Some(Arc::clone(&rule.text)), explanation })
        }
        (Answer::Failed(error), _) => {
            let explanation = format!("denied because the policy could not be evaluated: {error}");
            Err(Refused { rule: None, explanation })
        }
        (Answer::Allowed(_) | Answer::Silent, Some(true)) => Ok(None),
        (Answer::Allowed(_) | Answer::Silent, Some(false)) => {
            let explanation = format!("the AppContext's list of models does not allow {what}");
            Err(Refused { rule: None, explanation })
        }
        (Answer::Allowed(rule), None) => Ok(Some(Arc::clone(&rule.text))),
        (Answer::Silent, None) => {
            let explanation = format!("no rule allows {what} for {}", roles.join(", "));
            Err(Refused { rule: None, explanation })
        }
    }
}

fn first(problems: Vec<PolicyError>, rules: &SourceFile) -> PolicyError {
    let unknown = || {
        PolicyError::file(&rules.name, "cannot be read", "compare with the file that is shipped")
    };
    problems.into_iter().next().unwrap_or_else(unknown)
}

/// The version of two files, also of such as do not build.
pub fn version_of(model: &SourceFile, rules: &SourceFile) -> Arc<str> {
    let mut hash = Sha256::new();
    hash.update(&model.text);
    // A byte that UTF-8 never holds, so that no text can move from one file to the other unseen.
    hash.update([0xff]);
    hash.update(&rules.text);
    hex(hash.finalize().get(..6).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests;
