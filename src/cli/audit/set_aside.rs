//! `portcullis audit set-aside`.

use super::super::{CliError, Context, Output};
use super::plain;
use crate::app::open_existing_store;
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "They stand in their chains all the same, so the record still verifies.\n\
    Example: portcullis audit set-aside --json")]
pub(in crate::cli) struct SetAsideList {
    /// How many, the oldest first
    #[arg(long, short = 'n', default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    lines: u32,
}

pub(super) fn run(
    context: &Context,
    list: &SetAsideList,
    output: &mut Output,
) -> Result<(), CliError> {
    let store = open_existing_store(&context.load()?)?;
    let records = store.set_aside(list.lines, 0)?;
    if output.is_json() {
        return output.object(&json!({ "set_aside": records }));
    }
    if records.is_empty() {
        return output.line("No records were set aside.");
    }
    output
        .line(format!("{:24}  {:36}  {:>10}  {:16}  {}", "SINCE", "ID", "SEQ", "NODE", "REASON"))?;
    for record in records {
        output.line(format!(
            "{}  {}  {:>10}  {:16}  {}",
            record.at,
            record.id,
            record.seq,
            plain(&record.node),
            plain(&record.reason)
        ))?;
    }
    Ok(())
}
