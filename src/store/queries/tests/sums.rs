//! What sums and sessions may be relied on for.

use super::*;

on_both_databases!(
    sums_are_put_together_by_time_and_by_name,
    percentiles_are_told_of_each_sum_and_of_all,
    what_older_sums_do_not_know_is_told_of_none,
    findings_are_summed_up_by_type_and_by_rule,
    sessions_are_listed_by_their_last_record,
    of_a_long_session_the_newest_are_summed_up,
    sessions_and_sums_take_an_agents_id,
);

/// All of two days, by time.
fn two_days(width: SumsWidth) -> SumsQuery {
    SumsQuery {
        from: at(30_000),
        to: at(2 * DAY_MS),
        width,
        every: 1,
        group: SumsGroup::Time,
        agent: None,
        model: None,
        app_context: None,
        endpoint: None,
    }
}

fn sums_are_put_together_by_time_and_by_name(store: &Store) {
    write(store, 0, [of("ant", 0, 10), of("ant", 59_999, 20), of("ant", 60_000, 40)]);
    write(store, DAY_MS, [of("bee", DAY_MS, 100), of("bee", DAY_MS + 1, 0), record(DAY_MS)]);
    let sums = |query: SumsQuery| {
        let sums = store.sums(&query).unwrap().sums.into_iter().map(|sum| {
            let counts = sum.figures.counts;
            (sum.name, sum.at, counts.calls, counts.input_tokens)
        });
        sums.collect::<Vec<_>>()
    };
    let by_time = |millis: i64, calls, tokens| (String::new(), at(millis), calls, tokens);
    let minutes = two_days(SumsWidth::Minute);
    assert_eq!(
        sums(minutes.clone()),
        [by_time(0, 2, 30), by_time(60_000, 1, 40), by_time(DAY_MS, 3, 100)]
    );
    let of_two = SumsQuery { every: 2, ..minutes };
    assert_eq!(sums(of_two), [by_time(0, 3, 70), by_time(DAY_MS, 3, 100)]);
    let days = two_days(SumsWidth::Day);
    assert_eq!(sums(days.clone()), [by_time(0, 3, 70), by_time(DAY_MS, 3, 100)]);
    let of_ant = SumsQuery { agent: Some("ant".to_owned()), ..days.clone() };
    assert_eq!(sums(of_ant), [by_time(0, 3, 70)]);
    let by_agent = SumsQuery { group: SumsGroup::Agent, ..days.clone() };
    let named = |name: &str, calls, tokens| (name.to_owned(), at(0), calls, tokens);
    assert_eq!(sums(by_agent), [named("ant", 3, 70), named("bee", 2, 100), named("", 1, 0)]);
    let total = store.sums(&days).unwrap().total.counts;
    assert_eq!((total.calls, total.input_tokens, total.denied), (6, 170, 1));
    let none = SumsQuery { from: at(9 * DAY_MS), to: at(10 * DAY_MS), ..days };
    assert_eq!(store.sums(&none).unwrap(), Summed::default());
}

fn took(agent: &str, millis: i64, latency_ms: u64) -> Record {
    let (latency_ms, gateway_us) = (Some(latency_ms), Some(10 * latency_ms));
    Record { latency_ms, gateway_us, ..of(agent, millis, 1) }
}

