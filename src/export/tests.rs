//! What the exports look like, for a record with everything in it and for one with nothing.

use super::*;
use crate::ledger::{ExportReader, Line, Scope};
use crate::types::{
    Action, DataClass, ExchangeId, Finding, Lifecycle, Outcome, PolicyResult, Surface, TextSurface,
    UnixMillis, UsageSource,
};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

fn empty() -> Record {
    let id = ExchangeId(Uuid::parse_str("01932f0e-1c00-7000-8000-0000000000ff").unwrap());
    let mut record =
        Record::new(id, UnixMillis(1_795_233_600_123), "node-1".into(), Surface::Agent);
    record.action = "POST".into();
    record.target = "/openai/v1/chat/completions".into();
    record
}

fn full() -> Record {
    let finding = |kind: &str, severity, action| Finding {
        rule: "rule".into(),
        kind: kind.into(),
        class: DataClass::Pii,
        severity,
        lifecycle: Lifecycle::Ingress,
        surface: TextSurface::User,
        action,
        count: 2,
        hmac: None,
    };
    Record {
        agent_id: Some("01932f0e-0000-7000-8000-000000000001".into()),
        agent_name: Some("night-bot".into()),
        roles: Arc::from([Arc::from("developer"), Arc::from("reader")]),
        session_id: Some("thread-1".into()),
        token_id: Some("jti-1".into()),
        endpoint: Some("chat/completions".into()),
        model: Some("gpt-4o".into()),
        policy_result: Some(PolicyResult::Allow),
        policy_rule: Some("line 3: p, developer, gpt-4o*, allow".into()),
        policy_version: Some("abc".into()),
        findings: vec![
            finding("PII_SSN", Severity::High, Action::Redact),
            finding("PII_EMAIL", Severity::Low, Action::Log),
        ],
        risk_score: Some(6_250),
        risk_tier: Some("high".into()),
        status_code: Some(200),
        input_tokens: Some(11),
        output_tokens: Some(7),
        usage_source: Some(UsageSource::Provider),
        latency_ms: Some(1_500),
        outcome: Some(Outcome::Completed),
        seq: Some(42),
        event_hash: Some("ab".repeat(32).into()),
        ..empty()
    }
}

