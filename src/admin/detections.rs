//! The rules of detection, for those who look at them, try them and change them: shared by the HTTP surface and
//! the command line.
//!
//! Owns what is shown of a rule and how a change of the file comes about. It must never keep, log or repeat a text
//! that is tried.

mod change;
mod error;
mod rules;
mod trial;

pub use change::{
    RuleChangeRequest, RuleRequest, Workshop, add_own_rule, change_rule, remove_own_rule,
};
pub use error::{DetectionsError, FieldError};
pub use rules::{ForContext, ForRole, RuleCounts, RuleSource, RuleView, RulesView, view_rules};
pub use trial::{
    MAX_TRIAL_BYTES, TrialCaller, TrialFinding, TrialRequest, TrialView, profile_for, try_on,
    try_text,
};

#[cfg(test)]
mod tests;
