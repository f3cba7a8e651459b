//! What readers and writers of records may rely on, on both databases.

use super::{
    super::{RecordQuery, Store, StoreError, testing::on_both_databases},
    *,
};
use crate::types::{
    Action, DataClass, ExchangeId, Finding, Lifecycle, Outcome, Permission, PolicyResult, Record,
    Scan, ScanExtent, Severity, Surface, TextSurface, UnixMillis, UsageSource,
};
use diesel::connection::SimpleConnection as _;
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

on_both_databases!(
    a_record_comes_back_with_every_field,
    an_empty_record_comes_back_with_its_nulls,
    records_given_twice_are_stored_once,
    text_with_nul_is_cleaned_and_too_great_a_count_is_bounded,
    a_row_that_we_did_not_write_is_corrupt,
    a_missing_table_is_no_fault_of_the_row_but_a_value_that_breaks_a_check_is,
    a_batch_waits_for_the_one_before_it,
    a_reader_that_polls_sees_every_record_of_concurrent_writers_once,
);

/// When the tests' records are written.
const NOW: UnixMillis = UnixMillis(1_795_233_700_000);

fn empty(number: u64) -> Record {
    let id = ExchangeId(Uuid::now_v7());
    let moment = UnixMillis(1_795_233_600_000 + i64::try_from(number).unwrap());
    Record::new(id, moment, "node-1".into(), Surface::Agent)
}

fn full() -> Record {
    Record {
        agent_id: Some("0193a5b2-0000-7000-8000-000000000001".into()),
        agent_name: Some("nightly".into()),
        agent_type: Some("autonomous".into()),
        roles: Arc::new(["developer".into(), "a\"b".into()]),
        permission: Some(Permission::WebWrite),
        session_id: Some("run-7".into()),
        token_id: Some("jti".into()),
        app_context: Some("ac_1".into()),
        surface: Surface::DetectionKey,
        action: Cow::Borrowed("POST"),
        target: Cow::Borrowed("/openai/v1/chat/completions"),
        endpoint: Some(Cow::Borrowed("chat/completions")),
        model: Some("gpt-4o ✓".into()),
        response_model: Some("gpt-4o-2024".into()),
        message_count: Some(u32::MAX),
        has_system_prompt: Some(true),
        has_tools: Some(false),
        tool_names: vec!["search".into()],
        stream: Some(true),
        policy_result: Some(PolicyResult::Deny),
        policy_rule: Some("line 3: p, developer, gpt-*".into()),
        policy_version: Some("v1".into()),
        policy_reason: Some(Cow::Borrowed("no rule")),
        findings: vec![Finding {
            rule: "us-ssn".into(),
            kind: "PII_SSN".into(),
            class: DataClass::Pii,
            severity: Severity::High,
            lifecycle: Lifecycle::Ingress,
            surface: TextSurface::User,
            action: Action::Log,
            count: 2,
            hmac: Some("00ff".into()),
        }],
        scan: Scan { extent: ScanExtent::Partial, reason: Some(Cow::Borrowed("binary")) },
        tools_removed: vec!["shell".into()],
        trust_score: Some(-1),
        risk_score: Some(10_000),
        risk_tier: Some("high".into()),
        detection_version: Some("0123abcd".into()),
        status_code: Some(u16::MAX),
        error_code: Some(Cow::Borrowed("model_not_allowed")),
        finish_reason: Some("stop".into()),
        input_tokens: Some(1),
        output_tokens: Some(2),
        cached_tokens: Some(1),
        reasoning_tokens: Some(2),
        usage_source: Some(UsageSource::Counted),
        latency_ms: Some(3),
        time_to_first_byte_ms: Some(4),
        gateway_us: Some(5),
        request_bytes: Some(6),
        response_bytes: Some(7),
        outcome: Some(Outcome::Denied),
        receipt_hash: Some("00ff".repeat(16).into()),
        ..empty(0)
    }
}

fn insert_all(store: &Store, records: impl IntoIterator<Item = Record>) -> Vec<Arc<Record>> {
    let mut batch: Vec<_> = records.into_iter().map(Arc::new).collect();
    store.append_records(&mut batch, false, NOW).unwrap();
    batch
}

fn ids<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<ExchangeId> {
    records.into_iter().map(|record| record.id).collect()
}

fn a_record_comes_back_with_every_field(store: &Store) {
    let stored = insert_all(store, [full()]);
    let json = serde_json::to_value(&*stored[0]).unwrap();
    let has_null = json.as_object().unwrap().values().any(serde_json::Value::is_null);
    assert!(!has_null, "a field that is null proves nothing: {json}");
    assert_eq!(store.record(stored[0].id).unwrap().as_ref(), Some(&*stored[0]));
}

fn an_empty_record_comes_back_with_its_nulls(store: &Store) {
    let stored = insert_all(store, [empty(1)]);
    assert_eq!(store.record(stored[0].id).unwrap().as_ref(), Some(&*stored[0]));
    assert_eq!(store.record(ExchangeId(Uuid::now_v7())).unwrap(), None);
    assert_eq!(store.append_records(&mut [], false, NOW).unwrap(), Appended::default());
}

