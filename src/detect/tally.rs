//! What was found, counted.
//!
//! Owns the grouping of findings. It must never see a text, only its keyed HMAC.

use super::Rule;
use crate::types::{Action, DataClass, Finding, Lifecycle, RiskDomain, Severity, TextSurface, hex};
use std::sync::Arc;

/// So many groups are told apart by value; beyond, a rule's values are counted together.
const MAX_GROUPS: usize = 64;

/// The HMAC of a value, shortened.
pub(super) type Digest = [u8; 16];

/// Findings by rule, place, action and value.
#[derive(Debug, Default)]
pub struct Tally {
    groups: Vec<Group>,
}

/// Equal findings.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) rule: Arc<Rule>,
    pub(super) lifecycle: Lifecycle,
    pub(super) surface: TextSurface,
    pub(super) action: Action,
    pub(super) digest: Option<Digest>,
    pub(super) count: u32,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many findings weigh on the caller: those of medium severity and above, and all that act.
    pub fn violations(&self) -> u32 {
        let weighs = |group: &&Group| group.rule.severity != Severity::Low || group.action.acts();
        self.groups.iter().filter(weighs).fold(0, |sum: u32, group| sum.saturating_add(group.count))
    }

    /// The greatest severity.
    pub fn worst(&self) -> Option<Severity> {
        let is_there = |severity: &&Severity| self.any(|group| group.rule.severity == **severity);
        Severity::ALL.iter().rev().find(is_there).copied()
    }

    /// Whether a rule was hit that quarantines.
    pub fn quarantines(&self) -> bool {
        self.any(|group| group.action == Action::Quarantine)
    }

    /// The first rule that was hit and quarantines.
    pub fn quarantined_by(&self) -> Option<&Rule> {
        let quarantines = |group: &&Group| group.action == Action::Quarantine;
        self.groups.iter().find(quarantines).map(|group| &*group.rule)
    }

    /// Whether something was found that endangers this.
    pub fn endangers(&self, domain: RiskDomain) -> bool {
        self.any(|group| group.rule.domain == domain)
    }

    /// Whether a rule was hit that stops the call or the answer.
    pub fn stops(&self) -> bool {
        self.any(|group| group.action.stops())
    }

    /// Whether data of this class was found.
    pub fn saw(&self, class: DataClass) -> bool {
        self.any(|group| group.rule.class == class)
    }

    /// The findings, as they go into the record.
    pub fn into_findings(self) -> Vec<Finding> {
        self.groups.into_iter().map(Group::into_finding).collect()
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: Self) {
        other.groups.into_iter().for_each(|group| self.add(group));
    }

    pub(super) fn add(&mut self, mut group: Group) {
        let is_full = self.groups.len() >= MAX_GROUPS;
        if let Some(equal) = self.groups.iter_mut().find(|it| it.is_like(&group)) {
            return equal.count = equal.count.saturating_add(group.count);
        }
        if is_full && group.digest.take().is_some() {
            return self.add(group);
        }
        self.groups.push(group);
    }

    fn any(&self, is_it: impl Fn(&Group) -> bool) -> bool {
        self.groups.iter().any(is_it)
    }
}

impl Group {
    fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rule, &other.rule)
            && (self.lifecycle, self.surface, self.action, self.digest)
                == (other.lifecycle, other.surface, other.action, other.digest)
    }

    fn into_finding(self) -> Finding {
        Finding {
            rule: self.rule.id.clone(),
            kind: self.rule.kind.clone(),
            class: self.rule.class,
            severity: self.rule.severity,
            lifecycle: self.lifecycle,
            surface: self.surface,
            action: self.action,
            count: self.count,
            hmac: self.digest.map(|digest| hex(&digest).into()),
        }
    }
}
