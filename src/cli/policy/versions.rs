//! `portcullis policy versions`, `show` and `rollback`: what was in force.

use super::super::{ACTOR, CliError, Context, Output};
use super::told;
use crate::admin::policy::{
    KeptVersion, RestoreRequest, VersionsRequest, list_versions, read_sources, restore,
    show_version,
};
use crate::app::open_existing_store;
use crate::clock;
use crate::policy::version_of;
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis policy versions --limit 5")]
pub(in crate::cli) struct Versions {
    /// At most so many, the newest first
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Only those before this one (its id)
    #[arg(long, value_name = "VERSION")]
    after: Option<i64>,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  portcullis policy show\n  portcullis policy show 12")]
pub(in crate::cli) struct Show {
    /// A kept version's id [default: the file as it is]
    version: Option<i64>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis policy rollback 12 --reason 'the new rules stopped research'\n\n\
    A running server takes it up within a second."
)]
pub(in crate::cli) struct Rollback {
    /// The kept version's id
    version: i64,
    /// Why; kept with the version
    #[arg(long)]
    reason: String,
}

pub(super) fn run_versions(
    context: &Context,
    asked: &Versions,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let (model, rules) = read_sources(&config.policy)?;
    let request = VersionsRequest { limit: asked.limit, after: asked.after };
    let kept = list_versions(&open_existing_store(&config)?, &version_of(&model, &rules), request)?;
    if output.is_json() {
        return output.object(&kept);
    }
    if kept.versions.is_empty() {
        return output.line("no versions yet: the first is kept when the server starts");
    }
    let header = ("VERSION", "DIGEST", "TIME", "AUTHOR", "LINES", "REASON");
    let (version, digest, time, author, changed, reason) = header;
    let header = format!("{version:7}  {digest:12}  {time:24}  {author:12}  {changed:9}  {reason}");
    output.line(header)?;
    for version in &kept.versions {
        let KeptVersion { id, version, author, reason, at, added, removed, current, .. } = version;
        let mark = if *current { "*" } else { " " };
        let reason = reason.as_deref().unwrap_or("-");
        let changed = format!("+{added} -{removed}");
        let row = format!("{mark} {id:<5}  {version}  {at}  {author:12}  {changed:9}");
        output.line(format!("{row}  {reason}"))?;
    }
    Ok(())
}

pub(super) fn run_show(
    context: &Context,
    asked: &Show,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let (model, rules) = read_sources(&config.policy)?;
    let in_force = version_of(&model, &rules);
    let Some(id) = asked.version else {
        if output.is_json() {
            let (file, text) = (&rules.name, &rules.text);
            return output.object(&json!({ "version": in_force, "file": file, "text": text }));
        }
        return output.line(rules.text.trim_end_matches('\n'));
    };
    let version = show_version(&open_existing_store(&config)?, &in_force, id)?;
    if output.is_json() {
        return output.object(&version);
    }
    output.line(version.text.unwrap_or_default().trim_end_matches('\n'))
}

pub(super) fn run_rollback(
    context: &Context,
    asked: Rollback,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let store = open_existing_store(&config)?;
    let (model, rules) = read_sources(&config.policy)?;
    let base_version = version_of(&model, &rules).to_string();
    let request = RestoreRequest { base_version, reason: asked.reason };
    let restored = restore(&store, &config.policy, asked.version, request, ACTOR, clock::now());
    told(restored, &store, &rules.name, output)
}
