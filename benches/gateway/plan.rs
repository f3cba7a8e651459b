//! What is measured in which order, and how rounds become rows.
//!
//! Targets take turns within each scenario and scenarios within each round, so that a machine that
//! gets slower or busier does so for all of them; what is added is compared within a round.

use crate::{
    load::{self, Sample},
    options::Options,
    process::{Cores, MachineTime, Place, own_cpu_time},
    stats::{half_range, median},
    target::{Target, Targets},
};
use serde::Serialize;
use std::{fmt, io, time::Duration};

/// Connections with which an upstream that takes its time is called: enough for a steady load, too
/// few to keep a target busy, so that what is added is the way through it and not a queue before it.
const CONNECTIONS_WITH_DELAY: usize = 64;

/// What a run found out.
pub(crate) struct Findings {
    /// One row per scenario and target.
    pub(crate) rows: Vec<Row>,
    /// The share of the machine's time that programs took which have no part in this.
    pub(crate) taken_by_others: f64,
}

/// One kind of load.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Scenario {
    /// Chat calls, as fast as they go.
    Chat {
        /// Connections, each with one call at a time.
        connections: usize,
        /// Time before the upstream's first byte.
        delay_ms: u64,
    },
    /// Streams, all at once.
    Streams {
        /// How many.
        streams: usize,
    },
}

impl Scenario {
    fn place(self) -> Place {
        match self {
            Self::Chat { connections: 1, .. } => Place::Together,
            Self::Chat { .. } | Self::Streams { .. } => Place::Apart,
        }
    }

    fn measure(self, target: &Target, options: &Options, headers: &str) -> io::Result<Sample> {
        match self {
            Self::Chat { connections, delay_ms } => {
                let delay = Duration::from_millis(delay_ms);
                load::chat(target, options, headers, connections, delay)
            }
            Self::Streams { .. } => load::streams(target, options, headers),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chat { connections: 1, delay_ms: 0 } => f.write_str("1 connection"),
            Self::Chat { connections, delay_ms: 0 } => write!(f, "{connections} connections"),
            Self::Chat { connections, delay_ms } => {
                write!(f, "{connections}, upstream takes {delay_ms} ms")
            }
            Self::Streams { streams } => write!(f, "{streams} at once"),
        }
    }
}

/// Medians over the rounds for one scenario and target; times in microseconds. `added` is against
/// `direct` in the same round; a value that is not there is null.
#[derive(Serialize)]
pub(crate) struct Row {
    /// The kind of load.
    pub(crate) scenario: Scenario,
    /// Who was measured.
    pub(crate) target: &'static str,
    /// Answers or chunks per second.
    pub(crate) per_second: f64,
    /// Of the whole answer, or from a chunk's sending to its arrival.
    pub(crate) p50_us: f64,
    /// Likewise.
    pub(crate) p99_us: f64,
    /// The target's share of it.
    pub(crate) added_p50_us: Option<f64>,
    /// Likewise.
    pub(crate) added_p99_us: Option<f64>,
    /// To the first chunk of a stream.
    pub(crate) first_byte_p50_us: Option<f64>,
    /// The target's share of it.
    pub(crate) added_first_byte_p50_us: Option<f64>,
    /// Likewise.
    pub(crate) added_first_byte_p99_us: Option<f64>,
    /// The target's CPU time per answer or chunk.
    pub(crate) cpu_us: f64,
    /// How far rounds were from its median, as a share of it.
    pub(crate) cpu_half_range: f64,
    /// The same in units of nginx's.
    pub(crate) cpu_to_nginx: Option<f64>,
    /// The load generator's CPU time per answer or chunk.
    pub(crate) generator_cpu_us: f64,
    /// Peak of memory in MiB, in the worst round.
    pub(crate) peak_mib: f64,
    /// Wrong answers in all rounds.
    pub(crate) errors: usize,
    /// What was wrong with one of them.
    pub(crate) error: Option<String>,
}

/// The scenarios that were asked for.
fn scenarios(options: &Options) -> Vec<Scenario> {
    let chat = options.connections.iter();
    let chat = chat.map(|&connections| Scenario::Chat { connections, delay_ms: 0 });
    let delayed = options.delays.iter().filter(|&&delay_ms| delay_ms > 0);
    let delayed =
        delayed.map(|&delay_ms| Scenario::Chat { connections: CONNECTIONS_WITH_DELAY, delay_ms });
    let streams = Some(options.streams).filter(|&streams| streams > 0);
    chat.chain(delayed).chain(streams.map(|streams| Scenario::Streams { streams })).collect()
}

