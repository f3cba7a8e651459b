//! Counts against a plain model, over restarts and changes, and with many threads at once.

use super::*;
use proptest::prelude::*;
use std::{collections::VecDeque, thread};

const START: UnixMillis = UnixMillis(1_795_233_600_000); // 2026-11-21T04:00:00Z
const NOVEMBER: u32 = 202_611;

fn per_minute(limit: u32) -> CallerLimits {
    CallerLimits { requests_per_minute: Some(limit), ..CallerLimits::default() }
}

fn per_month(limit: u64) -> CallerLimits {
    CallerLimits { monthly_requests: Some(limit), ..CallerLimits::default() }
}

fn fresh(limits: CallerLimits) -> Meter {
    Meter::new(limits, Used::default(), START)
}

fn after(millis: i64) -> UnixMillis {
    UnixMillis(START.0 + millis)
}

fn at(text: &str) -> UnixMillis {
    UnixMillis::parse(text).unwrap()
}

/// How many of `tries` requests at one moment pass.
fn passed(meter: &Meter, tries: u32, now: UnixMillis) -> u32 {
    (0..tries).map(|_| u32::from(meter.enter(now).is_ok())).sum()
}

fn refusal(meter: &Meter, now: UnixMillis) -> (LimitKind, u64, u32) {
    match meter.enter(now) {
        Err(Refusal::LimitReached { kind, limit, retry_after_secs }) => {
            (kind, limit, retry_after_secs)
        }
        other => panic!("{other:?}"),
    }
}

fn open_streams(meter: &Meter) -> u32 {
    meter.counts.streams.load(Relaxed)
}

#[test]
fn a_minutes_number_may_come_at_once_and_then_one_by_one() {
    let meter = fresh(per_minute(6));
    assert_eq!(passed(&meter, 10, START), 6);
    assert_eq!(refusal(&meter, START), (LimitKind::RequestsPerMinute, 6, 10));
    assert_eq!(refusal(&meter, after(9_500)).2, 1);
    assert_eq!(passed(&meter, 10, after(10_000)), 1);
    assert_eq!(passed(&meter, 10, after(30_000)), 2);
    assert_eq!(passed(&meter, 10, after(1_000_000)), 6);
}

#[test]
fn what_is_refused_is_not_counted_and_pushes_nothing_back() {
    let meter = fresh(per_minute(1));
    assert_eq!(passed(&meter, 1, START), 1);
    for second in 1..60 {
        assert_eq!(passed(&meter, 100, after(second * 1_000)), 0);
    }
    assert_eq!(passed(&meter, 1, after(60_000)), 1);
    assert_eq!(meter.used(after(60_000)).requests, 2);

    let meter = fresh(CallerLimits { monthly_requests: Some(3), ..per_minute(5) });
    assert_eq!(passed(&meter, 50, START), 3);
    assert_eq!(meter.used(START).minute_used, 3, "the month's refusals do not spend the minute");
    assert_eq!(refusal(&meter, START).0, LimitKind::MonthlyRequests);
}

#[test]
fn a_limit_of_zero_lets_nothing_pass() {
    assert_eq!(refusal(&fresh(per_minute(0)), START), (LimitKind::RequestsPerMinute, 0, 60));
    assert_eq!(refusal(&fresh(per_month(0)), START).1, 0);
    let streams = CallerLimits { concurrent_streams: Some(0), ..CallerLimits::default() };
    assert!(fresh(streams).open_stream().is_err());
}

#[test]
fn a_month_ends_at_midnight_utc() {
    let meter = fresh(per_month(2));
    let last = at("2026-11-30T23:59:58.500Z");
    assert_eq!(passed(&meter, 5, last), 2);
    assert_eq!(refusal(&meter, last), (LimitKind::MonthlyRequests, 2, 2));
    assert_eq!(refusal(&meter, START).2, 863_999 + 1 - 4 * 3_600);
    let next = at("2026-12-01T00:00:00Z");
    assert_eq!(passed(&meter, 5, next), 2);
    assert_eq!(passed(&meter, 1, last), 0, "a late request of November is still November's");
    assert_eq!(meter.used(next), Used { month: 202_612, requests: 2, minute_used: 0, at: next });
    assert_eq!(passed(&meter, 5, at("2027-01-01T00:00:00Z")), 2);
    assert_eq!(refusal(&meter, at("2027-01-01T00:00:00Z")).2, 31 * 86_400);
}

