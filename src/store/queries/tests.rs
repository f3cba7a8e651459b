//! What readers of the record may rely on, on both databases.

mod scans;
mod sessions;
mod sums;

use super::{super::testing::on_both_databases, *};
use crate::types::{
    Action, DataClass, Finding, Lifecycle, Severity, Surface, TextSurface, UsageSource,
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
    every_page_of_every_query_has_what_a_look_at_each_record_finds,
    a_page_whose_time_is_over_says_where_to_go_on,
    who_polls_with_a_filter_misses_nothing_that_is_written_meanwhile,
    agents_are_found_by_id_and_by_name,
    a_cursor_of_another_query_is_only_a_place,
    a_record_is_found_by_its_id_wherever_it_is,
);

/// Monday, 2026-11-23.
pub(super) const BEGIN: UnixMillis = UnixMillis(1_795_392_000_000);
pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

pub(super) fn at(millis: i64) -> UnixMillis {
    UnixMillis(BEGIN.0 + millis)
}

/// Began then, and otherwise empty.
pub(super) fn record(millis: i64) -> Record {
    let (secs, nanos) = (at(millis).0 / 1_000, at(millis).0 % 1_000 * 1_000_000);
    let moment = uuid::Timestamp::from_unix(
        uuid::NoContext,
        u64::try_from(secs).unwrap(),
        u32::try_from(nanos).unwrap(),
    );
    Record::new(ExchangeId(Uuid::new_v7(moment)), at(millis), "node-1".into(), Surface::Agent)
}

/// Writes them at this time.
pub(super) fn write(store: &Store, millis: i64, records: impl IntoIterator<Item = Record>) {
    let mut batch: Vec<_> = records.into_iter().map(Arc::new).collect();
    store.append_records(&mut batch, false, at(millis)).unwrap();
}

fn of(agent: &str, millis: i64, tokens: u64) -> Record {
    Record {
        agent_name: Some(agent.into()),
        model: Some("gpt-4o".into()),
        input_tokens: Some(tokens),
        output_tokens: Some(1),
        usage_source: Some(UsageSource::Provider),
        policy_result: Some(if tokens == 0 { PolicyResult::Deny } else { PolicyResult::Allow }),
        ..record(millis)
    }
}

/// Puts a stored record among those that the database did not take.
pub(super) fn put_aside(store: &Store, id: ExchangeId) {
    let record = store.record(id).unwrap().unwrap();
    let position = store.place(id).unwrap().unwrap().position();
    let gone = format!("DELETE FROM audit_records WHERE position = {position}");
    store
        .record
        .write(None, |connection| {
            super::super::set_aside::put(connection, position, &record, "for a test")?;
            Ok(connection.batch_execute(&gone)?)
        })
        .unwrap();
}

fn finding(kind: &str, severity: Severity, count: u32) -> Finding {
    Finding {
        rule: kind.to_lowercase().into(),
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

/// Numbers that look drawn, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let sides = u64::try_from(of.len()).unwrap();
        of[usize::try_from(self.roll(sides)).unwrap()].clone()
    }
}

const AGENTS: [&str; 4] = ["ant", "ant", "ant", "bee"];
const MODELS: [&str; 3] = ["gpt-4o", "gpt-4o", "o3"];
const ENDPOINTS: [&str; 4] = ["chat/completions", "chat/completions", "embeddings", "admin"];
const OUTCOMES: [Outcome; 4] =
    [Outcome::Completed, Outcome::Completed, Outcome::Denied, Outcome::UpstreamError];

/// Some that end soon, some that take long, over three weeks; written in batches.
fn many(store: &Store) -> Vec<Record> {
    let mut dice = Dice(1);
    let mut all = Vec::new();
    for batch in 0..42 {
        let written = batch * 12 * HOUR_MS;
        let records = (0..30).map(|_| {
            let late = dice.pick(&[0, 0, 0, 0, 2 * HOUR_MS, 30 * HOUR_MS]);
            let mut record = record(written - late - i64::try_from(dice.roll(1_000_000)).unwrap());
            record.agent_name = Some(dice.pick(&AGENTS).into());
            record.model = Some(dice.pick(&MODELS).into());
            record.endpoint = Some(Cow::Borrowed(dice.pick(&ENDPOINTS)));
            record.session_id = Some(format!("s-{}", dice.roll(9)).into());
            record.app_context = dice.pick(&[None, Some("ac_1".into())]);
            record.policy_result = Some(dice.pick(PolicyResult::ALL));
            record.outcome = Some(dice.pick(OUTCOMES.as_slice()));
            if dice.roll(4) == 0 {
                let kind = dice.pick(&["PII_SSN", "SECRET_\"%"]);
                let rules = dice.pick(&[&["ours"][..], &["theirs", "ours"], &["theirs", "a\"%"]]);
                let found = finding(kind, Severity::High, 1);
                let found =
                    rules.iter().map(|rule| Finding { rule: (*rule).into(), ..found.clone() });
                record.findings.extend(found);
            }
            record
        });
        let records: Vec<_> = records.collect();
        write(store, written, records.iter().cloned());
        all.extend(records);
    }
    all
}

