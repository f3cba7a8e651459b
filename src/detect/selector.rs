//! Selectors: which rules an override, or an AppContext, speaks of.
//!
//! Owns their grammar: a rule's id, `type:PATTERN` or `class:PATTERN`, with the patterns of
//! `policy.csv`. It must never know what is done with the rules that it selects.

use super::rule::Rule;
use crate::policy::{Pattern, PatternError};

/// A compiled selector.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Selector {
    field: Field,
    pattern: Pattern,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Id,
    Type,
    Class,
}

impl Selector {
    /// Reads `openai-key`, `type:PII_*` or `class:CREDENTIALS`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (field, pattern) = match text.split_once(':') {
            Some(("type", pattern)) => (Field::Type, pattern),
            Some(("class", pattern)) => (Field::Class, pattern),
            _ => (Field::Id, text),
        };
        Ok(Self { field, pattern: Pattern::parse(pattern)? })
    }

    /// Whether it means this rule.
    pub fn selects(&self, rule: &Rule) -> bool {
        self.pattern.matches(match self.field {
            Field::Id => &rule.id,
            Field::Type => &rule.kind,
            Field::Class => rule.class.as_str(),
        })
    }
}
