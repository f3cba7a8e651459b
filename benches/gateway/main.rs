//! What Portcullis costs: `cargo bench --bench gateway` measures a mock upstream directly, through
//! nginx and through Portcullis side by side, and prints requests per second, added latency, CPU per
//! request and memory. `cargo bench --bench gateway -- --help` shows the options.
//!
//! It must compare like with like: the same requests, the same number of workers, in one run, in turns.

#![expect(clippy::print_stdout, reason = "tables are what this program is for")]
#![expect(clippy::print_stderr, reason = "progress must not mix with the tables")]

mod load;
mod mock;
mod options;
mod payload;
mod plan;
mod process;
mod report;
mod stats;
mod target;
mod wire;

use clap::Parser;
use options::Options;
use process::{Cores, machine};
use report::Report;
use std::{
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};
use target::Targets;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs this too, with arguments meant for tests.
    if !env::args().any(|argument| argument == "--bench") {
        println!("measures only under: cargo bench --bench gateway");
        return ExitCode::SUCCESS;
    }
    let options = Options::parse();
    if options.serve_mock {
        return finish(mock::serve().map(|()| true));
    }
    finish(measure(&options))
}

/// Measures and prints; false when answers were wrong.
fn measure(options: &Options) -> io::Result<bool> {
    let machine = machine();
    let cores = if options.no_pin { None } else { Cores::divide(options.workers) };
    let directory = tempfile::tempdir()?;
    let targets = Targets::start(options, directory.path())?;
    for (target, why) in &targets.missing {
        eprintln!("{target} is left out: {why}");
    }
    let findings = plan::run(options, cores.as_ref(), &targets, |round, scenario, target| {
        if !io::stderr().is_terminal() {
            return;
        }
        eprint!("\r\x1b[Kround {round} of {}: {scenario}, {target} ", options.rounds);
        // Progress that cannot be shown does no harm.
        let _ = io::stderr().flush();
    })?;
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    let placing = Cores::in_words(cores.as_ref());
    let report = Report { options, machine, placing, findings, missing: targets.missing };
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text().map_err(io::Error::other)?);
    }
    Ok(!report.has_errors())
}

fn finish(outcome: io::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}