/// An administrator's change.
fn change() -> Record {
    Record {
        surface: Surface::Admin,
        action: "agent.suspended".into(),
        target: "agent/01932f0e-0000-7000-8000-000000000001".into(),
        endpoint: Some("admin".into()),
        actor: Some("ada".into()),
        detail: Some(r#"{"from":"active","to":"suspended"}"#.into()),
        outcome: Some(Outcome::Completed),
        ..empty()
    }
}

fn export(format: Format, records: &[Record]) -> String {
    let mut out = Vec::new();
    let header = ExportHeader::new("node-1".to_owned(), Scope::Whole);
    let mut writer = Writer::begin(format, header, &mut out);
    for record in records {
        writer.record(record, &mut out);
    }
    writer.end(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn json_lines_are_the_ledgers_own_form() {
    let text = export(Format::JsonLines, &[full(), empty()]);
    let mut reader = ExportReader::default();
    let lines: Vec<Line> =
        text.lines().map(|line| reader.feed_line(line.as_bytes()).unwrap()).collect();
    reader.finish().unwrap();
    assert_eq!(lines.len(), 4);
    assert!(matches!(&lines[1], Line::Record(record) if **record == full()));
}

#[test]
fn the_columns_are_the_records_fields() {
    let text = export(Format::Csv, &[change(), empty()]);
    let names: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let fields = fields(&change());
    assert_eq!(names.len(), fields.len());
    for name in fields.keys() {
        assert!(names.contains(&name.as_str()), "{name}");
    }
    assert_eq!(text.matches("\r\n").count(), 3);
}

#[test]
fn csv_quotes_what_needs_it_and_defuses_formulas() {
    for (value, cell) in [
        ("plain", "plain"),
        ("a,b", "\"a,b\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("two\nlines", "\"two\nlines\""),
        ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
        ("@SUM(1)", "'@SUM(1)"),
        ("-1+1", "'-1+1"),
    ] {
        let record = Record { model: Some(value.into()), ..empty() };
        let text = export(Format::Csv, &[record]);
        assert!(text.contains(&format!(",{cell},")), "{text}");
    }
    assert!(export(Format::Csv, &[full()]).contains("\"[\"\"developer\"\",\"\"reader\"\"]\""));
}

#[test]
fn cef_has_its_header_and_no_text_can_forge_a_key_or_a_line() {
    let text = export(Format::Cef, &[full()]);
    let header = format!(
        "CEF:0|Portcullis|Portcullis|{VERSION}|completed|LLM API call completed|8|externalId="
    );
    assert!(text.starts_with(&header), "{text}");
    for part in [
        " rt=1795233600123 ",
        " end=1795233601623 ",
        " suser=night-bot ",
        " cs3Label=model cs3=gpt-4o ",
        " cs5Label=findings cs5=PII_SSN x2 redact, PII_EMAIL x2 log ",
        " cn1Label=statusCode cn1=200 ",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let model = "x suser=root\\\nCEF:0|a|b\r=";
    let forged = Record { model: Some(model.into()), ..empty() };
    let text = export(Format::Cef, &[forged]);
    assert_eq!(text.lines().count(), 1);
    assert!(text.trim_end().ends_with(r"cs3=x suser\=root\\\nCEF:0|a|b\r\="), "{text}");
}

#[test]
fn an_ocsf_event_names_its_class_and_loses_no_field() {
    let text = export(Format::Ocsf, &[full()]);
    let event: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(event["class_uid"], 6003);
    assert_eq!(event["type_uid"], 600_301);
    assert_eq!(event["severity_id"], 4);
    assert_eq!(event["action_id"], 4);
    assert_eq!(event["actor"]["user"]["groups"][1]["name"], "reader");
    assert_eq!(event["message_context"]["total_tokens"], 18);
    assert_eq!(event["unmapped"]["seq"], 42);
    assert_eq!(event["unmapped"]["findings"][0]["type"], "PII_SSN");
    assert_eq!(event["risk_score"], 62);
    assert!(event["unmapped"].get("model").is_none());
    assert!(!text.contains("null,\"message\""));
}

#[test]
fn a_record_with_hardly_anything_is_a_whole_event_too() {
    let text = export(Format::Ocsf, &[empty()]);
    let event: Value = serde_json::from_str(text.trim()).unwrap();
    for required in ["time", "metadata", "actor", "api", "src_endpoint", "severity_id"] {
        assert!(!event[required].is_null(), "{required}");
    }
    assert_eq!(event["actor"]["user"]["name"], "unknown");
    assert!(event.get("http_response").is_none());
    assert_eq!(event["status_id"], 0);
}

#[test]
fn a_change_is_told_as_what_somebody_did_and_not_as_a_call() {
    let event: Value = serde_json::from_str(&export(Format::Ocsf, &[change()])).unwrap();
    assert_eq!(event["actor"]["user"]["name"], "ada");
    assert_eq!(
        (&event["activity_name"], &event["api"]["operation"]),
        (&json!("Update"), &json!("agent.suspended"))
    );
    let added = Record { action: "key_set.added".into(), ..change() };
    let added: Value = serde_json::from_str(&export(Format::Ocsf, &[added])).unwrap();
    assert_eq!(added["activity_name"], "Create");
    assert_eq!(event["resources"][0]["name"], "agent/01932f0e-0000-7000-8000-000000000001");
    assert!(event.get("http_request").is_none() && event["unmapped"]["detail"].is_string());
    let line = export(Format::Cef, &[change()]);
    assert!(line.contains("|Administrative change agent.suspended|"), "{line}");
    assert!(line.contains(" suser=ada ") && !line.contains("requestMethod"), "{line}");
}
