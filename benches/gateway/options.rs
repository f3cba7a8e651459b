//! The command line.

use clap::Parser;
use std::{path::PathBuf, time::Duration};

/// Direct, nginx and Portcullis side by side, in one run, on this machine.
///
/// A load generator and a mock upstream of our own; nginx as plain proxy with keep-alive upstream.
/// Every round measures all targets in turn; the tables show medians over the rounds. Ratios within
/// one run mean something, figures of different runs or machines hardly do.
#[derive(Clone, Parser)]
#[command(name = "cargo bench --bench gateway --", bin_name = "cargo bench --bench gateway --")]
pub(crate) struct Options {
    /// Length of one measurement of chat calls
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// Times that everything is measured
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Numbers of connections for chat calls as fast as they go
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    pub(crate) connections: Vec<usize>,
    /// Delays before the upstream's first byte, for chat calls over 64 connections
    #[arg(long, value_name = "MS", value_delimiter = ',', default_value = "5,50")]
    pub(crate) delays: Vec<u64>,
    /// Concurrent streams; 0 leaves them out
    #[arg(long, default_value_t = 200)]
    pub(crate) streams: usize,
    /// Chunks of each stream
    #[arg(long, default_value_t = 100)]
    pub(crate) chunks: usize,
    /// Time between the chunks of a stream
    #[arg(long, value_name = "MS", default_value_t = 20)]
    pub(crate) interval: u64,
    /// Workers of nginx and of Portcullis, each on a core of its own
    #[arg(long, default_value_t = 1)]
    pub(crate) workers: usize,
    /// Leave the placing on cores to the scheduler
    #[arg(long)]
    pub(crate) no_pin: bool,
    /// Another Portcullis binary than the one just built
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_portcullis"))]
    pub(crate) gate: PathBuf,
    /// Leave Portcullis out
    #[arg(long)]
    pub(crate) without_gate: bool,
    /// Leave nginx out
    #[arg(long)]
    pub(crate) without_nginx: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print Markdown tables
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Given by cargo bench
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
    /// Be the mock upstream
    #[arg(long, hide = true)]
    pub(crate) serve_mock: bool,
}

impl Options {
    /// Length of one measurement of chat calls.
    pub(crate) fn window(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or(Duration::from_secs(2))
    }

    /// Time between the chunks of a stream.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_millis(self.interval)
    }
}