#[test]
fn a_restart_gives_no_fresh_burst() {
    let before = fresh(CallerLimits { monthly_requests: Some(100), ..per_minute(60) });
    assert_eq!(passed(&before, 60, START), 60);
    let used = before.used(after(10_000));
    assert_eq!((used.month, used.requests, used.minute_used), (NOVEMBER, 60, 50));
    let again = Meter::new(before.limits(), used, after(15_000));
    assert_eq!(passed(&again, 100, after(15_000)), 15);
    assert_eq!(again.used(after(15_000)).requests, 75);
    assert_eq!(passed(&again, 100, after(600_000)), 25, "then the month is used up");
    let later = Meter::new(before.limits(), used, after(600_000));
    assert_eq!(passed(&later, 100, after(600_000)), 40);
}

#[test]
fn more_than_the_limit_may_have_been_used_before_it_was_lowered() {
    let used = Used { month: NOVEMBER, requests: 500, minute_used: 1_000, at: START };
    let meter =
        Meter::new(CallerLimits { monthly_requests: Some(10), ..per_minute(6) }, used, START);
    assert_eq!(refusal(&meter, START).0, LimitKind::MonthlyRequests);
    let meter = Meter::new(per_minute(6), used, START);
    assert_eq!(refusal(&meter, START), (LimitKind::RequestsPerMinute, 6, 10));
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let meter = fresh(per_minute(6));
    assert_eq!(passed(&meter, 6, after(86_400_000)), 6);
    assert_eq!(refusal(&meter, START).2, 10);
    assert_eq!(passed(&meter, 6, after(60_000)), 0, "a refusal leaves no trace");
    let used = Used { at: after(86_400_000), minute_used: 6, ..Used::default() };
    let meter = Meter::new(per_minute(6), used, START);
    assert_eq!(passed(&meter, 10, after(60_000)), 6);
}

#[test]
fn changed_limits_keep_counts_and_streams() {
    let old = fresh(CallerLimits::default());
    let _stream = old.open_stream().unwrap();
    assert_eq!(passed(&old, 7, START), 7);
    let limits = CallerLimits {
        requests_per_minute: Some(10),
        monthly_requests: Some(9),
        concurrent_streams: Some(1),
    };
    let new = old.with_limits(limits, START);
    assert!(new.open_stream().is_err(), "the stream of before is open");
    assert_eq!(passed(&new, 1, START), 1);
    assert_eq!(passed(&old, 1, START), 1, "a call that holds the old meter is counted");
    assert_eq!(refusal(&new, START).0, LimitKind::MonthlyRequests);

    let old = fresh(per_minute(10));
    assert_eq!(passed(&old, 4, START), 4);
    assert_eq!(passed(&old.with_limits(per_minute(20), START), 30, START), 16);
    assert_eq!(passed(&old.with_limits(per_minute(3), START), 30, START), 0);
    let same =
        old.with_limits(CallerLimits { concurrent_streams: Some(1), ..per_minute(10) }, START);
    assert_eq!(passed(&old, 3, START) + passed(&same, 30, START), 6, "one minute for both");
}

#[test]
fn a_stream_makes_room_when_it_is_dropped() {
    let meter = fresh(CallerLimits { concurrent_streams: Some(2), ..CallerLimits::default() });
    let first = meter.open_stream().unwrap();
    let _second = meter.open_stream().unwrap();
    assert_eq!(
        meter.open_stream().err(),
        Some(Refusal::LimitReached {
            kind: LimitKind::ConcurrentStreams,
            limit: 2,
            retry_after_secs: 1
        })
    );
    drop(first);
    assert_eq!(open_streams(&meter), 1);
    assert!(meter.open_stream().is_ok());
}

