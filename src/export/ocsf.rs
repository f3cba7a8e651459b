//! The Open Cybersecurity Schema Framework: each record is an event of the class API Activity (6003), with the profiles
//! `ai_operation` and `security_control`.
//!
//! Owns the mapping. What the schema has no place for stands in `unmapped` under the record's own names, so that
//! nothing of a record is lost on the way.

use super::{PRODUCT, VERSION, fields, worst};
use crate::types::{Action, Outcome, PolicyResult, Record, Severity, Surface};
use serde_json::{Map, Value, json};

/// The version of the schema that events keep to.
const SCHEMA: &str = "1.9.0";
const CLASS_UID: u32 = 6003;

/// Fields that have their place in the schema, word for word.
const MAPPED: [&str; 19] = [
    "actor",
    "id",
    "started_at",
    "agent_id",
    "agent_name",
    "roles",
    "session_id",
    "token_id",
    "tool_name",
    "action",
    "target",
    "model",
    "policy_rule",
    "policy_reason",
    "input_tokens",
    "output_tokens",
    "latency_ms",
    "status_code",
    "node",
];

/// A number of the schema and its caption.
type Sort = (u32, &'static str);

/// One record.
pub(super) fn line(record: &Record, out: &mut Vec<u8>) {
    // Writing plain values to memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, &event(record));
    out.push(b'\n');
}

/// A record as an event; what is not known is not there.
fn event(record: &Record) -> Value {
    let (activity_id, activity_name) = activity(record);
    let (severity_id, severity) = severity(record);
    let (status_id, status) = status(record);
    let (action_id, action) = action(record);
    let (disposition_id, disposition) = disposition(record);
    let (risk_level_id, risk_level) = risk_level(record);
    let mut event = json!({
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": CLASS_UID * 100 + activity_id,
        "type_name": format!("API Activity: {activity_name}"),
        "time": record.started_at.0,
        "start_time": record.started_at.0,
        "duration": record.latency_ms,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_code": record.status_code.map(|code| code.to_string()),
        "status_detail": record.outcome,
        "action_id": action_id,
        "action": action,
        "disposition_id": disposition_id,
        "disposition": disposition,
        "is_alert": severity_id >= 4,
        "risk_level_id": risk_level_id,
        "risk_level": risk_level,
        "risk_score": record.risk_score.map(|hundredths| hundredths / 100),
        "message": record.policy_reason,
        "metadata": metadata(record),
        "actor": actor(record),
        "ai_model": ai_model(record),
        "ai_agent": ai_agent(record),
        "api": api(record),
        "src_endpoint": { "name": name_of_caller(record), "type_id": 0 },
        "dst_endpoint": { "name": record.node, "svc_name": record.tool_name },
        "http_request": http_request(record),
        "resources": resources(record),
        "http_response": record.status_code.map(|code| json!({
            "code": code,
            "body_length": record.response_bytes,
            "latency": record.time_to_first_byte_ms,
        })),
        "message_context": message_context(record),
        "policy": policy(record),
        "unmapped": unmapped(record),
    });
    drop_nulls(&mut event);
    event
}

fn metadata(record: &Record) -> Value {
    json!({
        "version": SCHEMA,
        "profiles": ["ai_operation", "security_control"],
        "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
        "uid": record.id,
        "correlation_uid": record.session_id,
        "original_time": record.started_at,
        "log_name": "audit",
    })
}

fn actor(record: &Record) -> Value {
    let groups: Vec<_> = record.roles.iter().map(|role| json!({ "name": role })).collect();
    let has_session = record.session_id.is_some() || record.token_id.is_some();
    let session = json!({ "uid": record.session_id, "credential_uid": record.token_id });
    if let Some(name) = &record.actor {
        return json!({ "user": { "name": name, "type_id": 2, "type": "Admin" } });
    }
    json!({
        "user": {
            "uid": record.agent_id,
            "name": record.agent_name.as_deref().unwrap_or("unknown"),
            "type_id": 4,
            "type": "Service",
            "groups": groups,
        },
        "session": has_session.then_some(session),
    })
}

fn name_of_caller(record: &Record) -> &str {
    record.actor.as_deref().or(record.agent_name.as_deref()).unwrap_or("unknown")
}

fn ai_model(record: &Record) -> Option<Value> {
    let model = record.model.as_deref()?;
    Some(json!({ "name": model, "ai_provider": record.tool_name }))
}

fn ai_agent(record: &Record) -> Option<Value> {
    let id = record.agent_id.as_deref()?;
    Some(json!({
        "uid": id,
        "name": record.agent_name,
        "instance_uid": record.session_id,
        "type_id": 0,
        "ai_model": ai_model(record),
    }))
}

fn api(record: &Record) -> Value {
    let of_call = || record.endpoint.as_deref().unwrap_or(&record.target);
    let is_call = record.surface != Surface::Admin;
    json!({
        "operation": if is_call { of_call() } else { &*record.action },
        "service": { "name": record.tool_name },
        "request": { "uid": record.id },
        "response": { "code": record.status_code, "error": record.error_code },
    })
}

/// What an administrator changed.
fn resources(record: &Record) -> Option<Value> {
    let resource = || json!([{ "name": record.target }]);
    (record.surface == Surface::Admin).then(resource)
}

fn policy(record: &Record) -> Option<Value> {
    let rule = record.policy_rule.as_deref()?;
    Some(json!({ "name": rule, "version": record.policy_version, "is_applied": true }))
}

/// A change is no call: nobody sent this request.
fn http_request(record: &Record) -> Option<Value> {
    let body = record.request_bytes;
    let request = json!({
        "http_method": record.action,
        "url": { "path": record.target },
        "body_length": body,
    });
    (record.surface != Surface::Admin).then_some(request)
}

fn message_context(record: &Record) -> Value {
    let total = record.input_tokens.zip(record.output_tokens);
    let total = total.and_then(|(input, output)| input.checked_add(output));
    json!({
        "uid": record.session_id,
        "ai_role_id": 4,
        "ai_role": "Agent",
        "service": { "name": record.tool_name },
        "application": record.app_context.as_deref().map(|id| json!({ "uid": id })),
        "prompt_tokens": record.input_tokens,
        "completion_tokens": record.output_tokens,
        "total_tokens": total,
    })
}

fn unmapped(record: &Record) -> Value {
    let mut rest: Map<String, Value> = fields(record);
    rest.retain(|name, _| !MAPPED.contains(&name.as_str()));
    Value::Object(rest)
}

fn activity(record: &Record) -> Sort {
    if record.surface == Surface::Admin {
        // `agent.created`, `key.revoked`, …
        return match record.action.rsplit('.').next() {
            Some("created" | "added") => (1, "Create"),
            Some("deleted" | "revoked") => (4, "Delete"),
            _ => (3, "Update"),
        };
    }
    match &*record.action {
        "POST" => (1, "Create"),
        "GET" | "HEAD" => (2, "Read"),
        "PUT" | "PATCH" => (3, "Update"),
        "DELETE" => (4, "Delete"),
        _ => (99, "Other"),
    }
}

fn severity(record: &Record) -> Sort {
    match (worst(record), record.policy_result) {
        (Some(Severity::Critical), _) => (5, "Critical"),
        (Some(Severity::High), _) => (4, "High"),
        (Some(Severity::Medium), _) | (None, Some(PolicyResult::Deny)) => (3, "Medium"),
        (Some(Severity::Low), _) => (2, "Low"),
        (None, _) => (1, "Informational"),
    }
}

fn status(record: &Record) -> Sort {
    match record.outcome {
        Some(Outcome::Completed) => (1, "Success"),
        Some(_) => (2, "Failure"),
        None => (0, "Unknown"),
    }
}

fn action(record: &Record) -> Sort {
    match record.outcome {
        Some(Outcome::Denied | Outcome::Blocked | Outcome::Rejected) => (2, "Denied"),
        Some(_) if is_changed(record) => (4, "Modified"),
        Some(_) => (1, "Allowed"),
        None => (0, "Unknown"),
    }
}

fn disposition(record: &Record) -> Sort {
    match record.outcome {
        Some(Outcome::Blocked) => (2, "Blocked"),
        Some(Outcome::Denied) => (26, "Unauthorized"),
        Some(Outcome::Rejected) => (25, "Rejected"),
        Some(Outcome::UpstreamError | Outcome::Interrupted) => (27, "Error"),
        Some(_) if is_changed(record) => (11, "Corrected"),
        Some(_) => (1, "Allowed"),
        None => (0, "Unknown"),
    }
}

/// Whether something was redacted or taken out.
fn is_changed(record: &Record) -> bool {
    let is_redacted = record.findings.iter().any(|finding| finding.action == Action::Redact);
    is_redacted || !record.tools_removed.is_empty()
}

fn risk_level(record: &Record) -> (Option<u32>, Option<&'static str>) {
    let (id, caption) = match record.risk_tier.as_deref() {
        Some("low") => (1, "Low"),
        Some("medium") => (2, "Medium"),
        Some("high") => (3, "High"),
        Some("critical") => (4, "Critical"),
        _ => return (None, None),
    };
    (Some(id), Some(caption))
}

fn drop_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(drop_nulls);
    }
}
