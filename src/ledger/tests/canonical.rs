//! One form of a record, and nothing in it that a database could change.

use super::super::{testing::Dice, *};
use crate::types::{
    Action, DataClass, ExchangeId, Finding, Lifecycle, Severity, Surface, TextSurface, UnixMillis,
};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// What serde_json makes of a record, sorted by hand.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            let member = |(name, value): (&String, &Value)| {
                format!("{}:{}", Value::from(name.as_str()), sorted(value))
            };
            format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(sorted).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn written(record: &Record) -> String {
    let mut out = Vec::new();
    write_record(record, &mut out);
    String::from_utf8(out).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_form_is_the_sorted_json_of_the_record(seed: u64) {
        let record = Dice::new(seed).record();
        let mut value = serde_json::to_value(&record).unwrap();
        prop_assert_eq!(written(&record), sorted(&value));
        let members = value.as_object_mut().unwrap();
        members.remove("previous_hash").unwrap();
        members.remove("event_hash").unwrap();
        prop_assert_eq!(String::from_utf8(canonical(&record)).unwrap(), sorted(&value));
    }

    #[test]
    fn a_written_record_is_read_back(seed: u64) {
        let record = Dice::new(seed).record();
        prop_assert_eq!(&serde_json::from_str::<Record>(&written(&record)).unwrap(), &record);
        let mut known = Vec::new();
        write_known(&record, &mut known);
        prop_assert_eq!(&serde_json::from_slice::<Record>(&known).unwrap(), &record);
        let Value::Object(members) = serde_json::from_slice(&known).unwrap() else { panic!("no object") };
        prop_assert!(members.values().all(|value| !value.is_null()));
    }

    #[test]
    fn what_is_appended_can_be_stored_and_is_appended_again_as_it_is(seed: u64) {
        let mut record = Dice::new(seed).record();
        Head::GENESIS.clone().append(&mut record);
        let text = written(&record);
        prop_assert!(!serde_json::from_str::<Value>(&text).unwrap().to_string().replace("\\\\", "").contains("\\u0000"));
        let mut again = record.clone();
        Head::GENESIS.clone().append(&mut again);
        prop_assert_eq!(again, record);
    }
}

#[test]
fn what_no_database_or_number_can_hold_is_replaced() {
    let mut record = Record {
        model: Some("a\0b".into()),
        roles: ["plain".into(), "\0".into()].into(),
        tool_names: vec!["\0\0".into()],
        target: "/\0".into(),
        input_tokens: Some(u64::MAX),
        trust_score: Some(i64::MIN),
        started_at: UnixMillis(i64::MIN),
        receipt_hash: Some("F0".into()),
        ..Dice::new(0).record()
    };
    Head::GENESIS.clone().append(&mut record);
    assert_eq!(record.model.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(*record.roles, ["plain".into(), "\u{fffd}".into()]);
    assert_eq!(record.tool_names, ["\u{fffd}\u{fffd}".into()]);
    assert_eq!(record.target, "/\u{fffd}");
    assert_eq!(record.input_tokens, Some(9_007_199_254_740_991));
    assert_eq!(record.trust_score, Some(-9_007_199_254_740_991));
    assert_eq!(record.started_at, UnixMillis(0));
    assert_eq!(record.receipt_hash, None);
    record.started_at = UnixMillis(i64::MAX);
    Head::GENESIS.clone().append(&mut record);
    assert_eq!(record.started_at.to_string(), "9999-12-31T23:59:59.999Z");
}

/// A field that is new must not change the hashes that are stored already: it is to be left out where it is null.
#[test]
fn the_form_never_changes_while_hashes_of_it_are_stored() {
    let id = ExchangeId(uuid::Uuid::from_u128(0x0193_a5b2_0000_7000_8000_0000_0000_0001));
    let moment = UnixMillis(1_795_233_600_123);
    let mut record = Record::new(id, moment, "node-1".into(), Surface::Agent);
    record.model = Some("gpt-4o \"é\"\n".into());
    record.findings.push(Finding {
        rule: "us-ssn".into(),
        kind: "PII_SSN".into(),
        class: DataClass::Pii,
        severity: Severity::High,
        lifecycle: Lifecycle::Ingress,
        surface: TextSurface::User,
        action: Action::Log,
        count: 2,
        hmac: None,
    });
    Head::GENESIS.clone().append(&mut record);
    // Computed with Python: json.dumps(…, sort_keys=True, separators=(",", ":"), ensure_ascii=False).
    let expected = "03e1df87d5b67121abd1df03a9fa08c6a105e359e1e8aeb2238a864080c39df4";
    assert_eq!(record.event_hash.as_deref(), Some(expected), "{}", written(&record));
}
