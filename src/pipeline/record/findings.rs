//! What was screened, found and taken out: the record's side of it.
//!
//! Owns how the parts of an exchange add up. It must never take in what was found, only that it was.

use super::{Exchange, bounds};
use crate::bus::auth::QuarantineAgent;
use crate::detect::{Report, Tally};
use crate::trust::Conclusion;
use crate::types::{DataClass, Outcome, PolicyResult, RiskDomain, Scan, ScanExtent};
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

impl Exchange {
    /// Weighs what the exchange says of its agent, and has the agent switched off where that is due.
    pub(super) fn weigh(&mut self, outcome: Outcome) {
        let conduct = &self.caller.conduct;
        if self.record.policy_result != Some(PolicyResult::Allow) {
            self.record.trust_score = Some(conduct.trust_score());
            return;
        }
        let session_id = self.record.session_id.clone().unwrap_or_default();
        let noted = conduct.note(&session_id, &self.conclusion(outcome), crate::clock::now());
        self.record.trust_score = Some(noted.trust_score);
        self.record.risk_score = Some(noted.risk_score);
        self.record.risk_tier = Some(Cow::Borrowed(noted.risk_tier.as_str()));
        let by_rule = self
            .tally
            .quarantined_by()
            .map(|rule| (format!("rule {}: {}", rule.id, rule.kind), Some(Arc::from(&*rule.id))));
        let Some((reason, rule)) = by_rule.or(noted.quarantine.map(|reason| (reason, None))) else {
            return;
        };
        let agent_id = Arc::clone(&self.caller.principal.agent_id);
        let message = QuarantineAgent { agent_id, reason, rule };
        let line = self.quarantine.clone();
        // The keeper may have no room at this moment, and this is not to be lost.
        actix_web::rt::spawn(async move {
            let agent_id = Arc::clone(&message.agent_id);
            if let Err(error) = line.ask(message).await {
                tracing::error!(%error, %agent_id, "an agent could not be quarantined");
            }
        });
    }

    fn conclusion(&self, outcome: Outcome) -> Conclusion {
        let tally = &self.tally;
        let is_data = |class: &DataClass| *class != DataClass::None && tally.saw(*class);
        Conclusion {
            violations: tally.violations(),
            worst: tally.worst(),
            adversarial: tally.endangers(RiskDomain::Adversarial),
            credentials_seen: tally.saw(DataClass::Credentials),
            sensitive_seen: DataClass::ALL.iter().any(is_data),
            outbound: matches!(
                self.record.finish_reason.as_deref(),
                Some("tool_calls" | "function_call")
            ),
            completed: outcome == Outcome::Completed,
        }
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
