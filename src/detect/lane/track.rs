//! One search over a lane's text.
//!
//! Owns how far it has come, and its hits that are not decided. It must never keep text.

use crate::detect::{
    Profile,
    judge::{Overlaps, Place},
    scanner::{Hit, MARKER_RULE, Progress, Scanner, Text},
};
use crate::types::{Action, Lifecycle};
use std::sync::Arc;

/// Which rules are searched for, and to which end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Those that act: their text is held.
    Act,
    /// Those that only note.
    Note,
    /// All, and all of them only note.
    Watch,
}

/// One search over a text.
pub(super) struct Track {
    pub(super) role: Role,
    scanner: Arc<Scanner>,
    progress: Progress,
    overlaps: Overlaps,
    /// Everything before is decided.
    pub(super) settled: usize,
}

impl Role {
    pub(super) fn track(self, profile: &Profile, lifecycle: Lifecycle) -> Track {
        let scanner = match self {
            Self::Act => profile.acting_scanner(lifecycle),
            Self::Note | Self::Watch => profile.detections().scanner(),
        };
        Track {
            role: self,
            scanner: Arc::clone(scanner),
            progress: Progress::default(),
            overlaps: if self == Self::Act { Overlaps::of_acting() } else { Overlaps::default() },
            settled: 0,
        }
    }

    fn wants(self, action: Action) -> bool {
        match self {
            Self::Act => action.acts(),
            Self::Note => action == Action::Log,
            Self::Watch => action != Action::Allow,
        }
    }
}

impl Track {
    /// Goes on to the end of the text; tells of the hits that are decided, in its order, and whether each counts.
    pub(super) fn advance(
        &mut self,
        place: Place<'_>,
        text: Text<'_>,
        tell: &mut dyn FnMut(Hit, bool),
    ) {
        let role = self.role;
        let wanted = |rule| rule == MARKER_RULE || role.wants(place.action(rule));
        let overlaps = &mut self.overlaps;
        let settled =
            self.scanner.advance(&mut self.progress, text, &wanted, &mut |hit| overlaps.add(hit));
        self.settled = self.overlaps.settle(settled, tell);
    }

    /// The text has lost its first bytes: so many, and so many of its folded form.
    pub(super) fn shift(&mut self, text: usize, folded: usize) {
        self.progress.shift(text, folded);
        self.overlaps.shift(text);
        self.settled -= text;
    }
}