/// A query that asks for this and that.
fn any_query(dice: &mut Dice) -> RecordQuery {
    let mut query = RecordQuery { newest_first: dice.roll(2) == 0, ..RecordQuery::default() };
    query.limit = dice.pick(&[40, 300, 1_000]);
    for _ in 0..dice.roll(4) {
        match dice.roll(12) {
            0 => query.agent = Some(dice.pick(&["ant", "bee", "cat"]).to_owned()),
            1 => query.model = Some(dice.pick(&["gpt-4o", "o3"]).to_owned()),
            2 => query.endpoint = Some(dice.pick(&["chat/completions", "embeddings"]).to_owned()),
            3 => query.session = Some(dice.pick(&["s-1", "s-2", "s-none"]).to_owned()),
            4 => query.app_context = Some("ac_1".to_owned()),
            5 => query.policy_result = Some(dice.pick(PolicyResult::ALL)),
            6 => query.outcome = Some(dice.pick(Outcome::ALL)),
            7 => query.finding = Some(dice.pick(&["PII_SSN", "SECRET_\"%", "PII"]).to_owned()),
            8 => query.kind = Some(dice.pick(RecordKind::ALL)),
            9 => query.finding_rule = Some(dice.pick(&["ours", "a\"%", "our"]).to_owned()),
            10 => query.from = Some(at(i64::try_from(dice.roll(21)).unwrap() * DAY_MS)),
            _ => query.to = Some(at(i64::try_from(dice.roll(21)).unwrap() * DAY_MS)),
        }
    }
    query
}

fn matches(query: &RecordQuery, record: &Record) -> bool {
    let is = |wanted: &Option<String>, value: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| Some(wanted) == value)
    };
    is(&query.agent, record.agent_name.as_deref())
        && is(&query.model, record.model.as_deref())
        && is(&query.endpoint, record.endpoint.as_deref())
        && is(&query.session, record.session_id.as_deref())
        && is(&query.app_context, record.app_context.as_deref())
        && query.policy_result.is_none_or(|wanted| Some(wanted) == record.policy_result)
        && query.outcome.is_none_or(|wanted| Some(wanted) == record.outcome)
        && query.surface.is_none_or(|wanted| wanted == record.surface)
        && query.kind.is_none_or(|kind| match kind {
            RecordKind::Calls => record.endpoint.as_deref() != Some("admin"),
            RecordKind::Changes => record.endpoint.as_deref() == Some("admin"),
            RecordKind::Findings => !record.findings.is_empty(),
            RecordKind::Failures => {
                matches!(record.outcome, Some(Outcome::UpstreamError | Outcome::Interrupted))
            }
        })
        && query.from.is_none_or(|from| record.started_at >= from)
        && query.to.is_none_or(|to| record.started_at < to)
        && found(&query.finding, record, |finding| &finding.kind)
        && found(&query.finding_rule, record, |finding| &finding.rule)
}

fn found(wanted: &Option<String>, record: &Record, says: impl Fn(&Finding) -> &str) -> bool {
    let is_it = |wanted: &str| record.findings.iter().any(|finding| says(finding) == wanted);
    wanted.as_deref().is_none_or(is_it)
}

fn ids<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<ExchangeId> {
    records.into_iter().map(|record| record.id).collect()
}

/// Page after page, as `read` gives them, each cursor by way of its text.
fn all_pages(
    mut query: RecordQuery,
    read: impl Fn(&RecordQuery) -> RecordPage,
) -> (Vec<Record>, usize) {
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = read(&query);
        pages += 1;
        assert!(page.events.len() <= usize::try_from(query.limit).unwrap());
        seen.extend(page.events);
        let Some(next) = page.next else { return (seen, pages) };
        assert_eq!(page.end, Some(next));
        query.after = Cursor::parse(&next.to_string());
        assert!(pages < 5_000, "it must come to an end: {query:?}");
    }
}

fn every_page_of_every_query_has_what_a_look_at_each_record_finds(store: &Store) {
    let all = many(store);
    let mut dice = Dice(7);
    for _ in 0..80 {
        let query = any_query(&mut dice);
        let (seen, _) = all_pages(query.clone(), |query| store.records(query).unwrap());
        let wanted = all.iter().filter(|record| matches(&query, record));
        let mut wanted = ids(wanted);
        let mut found = ids(&seen);
        if query.to.is_none() {
            if query.newest_first {
                wanted.reverse();
            }
            assert_eq!(found, wanted, "{query:?}");
        }
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{query:?}");
    }
}

