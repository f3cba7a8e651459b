//! What writing the record costs: `cargo bench --bench record` appends batches to SQLite and, when
//! `PORTCULLIS_TEST_POSTGRES_URL` says where one is, to Postgres (in a schema of its own, dropped at the end). Shown are
//! records per second, and the CPU time that this process spends for each. Before that it writes exchanges to a journal
//! as a worker does, and shows the CPU time of the worker and of the journal's thread. `-- indexes` measures what each
//! index on Postgres costs: the time that a batch saves without it.
//!
//! It must measure what the gate does: chaining, rows, findings, sums and the commit, as `append_records` does it.

#![expect(clippy::print_stdout, reason = "tables are what this program is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark has no configuration; tests name Postgres so, too"
)]
#![expect(clippy::expect_used, reason = "without a database there is nothing to measure")]

use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use futures_util::FutureExt as _;
use portcullis::{
    config::Durability,
    journal::{Journal, JournalSettings, Mark, Room, Written},
    store::{Store, StoreOptions},
    types::{
        Action, DataClass, ExchangeId, Finding, Lifecycle, Outcome, Permission, PolicyResult,
        Record, Scan, ScanExtent, Sensitive, Severity, Surface, TextSurface, UnixMillis,
        UsageSource,
    },
};
use rustix::time::{ClockId, clock_gettime};
use std::{
    collections::VecDeque,
    env, fs,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

/// Records of one measurement.
const RECORDS: usize = 100_000;

/// What readers need and a write pays for.
const INDEXES: &[&str] = &[
    "audit_records_by_id",
    "audit_records_by_agent_name",
    "audit_records_by_model",
    "audit_records_by_session",
    "audit_records_by_app_context",
    "audit_records_by_endpoint",
    "audit_records_denied",
    "audit_records_incomplete",
    "audit_records_late",
];

fn main() {
    let postgres = env::var("PORTCULLIS_TEST_POSTGRES_URL").ok();
    if env::args().any(|argument| argument == "indexes") {
        return indexes(&postgres.expect("PORTCULLIS_TEST_POSTGRES_URL is not set"));
    }
    let dir = tempfile::tempdir().expect("no temporary directory");
    journal(dir.path());
    println!(
        "\n{:>10} {:>7} {:>6} {:>12} {:>18}",
        "", "batch", "again", "records/s", "CPU us/record"
    );
    let sqlite = open(None, dir.path());
    table("sqlite", &sqlite);
    let Some(url) = postgres else {
        return println!("{:>10} PORTCULLIS_TEST_POSTGRES_URL is not set", "postgres");
    };
    with_schema(&url, |_, url| table("postgres", &open(Some(url.to_owned()), Path::new(""))));
}

/// A worker's share: 64 exchanges are open at any time, and 8,000 end in a second, in bursts as they come from sockets.
fn journal(dir: &Path) {
    const OPEN: usize = 64;
    const BURST: usize = 16;
    const EVERY: Duration = Duration::from_millis(2);
    let settings = JournalSettings {
        dir: dir.join("journal"),
        segment_bytes: 16 << 20,
        most_bytes: 1 << 30,
        durability: Durability::Process,
    };
    let journal = Journal::open(settings, |_record| ()).expect("the journal does not open");
    let mut open: VecDeque<(Room, Written, Record)> = VecDeque::with_capacity(OPEN);
    let mut marks: Vec<Mark> = Vec::new();
    let (mut worker_ns, mut settling_ns) = (0, 0);
    let journal_before_ns = cpu_of_thread_ns("journal");
    let mut due = Instant::now();
    for number in (0..RECORDS).step_by(BURST) {
        let ended: Vec<Record> = (number..number + BURST).map(record).collect();
        let begun: Vec<Record> = ended.iter().map(begun).collect();
        let before = cpu_of_this_thread_ns();
        for (begun, ended) in begun.iter().zip(ended) {
            if open.len() == OPEN
                && let Some((room, written, ended)) = open.pop_front()
            {
                // Its answer has begun, and ends.
                let durable = journal.durable(written).now_or_never();
                durable.expect("it waits for a disk").expect("it is not written");
                marks.push(room.end(&ended));
            }
            let mut room = journal.reserve().expect("no room in the journal");
            let written = room.begin(begun).expect("the beginning is not written");
            open.push_back((room, written, ended));
        }
        worker_ns += cpu_of_this_thread_ns() - before;
        if marks.len() >= 4_000 {
            let before = cpu_of_this_thread_ns();
            journal.settle(&std::mem::take(&mut marks));
            settling_ns += cpu_of_this_thread_ns() - before;
        }
        due += EVERY;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    println!("{:>10} {:>21} {:>21}", "", "worker, us/exchange", "its thread, settling");
    let journal_ns = cpu_of_thread_ns("journal") - journal_before_ns;
    println!(
        "{:>10} {:>21.1} {:>21.1}",
        "journal",
        each_us(worker_ns),
        each_us(journal_ns + settling_ns)
    );
}

/// What is known of a record when its exchange begins.
fn begun(record: &Record) -> Record {
    Record {
        outcome: None,
        status_code: None,
        finish_reason: None,
        response_model: None,
        input_tokens: None,
        output_tokens: None,
        cached_tokens: None,
        usage_source: None,
        latency_ms: None,
        time_to_first_byte_ms: None,
        response_bytes: None,
        ..record.clone()
    }
}

#[expect(clippy::as_conversions, reason = "counts that a float holds exactly")]
fn each_us(ns: u64) -> f64 {
    ns as f64 / 1e3 / RECORDS as f64
}

fn table(name: &str, store: &Store) {
    for (batch, again) in [(100, false), (1_000, false), (1_000, true), (5_000, false)] {
        let Cost { per_second, cpu_us } = measure(store, batch, again);
        println!("{name:>10} {batch:>7} {again:>6} {per_second:>12.0} {cpu_us:>18.1}");
    }
}

fn indexes(url: &str) {
    println!("{:>32} {:>12} {:>16}", "without", "records/s", "saved us/record");
    with_schema(url, |connection, url| {
        let store = open(Some(url.to_owned()), Path::new(""));
        let mut before: Option<f64> = None;
        for dropped in [None].into_iter().chain(INDEXES.iter().map(Some)) {
            if let Some(index) = dropped {
                connection.batch_execute(&format!("DROP INDEX {index}")).expect("no such index");
            }
            let Cost { per_second, .. } = measure(&store, 5_000, false);
            let each_us = 1e6 / per_second;
            let saved = before.map_or(0.0, |before| before - each_us);
            before = Some(each_us);
            let name = dropped.unwrap_or(&"nothing (each line also without those above)");
            println!("{name:>32} {per_second:>12.0} {saved:>16.1}");
        }
    });
}

fn open(url: Option<String>, data_dir: &Path) -> Store {
    let database_url = url.map(Sensitive::new);
    Store::open(&StoreOptions { database_url, data_dir: data_dir.to_owned(), pool_size: 2 })
        .expect("the store does not open")
}

fn with_schema(url: &str, work: impl FnOnce(&mut PgConnection, &str)) {
    let name = format!("bench_{}", Uuid::now_v7().simple());
    let separator = if url.contains('?') { '&' } else { '?' };
    let own = format!("{url}{separator}options=-csearch_path%3D{name}");
    let mut connection = PgConnection::establish(&own).expect("no Postgres there");
    connection.batch_execute(&format!("CREATE SCHEMA {name}")).expect("no schema");
    work(&mut connection, &own);
    connection.batch_execute(&format!("DROP SCHEMA {name} CASCADE")).expect("the schema stays");
}

struct Cost {
    per_second: f64,
    cpu_us: f64,
}

#[expect(clippy::as_conversions, reason = "counts that a float holds exactly")]
fn measure(store: &Store, size: usize, again: bool) -> Cost {
    let mut elapsed = Duration::ZERO;
    let mut cpu_ns = 0;
    for number in 0..RECORDS / size {
        let mut batch: Vec<Arc<Record>> =
            (0..size).map(|place| Arc::new(record(number * size + place))).collect();
        let (begin, cpu_before) = (Instant::now(), cpu_of_this_thread_ns());
        let appended = store.append_records(&mut batch, again, now()).expect("not appended");
        elapsed += begin.elapsed();
        cpu_ns += cpu_of_this_thread_ns() - cpu_before;
        assert_eq!(appended.stored, size);
    }
    let records = (RECORDS / size * size) as f64;
    Cost { per_second: records / elapsed.as_secs_f64(), cpu_us: cpu_ns as f64 / 1e3 / records }
}

/// The store works on the thread that asks it.
fn cpu_of_this_thread_ns() -> u64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(spent.tv_sec * 1_000_000_000 + spent.tv_nsec).unwrap_or_default()
}

/// Of the thread with this name, as of when it last went to sleep.
fn cpu_of_thread_ns(name: &str) -> u64 {
    let tasks = fs::read_dir("/proc/self/task").expect("no /proc");
    let mut tasks = tasks.filter_map(|task| Some(task.ok()?.path()));
    let task = tasks.find(|task| {
        fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    });
    let schedstat = task.and_then(|task| fs::read_to_string(task.join("schedstat")).ok());
    let spent = schedstat.as_deref().and_then(|it| it.split(' ').next());
    spent.and_then(|ns| ns.parse().ok()).expect("no such thread")
}

fn now() -> UnixMillis {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(now.as_millis()).unwrap_or_default())
}

