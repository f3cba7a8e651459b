//! What a batch leaves behind: chains, sums, findings, what was set aside, and the weeks that hold it, on both databases.

use super::{
    super::super::testing::{on_both_databases, on_postgres, on_sqlite},
    *,
};
use crate::{
    ledger::{Hash, Scope, TrustedKeys, Verdict, Verifier},
    store::RecordQuery,
    types::{
        Action, DataClass, Finding, Lifecycle, Outcome, PolicyResult, Severity, Surface,
        TextSurface,
    },
};
use diesel::connection::SimpleConnection as _;

on_both_databases!(
    records_are_chained_to_their_nodes_last,
    concurrent_writers_of_one_node_make_one_chain,
    positions_tell_when_and_grow_even_when_the_clock_is_set_back,
    bad_records_are_set_aside_in_their_chain_and_the_rest_goes_on,
    a_batch_of_bad_records_alone_is_set_aside_too,
    findings_have_one_row_per_record_and_rule,
    sums_add_up_per_minute_and_hour,
    a_failed_batch_leaves_nothing_and_can_be_given_again,
    a_restored_database_goes_on_where_its_chain_was,
);

/// A Monday, 12:00:00.
const NOW: UnixMillis = UnixMillis(1_795_435_200_000);
const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

fn record(node: &str) -> Record {
    Record::new(ExchangeId(Uuid::now_v7()), NOW, node.into(), Surface::Agent)
}

fn of_model(model: &str) -> Arc<Record> {
    Arc::new(Record { model: Some(model.into()), ..record("node-1") })
}

fn batch(nodes: &[&str]) -> Vec<Arc<Record>> {
    nodes.iter().map(|node| Arc::new(record(node))).collect()
}

fn sql(store: &Store, sql: &str) {
    store.record.run(|connection| Ok(connection.batch_execute(sql)?)).unwrap();
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    shown: String,
}

/// The one column `shown` of a query.
fn shown(store: &Store, query: &str) -> Vec<String> {
    let rows: Vec<Shown> = store
        .record
        .run(|connection| {
            Ok(match connection {
                AnyConnection::Sqlite(sqlite) => sql_query(query).load(sqlite)?,
                AnyConnection::Postgres(postgres) => sql_query(query).load(postgres)?,
            })
        })
        .unwrap();
    rows.into_iter().map(|row| row.shown).collect()
}

/// What verification says of all that is stored.
pub(in crate::store) fn verify(store: &Store) -> Verdict {
    let query = RecordQuery { limit: 1_000, ..RecordQuery::default() };
    let mut records = store.records(&query).unwrap().events;
    records.extend(store.set_aside(1_000, 0).unwrap().into_iter().filter_map(|row| row.record));
    records.sort_by_key(|record| record.seq);
    let mut verifier = Verifier::new(TrustedKeys::default(), Vec::new(), Scope::Whole);
    records.iter().for_each(|record| verifier.feed(record));
    let verdict = verifier.finish();
    assert_eq!(verdict.problems, []);
    for node in &verdict.nodes {
        let head = store.chain_heads().unwrap().into_iter().find(|(name, _)| *name == node.node);
        assert_eq!(head.unwrap().1.seq, node.last_seq);
    }
    verdict
}

fn records_are_chained_to_their_nodes_last(store: &Store) {
    let mut first = batch(&["node-1", "node-2", "node-1"]);
    let appended = store.append_records(&mut first, false, NOW).unwrap();
    assert_eq!((appended.stored, appended.known, appended.set_aside), (3, 0, 0));
    let mut second = batch(&["node-2", "node-1"]);
    let appended = store.append_records(&mut second, false, NOW).unwrap();

    let seqs = |batch: &[Arc<Record>]| batch.iter().map(|record| record.seq).collect::<Vec<_>>();
    assert_eq!(seqs(&first), [Some(1), Some(1), Some(2)]);
    assert_eq!(seqs(&second), [Some(2), Some(3)]);
    assert_eq!(second[1].previous_hash, first[2].event_hash);
    assert_eq!(store.record(second[1].id).unwrap().as_ref(), Some(&*second[1]));
    assert_eq!(appended.heads, store.chain_heads().unwrap());
    assert_eq!(Some(appended.heads[0].1.event_hash.to_string()), text(&second[1].event_hash));
    assert_eq!(verify(store).records, 5);
}

