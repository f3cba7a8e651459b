//! What readers of the record may rely on, on both databases.

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
    a_scan_sees_what_was_set_aside_in_its_place_and_names_what_cannot_be_read,
    sums_are_put_together_by_time_and_by_name,
    findings_are_summed_up_by_type,
    sessions_are_listed_by_their_last_record,
    pages_pass_over_what_cannot_be_read_and_name_it,
    of_a_long_session_the_newest_are_summed_up,
    sessions_and_sums_take_an_agents_id,
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
const ENDPOINTS: [&str; 3] = ["chat/completions", "chat/completions", "embeddings"];
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
                record.findings.push(finding(kind, Severity::High, 1));
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
        match dice.roll(10) {
            0 => query.agent = Some(dice.pick(&["ant", "bee", "cat"]).to_owned()),
            1 => query.model = Some(dice.pick(&["gpt-4o", "o3"]).to_owned()),
            2 => query.endpoint = Some(dice.pick(&["chat/completions", "embeddings"]).to_owned()),
            3 => query.session = Some(dice.pick(&["s-1", "s-2", "s-none"]).to_owned()),
            4 => query.app_context = Some("ac_1".to_owned()),
            5 => query.policy_result = Some(dice.pick(PolicyResult::ALL)),
            6 => query.outcome = Some(dice.pick(Outcome::ALL)),
            7 => query.finding = Some(dice.pick(&["PII_SSN", "SECRET_\"%", "PII"]).to_owned()),
            8 => query.from = Some(at(i64::try_from(dice.roll(21)).unwrap() * DAY_MS)),
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
        && query.from.is_none_or(|from| record.started_at >= from)
        && query.to.is_none_or(|to| record.started_at < to)
        && query
            .finding
            .as_deref()
            .is_none_or(|wanted| record.findings.iter().any(|finding| &*finding.kind == wanted))
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

fn a_scan_sees_what_was_set_aside_in_its_place_and_names_what_cannot_be_read(store: &Store) {
    let records: Vec<_> = (0..5_000).map(record).collect();
    for (number, batch) in (0..).zip(records.chunks(1_000)) {
        write(store, number * HOUR_MS, batch.iter().cloned());
    }
    let other = Record { node: "node-2".into(), ..record(0) };
    write(store, 9 * HOUR_MS, [other.clone()]);
    let wanted = ids(&records);
    for number in [0, 1_999, 2_000, 2_001, 4_999] {
        put_aside(store, wanted[number]);
    }
    let scan = |range: ScanRange| {
        let mut range = range;
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        while let Some(batch) = store.scan_batch(&range).unwrap() {
            records.extend(batch.records);
            unreadable.extend(batch.unreadable);
            range.after = Some(batch.end);
        }
        (ids(&records), unreadable)
    };
    let of_node = |node: &str| ScanRange { node: Some(node.to_owned()), ..ScanRange::default() };
    assert_eq!(scan(of_node("node-1")), (wanted.clone(), Vec::new()));
    assert_eq!(scan(of_node("node-2")), (vec![other.id], Vec::new()));
    let hours = |from, to| ScanRange {
        from: Some(at(from * HOUR_MS)),
        to: Some(at(to * HOUR_MS)),
        ..ScanRange::default()
    };
    assert_eq!(scan(hours(1, 3)).0, wanted[1_000..3_000]);
    assert_eq!(scan(hours(20, 21)).0, []);
    let behind = ScanRange { after: store.place(wanted[1_999]).unwrap(), ..of_node("node-1") };
    assert_eq!(scan(behind).0, wanted[2_000..]);

    for (number, change) in [(10, "outcome = 'fine'"), (20, "status_code = -7")] {
        let sql = format!("UPDATE audit_records SET {change} WHERE id = '{}'", wanted[number]);
        store.record.run(|connection| Ok(connection.batch_execute(&sql)?)).unwrap();
    }
    let (found, unreadable) = scan(of_node("node-1"));
    assert_eq!(found.len(), wanted.len() - 2);
    let row = |number: usize| Unreadable {
        id: wanted[number].to_string(),
        node: "node-1".to_owned(),
        seq: i64::try_from(number).unwrap() + 1,
    };
    assert_eq!(unreadable, [row(10), row(20)]);
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

fn sums_are_put_together_by_time_and_by_name(store: &Store) {
    write(store, 0, [of("ant", 0, 10), of("ant", 59_999, 20), of("ant", 60_000, 40)]);
    write(store, DAY_MS, [of("bee", DAY_MS, 100), of("bee", DAY_MS + 1, 0), record(DAY_MS)]);
    let query = SumsQuery {
        from: at(30_000),
        to: at(2 * DAY_MS),
        width: SumsWidth::Minute,
        group: Some(SumsGroup::Time),
        agent: None,
        model: None,
        app_context: None,
        endpoint: None,
    };
    let sums = |query: SumsQuery| {
        let sums = store.sums(&query).unwrap().into_iter();
        sums.map(|sum| (sum.name, sum.at, sum.counts.calls, sum.counts.input_tokens))
            .collect::<Vec<_>>()
    };
    let by_time = |millis: i64, calls, tokens| (String::new(), at(millis), calls, tokens);
    assert_eq!(
        sums(query.clone()),
        [by_time(0, 2, 30), by_time(60_000, 1, 40), by_time(DAY_MS, 3, 100)]
    );
    let days = SumsQuery { width: SumsWidth::Day, ..query.clone() };
    assert_eq!(sums(days.clone()), [by_time(0, 3, 70), by_time(DAY_MS, 3, 100)]);
    let of_ant = SumsQuery { agent: Some("ant".to_owned()), ..days.clone() };
    assert_eq!(sums(of_ant), [by_time(0, 3, 70)]);
    let by_agent = SumsQuery { group: Some(SumsGroup::Agent), ..days.clone() };
    let named = |name: &str, calls, tokens| (name.to_owned(), at(0), calls, tokens);
    assert_eq!(sums(by_agent), [named("ant", 3, 70), named("bee", 2, 100), named("", 1, 0)]);
    let all = SumsQuery { group: None, width: SumsWidth::Hour, ..days };
    assert_eq!(sums(all.clone()), [named("", 6, 170)]);
    let denied = store.sums(&all).unwrap()[0].counts.denied;
    assert_eq!(denied, 1);
    let none = SumsQuery { from: at(9 * DAY_MS), to: at(10 * DAY_MS), ..all };
    assert_eq!(sums(none), []);
}

fn findings_are_summed_up_by_type(store: &Store) {
    let with = |findings: &[Finding]| Record { findings: findings.to_vec(), ..record(0) };
    let (low, high) = (finding("PII_SSN", Severity::Low, 3), finding("PII_SSN", Severity::High, 1));
    let key = finding("SECRET_KEY", Severity::Critical, 1);
    write(store, 0, [with(&[low.clone(), high, key.clone()]), with(&[low])]);
    write(store, DAY_MS, [with(&[key])]);
    let sums = |from, to| store.finding_sums(at(from), at(to)).unwrap();
    let sum = |kind: &str, severity, exchanges, findings| FindingSums {
        kind: kind.to_owned(),
        severity,
        exchanges,
        findings,
    };
    assert_eq!(
        sums(0, DAY_MS),
        [
            sum("PII_SSN", Severity::High, 1, 4),
            sum("PII_SSN", Severity::Low, 1, 3),
            sum("SECRET_KEY", Severity::Critical, 1, 1),
        ]
    );
    assert_eq!(sums(DAY_MS, 2 * DAY_MS), [sum("SECRET_KEY", Severity::Critical, 1, 1)]);
}

fn sessions_are_listed_by_their_last_record(store: &Store) {
    let call = |session: &str, agent: &str, millis: i64| Record {
        session_id: Some(session.into()),
        latency_ms: Some(500),
        ..of(agent, millis, 10)
    };
    write(store, 1_000, [call("a", "ant", 0), call("b", "bee", 0), record(0)]);
    write(store, 2_000, (0..3_000).map(|_| call("long", "ant", 1_500)));
    let blocked = Record { outcome: Some(Outcome::Blocked), ..call("a", "ant", 10_000) };
    write(store, 20_000, [blocked, Record { input_tokens: Some(0), ..call("c", "bee", 19_000) }]);
    write(store, 30_000, [call("c", "cat", 29_000), record(29_000)]);

    let list = |query: &SessionQuery| {
        let (mut query, mut seen) = (query.clone(), Vec::new());
        loop {
            let page = store.call_sessions(&query).unwrap();
            seen.extend(page.sessions.into_iter().map(|session| session.session_id));
            query.after = page.next;
            if query.after.is_none() {
                return seen;
            }
        }
    };
    for limit in [1, 3, 100] {
        let query = SessionQuery { limit, ..SessionQuery::default() };
        assert_eq!(list(&query), ["c", "a", "long", "b"]);
        let of_bee = SessionQuery { agent: Some("bee".to_owned()), ..query.clone() };
        assert_eq!(list(&of_bee), ["c", "b"]);
        let early = SessionQuery { to: Some(at(10_000)), ..query.clone() };
        assert_eq!(list(&early), ["long", "b", "a"]);
        let late = SessionQuery { from: Some(at(10_000)), ..query };
        assert_eq!(list(&late), ["c", "a"]);
    }
    let a = store.call_session("a").unwrap().unwrap();
    assert_eq!((a.agent_name.as_deref(), a.agents, a.calls, a.blocked), (Some("ant"), 1, 2, 1));
    assert_eq!((a.first_at, a.last_at, a.duration_ms), (at(0), at(10_500), 10_500));
    assert_eq!((a.input_tokens, a.output_tokens, a.findings, a.denied), (20, 2, 0, 0));
    assert_eq!(store.call_session("c").unwrap().unwrap().agents, 2);
    assert_eq!(store.call_session("none").unwrap(), None);
}

fn pages_pass_over_what_cannot_be_read_and_name_it(store: &Store) {
    let ssn = || finding("PII_SSN", Severity::High, 1);
    let records: Vec<_> =
        (0..40).map(|_| Record { findings: vec![ssn()], ..of("ant", 0, 1) }).collect();
    write(store, 0, records.iter().cloned());
    // Late ones are read in a phase of their own.
    write(store, 9 * HOUR_MS, (0..10).map(|_| record(0)));
    let change =
        "UPDATE audit_records SET outcome = 'x' WHERE seq IN (1, 2, 10, 11, 12, 40, 41, 45)";
    store.record.run(|connection| Ok(connection.batch_execute(change)?)).unwrap();
    let all = RecordQuery::default();
    let queries = [
        (all.clone(), 42),
        (RecordQuery { to: Some(at(HOUR_MS)), ..all.clone() }, 42),
        (RecordQuery { agent: Some("ant".to_owned()), ..all.clone() }, 34),
        (RecordQuery { finding: Some("PII_SSN".to_owned()), ..all.clone() }, 34),
        (
            RecordQuery { agent: Some("ant".to_owned()), model: Some("gpt-4o".to_owned()), ..all },
            34,
        ),
    ];
    for (query, readable) in queries {
        for (limit, newest_first) in [(1, false), (2, true), (7, false), (100, true)] {
            let query = RecordQuery { limit, newest_first, ..query.clone() };
            let (seen, _) = all_pages(query.clone(), |query| store.records(query).unwrap());
            let mut ids = ids(&seen);
            ids.sort();
            ids.dedup();
            assert_eq!((seen.len(), ids.len()), (readable, readable), "{query:?}");
        }
    }
    for (limit, named) in [(7, vec![1, 2]), (8, vec![1, 2, 10, 11, 12])] {
        let page = store.records(&RecordQuery { limit, ..RecordQuery::default() }).unwrap();
        assert_eq!(page.unreadable.iter().map(|row| row.seq).collect::<Vec<_>>(), named);
    }
}

fn of_a_long_session_the_newest_are_summed_up(store: &Store) {
    let call = |millis| Record { session_id: Some("long".into()), ..of("ant", millis, 2) };
    write(store, 0, [call(0)]);
    write(store, HOUR_MS, (1..10_000).map(|_| call(HOUR_MS)));
    let summary = || store.call_session("long").unwrap().unwrap();
    assert_eq!((summary().calls, summary().first_at, summary().partial), (10_000, at(0), false));
    write(store, 2 * HOUR_MS, [call(2 * HOUR_MS)]);
    assert_eq!((summary().calls, summary().first_at), (10_000, at(HOUR_MS)));
    assert_eq!((summary().input_tokens, summary().partial), (20_000, true));
}

fn sessions_and_sums_take_an_agents_id(store: &Store) {
    let agent = super::super::testing::create_agent(store, "nightly");
    let gone = "0193a5b2-0000-7000-8000-000000000001";
    let call = |session: &str, id: &str| Record {
        session_id: Some(session.into()),
        agent_id: Some(id.into()),
        ..of("nightly", 0, 1)
    };
    write(store, 0, [call("old", gone), call("new", &agent.id), call("both", gone)]);
    write(store, 1_000, [call("both", &agent.id), of("other", 0, 1)]);
    let sessions = |agent: &str| {
        let agent = Some(agent.to_owned());
        let query = SessionQuery { agent, limit: 9, ..SessionQuery::default() };
        let page = store.call_sessions(&query).unwrap();
        page.sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>()
    };
    assert_eq!(sessions("nightly"), ["both", "new", "old"]);
    assert_eq!(sessions(&agent.id.to_uppercase()), ["both", "new"]);
    assert_eq!(sessions(gone), ["both", "old"]);
    let calls = |agent: &str| {
        let query = SumsQuery {
            from: at(0),
            to: at(DAY_MS),
            width: SumsWidth::Hour,
            group: Some(SumsGroup::Agent),
            agent: Some(agent.to_owned()),
            model: None,
            app_context: None,
            endpoint: None,
        };
        store.sums(&query).unwrap().into_iter().map(|sum| sum.counts.calls).collect::<Vec<_>>()
    };
    assert_eq!((calls("nightly"), calls(&agent.id), calls(gone)), (vec![4], vec![4], vec![]));
}