fn a_page_whose_time_is_over_says_where_to_go_on(store: &Store) {
    let all = many(store);
    // Late ones too: they are read in a phase of their own.
    let query = RecordQuery {
        limit: 10,
        to: Some(at(15 * DAY_MS)),
        endpoint: Some("chat/completions".to_owned()),
        policy_result: Some(PolicyResult::Allow),
        agent: Some("bee".to_owned()),
        ..RecordQuery::default()
    };
    for newest_first in [false, true] {
        let query = RecordQuery { newest_first, ..query.clone() };
        let filters = store.filters(&query).unwrap();
        let in_no_time = |query: &RecordQuery| {
            let page = store.record.look(|connection| {
                pages::page_within(connection, query, &filters, Duration::ZERO, 100)
            });
            page.unwrap()
        };
        let (seen, pages) = all_pages(query.clone(), in_no_time);
        let (at_ease, fewer) = all_pages(query.clone(), |query| store.records(query).unwrap());
        assert_eq!(ids(&seen), ids(&at_ease));
        assert!(pages > fewer, "{pages} pages instead of {fewer}");
        assert_eq!(seen.len(), all.iter().filter(|record| matches(&query, record)).count());
    }
}

fn who_polls_with_a_filter_misses_nothing_that_is_written_meanwhile(store: &Store) {
    const BATCHES: i64 = 60;
    let query = RecordQuery {
        policy_result: Some(PolicyResult::Allow),
        limit: 1_000,
        ..RecordQuery::default()
    };
    let allowed = |number| (number % 20 == 0).then_some(PolicyResult::Allow);
    let is_over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut query, mut seen) = (query.clone(), 0);
            loop {
                let was_over = is_over.load(Ordering::SeqCst);
                let page = store.records(&query).unwrap();
                seen += page.events.len();
                query.after = page.end.or(query.after);
                if was_over && page.next.is_none() {
                    return seen;
                }
            }
        });
        for batch in 0..BATCHES {
            let records = (0..100).map(|n| Record { policy_result: allowed(n), ..record(n) });
            write(store, batch, records);
        }
        is_over.store(true, Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert_eq!(seen, 5 * usize::try_from(BATCHES).unwrap());
}

fn agents_are_found_by_id_and_by_name(store: &Store) {
    let agent = super::super::testing::create_agent(store, "nightly");
    let of = |id: &str, name: &str| Record {
        agent_id: Some(id.into()),
        agent_name: Some(name.into()),
        ..record(0)
    };
    let known = of(&agent.id, "nightly");
    let gone = of("0193a5b2-0000-7000-8000-000000000001", "gone");
    write(store, 1_000, [known.clone(), gone.clone(), record(0)]);
    let found = |agent: &str| {
        let query = RecordQuery { agent: Some(agent.to_owned()), limit: 9, ..Default::default() };
        ids(&store.records(&query).unwrap().events)
    };
    assert_eq!(found("nightly"), [known.id]);
    assert_eq!(found(&agent.id.to_uppercase()), [known.id]);
    assert_eq!(found("0193a5b2-0000-7000-8000-000000000001"), [gone.id]);
    assert_eq!(found("no' OR '1'='1"), []);
    assert_eq!(found("night\0ly"), []);
}

fn a_cursor_of_another_query_is_only_a_place(store: &Store) {
    write(store, 0, (0..3).map(record));
    let Some(Cursor::Written(position)) =
        store.records(&RecordQuery { limit: 1, ..Default::default() }).unwrap().next
    else {
        panic!("there are more");
    };
    let late = Cursor::Late { started_at: BEGIN.0, position };
    assert_eq!(Cursor::parse(&late.to_string()), Some(late));
    for finding in [None, Some("PII_SSN".to_owned())] {
        let query = RecordQuery {
            after: Some(late),
            limit: 9,
            finding: finding.clone(),
            ..Default::default()
        };
        let expected = if finding.is_some() { 0 } else { 2 };
        assert_eq!(store.records(&query).unwrap().events.len(), expected);
    }
    for text in ["", "x", "0", "-1", "1-", "-1-1", "1-x", "99999999999999999999"] {
        assert_eq!(Cursor::parse(text), None, "{text}");
    }
}

fn a_record_is_found_by_its_id_wherever_it_is(store: &Store) {
    let soon = record(0);
    let late = record(1);
    let of_another_kind = Record { id: ExchangeId(Uuid::from_u128(7)), ..record(2) };
    write(store, 1_000, [soon.clone()]);
    write(store, 20 * DAY_MS, [late.clone(), of_another_kind.clone()]);
    let mut places = Vec::new();
    for wanted in [soon, late, of_another_kind] {
        let found = store.record(wanted.id).unwrap().unwrap();
        assert_eq!((found.id, found.started_at), (wanted.id, wanted.started_at));
        places.push(store.place(wanted.id).unwrap().unwrap().position());
    }
    assert!(places.is_sorted());
    assert_eq!(store.record(record(3).id).unwrap(), None);
    assert_eq!(store.place(record(3).id).unwrap(), None);
}