fn text(hash: &Option<Box<str>>) -> Option<String> {
    hash.as_deref().map(str::to_owned)
}

fn concurrent_writers_of_one_node_make_one_chain(store: &Store) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    store.append_records(&mut batch(&["node-1"; 7]), false, NOW).unwrap();
                }
            });
        }
    });
    assert_eq!(verify(store).records, 4 * 5 * 7);
}

fn positions_tell_when_and_grow_even_when_the_clock_is_set_back(store: &Store) {
    let positions = || -> Vec<i64> {
        let query = "SELECT CAST(position AS TEXT) AS shown FROM audit_records ORDER BY position";
        shown(store, query).iter().map(|position| position.parse().unwrap()).collect()
    };
    store.append_records(&mut batch(&["node-1"; 2]), false, NOW).unwrap();
    let first = NOW.0 << POSITION_BITS;
    assert_eq!(positions(), [first, first + 1]);
    let before = UnixMillis(NOW.0 - 5_000);
    store.append_records(&mut batch(&["node-1"]), false, before).unwrap();
    assert_eq!(positions(), [first, first + 1, first + 2]);
    let weeks_later = UnixMillis(NOW.0 + 3 * WEEK_MS);
    store.append_records(&mut batch(&["node-1"]), false, weeks_later).unwrap();
    assert_eq!(positions()[3], weeks_later.0 << POSITION_BITS);
}

/// Makes the database refuse records of the model `poison`.
fn refuse_poison(store: &Store) {
    sql(
        store,
        match store.backend() {
            "sqlite" => {
                "CREATE TRIGGER refuse BEFORE INSERT ON audit_records WHEN NEW.model = 'poison' \
                 BEGIN SELECT RAISE(ABORT, 'value too long'); END"
            }
            _ => "ALTER TABLE audit_records ADD CONSTRAINT refuse CHECK (model <> 'poison')",
        },
    );
}

fn bad_records_are_set_aside_in_their_chain_and_the_rest_goes_on(store: &Store) {
    refuse_poison(store);
    let mut records: Vec<_> =
        (0..40).map(|n| of_model(if n % 13 == 5 { "poison" } else { "gpt" })).collect();
    let appended = store.append_records(&mut records, false, NOW).unwrap();
    assert_eq!((appended.stored, appended.known, appended.set_aside), (37, 0, 3));
    let again = store.append_records(&mut records, true, NOW).unwrap();
    assert_eq!(again, Appended { known: 40, ..Appended::default() });

    let aside = store.set_aside(2, 0).unwrap();
    assert_eq!([aside[0].id, aside[1].id], [records[5].id, records[18].id]);
    assert_eq!((aside[0].seq, &*aside[0].node, aside[0].at), (6, "node-1", NOW));
    assert_eq!(aside[0].record.as_ref(), Some(&*records[5]));
    assert!(aside[0].reason.contains("refused"), "{}", aside[0].reason);
    let rest = store.set_aside(2, aside[1].position).unwrap();
    assert_eq!(rest.iter().map(|row| row.id).collect::<Vec<_>>(), [records[31].id]);

    assert_eq!(verify(store).records, 40);
    let sums = "SELECT CAST(calls AS TEXT) AS shown FROM audit_sums WHERE width = 60000";
    assert_eq!(shown(store, sums), ["37"], "sums are of what can be read");
}

fn a_batch_of_bad_records_alone_is_set_aside_too(store: &Store) {
    refuse_poison(store);
    let mut records = [of_model("poison"), of_model("poison")];
    let appended = store.append_records(&mut records, false, NOW).unwrap();
    assert_eq!((appended.stored, appended.set_aside), (0, 2));
    store.append_records(&mut [of_model("gpt")], false, NOW).unwrap();
    assert_eq!(verify(store).records, 3);
}

#[test]
fn a_model_that_is_too_long_for_an_index_is_set_aside() {
    on_postgres(|store| {
        let mut digits = 1_u64;
        let long: String = std::iter::repeat_with(|| {
            digits = digits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from(digits >> 58).unwrap())
        })
        .take(20_000)
        .collect();
        let mut records = [of_model("gpt"), of_model(&long), of_model("gpt")];
        let appended = store.append_records(&mut records, false, NOW).unwrap();
        assert_eq!((appended.stored, appended.set_aside), (2, 1));
        assert_eq!(store.set_aside(9, 0).unwrap()[0].record.as_ref(), Some(&*records[1]));
        assert_eq!(verify(store).records, 3);
    });
}

