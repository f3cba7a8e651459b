//! `portcullis audit …`.

use super::{CliError, Context, Output};
use crate::app::open_store;
use crate::store::{RecordQuery, Store};
use crate::types::Record;
use clap::{Args, Subcommand};
use std::time::Duration;

const FOLLOW_AT_ONCE: u32 = 1_000;
const POLL_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Show the newest records
    Tail(Tail),
}

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis audit tail --lines 20 --follow --json")]
pub(super) struct Tail {
    /// How many
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    lines: u32,
    /// Go on with what comes; with --json, one object a line
    #[arg(long, short)]
    follow: bool,
    /// Only this agent (name or id)
    #[arg(long)]
    agent: Option<String>,
}

pub(super) fn run(
    context: &Context,
    command: AuditCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    let AuditCommand::Tail(tail) = command;
    let store = open_store(&context.load()?)?;
    let query = RecordQuery {
        limit: tail.lines,
        newest_first: true,
        agent: tail.agent,
        ..RecordQuery::default()
    };
    let newest = store.records(&query)?;
    if output.is_json() && !tail.follow {
        let events: Vec<_> = newest.events.iter().rev().collect();
        return output.object(&serde_json::json!({ "events": events }));
    }
    if !tail.follow {
        for record in newest.events.iter().rev() {
            show(record, output)?;
        }
        return Ok(());
    }
    // Follow from the oldest of them: in the order of the store nothing is missed or shown twice.
    if let Some(oldest) = newest.events.last() {
        show(oldest, output)?;
    }
    follow(&store, RecordQuery { newest_first: false, after: newest.end, ..query }, output)
}

fn follow(store: &Store, mut query: RecordQuery, output: &mut Output) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    query.limit = FOLLOW_AT_ONCE;
    loop {
        let page = store.records(&query)?;
        for record in &page.events {
            show(record, output)?;
        }
        query.after = page.end.or(query.after);
        if page.next.is_none() {
            runtime.block_on(async { tokio::time::sleep(POLL_EVERY).await });
        }
    }
}

fn show(record: &Record, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(record);
    }
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let number =
        |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    output.line(format!(
        "{}  {:20}  {:22}  {:18}  {:5}  {:3}  {:14}  {:>6}/{:<6}  {:>6} ms",
        record.started_at,
        text(record.agent_name.as_deref()),
        text(record.model.as_deref()),
        text(record.endpoint.as_deref()),
        text(record.policy_result.map(|result| result.as_str())),
        number(record.status_code.map(u64::from)),
        text(record.outcome.map(|outcome| outcome.as_str())),
        number(record.input_tokens),
        number(record.output_tokens),
        number(record.latency_ms),
    ))
}