#[test]
fn what_is_not_saved_is_handed_out_once_and_comes_back_when_saving_failed() {
    let used = Used { month: NOVEMBER, requests: 5, minute_used: 0, at: START };
    let meter = Meter::new(per_minute(60), used, START);
    assert_eq!(meter.take_unsaved(START), None, "what was stored is saved");
    passed(&meter, 3, START);
    let unsaved = meter.take_unsaved(START).unwrap();
    let expected = UsedSince { month: NOVEMBER, requests: 3, minute_used: 3, at: START };
    assert_eq!(unsaved, expected);
    assert_eq!(meter.take_unsaved(START), None);
    passed(&meter, 1, START);
    meter.put_back(&unsaved);
    assert_eq!(meter.take_unsaved(START).unwrap().requests, 4);

    let december = at("2026-12-01T00:00:00Z");
    passed(&meter, 2, START);
    passed(&meter, 4, december);
    let mut both = [meter.take_unsaved(december), meter.take_unsaved(december)];
    both.sort_by_key(|unsaved| unsaved.map(|unsaved| unsaved.month));
    assert_eq!(both.map(|unsaved| unsaved.unwrap().requests), [2, 4]);
    assert_eq!(meter.take_unsaved(december), None);
}

#[test]
fn many_threads_at_once_never_exceed_a_limit() {
    let limits = CallerLimits { monthly_requests: Some(1_500), ..per_minute(1_000) };
    let streams = CallerLimits { concurrent_streams: Some(3), ..limits };
    let meter = fresh(streams);
    let entered = |now| -> u32 {
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| passed(&meter, 500, now))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        })
    };
    assert_eq!(entered(START), 1_000);
    assert_eq!(entered(after(60_000)), 500);
    assert_eq!(meter.used(after(60_000)).requests, 1_500);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let stream = meter.open_stream();
                    assert!(open_streams(&meter) <= 3);
                    drop(stream);
                }
            });
        }
    });
    assert_eq!(open_streams(&meter), 0);
}

/// The rule in plain words: the requests that passed come free again one by one, each a minute's
/// part after the one before it.
struct Model {
    limit: i64,
    month_limit: u64,
    month: u64,
    busy_until: VecDeque<i64>,
}