#[test]
fn sqlite_notices_what_is_there_even_when_it_was_not_said() {
    on_sqlite(|store| {
        let mut records = batch(&["node-1"; 3]);
        store.append_records(&mut records[..2], false, NOW).unwrap();
        let appended = store.append_records(&mut records, false, NOW).unwrap();
        assert_eq!((appended.stored, appended.known), (1, 2));
        assert_eq!(verify(store).records, 3);
    });
}

fn finding(kind: &str, severity: Severity, count: u32) -> Finding {
    Finding {
        rule: "rule".into(),
        kind: kind.into(),
        class: DataClass::Pii,
        severity,
        lifecycle: Lifecycle::Ingress,
        surface: TextSurface::User,
        action: Action::Log,
        count,
        hmac: None,
    }
}

fn findings_have_one_row_per_record_and_rule(store: &Store) {
    let findings = vec![
        finding("PII_SSN", Severity::Medium, 2),
        finding("PII_SSN", Severity::Critical, 1),
        Finding { rule: "own".into(), ..finding("PII_SSN", Severity::Low, 4) },
        finding("SECRET", Severity::High, 1),
    ];
    let found = Arc::new(Record { findings, ..record("node-1") });
    store.append_records(&mut [of_model("gpt"), found], false, NOW).unwrap();
    let position = (NOW.0 << POSITION_BITS) + 1;
    let query = "SELECT finding_type || ' ' || rule || ' ' || CAST(position AS TEXT) || ' ' || \
                 CAST(first_of_type AS TEXT) || ' ' || severity || ' ' || CAST(count AS TEXT) \
                 AS shown FROM audit_findings ORDER BY finding_type, rule";
    let wanted = [
        format!("PII_SSN own {position} 1 CRITICAL 4"),
        format!("PII_SSN rule {position} 0 CRITICAL 3"),
        format!("SECRET rule {position} 1 HIGH 1"),
    ];
    assert_eq!(shown(store, query), wanted);
}

fn sums_add_up_per_minute_and_hour(store: &Store) {
    let call = |after_ms: i64, outcome: Outcome| {
        let began = UnixMillis(NOW.0 + after_ms);
        Arc::new(Record {
            started_at: began,
            agent_name: Some("nightly".into()),
            model: Some("gpt".into()),
            endpoint: Some("chat/completions".into()),
            policy_result: (outcome == Outcome::Denied).then_some(PolicyResult::Deny),
            outcome: Some(outcome),
            findings: vec![finding("SECRET", Severity::High, 3)],
            input_tokens: Some(5),
            output_tokens: Some(7),
            cached_tokens: Some(2),
            reasoning_tokens: Some(1),
            latency_ms: Some(11),
            gateway_us: Some(13),
            ..record("node-1")
        })
    };
    let mut first = [call(0, Outcome::Completed), call(59_999, Outcome::Denied)];
    store.append_records(&mut first, false, NOW).unwrap();
    let mut second = [call(1, Outcome::Blocked), call(60_000, Outcome::Interrupted)];
    store.append_records(&mut second, false, NOW).unwrap();
    store.append_records(&mut second, true, NOW).unwrap();

    let columns = "calls, denied, blocked, failed, findings, input_tokens, output_tokens, \
                   cached_tokens, reasoning_tokens, latency_ms, gateway_us, latency_slots, gateway_slots";
    let columns: Vec<String> =
        columns.split(", ").map(|column| format!("CAST({column} AS TEXT)")).collect();
    let query = format!(
        "SELECT CAST(width AS TEXT) || ' ' || CAST(bucket - {} AS TEXT) || ' ' || agent_name || ' ' || \
         model || ' ' || app_context || ' ' || endpoint || ' ' || {} AS shown \
         FROM audit_sums ORDER BY width, bucket",
        NOW.0,
        columns.join(" || ' ' || "),
    );
    let wanted = [
        "60000 0 nightly gpt  chat/completions 3 1 1 0 9 15 21 6 3 33 39 al3 an3",
        "60000 60000 nightly gpt  chat/completions 1 0 0 1 3 5 7 2 1 11 13 al an",
        "3600000 0 nightly gpt  chat/completions 4 1 1 1 12 20 28 8 4 44 52 al4 an4",
    ];
    assert_eq!(shown(store, &query), wanted);
}

