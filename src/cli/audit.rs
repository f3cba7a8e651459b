//! `portcullis audit …`: reading, exporting and verifying the record.

mod export;
mod filters;
mod key;
mod progress;
mod sessions;
mod set_aside;
mod status;
mod tail;
mod verify;

pub(super) use filters::Range;
pub(super) use progress::Progress;

use super::{CliError, Context, Output};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Show the newest records
    Tail(tail::Tail),
    /// Write records for other programs
    Export(export::Export),
    /// Find out whether records were altered, removed, inserted or moved
    Verify(verify::Verify),
    /// Show sessions: the calls of an agent that belong together
    Sessions(sessions::Sessions),
    /// Show how far chains and checkpoints are, and what waits, as the database has it
    #[command(
        after_help = "Of a running gateway, its journal and its outbox: GET /api/v1/audit/status.\n\
        Example: portcullis audit status --json"
    )]
    Status,
    /// Show the records that the database did not take, and why
    SetAside(set_aside::SetAsideList),
    /// Show the public key that checks this gateway's checkpoints
    Key(key::Key),
}

pub(super) fn run(
    context: &Context,
    command: AuditCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    match command {
        AuditCommand::Tail(tail) => tail::run(context, tail, output),
        AuditCommand::Export(export) => export::run(context, export, output),
        AuditCommand::Verify(verify) => verify::run(context, verify, output),
        AuditCommand::Sessions(sessions) => sessions::run(context, sessions, output),
        AuditCommand::Status => status::run(context, output),
        AuditCommand::SetAside(list) => set_aside::run(context, &list, output),
        AuditCommand::Key(key) => key::run(context, &key, output),
    }
}

/// A text as a terminal takes it: callers choose some of them, and must not move its cursor.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// What is not known.
fn or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), plain)
}
