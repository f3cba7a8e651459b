//! ArcSight's Common Event Format, version 0: one line per record.
//!
//! Owns the names of the extension's keys and both kinds of escaping. A caller's text must never begin a new key or a
//! new line.

use super::{PRODUCT, VERSION, worst};
use crate::types::{Outcome, PolicyResult, Record, Severity, Surface};

/// One record.
pub(super) fn line(record: &Record, out: &mut Vec<u8>) {
    let outcome = record.outcome.map_or("in_flight", Outcome::as_str);
    let name = match record.surface {
        Surface::Admin => format!("Administrative change {}", record.action),
        _ => format!("LLM API call {}", outcome.replace('_', " ")),
    };
    let severity = severity(record).to_string();
    out.extend_from_slice(b"CEF:0");
    for field in [PRODUCT, PRODUCT, VERSION, outcome, &name, &severity] {
        out.push(b'|');
        escape_header(field, out);
    }
    out.push(b'|');
    let mut extension = Extension { out, is_first: true };
    extension.who(record);
    extension.what(record);
    extension.why(record);
    extension.how_much(record);
    out.push(b'\n');
}

/// 0 to 10.
fn severity(record: &Record) -> u8 {
    let by_finding = match worst(record) {
        Some(Severity::Critical) => 10,
        Some(Severity::High) => 8,
        Some(Severity::Medium) => 6,
        Some(Severity::Low) => 3,
        None => 0,
    };
    let by_outcome = match record.outcome {
        Some(Outcome::Blocked) => 7,
        Some(Outcome::Denied) => 5,
        Some(Outcome::UpstreamError | Outcome::Interrupted) => 4,
        Some(Outcome::Rejected) => 3,
        Some(Outcome::Cancelled) => 2,
        Some(Outcome::Completed) | None => 1,
    };
    by_finding.max(by_outcome)
}

/// `key=value` pairs, a space between them.
struct Extension<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl Extension<'_> {
    fn who(&mut self, record: &Record) {
        let received = record.started_at.0;
        let ended = record.latency_ms.and_then(|took| received.checked_add_unsigned(took));
        self.text("externalId", Some(&record.id.to_string()));
        self.number("rt", Some(received));
        self.number("start", Some(received));
        self.number("end", ended);
        self.text("dvchost", Some(&record.node));
        self.text("suser", record.actor.as_deref().or(record.agent_name.as_deref()));
        self.text("suid", record.agent_id.as_deref());
        self.text("spriv", joined(&record.roles).as_deref());
        self.labelled("cs1", "sessionId", record.session_id.as_deref());
        self.labelled("cs2", "appContext", record.app_context.as_deref());
    }

    fn what(&mut self, record: &Record) {
        self.text("app", Some(&record.tool_name));
        self.text("cat", record.endpoint.as_deref());
        let is_call = record.surface != Surface::Admin;
        self.text("requestMethod", is_call.then_some(&*record.action));
        self.text("request", Some(&record.target));
        self.text("msg", record.detail.as_deref());
        self.labelled("cs3", "model", record.model.as_deref());
    }

    fn why(&mut self, record: &Record) {
        let found: Vec<_> = record
            .findings
            .iter()
            .map(|finding| format!("{} x{} {}", finding.kind, finding.count, finding.action))
            .collect();
        self.text("outcome", record.outcome.map(Outcome::as_str));
        self.text("act", record.policy_result.map(PolicyResult::as_str));
        self.text("reason", record.policy_reason.as_deref().or(record.error_code.as_deref()));
        self.labelled("cs4", "policyRule", record.policy_rule.as_deref());
        self.labelled("cs5", "findings", joined(&found).as_deref());
    }

    fn how_much(&mut self, record: &Record) {
        self.number("in", record.request_bytes);
        self.number("out", record.response_bytes);
        self.labelled_number("cn1", "statusCode", record.status_code);
        self.labelled_number("cn2", "inputTokens", record.input_tokens);
        self.labelled_number("cn3", "outputTokens", record.output_tokens);
        self.labelled_number("flexNumber1", "riskScoreHundredths", record.risk_score);
        self.labelled_number("flexNumber2", "seq", record.seq);
        self.labelled("cs6", "eventHash", record.event_hash.as_deref());
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        if !self.is_first {
            self.out.push(b' ');
        }
        self.is_first = false;
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
        escape_value(value, self.out);
    }

    fn number(&mut self, key: &str, value: Option<impl ToString>) {
        self.text(key, value.map(|value| value.to_string()).as_deref());
    }

    fn labelled(&mut self, key: &str, label: &str, value: Option<&str>) {
        if value.is_some_and(|value| !value.is_empty()) {
            self.text(&format!("{key}Label"), Some(label));
            self.text(key, value);
        }
    }

    fn labelled_number(&mut self, key: &str, label: &str, value: Option<impl ToString>) {
        self.labelled(key, label, value.map(|value| value.to_string()).as_deref());
    }
}

fn joined(texts: &[impl AsRef<str>]) -> Option<String> {
    let texts: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// In the header a pipe ends a field, and nothing can stand for a new line.
fn escape_header(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' | b'|' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' | b'\r' => out.push(b' '),
            _ => out.push(byte),
        }
    }
}

/// In the extension an equals sign begins a value, and new lines are written as in C.
fn escape_value(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' | b'=' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(byte),
        }
    }
}