fn a_failed_batch_leaves_nothing_and_can_be_given_again(store: &Store) {
    store.append_records(&mut batch(&["node-1"]), false, NOW).unwrap();
    sql(store, "ALTER TABLE audit_sums RENAME TO elsewhere");
    let mut records = batch(&["node-1"; 3]);
    let error = store.append_records(&mut records, false, NOW).unwrap_err();
    assert!(!error.concerns_the_row(), "{error}");
    assert_eq!(verify(store).records, 1);
    sql(store, "ALTER TABLE elsewhere RENAME TO audit_sums");
    assert_eq!(store.append_records(&mut records, true, NOW).unwrap().stored, 3);
    assert_eq!(verify(store).records, 4);
}

fn a_restored_database_goes_on_where_its_chain_was(store: &Store) {
    store.append_records(&mut batch(&["node-1"; 3]), false, NOW).unwrap();
    let known = Head { seq: 3, event_hash: Hash([7; 32]) };
    assert!(!store.restore_head("node-1", known).unwrap(), "the database has as much");
    let known = Head { seq: 9, ..known };
    assert!(store.restore_head("node-1", known).unwrap());
    assert!(store.restore_head("node-2", known).unwrap());
    let mut next = batch(&["node-1"]);
    store.append_records(&mut next, false, NOW).unwrap();
    assert_eq!(next[0].seq, Some(10));
    assert_eq!(text(&next[0].previous_hash), Some(known.event_hash.to_string()));
}

#[test]
fn weeks_are_made_ahead_and_wait_for_no_reader() {
    on_postgres(|store| {
        let weeks = || {
            shown(
                store,
                "SELECT relname::text AS shown FROM pg_class WHERE relkind = 'r' AND \
            relnamespace = current_schema()::regnamespace AND relname LIKE 'audit_records_%' ORDER BY 1",
            )
        };
        store.append_records(&mut batch(&["node-1"]), false, NOW).unwrap();
        assert_eq!(weeks(), ["audit_records_20261123", "audit_records_20261130"]);
        // A long export reads meanwhile.
        store
            .record
            .write(None, |connection| {
                connection.batch_execute("SELECT count(*) FROM audit_records")?;
                let in_a_week = UnixMillis(NOW.0 + WEEK_MS);
                store.append_records(&mut batch(&["node-1"]), false, in_a_week)?;
                Ok(())
            })
            .unwrap();
        assert_eq!(weeks().len(), 3);
        assert_eq!(verify(store).records, 2);
    });
}

#[test]
fn a_week_that_was_dropped_is_made_again() {
    on_postgres(|store| {
        let mut records = batch(&["node-1"; 2]);
        store.append_records(&mut records[..1], false, NOW).unwrap();
        sql(store, "DROP TABLE audit_records_20261123");
        let error = store.append_records(&mut records[1..], false, NOW).unwrap_err();
        assert!(!error.concerns_the_row(), "{error}");
        sql(store, "DROP TABLE audit_findings_20261123");
        store.append_records(&mut records[1..], true, NOW).unwrap();
    });
}

#[test]
fn a_connection_that_is_lost_amid_the_rows_is_no_fault_of_theirs() {
    use diesel::{ExecuteCopyFromDsl as _, PgConnection, QueryResult, copy_from, pg::CopyFormat};
    use std::io::Write;

    fn copy(connection: &mut PgConnection, lost: impl Fn()) -> QueryResult<usize> {
        use crate::store::schema::audit_findings as table;
        let rows: Vec<i64> = (0..200_000).collect();
        let put = |row: &i64, out: &mut Vec<u8>| match *row {
            ..100 => {}
            100 => lost(),
            _ => out.extend([0; 100]),
        };
        copy_from(table::table)
            .from_raw_data(table::table, |out: &mut dyn Write| insert::copy_rows(&rows, put, out))
            .with_format(CopyFormat::Binary)
            .execute(connection)
    }

    on_postgres(|store| {
        let lost = store.record.write(None, |connection| {
            let AnyConnection::Postgres(postgres) = connection else { panic!("not Postgres") };
            let pid: Shown =
                sql_query("SELECT pg_backend_pid()::text AS shown").get_result(postgres)?;
            let end = format!("SELECT pg_terminate_backend({}, 5000)", pid.shown);
            Ok(copy(postgres, || sql(store, &end))?)
        });
        let error = lost.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    });
}