fn records_given_twice_are_stored_once(store: &Store) {
    // A duplicate within the batch, and most of it there already.
    let mut batch: Vec<_> = (0..120).map(|number| Arc::new(empty(number))).collect();
    let wanted = ids(batch.iter().map(|record| &**record));
    store.append_records(&mut batch[..30], false, NOW).unwrap();
    batch.push(Arc::clone(&batch[119]));
    for (stored, known) in [(90, 31), (0, 121)] {
        let appended = store.append_records(&mut batch, true, NOW).unwrap();
        assert_eq!((appended.stored, appended.known), (stored, known));
    }
    let page = store.records(&RecordQuery { limit: 1_000, ..Default::default() }).unwrap();
    assert_eq!(ids(&page.events), wanted);
    assert_eq!(page.next, None);
}

fn text_with_nul_is_cleaned_and_too_great_a_count_is_bounded(store: &Store) {
    let record = Record {
        model: Some("a\0b".into()),
        tool_names: vec!["c\0d".into()],
        latency_ms: Some(u64::MAX),
        ..empty(1)
    };
    let stored = insert_all(store, [record]);
    let back = store.record(stored[0].id).unwrap().unwrap();
    assert_eq!(back.model.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(&*back.tool_names[0], "c\u{fffd}d");
    assert_eq!(back.latency_ms, Some((1 << 53) - 1));
    assert_eq!(&back, &*stored[0], "the chain is over what is stored");
    let query = RecordQuery { model: Some("a\0b".into()), ..Default::default() };
    assert_eq!(store.records(&query).unwrap().events.len(), 1);
}

fn a_row_that_we_did_not_write_is_corrupt(store: &Store) {
    let id = insert_all(store, [full()])[0].id;
    for (set, what) in [
        ("findings = 'x'", "records.findings"),
        ("findings = '[]', status_code = -1", "records.status_code"),
        ("status_code = 200, outcome = 'x'", "records.outcome"),
    ] {
        let by_hand = format!("UPDATE audit_records SET {set}");
        store.record.run(|connection| Ok(connection.batch_execute(&by_hand)?)).unwrap();
        let error = store.record(id).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { what: found } if found == what), "{error}");
    }
}

fn a_missing_table_is_no_fault_of_the_row_but_a_value_that_breaks_a_check_is(store: &Store) {
    let sql = |sql: &str| store.record.run(|connection| Ok(connection.batch_execute(sql)?));
    let checked = "CREATE TABLE checked (x INTEGER NOT NULL CHECK (x > 0))";
    sql(checked).unwrap();
    for wrong in ["INSERT INTO checked VALUES (0)", "INSERT INTO checked VALUES (NULL)"] {
        assert!(sql(wrong).unwrap_err().concerns_the_row(), "{wrong}");
    }
    sql("ALTER TABLE audit_records RENAME TO elsewhere").unwrap();
    let error = store.append_records(&mut [Arc::new(empty(1))], false, NOW).unwrap_err();
    assert!(!error.concerns_the_row(), "{error}");
    sql("ALTER TABLE elsewhere RENAME TO audit_records").unwrap();
    insert_all(store, [empty(1)]);
}

fn a_batch_waits_for_the_one_before_it(store: &Store) {
    insert_all(store, [empty(0)]);
    std::thread::scope(|scope| {
        let first = store.record.write(None, |connection| {
            lock_order(connection)?;
            let second = scope.spawn(|| insert_all(store, [empty(1)]));
            std::thread::park_timeout(Duration::from_millis(200));
            assert!(!second.is_finished());
            Ok(second)
        });
        first.unwrap().join().unwrap();
    });
    let page = store.records(&RecordQuery { limit: 10, ..Default::default() }).unwrap();
    assert_eq!(page.events.len(), 2);
}

/// The reason for `position`: with four writers, a reader that always goes on behind the last
/// record it saw must see each one exactly once.
fn a_reader_that_polls_sees_every_record_of_concurrent_writers_once(store: &Store) {
    const WRITERS: usize = 4;
    const BATCHES: usize = 10;
    const ROWS: usize = 60;
    let is_over = AtomicBool::new(false);
    let mut seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_until(store, &is_over));
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..BATCHES {
                        insert_all(store, (0..ROWS).map(|_| empty(0)));
                    }
                })
            })
            .collect();
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(written.iter().all(Result::is_ok));
        reader.join().unwrap()
    });
    assert_eq!(seen.len(), WRITERS * BATCHES * ROWS);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), WRITERS * BATCHES * ROWS);
}

/// Polls until all is written and read.
fn read_until(store: &Store, is_over: &AtomicBool) -> Vec<ExchangeId> {
    let mut seen = Vec::new();
    let mut query = RecordQuery { limit: 50, ..Default::default() };
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let page = store.records(&query).unwrap();
        seen.extend(ids(&page.events));
        query.after = page.end.or(query.after);
        if page.events.is_empty() && was_over {
            return seen;
        }
    }
}
