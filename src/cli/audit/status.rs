//! `portcullis audit status`.

use super::super::{CliError, Context, Output};
use super::plain;
use crate::app::open_existing_store;

pub(super) fn run(context: &Context, output: &mut Output) -> Result<(), CliError> {
    let status = open_existing_store(&context.load()?)?.record_status()?;
    if output.is_json() {
        return output.object(&status);
    }
    if status.chains.is_empty() {
        output.line("No records yet.")?;
    }
    for chain in &status.chains {
        let signed = match chain.signed_seq.zip(chain.signed_at) {
            Some((seq, at)) => format!("signed up to {seq} at {at}"),
            None => "not signed yet".to_owned(),
        };
        let node = plain(&chain.node);
        output.line(format!("chain      {node}: {} records, {signed}", chain.seq))?;
    }
    output.line(format!("set aside  {}", status.set_aside))?;
    output.line(format!("changes    {} without a record yet", status.changes_waiting))
}
