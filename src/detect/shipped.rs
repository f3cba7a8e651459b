//! Which rules come with Portcullis.
//!
//! Owns their ids, which tell an administrator's own rules from the others: only those can be removed.

use super::file::read;
use crate::policy::SourceFile;
use std::{collections::HashSet, sync::LazyLock};

static IDS: LazyLock<HashSet<Box<str>>> = LazyLock::new(|| {
    let file = SourceFile::new("detections.toml", include_str!("../../detections.toml"));
    let rules = read(&file).map(|read| read.rules).unwrap_or_default();
    rules.into_iter().map(|rule| rule.id).collect()
});

/// Whether a rule of this id comes with Portcullis.
pub fn is_shipped(rule: &str) -> bool {
    IDS.contains(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_are_known() {
        assert!(IDS.len() > 400);
        assert!(is_shipped("openai-key") && !is_shipped("acme-codename"));
    }
}