/// A call among many: 100 agents in 1,000 sessions, five models, now and then a finding or a denial.
fn record(number: usize) -> Record {
    let is_denied = number.is_multiple_of(33);
    let findings = if number.is_multiple_of(20) { vec![finding()] } else { Vec::new() };
    Record {
        agent_id: Some(format!("0193a5b2-0000-7000-8000-{:012}", number % 100).into()),
        agent_name: Some(format!("agent-{}", number % 100).into()),
        agent_type: Some("autonomous".into()),
        roles: Arc::new(["developer".into()]),
        permission: Some(Permission::WebWrite),
        session_id: Some(format!("session-{:08}", number % 1_000).into()),
        token_id: Some(format!("0193a5b2-1111-7000-8000-{:012}", number % 300).into()),
        app_context: (number.is_multiple_of(4)).then(|| format!("context-{}", number % 12).into()),
        action: "POST".into(),
        target: "/openai/v1/chat/completions".into(),
        endpoint: Some(
            if number.is_multiple_of(10) { "embeddings" } else { "chat/completions" }.into(),
        ),
        model: Some(format!("gpt-4o-{}", number % 5).into()),
        response_model: Some("gpt-4o-2024-11-20".into()),
        message_count: Some(7),
        has_system_prompt: Some(true),
        has_tools: Some(number.is_multiple_of(2)),
        tool_names: if number.is_multiple_of(2) {
            vec!["search".into(), "fetch_page".into()]
        } else {
            Vec::new()
        },
        stream: Some(true),
        policy_result: Some(if is_denied { PolicyResult::Deny } else { PolicyResult::Allow }),
        policy_rule: Some("line 12: p, developer, gpt-4o*, allow".into()),
        policy_version: Some("1f0c2ab7d4e9".into()),
        findings,
        scan: Scan { extent: ScanExtent::Full, reason: None },
        detection_version: Some("77b1c09a3fe2".into()),
        trust_score: Some(8_125),
        risk_score: Some(1_250),
        risk_tier: Some("low".into()),
        status_code: Some(if is_denied { 403 } else { 200 }),
        finish_reason: Some("stop".into()),
        input_tokens: Some(812),
        output_tokens: Some(211),
        cached_tokens: Some(512),
        usage_source: Some(UsageSource::Provider),
        latency_ms: Some(spread(number, 150, 12_000)),
        time_to_first_byte_ms: Some(304),
        gateway_us: (!is_denied).then(|| spread(number * 31, 60, 2_400)),
        request_bytes: Some(4_096),
        response_bytes: Some(18_211),
        outcome: Some(if is_denied { Outcome::Denied } else { Outcome::Completed }),
        receipt_hash: Some("0123456789abcdef".repeat(4).into()),
        ..Record::new(ExchangeId(Uuid::now_v7()), now(), "gate-1".into(), Surface::Agent)
    }
}

/// From `least` to `most`, each factor of two as often as the next: as latencies are.
#[expect(clippy::as_conversions, reason = "small numbers, and made up")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
fn spread(number: usize, least: u64, most: u64) -> u64 {
    let place = (number * 7_919 % 10_007) as f64 / 10_007.0;
    (least as f64 * (most as f64 / least as f64).powf(place)) as u64
}

fn finding() -> Finding {
    Finding {
        rule: "us-ssn".into(),
        kind: "PII_SSN".into(),
        class: DataClass::Pii,
        severity: Severity::High,
        lifecycle: Lifecycle::Ingress,
        surface: TextSurface::User,
        action: Action::Log,
        count: 1,
        hmac: Some("00ff00ff00ff00ff".into()),
    }
}
