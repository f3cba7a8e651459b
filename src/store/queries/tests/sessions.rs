//! What sessions may be relied on for.

use super::{sums::two_days, *};

on_both_databases!(
    sessions_are_listed_by_their_last_record,
    of_a_long_session_the_newest_are_summed_up,
    sessions_and_sums_take_an_agents_id,
);

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

    let list = |query: &SessionQuery| list(store, query.clone());
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

/// Page by page to the end: a page is also short when it took long.
fn list(store: &Store, mut query: SessionQuery) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let page = store.call_sessions(&query).unwrap();
        seen.extend(page.sessions.into_iter().map(|session| session.session_id));
        query.after = page.next;
        if query.after.is_none() {
            return seen;
        }
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
        list(store, SessionQuery { agent, limit: 9, ..SessionQuery::default() })
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
