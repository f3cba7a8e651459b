//! What readers and writers of records may rely on, on both databases.

use super::{super::testing::on_both_databases, *};
use crate::types::{
    Action, DataClass, Finding, Lifecycle, Permission, Scan, ScanExtent, Severity, Surface,
    TextSurface, UnixMillis, UsageSource,
};
use diesel::connection::SimpleConnection as _;
use std::{
    borrow::Cow,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

on_both_databases!(
    a_record_comes_back_with_every_field,
    an_empty_record_comes_back_with_its_nulls,
    records_given_twice_are_stored_once,
    pages_follow_the_order_of_insertion_in_both_directions,
    filters_combine_and_cursors_work_within_them,
    text_with_nul_is_cleaned_and_too_great_a_count_is_bounded,
    a_row_that_we_did_not_write_is_corrupt,
    a_missing_table_is_no_fault_of_the_row_but_a_value_that_breaks_a_check_is,
    a_batch_waits_for_the_one_before_it,
    a_reader_that_polls_sees_every_record_of_concurrent_writers_once,
);

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
        session_id: Some("jti".into()),
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
        usage_source: Some(UsageSource::Counted),
        latency_ms: Some(3),
        time_to_first_byte_ms: Some(4),
        gateway_us: Some(5),
        request_bytes: Some(6),
        response_bytes: Some(7),
        outcome: Some(Outcome::Denied),
        seq: Some(8),
        previous_hash: Some("00ff".into()),
        event_hash: Some("ff00".into()),
        ..empty(0)
    }
}

fn insert_all(store: &Store, records: impl IntoIterator<Item = Record>) -> Vec<Arc<Record>> {
    let batch: Vec<_> = records.into_iter().map(Arc::new).collect();
    store.insert_records(&batch).unwrap();
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
    store.insert_records(&[]).unwrap();
}

fn records_given_twice_are_stored_once(store: &Store) {
    // More than one full statement, a rest, and a duplicate within the batch.
    let mut batch: Vec<_> = (0..120).map(|number| Arc::new(empty(number))).collect();
    store.insert_records(&batch[..30]).unwrap();
    batch.push(Arc::clone(&batch[119]));
    store.insert_records(&batch).unwrap();
    store.insert_records(&batch).unwrap();
    let page = store.records(&RecordQuery { limit: 1_000, ..Default::default() }).unwrap();
    assert_eq!(ids(&page.events), ids(batch[..120].iter().map(|record| &**record)));
    assert_eq!(page.next, None);
}

fn pages_follow_the_order_of_insertion_in_both_directions(store: &Store) {
    let mut records: Vec<_> = (0..5).map(empty).collect();
    // The exchange that began first ends last.
    records.rotate_left(1);
    let wanted = ids(&records);
    for record in records {
        insert_all(store, [record]);
    }
    let read = |newest_first: bool| {
        let mut seen = Vec::new();
        let mut query = RecordQuery { limit: 2, newest_first, ..Default::default() };
        loop {
            let page = store.records(&query).unwrap();
            seen.push(ids(&page.events));
            if page.next.is_none() {
                assert!(page.end.is_some());
                return seen;
            }
            assert_eq!(page.next, page.end);
            query.after = page.next.and_then(|next| Cursor::parse(&next.to_string()));
        }
    };
    assert_eq!(read(false), wanted.chunks(2).map(<[_]>::to_vec).collect::<Vec<_>>());
    let reversed: Vec<_> = wanted.into_iter().rev().collect();
    assert_eq!(read(true), reversed.chunks(2).map(<[_]>::to_vec).collect::<Vec<_>>());

    let page = store.records(&RecordQuery { limit: 0, ..Default::default() }).unwrap();
    assert_eq!(page.events.len(), 1, "a limit of nothing is moved to 1");
    let exact = store.records(&RecordQuery { limit: 5, ..Default::default() }).unwrap();
    assert_eq!((exact.events.len(), exact.next), (5, None));
}

fn filters_combine_and_cursors_work_within_them(store: &Store) {
    let denied = full();
    let allowed = Record {
        policy_result: Some(PolicyResult::Allow),
        outcome: Some(Outcome::Completed),
        id: ExchangeId(Uuid::now_v7()),
        ..full()
    };
    let other = Record { agent_name: Some("other".into()), ..empty(1) };
    insert_all(store, [denied.clone(), other.clone(), allowed.clone()]);
    let found = |query: RecordQuery| {
        ids(&store.records(&RecordQuery { limit: 10, ..query }).unwrap().events)
    };
    let by_agent = |agent: &str| RecordQuery { agent: Some(agent.into()), ..Default::default() };
    assert_eq!(found(by_agent("nightly")), [denied.id, allowed.id]);
    assert_eq!(found(by_agent("0193A5B2-0000-7000-8000-000000000001")), [denied.id, allowed.id]);
    assert_eq!(found(by_agent("other")), [other.id]);
    assert_eq!(found(by_agent("no' OR '1'='1")), []);
    let model = || Some("gpt-4o ✓".to_owned());
    assert_eq!(
        found(RecordQuery { model: model(), outcome: Some(Outcome::Denied), ..Default::default() }),
        [denied.id]
    );
    let query = RecordQuery {
        limit: 1,
        model: model(),
        policy_result: Some(PolicyResult::Allow),
        ..by_agent("nightly")
    };
    let page = store.records(&query).unwrap();
    assert_eq!((ids(&page.events), page.next), (vec![allowed.id], None));
    let behind = RecordQuery { after: page.end, ..query };
    assert_eq!(store.records(&behind).unwrap().events, []);
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
    assert_eq!(&*back.tool_names[0], "c\0d", "JSON has a form for it");
    assert_eq!(back.latency_ms, u64::try_from(i64::MAX).ok());
    let query = RecordQuery { model: Some("a\0b".into()), ..Default::default() };
    assert_eq!(store.records(&query).unwrap().events.len(), 1);
}

fn a_row_that_we_did_not_write_is_corrupt(store: &Store) {
    let id = insert_all(store, [full()])[0].id;
    for (set, what) in [
        ("findings = 'x'", "records.findings"),
        ("findings = '[]', status_code = -1", "records.status_code"),
        ("status_code = 200, outcome = 'x'", "records.outcome"),
        ("outcome = NULL, id = 'x'", "records.id"),
    ] {
        let by_hand = format!("UPDATE records SET {set}");
        store.record.run(|connection| Ok(connection.batch_execute(&by_hand)?)).unwrap();
        let error = match what {
            "records.id" => store.records(&RecordQuery::default()).unwrap_err(),
            _ => store.record(id).unwrap_err(),
        };
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
    sql("ALTER TABLE records RENAME TO elsewhere").unwrap();
    let error = store.insert_records(&[Arc::new(empty(1))]).unwrap_err();
    assert!(!error.concerns_the_row(), "{error}");
    sql("ALTER TABLE elsewhere RENAME TO records").unwrap();
    store.insert_records(&[Arc::new(empty(1))]).unwrap();
}

fn a_batch_waits_for_the_one_before_it(store: &Store) {
    let first = empty(0);
    std::thread::scope(|scope| {
        let written = store.record.write(Some("records"), |connection| {
            let second = scope.spawn(|| insert_all(store, [empty(1)]));
            std::thread::park_timeout(Duration::from_millis(200));
            assert!(!second.is_finished());
            Ok(insert(connection, &[RecordRow::of(&first)])?)
        });
        written.unwrap();
    });
    let page = store.records(&RecordQuery { limit: 10, ..Default::default() }).unwrap();
    assert_eq!((page.events.len(), page.events[0].id), (2, first.id));
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