impl Model {
    fn enter(&mut self, now: i64) -> bool {
        while self.busy_until.front().is_some_and(|free| *free <= now) {
            self.busy_until.pop_front();
        }
        let busy = i64::try_from(self.busy_until.len()).unwrap();
        if self.month >= self.month_limit || busy >= self.limit {
            return false;
        }
        let last = self.busy_until.back().copied().unwrap_or(now);
        self.busy_until.push_back(last.max(now) + 60_000 / self.limit);
        self.month += 1;
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_meter_does_as_the_plain_model(
        limit in prop::sample::select(vec![1_u32, 2, 3, 5, 10, 60, 600]),
        month_limit in 0_u64..300,
        steps in prop::collection::vec((0_i64..20_000, 1_usize..20, any::<bool>()), 1..60),
    ) {
        let limits = CallerLimits { monthly_requests: Some(month_limit), ..per_minute(limit) };
        let mut meter = fresh(limits);
        let mut model = Model {
            limit: limit.into(),
            month_limit,
            month: 0,
            busy_until: VecDeque::new(),
        };
        let mut now = 0;
        for (pause, requests, change) in steps {
            now += pause;
            if change {
                // A change of another limit must not be felt.
                let streams = CallerLimits { concurrent_streams: Some(limit), ..limits };
                meter = meter.with_limits(streams, after(now));
            }
            for _ in 0..requests {
                prop_assert_eq!(meter.enter(after(now)).is_ok(), model.enter(now));
            }
            prop_assert_eq!(meter.used(after(now)).requests, model.month);
        }
    }

    #[test]
    fn a_wait_that_was_told_is_enough_and_a_restart_never_frees_more(
        limit in 1_u32..2_000,
        spent in 0_u32..3_000,
        pause in 0_i64..90_000,
    ) {
        let meter = fresh(per_minute(limit));
        passed(&meter, spent, START);
        let restarted = Meter::new(per_minute(limit), meter.used(START), after(pause));
        let free = passed(&meter, limit + 1, after(pause));
        prop_assert_eq!(passed(&restarted, limit + 1, after(pause)), free);
        let (_, _, wait) = refusal(&meter, after(pause));
        prop_assert!(meter.enter(after(pause).plus_secs(wait.into())).is_ok());
    }
}

#[test]
fn a_request_that_is_taken_back_was_never_there() {
    let limits = CallerLimits { monthly_requests: Some(4), ..per_minute(2) };
    let meter = fresh(limits);
    for _ in 0..10 {
        meter.enter(START).unwrap();
        meter.take_back(START);
    }
    assert_eq!(meter.used(START), Used { month: NOVEMBER, at: START, ..Used::default() });
    assert_eq!(meter.take_unsaved(START), None);
    assert_eq!(passed(&meter, 5, START), 2);
}

#[test]
fn a_request_that_is_taken_back_after_it_was_saved_makes_the_next_one_free() {
    let meter = fresh(CallerLimits::default());
    meter.enter(START).unwrap();
    assert_eq!(meter.take_unsaved(START).unwrap().requests, 1);
    meter.take_back(START);
    assert_eq!(meter.take_unsaved(START), None);
    meter.enter(START).unwrap();
    assert_eq!(meter.take_unsaved(START), None);
    meter.enter(START).unwrap();
    assert_eq!(meter.take_unsaved(START).unwrap().requests, 1);
}

#[test]
fn what_others_have_stored_is_used_up_here_too_and_saved_once() {
    let meter = fresh(per_month(10));
    assert_eq!(passed(&meter, 3, START), 3);
    assert_eq!(meter.take_unsaved(START).unwrap().requests, 3);
    // Counted between the save and its answer.
    assert_eq!(passed(&meter, 1, START), 1);
    let stored = |requests| Used { month: NOVEMBER, requests, minute_used: 0, at: START };
    meter.catch_up(&stored(8), START);
    assert_eq!(meter.used(START).requests, 9);
    meter.catch_up(&stored(8), START);
    meter.catch_up(&stored(2), START);
    meter.catch_up(&Used { month: NOVEMBER - 2, ..stored(50) }, START);
    assert_eq!(meter.used(START).requests, 9);
    assert_eq!(meter.take_unsaved(START).unwrap().requests, 1);
    assert_eq!(passed(&meter, 5, START), 1);
    assert_eq!(refusal(&meter, START).0, LimitKind::MonthlyRequests);
}

#[test]
fn a_count_of_long_ago_gives_nothing_back() {
    for idle_secs in [0, 1, 45, 60, 3_600] {
        let meter = fresh(per_minute(60));
        let now = after(idle_secs * 1_000);
        assert_eq!(passed(&meter, 60, now), 60);
        for minute_used in [0, 1, 60] {
            let stored = Used { month: NOVEMBER, requests: 1, minute_used, at: START };
            meter.catch_up(&stored, now);
            assert_eq!(passed(&meter, 60, now), 0, "{minute_used} used {idle_secs} s ago");
        }
    }
}

#[test]
fn of_two_gateways_minutes_the_fuller_counts_and_an_echo_spends_nothing() {
    let stored = |minute_used, at| Used { month: NOVEMBER, requests: 0, minute_used, at };
    let meter = fresh(per_minute(60));
    assert_eq!(passed(&meter, 10, START), 10);
    // What was saved comes back, again and again, and the rate stays what it is.
    for second in 0..30 {
        let now = after(second * 1_000 + 300);
        let used = meter.used(now).minute_used;
        meter.catch_up(&stored(used, now), now);
        assert_eq!(meter.used(now).minute_used, used);
        meter.enter(now).unwrap();
    }
    assert_eq!(meter.used(after(29_300)).minute_used, 11);
    meter.catch_up(&stored(51, after(29_300)), after(29_300));
    assert_eq!(passed(&meter, 60, after(29_300)), 10);
    meter.catch_up(&stored(u32::MAX, after(29_300)), after(29_300));
    assert_eq!(passed(&meter, 60, after(89_300)), 60);
}
