//! A rule: what to look for, where, and what to do about it.
//!
//! Owns the rule as data, after it has been read and before it is compiled. It must never know how
//! it is searched for.

use crate::types::{Action, DataClass, Lifecycle, RiskDomain, Severity, TextSurface, text_enum};
use std::sync::Arc;

text_enum! {
    /// In which form of a text a rule is searched for.
    View {
        /// As it stands.
        Text = "text",
        /// Folded: compatibility forms, look-alike letters, case and spacing are made equal, and
        /// what is invisible is left out.
        Folded = "folded",
    }
}

text_enum! {
    /// What may stand beside a match.
    Boundary {
        /// No letter, digit or underscore on either side, where the match itself begins or ends with one.
        Word = "word",
        /// Anything.
        None = "none",
    }
}

/// One rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Unique, `[a-z0-9][a-z0-9-]{0,63}`.
    pub id: Box<str>,
    /// The detection type that findings and redactions carry, `[A-Z][A-Z0-9_]{0,63}`.
    pub kind: Box<str>,
    /// What it endangers.
    pub domain: RiskDomain,
    /// What kind of data it is.
    pub class: DataClass,
    /// How bad it is.
    pub severity: Severity,
    /// In which directions it is searched for; never empty.
    pub lifecycles: Box<[Lifecycle]>,
    /// In which parts; empty: in all.
    pub surfaces: Box<[TextSurface]>,
    /// In which AppContexts, by id; empty: everywhere.
    pub app_contexts: Box<[Box<str>]>,
    /// In which form of the text.
    pub view: View,
    /// Regular expressions of bounded length, any of which matches. A group named `value` is what is
    /// judged, redacted and correlated; without one it is the whole match.
    pub patterns: Box<[Box<str>]>,
    /// What may stand beside the match.
    pub boundary: Boundary,
    /// What the value must pass besides, by name.
    pub validators: Box<[Box<str>]>,
    /// Shannon entropy of the value, in hundredths of a bit per character, at least; 0: any.
    pub min_entropy: u32,
    /// Words of which one must stand near before the match (within
    /// [`CONTEXT_BYTES`](super::CONTEXT_BYTES)); empty: none needed.
    pub context: Box<[Box<str>]>,
    /// A value that contains one of these words is none, whatever the case.
    pub unless: Box<[Box<str>]>,
    /// A regular expression of what must not stand directly before the match; empty: anything may.
    pub not_after: Box<str>,
    /// Where matches overlap, only those of the highest priority count.
    pub priority: u8,
    /// What is done, unless an `[[override]]` says otherwise.
    pub action: Action,
    /// Texts in which it must be found.
    pub matches: Box<[Box<str>]>,
    /// Texts in which it must not be found.
    pub clean: Box<[Box<str>]>,
    /// The line of the file where it begins, from 1.
    pub line: u32,
}

/// A change of what rules do, for some callers; a later one wins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Override {
    /// Ids of rules, `type:PATTERN` or `class:CLASS`; `*` in them is anything.
    pub rules: Box<[Box<str>]>,
    /// In which directions; empty: in both.
    pub lifecycles: Box<[Lifecycle]>,
    /// In which AppContexts, by id; empty: everywhere.
    pub app_contexts: Box<[Box<str>]>,
    /// For callers with one of these roles (as `policy.csv` sees them: roles, name, `type:…`); empty: all.
    pub roles: Box<[Box<str>]>,
    /// What is done.
    pub action: Action,
    /// The line of the file where it begins, from 1.
    pub line: u32,
}

impl Override {
    /// Whether it speaks of callers with these roles who come through this AppContext.
    pub fn fits(
        &self,
        roles: &[Arc<str>],
        app_context: Option<&str>,
        lifecycle: Lifecycle,
    ) -> bool {
        let is_direction = self.lifecycles.is_empty() || self.lifecycles.contains(&lifecycle);
        let has_role = |role: &str| roles.iter().any(|it| **it == *role);
        is_direction
            && is_among(&self.app_contexts, app_context)
            && (self.roles.is_empty() || self.roles.iter().any(|role| has_role(role)))
    }
}

/// Whether a list of AppContexts, which is empty for all, means this one.
pub(super) fn is_among(contexts: &[Box<str>], app_context: Option<&str>) -> bool {
    contexts.is_empty() || contexts.iter().any(|it| Some(&**it) == app_context)
}