fn percentiles_are_told_of_each_sum_and_of_all(store: &Store) {
    let close = |told: Option<u64>, exact: u64| {
        assert!(told.unwrap().abs_diff(exact) * 20 <= exact, "{told:?} for {exact}");
    };
    // One at a time and in batches, over hours: 1 to 1,000 ms by one, 2,000 ms by the other.
    write(store, 0, (1..=500).map(|ms| took("ant", 0, ms)));
    write(store, 0, (501..=1_000).map(|ms| took("ant", HOUR_MS, ms)));
    for _ in 0..3 {
        write(store, 0, [took("bee", 0, 2_000), of("bee", 0, 1)]);
    }
    let query = SumsQuery { group: SumsGroup::Agent, ..two_days(SumsWidth::Hour) };
    let summary = store.sums(&query).unwrap();
    let [ant, bee] = [0, 1].map(|place| &summary.sums[place].figures.percentiles);
    close(ant.latency_p50_ms, 500);
    close(ant.latency_p95_ms, 950);
    close(ant.latency_p99_ms, 990);
    close(ant.gateway_p50_us, 5_000);
    close(ant.gateway_p95_us, 9_500);
    close(ant.gateway_p99_us, 9_900);
    close(bee.latency_p50_ms, 2_000);
    assert_eq!(summary.sums[1].figures.counts.calls, 6, "those that say nothing are counted too");
    close(summary.total.percentiles.latency_p99_ms, 993);

    // By minutes and by hours it is the same, and a filter is a filter.
    for width in [SumsWidth::Minute, SumsWidth::Hour] {
        let by_time = store.sums(&two_days(width)).unwrap();
        assert_eq!(by_time.total, summary.total);
        close(by_time.sums[1].figures.percentiles.latency_p50_ms, 750);
    }
    let of_bee = SumsQuery { agent: Some("bee".to_owned()), ..query };
    assert_eq!(&store.sums(&of_bee).unwrap().total.percentiles, bee);
}

fn what_older_sums_do_not_know_is_told_of_none(store: &Store) {
    let forget = |condition: &str| {
        let sql = format!("UPDATE audit_sums SET latency_slots = NULL WHERE {condition}");
        store.record.run(|connection| Ok(connection.batch_execute(&sql)?)).unwrap();
    };
    write(store, 0, [took("ant", 0, 100), took("ant", HOUR_MS, 100), took("bee", HOUR_MS, 100)]);
    let query = two_days(SumsWidth::Hour);
    let p50 = || {
        let Summed { sums, total } = store.sums(&query).unwrap();
        let all = sums.into_iter().map(|sum| sum.figures).chain([total]);
        all.map(|figures| figures.percentiles.latency_p50_ms).collect::<Vec<_>>()
    };
    let known = Some(98);
    assert_eq!(p50(), [known; 3]);
    forget(&format!("agent_name = 'ant' AND bucket = {}", BEGIN.0));
    assert_eq!(p50(), [None, known, None]);
    write(store, 0, [took("ant", 0, 100), took("ant", HOUR_MS, 100)]);
    assert_eq!(p50(), [None, known, None], "a part is not the whole");
    let gateway = store.sums(&query).unwrap().total.percentiles.gateway_p50_us;
    assert_eq!(gateway.map(|us| us / 100), Some(10), "the other is known all the same");
    forget("agent_name = 'bee'");
    assert_eq!(p50(), [None; 3]);
    let sql = "UPDATE audit_sums SET latency_slots = 'by hand'";
    store.record.run(|connection| Ok(connection.batch_execute(sql)?)).unwrap();
    assert_eq!(p50(), [None; 3], "what cannot be read is not known");
    write(store, 0, [took("ant", 0, 100)]);
}

fn findings_are_summed_up_by_type_and_by_rule(store: &Store) {
    let with = |findings: &[Finding]| Record { findings: findings.to_vec(), ..record(0) };
    let (low, high) = (finding("PII_SSN", Severity::Low, 3), finding("PII_SSN", Severity::High, 1));
    let high = Finding { rule: "own".into(), ..high };
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
    let mut totals = store.finding_totals(at(0), at(2 * DAY_MS)).unwrap();
    totals.sort_by(|one, other| one.rule.cmp(&other.rule));
    let total = |rule: &str, findings, exchanges, last| FindingTotals {
        rule: rule.to_owned(),
        findings,
        exchanges,
        last_at: at(last),
    };
    let wanted =
        [total("own", 1, 1, 0), total("pii_ssn", 6, 2, 0), total("secret_key", 2, 2, DAY_MS)];
    assert_eq!(totals, wanted);
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
    let agent = crate::store::testing::create_agent(store, "nightly");
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
        let agent = Some(agent.to_owned());
        let query = SumsQuery { agent, group: SumsGroup::Agent, ..two_days(SumsWidth::Hour) };
        let sums = store.sums(&query).unwrap().sums.into_iter();
        sums.map(|sum| sum.figures.counts.calls).collect::<Vec<_>>()
    };
    assert_eq!((calls("nightly"), calls(&agent.id), calls(gone)), (vec![4], vec![4], vec![]));
}
