//! What the rules do for one caller.
//!
//! Owns how a rule's action is found: its own, then every override that fits, the later one wins.
//! It must never change after it was made.

use super::{Detections, Override, Rule, rule::is_among, scanner::Scanner};
use crate::types::{Action, Lifecycle, TextSurface};
use std::sync::{Arc, OnceLock};

/// For whom rules are resolved.
#[derive(Clone, Copy, Debug)]
pub struct Audience<'a> {
    /// The caller's roles, as `policy.csv` sees them.
    pub roles: &'a [Arc<str>],
    /// The AppContext through which the call came.
    pub app_context: Option<&'a str>,
    /// The detectors that the AppContext enables, selected as in an override; empty: all.
    pub detectors: &'a [Box<str>],
    /// It is trusted so little that what would be logged or redacted is blocked.
    pub steps_up: bool,
}

/// The actions of all rules, resolved for one caller. Callers with equal ones share it.
pub struct Profile {
    detections: Arc<Detections>,
    ingress: Watch,
    egress: Watch,
}

/// What the rules do in one direction.
pub(super) struct Watch {
    actions: Box<[Action]>,
    /// Where anything is searched for at all.
    pub(super) watched: Surfaces,
    /// Where something is searched for in folded text.
    pub(super) folded: Surfaces,
    /// Where something acts.
    pub(super) acting: Surfaces,
    /// Where something only notes.
    pub(super) noting: Surfaces,
    /// Searches for the acting rules alone; made when first asked for.
    scanner: OnceLock<Arc<Scanner>>,
}

/// A set of surfaces.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Surfaces(u32);

impl Surfaces {
    /// Those of a rule.
    pub(super) fn of(rule: &Rule) -> Self {
        let all = if rule.surfaces.is_empty() { TextSurface::ALL } else { &rule.surfaces };
        Self(all.iter().fold(0, |set, surface| set | bit(*surface)))
    }

    pub(super) fn has(self, surface: TextSurface) -> bool {
        self.0 & bit(surface) != 0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

fn bit(surface: TextSurface) -> u32 {
    let place = TextSurface::ALL.iter().take_while(|it| **it != surface).count();
    u32::try_from(place).map_or(0, |place| 1_u32.wrapping_shl(place))
}

impl Profile {
    /// The rules.
    pub fn detections(&self) -> &Arc<Detections> {
        &self.detections
    }

    /// Makes what it is searched with now, rather than when it is first needed.
    pub fn prepare(&self) {
        for lifecycle in Lifecycle::ALL {
            if self.acts(*lifecycle) {
                self.acting_scanner(*lifecycle);
            }
        }
    }

    /// What a rule does.
    pub fn action(&self, rule: usize, lifecycle: Lifecycle) -> Action {
        self.watch(lifecycle).actions.get(rule).copied().unwrap_or(Action::Allow)
    }

    /// Whether any rule redacts or stops there.
    pub fn acts(&self, lifecycle: Lifecycle) -> bool {
        self.watch(lifecycle).acting != Surfaces::default()
    }

    /// Whether any rule is searched for there.
    pub fn watches(&self, lifecycle: Lifecycle) -> bool {
        self.watch(lifecycle).watched != Surfaces::default()
    }

    pub(super) fn new(detections: Arc<Detections>, actions: [Box<[Action]>; 2]) -> Self {
        let [ingress, egress] = actions.map(|actions| Watch::new(&detections, actions));
        Self { detections, ingress, egress }
    }

    pub(super) fn watch(&self, lifecycle: Lifecycle) -> &Watch {
        match lifecycle {
            Lifecycle::Ingress => &self.ingress,
            Lifecycle::Egress => &self.egress,
        }
    }

    /// Searches for the rules that act there, and for no others: what could only be noted holds
    /// nothing back.
    pub(super) fn acting_scanner(&self, lifecycle: Lifecycle) -> &Arc<Scanner> {
        let watch = self.watch(lifecycle);
        watch.scanner.get_or_init(|| {
            let acts = |(rule, action): (usize, &Action)| action.acts().then_some(rule);
            let rules = watch.actions.iter().enumerate().filter_map(acts).collect();
            self.detections.scanner_of(rules)
        })
    }
}

impl Watch {
    fn new(detections: &Detections, actions: Box<[Action]>) -> Self {
        let mut watch = Self {
            watched: Surfaces::default(),
            folded: Surfaces::default(),
            acting: Surfaces::default(),
            noting: Surfaces::default(),
            scanner: OnceLock::new(),
            actions,
        };
        for (rule, action) in detections.rules().iter().zip(&watch.actions) {
            if *action == Action::Allow {
                continue;
            }
            let surfaces = Surfaces::of(rule);
            watch.watched.add(surfaces);
            if rule.view == super::View::Folded {
                watch.folded.add(surfaces);
            }
            if action.acts() { watch.acting.add(surfaces) } else { watch.noting.add(surfaces) }
        }
        watch
    }
}

/// The actions of all rules in one direction. `enabled` and what stands beside an override say for each
/// rule whether it is meant.
pub(super) fn resolve(
    rules: &[Arc<Rule>],
    overrides: &[(Override, Box<[bool]>)],
    audience: &Audience<'_>,
    enabled: &[bool],
    lifecycle: Lifecycle,
) -> Box<[Action]> {
    let fits = |it: &Override| it.fits(audience.roles, audience.app_context, lifecycle);
    let overrides: Vec<_> = overrides.iter().filter(|(it, _)| fits(it)).collect();
    let action = |(index, (rule, enabled)): (usize, (&Arc<Rule>, &bool))| {
        let is_there = is_among(&rule.app_contexts, audience.app_context);
        if !enabled || !is_there || !rule.lifecycles.contains(&lifecycle) {
            return Action::Allow;
        }
        let is_meant = |meant: &[bool]| meant.get(index).copied().unwrap_or_default();
        let last = overrides.iter().rev().find(|(_, meant)| is_meant(meant));
        match last.map_or(rule.action, |(it, _)| it.action) {
            Action::Log | Action::Redact if audience.steps_up => Action::Block,
            action => action,
        }
    };
    rules.iter().zip(enabled).enumerate().map(action).collect()
}
