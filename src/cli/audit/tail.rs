//! `portcullis audit tail`.

use super::super::{CliError, Context, Output};
use super::{
    filters::{Filters, Range},
    or_dash, plain,
};
use crate::app::open_existing_store;
use crate::store::{RecordQuery, Store};
use crate::types::{Finding, Record};
use clap::Args;
use serde_json::json;
use std::time::Duration;

const FOLLOW_AT_ONCE: u32 = 1_000;
const POLL_EVERY: Duration = Duration::from_millis(500);

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis audit tail --lines 20 --outcome denied --follow")]
pub(in crate::cli) struct Tail {
    /// How many
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    lines: u32,
    /// Go on with what comes; with --json, one object a line
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    filters: Filters,
}

pub(super) fn run(context: &Context, tail: Tail, output: &mut Output) -> Result<(), CliError> {
    let store = open_existing_store(&context.load()?)?;
    let query = tail.filters.query(Range::default(), &store)?;
    // Taken first: what comes while the newest are looked for is not missed.
    let last = RecordQuery { limit: 1, newest_first: true, ..RecordQuery::default() };
    let last = store.records(&last)?.end;
    let newest = newest(&store, &query, tail.lines)?;
    if output.is_json() && !tail.follow {
        return output.object(&json!({ "events": newest }));
    }
    if !output.is_json() {
        header(output)?;
    }
    if !tail.follow {
        return newest.iter().try_for_each(|record| show(record, output));
    }
    // Follow from the oldest of them: in the order of the store nothing is missed or shown twice.
    let after = match newest.first() {
        Some(oldest) => {
            show(oldest, output)?;
            store.place(oldest.id)?
        }
        None => last,
    };
    follow(&store, RecordQuery { newest_first: false, after, ..query }, output)
}

/// The newest so many records, oldest first. A page may be short where few records match.
fn newest(store: &Store, query: &RecordQuery, lines: u32) -> Result<Vec<Record>, CliError> {
    let mut query = RecordQuery { limit: lines, newest_first: true, ..query.clone() };
    let mut records = Vec::new();
    loop {
        let page = store.records(&query)?;
        records.extend(page.events);
        query.limit = lines.saturating_sub(u32::try_from(records.len()).unwrap_or(u32::MAX));
        query.after = page.next;
        if query.limit == 0 || query.after.is_none() {
            records.reverse();
            return Ok(records);
        }
    }
}

fn follow(store: &Store, mut query: RecordQuery, output: &mut Output) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    query.limit = FOLLOW_AT_ONCE;
    loop {
        let page = store.records(&query)?;
        for record in &page.events {
            show(record, output)?;
        }
        query.after = page.next.or(page.end).or(query.after);
        if page.next.is_none() {
            runtime.block_on(async { tokio::time::sleep(POLL_EVERY).await });
        }
    }
}

fn header(output: &mut Output) -> Result<(), CliError> {
    output.line(format!(
        "{:24}  {:20}  {:24}  {:18}  {:6}  {:6}  {:14}  {:>13}  {:>9}  {}",
        "TIME",
        "AGENT",
        "MODEL",
        "ENDPOINT",
        "POLICY",
        "STATUS",
        "OUTCOME",
        "TOKENS IN/OUT",
        "LATENCY",
        "FINDINGS"
    ))
}

fn show(record: &Record, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(record);
    }
    let latency = record.latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let (who, what) = match &record.actor {
        // Nothing of a change stands in the columns from MODEL to STATUS.
        Some(actor) => (plain(actor), plain(&format!("{} {}", record.action, record.target))),
        None => (or_dash(record.agent_name.as_deref()), asked(record)),
    };
    output.line(format!(
        "{}  {who:20}  {what:60}  {:14}  {:>6}/{:<6}  {latency:>9}  {}",
        record.started_at,
        or_dash(record.outcome.map(|outcome| outcome.as_str())),
        number(record.input_tokens),
        number(record.output_tokens),
        findings(&record.findings),
    ))
}

/// What a call asked for, and how it was answered.
fn asked(record: &Record) -> String {
    format!(
        "{:24}  {:18}  {:6}  {:6}",
        or_dash(record.model.as_deref()),
        or_dash(record.endpoint.as_deref()),
        or_dash(record.policy_result.map(|result| result.as_str())),
        number(record.status_code.map(u64::from)),
    )
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `PII_SSN redact, SECRET_AWS_KEY block x2`
fn findings(findings: &[Finding]) -> String {
    let shown: Vec<_> = findings
        .iter()
        .map(|finding| {
            let times =
                if finding.count > 1 { format!(" x{}", finding.count) } else { String::new() };
            format!("{} {}{times}", plain(&finding.kind), finding.action)
        })
        .collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
}
