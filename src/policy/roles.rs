//! Who inherits what: the `g` lines as a graph.
//!
//! Owns the names of roles and the answer to "which roles does this agent have". It must never
//! grant anything itself: rules do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Members and the roles that they were given.
#[derive(Debug, Default)]
pub(super) struct RoleGraph {
    roles_of: HashMap<Box<str>, Vec<Arc<str>>>,
}

impl RoleGraph {
    /// What stands before an agent's type when it is used as a role.
    pub(super) const TYPE_PREFIX: &str = "type:";

    /// Gives `member` the role; `false`, and nothing happens, if that would close a circle.
    pub(super) fn add(&mut self, member: &str, role: &str) -> bool {
        if self.closure([role]).iter().any(|reached| &**reached == member) {
            return false;
        }
        self.roles_of.entry(member.into()).or_default().push(role.into());
        true
    }

    /// Whether something inherits from this name.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.roles_of.values().flatten().any(|role| **role == *name)
    }

    /// Whether a line gives something to this name or gives this name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.roles_of.contains_key(name) || self.is_given(name)
    }

    /// Every role of a [`subject`](crate::types::Principal::subject): its own lines first, then
    /// what they inherit.
    pub(super) fn effective(&self, subject: &str) -> Vec<Arc<str>> {
        self.closure(subject.split('\n'))
    }

    fn closure<'a>(&self, start: impl IntoIterator<Item = &'a str>) -> Vec<Arc<str>> {
        let mut seen = HashSet::new();
        let mut reached: Vec<Arc<str>> = Vec::new();
        let mut waiting: Vec<Arc<str>> = start.into_iter().map(Arc::from).collect();
        while !waiting.is_empty() {
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
        assert!(graph.add("research-bot", "researcher"));
        assert!(graph.add("researcher", "developer"));
        assert!(graph.add("type:autonomous", "watched"));
        assert!(graph.add("ops", "on-call"));
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
        assert!(graph.add("a", "b") && graph.add("b", "c") && graph.add("a", "c"));
        assert!(!graph.add("c", "a"));
        assert!(!graph.add("d", "d"));
        assert_eq!(effective(&graph, "a"), ["a", "b", "c"]);
    }
}
