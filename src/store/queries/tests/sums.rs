//! What sums may be relied on for.

use super::{
    super::super::{schema::audit_sums, slots::Slots},
    *,
};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};

on_both_databases!(
    sums_are_put_together_by_time_and_by_name,
    percentiles_are_told_of_each_sum_and_of_all,
    what_older_sums_do_not_know_is_told_of_none,
    many_sums_are_read_in_pages_and_too_many_have_no_percentiles,
    a_rule_that_found_two_types_in_a_record_found_them_in_one,
    findings_are_summed_up_by_type_and_by_rule,
);

/// All of two days, by time.
pub(super) fn two_days(width: SumsWidth) -> SumsQuery {
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
    // Only steps in time are several days long.
    let by_agent = SumsQuery { group: SumsGroup::Agent, every: 1_000, ..days.clone() };
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
    let mut two = slots_of(1_000);
    two.add(1_000);
    let stored: Vec<Option<String>> = store
        .record
        .run(|connection| {
            let sums = audit_sums::table.filter(audit_sums::agent_name.eq("ant"));
            Ok(sums.select(audit_sums::gateway_slots).load(connection)?)
        })
        .unwrap();
    assert_eq!(stored, vec![Some(two.to_string()); 4], "two of 1,000 us each, per minute and hour");
    forget("agent_name = 'bee'");
    assert_eq!(p50(), [None; 3]);
    let sql = "UPDATE audit_sums SET latency_slots = 'by hand'";
    store.record.run(|connection| Ok(connection.batch_execute(sql)?)).unwrap();
    assert_eq!(p50(), [None; 3], "what cannot be read is not known");
    write(store, 0, [took("ant", 0, 100)]);
}

fn many_sums_are_read_in_pages_and_too_many_have_no_percentiles(store: &Store) {
    // As many agents as fill two pages and a half, one call each: every tenth took 1,000 ms.
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 24999) \
         INSERT INTO audit_sums SELECT {HOUR_MS}, {} + {HOUR_MS} * (i % 2), 'agent ' || (i % 5000), 'm' || i, '', '', \
         1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, CASE i % 10 WHEN 0 THEN '{}' ELSE '{}' END, NULL FROM n",
        BEGIN.0,
        slots_of(1_000),
        slots_of(10),
    );
    store.record.run(|connection| Ok(connection.batch_execute(&sql)?)).unwrap();
    for (group, groups) in [(SumsGroup::Time, 2), (SumsGroup::Agent, 5_000)] {
        let query = SumsQuery { group, ..two_days(SumsWidth::Hour) };
        let Summed { sums, total } = store.sums_within(&query, 25_000).unwrap();
        assert_eq!((sums.len(), total.counts.calls), (groups, 25_000));
        let slow = sums.iter().filter(|sum| sum.figures.percentiles.latency_p50_ms > Some(900));
        assert_eq!(slow.count(), groups / 10, "every tenth agent, and no hour");
        assert_eq!(total.percentiles.latency_p50_ms, Some(10));
        assert!(total.percentiles.latency_p95_ms > Some(900));
        let too_many = store.sums_within(&query, 24_999).unwrap();
        assert_eq!(too_many.total, Figures { counts: total.counts, ..Figures::default() });
        assert!(too_many.sums.iter().all(|sum| sum.figures.percentiles == Percentiles::default()));
        let one = SumsQuery { model: Some("m20".to_owned()), ..query };
        assert!(store.sums_within(&one, 1).unwrap().total.percentiles.latency_p50_ms > Some(900));
    }
}

fn slots_of(value: u64) -> Slots {
    let mut slots = Slots::default();
    slots.add(value);
    slots
}

fn a_rule_that_found_two_types_in_a_record_found_them_in_one(store: &Store) {
    let one = finding("PII_SSN", Severity::Low, 3);
    let other = Finding { kind: "PII_TAX".into(), ..one.clone() };
    let both = || Record { findings: vec![one.clone(), other.clone()], ..record(0) };
    write(store, 0, [both(), both()]);
    let totals = store.finding_totals(at(0), at(DAY_MS)).unwrap();
    let [FindingTotals { findings: 12, exchanges: 2, .. }] = totals.as_slice() else {
        panic!("{totals:?}");
    };
    let mut query =
        RecordQuery { finding_rule: Some(one.rule.to_string()), ..RecordQuery::default() };
    for limit in [10, 1] {
        query.limit = limit;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.records(&RecordQuery { after, ..query.clone() }).unwrap();
            seen.extend(page.events.into_iter().map(|record| record.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 2, "each record once");
    }
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