/// Measures all, telling `progress` where it is.
pub(crate) fn run(
    options: &Options,
    cores: Option<&Cores>,
    targets: &Targets,
    progress: impl Fn(usize, Scenario, &str),
) -> io::Result<Findings> {
    let (before, ours_before) = (MachineTime::now(), targets.cpu_time() + own_cpu_time());
    let scenarios = scenarios(options);
    // For each scenario and target the samples, in the order of the rounds.
    let mut samples: Vec<Vec<Vec<Sample>>> =
        scenarios.iter().map(|_| targets.running.iter().map(|_| Vec::new()).collect()).collect();
    for round in 1..=options.rounds {
        for (scenario, samples) in scenarios.iter().zip(&mut samples) {
            for (target, samples) in targets.running.iter().zip(samples) {
                progress(round, *scenario, target.name);
                if let (Some(cores), Some(mock)) = (cores, targets.running.first()) {
                    cores.place(scenario.place(), &mock.process, &target.process);
                }
                samples.push(scenario.measure(target, options, &targets.headers)?);
            }
        }
    }
    let after = MachineTime::now();
    let ours = targets.cpu_time() + own_cpu_time() - ours_before;
    let others = (after.busy - before.busy).saturating_sub(ours);
    let taken_by_others = others.div_duration_f64(after.all - before.all);
    Ok(Findings { rows: rows(&scenarios, targets, &samples), taken_by_others })
}

fn rows(scenarios: &[Scenario], targets: &Targets, samples: &[Vec<Vec<Sample>>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (scenario, samples) in scenarios.iter().zip(samples) {
        let samples_of = |name| {
            let position = targets.running.iter().position(|target| target.name == name)?;
            samples.get(position).map(Vec::as_slice)
        };
        let direct = samples_of("direct").unwrap_or_default();
        for (target, samples) in targets.running.iter().zip(samples) {
            rows.push(row(*scenario, target.name, samples, direct, samples_of("nginx")));
        }
    }
    rows
}

fn row(
    scenario: Scenario,
    target: &'static str,
    samples: &[Sample],
    direct: &[Sample],
    nginx: Option<&[Sample]>,
) -> Row {
    let middle = |value: &dyn Fn(&Sample) -> f64| median(samples.iter().map(value));
    let added = |value: &dyn Fn(&Sample) -> Option<f64>| {
        let pairs = samples.iter().zip(direct);
        let added = pairs.filter_map(|(sample, direct)| Some(value(sample)? - value(direct)?));
        Some(median(added)).filter(|added| target != "direct" && added.is_finite())
    };
    let ratio = |nginx: &[Sample]| {
        median(samples.iter().zip(nginx).map(|(sample, nginx)| sample.cpu_us / nginx.cpu_us))
    };
    let cpu = samples.iter().map(|sample| sample.cpu_us).collect::<Vec<_>>();
    let peak_kib = samples.iter().map(|sample| sample.peak_kib).max().unwrap_or(0);
    let first_byte = |sample: &Sample| sample.first_byte.map(|first_byte| first_byte.p50);
    Row {
        scenario,
        target,
        per_second: middle(&|sample| sample.per_second),
        p50_us: middle(&|sample| sample.delay.p50),
        p99_us: middle(&|sample| sample.delay.p99),
        added_p50_us: added(&|sample| Some(sample.delay.p50)),
        added_p99_us: added(&|sample| Some(sample.delay.p99)),
        first_byte_p50_us: Some(median(samples.iter().filter_map(first_byte)))
            .filter(|first_byte| first_byte.is_finite()),
        added_first_byte_p50_us: added(&first_byte),
        added_first_byte_p99_us: added(&|sample| Some(sample.first_byte?.p99)),
        cpu_us: median(cpu.iter().copied()),
        cpu_half_range: half_range(&cpu),
        cpu_to_nginx: nginx.map(ratio).filter(|_| target != "direct"),
        generator_cpu_us: middle(&|sample| sample.own_cpu_us),
        peak_mib: f64::from(peak_kib) / 1024.0,
        errors: samples.iter().map(|sample| sample.errors).sum(),
        error: samples.iter().find_map(|sample| sample.error.clone()),
    }
}
