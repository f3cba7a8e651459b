//! The load generator: as many blocking threads as connections, each checking every answer.
//!
//! It must cost much less than what it measures, and never count a wrong answer as done.

#![expect(clippy::disallowed_methods, reason = "threads that do nothing else may sleep")]

use crate::{
    mock::STACK_BYTES,
    process::own_cpu_time,
    stats::{Spread, count, micros},
    target::Target,
};
use std::{
    io,
    thread::{self, Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

mod chat;
mod streams;

pub(crate) use chat::chat;
pub(crate) use streams::streams;

/// Connecting and warming up, on both sides of a proxy, comes before the first measured moment.
const RUN_UP: Duration = Duration::from_millis(300);

/// One measurement of one target.
pub(crate) struct Sample {
    /// Answers, or chunks of streams, per second.
    pub(crate) per_second: f64,
    /// Time from the call to the whole answer, or from a chunk's sending to its arrival.
    pub(crate) delay: Spread,
    /// Time from the call to the first chunk of a stream.
    pub(crate) first_byte: Option<Spread>,
    /// The target's CPU time per answer or chunk, in microseconds.
    pub(crate) cpu_us: f64,
    /// The load generator's own, likewise.
    pub(crate) own_cpu_us: f64,
    /// The target's peak of memory, in KiB.
    pub(crate) peak_kib: u32,
    /// Answers and streams that were not as they should be.
    pub(crate) errors: usize,
    /// What was wrong with one of them.
    pub(crate) error: Option<String>,
}

/// What one connection saw; times in microseconds.
#[derive(Default)]
struct Tally {
    delays: Vec<f64>,
    first_bytes: Vec<f64>,
    errors: usize,
    error: Option<String>,
}

impl Tally {
    fn fail(&mut self, error: &io::Error) {
        self.errors += 1;
        self.error.get_or_insert_with(|| error.to_string());
    }

    fn add(&mut self, other: Self) {
        self.delays.extend(other.delays);
        self.first_bytes.extend(other.first_bytes);
        self.errors += other.errors;
        self.error = self.error.take().or(other.error);
    }
}

/// Starts the thread of one connection.
fn connect<'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> Tally + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, Tally>> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work)
}

/// Watches the target from `start` to `end`, or else until all connections are done.
fn watch(
    target: &Target,
    mut connections: Vec<ScopedJoinHandle<'_, Tally>>,
    start: Instant,
    end: Option<Instant>,
) -> io::Result<Sample> {
    let mut all = Tally::default();
    let mut join = || {
        for connection in connections.drain(..) {
            let tally = connection.join();
            all.add(tally.map_err(|_panic| io::Error::other("a load thread panicked"))?);
        }
        Ok::<_, io::Error>(())
    };
    sleep_until(start);
    target.process.forget_peak();
    let (began, cpu, own_cpu) = (Instant::now(), target.process.cpu_time(), own_cpu_time());
    match end {
        Some(end) => sleep_until(end),
        None => join()?,
    }
    let lasted = began.elapsed();
    let cpu = target.process.cpu_time().saturating_sub(cpu);
    let own_cpu = own_cpu_time().saturating_sub(own_cpu);
    let peak_kib = target.process.peak_kib();
    join()?;
    let done = count(all.delays.len());
    Ok(Sample {
        per_second: done / lasted.as_secs_f64(),
        delay: Spread::of(&mut all.delays),
        first_byte: end.is_none().then(|| Spread::of(&mut all.first_bytes)),
        cpu_us: micros(cpu) / done,
        own_cpu_us: micros(own_cpu) / done,
        peak_kib,
        errors: all.errors,
        error: all.error,
    })
}

fn sleep_until(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

fn check_status(status: u16) -> io::Result<()> {
    if status == 200 {
        return Ok(());
    }
    Err(io::Error::other(format!("status {status}")))
}
