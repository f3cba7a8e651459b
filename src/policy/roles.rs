//! Who inherits what: the `g` lines as a graph.
//!
//! Owns the names of roles and the answer to "which roles does this agent have". It must never
//! grant anything itself: rules do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Why a role was not given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RoleError {
    /// That would close a circle.
    Circle,
    /// It brings too many others to look for a circle in them.
    TooMany,
}

/// Members and the roles that they were given.
#[derive(Debug, Default)]
pub(super) struct RoleGraph {
    roles_of: HashMap<Box<str>, Vec<Arc<str>>>,
}

impl RoleGraph {
    /// What stands before an agent's type when it is used as a role.
    pub(super) const TYPE_PREFIX: &str = "type:";

    /// A role that is given brings at most so many others: every line that gives it looks at them all.
    pub(super) const MOST_INHERITED: usize = 500;

    /// Gives `member` the role, or does nothing.
    pub(super) fn add(&mut self, member: &str, role: &str) -> Result<(), RoleError> {
        let reached = self.closure([role], Self::MOST_INHERITED);
        if reached.iter().any(|reached| &**reached == member) {
            return Err(RoleError::Circle);
        }
        if reached.len() > Self::MOST_INHERITED {
            return Err(RoleError::TooMany);
        }
        self.roles_of.entry(member.into()).or_default().push(role.into());
        Ok(())
    }

    /// Whether something inherits from this name.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.roles_of.values().flatten().any(|role| **role == *name)
    }

    /// Whether a line gives something to this name or gives this name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.roles_of.contains_key(name) || self.is_given(name)
    }

    /// The names that a line gives something to.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        self.roles_of.keys().map(AsRef::as_ref)
    }

    /// Every role of a [`subject`](crate::types::Principal::subject): its own lines first, then
    /// what they inherit.
    pub(super) fn effective(&self, subject: &str) -> Vec<Arc<str>> {
        self.closure(subject.split('\n'), usize::MAX)
    }

    /// All that is reached, or a little more than `most`.
    fn closure<'a>(&self, start: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<Arc<str>> {
        let mut seen = HashSet::new();
        let mut reached: Vec<Arc<str>> = Vec::new();
        let mut waiting: Vec<Arc<str>> = start.into_iter().map(Arc::from).collect();
        while !waiting.is_empty() && reached.len() <= most {
            waiting.retain(|role| seen.insert(Arc::clone(role)));
            let inherited =
                waiting.iter().filter_map(|role| self.roles_of.get(&**role)).flatten().cloned();
            let next = inherited.collect();
            reached.append(&mut waiting);
            waiting = next;
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(graph: &RoleGraph, subject: &str) -> Vec<String> {
        graph.effective(subject).iter().map(|role| role.to_string()).collect()
    }

    #[test]
    fn name_type_and_stored_roles_all_inherit() {
        let mut graph = RoleGraph::default();
        for (member, role) in [
            ("research-bot", "researcher"),
            ("researcher", "developer"),
            ("type:autonomous", "watched"),
            ("ops", "on-call"),
        ] {
            assert_eq!(graph.add(member, role), Ok(()));
        }
        assert_eq!(
            effective(&graph, "research-bot\ntype:autonomous\nops"),
            [
                "research-bot",
                "type:autonomous",
                "ops",
                "researcher",
                "watched",
                "on-call",
                "developer"
            ]
        );
        assert_eq!(effective(&graph, "stranger\ntype:x"), ["stranger", "type:x"]);
    }

    #[test]
    fn a_circle_is_refused_and_two_ways_to_one_role_are_not() {
        let mut graph = RoleGraph::default();
        for (member, role) in [("a", "b"), ("b", "c"), ("a", "c")] {
            assert_eq!(graph.add(member, role), Ok(()));
        }
        assert_eq!(graph.add("c", "a"), Err(RoleError::Circle));
        assert_eq!(graph.add("d", "d"), Err(RoleError::Circle));
        assert_eq!(effective(&graph, "a"), ["a", "b", "c"]);
    }

    #[test]
    fn a_role_that_brings_too_many_is_refused() {
        let mut graph = RoleGraph::default();
        for number in (0..RoleGraph::MOST_INHERITED).rev() {
            assert_eq!(graph.add(&format!("r{number}"), &format!("r{}", number + 1)), Ok(()));
        }
        assert_eq!(graph.add("bot", "r0"), Err(RoleError::TooMany));
        assert_eq!(graph.add("bot", "r1"), Ok(()));
    }
}
