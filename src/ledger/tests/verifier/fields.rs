//! Every stored field of a record is protected.

use super::*;
use crate::types::UnixMillis;
use serde_json::{Value, json};

/// Values of which one or another fits every field.
fn candidates() -> Vec<Value> {
    let words = [
        "",
        "x",
        "0193a5b2-0000-7000-8000-000000000001",
        "1999-01-01T00:00:00.000Z",
        "INGRESS",
        "EGRESS",
        "LOW",
        "HIGH",
        "PII",
        "NONE",
        "allow",
        "block",
        "deny",
        "user",
        "system",
        "agent",
        "detection_key",
        "web:read",
        "web:write",
        "provider",
        "partial",
        "full",
        "none",
        "completed",
        "denied",
    ];
    let others =
        [Value::Null, json!(true), json!(false), json!(0), json!(7), json!([]), json!(["x"])];
    words.into_iter().map(Value::from).chain(others).collect()
}

/// Every way to put another value in one place of a JSON document, with the place's name.
fn changes(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    found.extend(candidates().into_iter().filter(|it| it != value).map(|it| (path.to_owned(), it)));
    let mut below = |name: String, child: &Value| changes(child, &format!("{path}/{name}"), found);
    match value {
        Value::Object(members) => members.iter().for_each(|(name, it)| below(name.clone(), it)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, it)| below(at.to_string(), it));
        }
        _ => {}
    }
}

/// The names of all places that have a value of their own.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, it)| leaves(it, &format!("{path}/{name}"), found));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(at, it)| leaves(it, &format!("{path}/{at}"), found));
        }
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn any_other_value_of_any_field_is_found() {
    let mut records = chain("node-1", 3);
    records[1] = testing::Dice::full(0).record();
    rehash(&mut records, Head::GENESIS);
    let signed = checkpoints(&records, &[3]);
    let original = serde_json::to_value(&records[1]).unwrap();
    let (mut all, mut places) = (Vec::new(), Vec::new());
    changes(&original, "", &mut all);
    leaves(&original, "", &mut places);
    for (path, value) in all.iter().filter(|(path, _)| !path.is_empty()) {
        let mut changed = original.clone();
        *changed.pointer_mut(path).unwrap() = value.clone();
        let Ok(record) = serde_json::from_value::<Record>(changed) else { continue };
        if record == records[1] {
            continue;
        }
        let altered = [records[0].clone(), record, records[2].clone()];
        let seen = verdict(&altered, signed.clone(), Scope::Whole);
        assert!(!seen.is_sound(), "{path} = {value}");
        places.retain(|place| place != path);
    }
    assert!(places.is_empty(), "nothing else fits these fields: {places:?}");
}

#[test]
fn a_moment_that_no_text_can_say_is_found() {
    let mut records = chain("node-1", 1);
    records[0].started_at = UnixMillis(0);
    rehash(&mut records, Head::GENESIS);
    // It would be written as the first moment of 1970 all the same.
    records[0].started_at = UnixMillis(i64::MAX);
    let seen = verdict(&records, Vec::new(), Scope::Whole);
    assert_eq!(found(&seen), [(Some(1), ProblemKind::Altered)]);
}
