//! What was screened, found and taken out: the record's side of it.
//!
//! Owns how the parts of an exchange add up. It must never take in what was found, only that it was.

use super::{Exchange, bounds};
use crate::detect::{Report, Tally};
use crate::types::{Scan, ScanExtent};
use std::{borrow::Cow, sync::Arc};

impl Exchange {
    /// Notes what was screened of the call, and then of its answer: together they are the record's.
    pub(in crate::pipeline) fn note_scan(&mut self, scan: &Scan) {
        self.record.scan =
            if self.is_screened { both(&self.record.scan, scan) } else { scan.clone() };
        self.is_screened = true;
    }

    /// Notes the version of the rules that call and answer are screened by.
    pub(in crate::pipeline) fn note_rules(&mut self, version: &Arc<str>) {
        self.record.detection_version = Some(Arc::clone(version));
    }

    /// Keeps what was found until the exchange ends.
    pub(in crate::pipeline) fn note_findings(&mut self, tally: Tally) {
        self.tally.merge(tally);
    }

    /// Notes the tools that the policy took out of the call, and the rules that say so.
    pub(in crate::pipeline) fn note_tools_removed(&mut self, denied: &[(Box<str>, Arc<str>)]) {
        if let Some((name, rule)) = denied.first() {
            let reason = format!("the tool {name} was taken out of the call by {rule}");
            self.record.policy_reason = Some(reason.into());
        }
        self.note_calls_removed(denied.iter().map(|(name, _)| name.clone()).collect());
    }

    /// Notes the tools whose calls were taken out of the answer.
    pub(in crate::pipeline) fn note_calls_removed(&mut self, mut names: Vec<Box<str>>) {
        names.retain(|name| !self.record.tools_removed.contains(name));
        self.record.tools_removed.extend(bounds::tool_names(&names));
    }

    /// Takes what was found in an answer as it passed.
    pub(in crate::pipeline) fn note_report(&mut self, report: Report) {
        self.note_scan(&report.scan);
        self.note_calls_removed(report.tools_removed);
        self.note_findings(report.tally);
    }

    /// Whether a rule was hit after which the agent may not call any more.
    pub(in crate::pipeline) fn is_to_be_quarantined(&self) -> bool {
        self.tally.quarantines()
    }
}

/// What was screened of two parts of an exchange.
fn both(one: &Scan, other: &Scan) -> Scan {
    let extent = if one.extent == other.extent { one.extent } else { ScanExtent::Partial };
    let reason = match (&one.reason, &other.reason) {
        (Some(one), Some(other)) if one != other => Some(Cow::Owned(format!("{one}; {other}"))),
        (Some(reason), _) | (None, Some(reason)) => Some(reason.clone()),
        (None, None) => None,
    };
    Scan { extent, reason }
}
