//! `portcullis policy …`.

mod check;
mod draft;
mod explain;
mod versions;
mod what_if;

use super::{CliError, Context, Output};
use crate::admin::AdminError;
use crate::store::Store;
use clap::Subcommand;
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check a policy file without using it
    Check(check::Check),
    /// Say why a call was, or would be, allowed or denied
    Explain(explain::Explain),
    /// Show what a draft changes
    Diff(draft::Diff),
    /// Replay a draft on the calls that are on record
    WhatIf(what_if::WhatIf),
    /// Put a draft in force
    Save(draft::Save),
    /// List the versions that were in force
    Versions(versions::Versions),
    /// Print the policy, or a version of it
    Show(versions::Show),
    /// Put an old version in force again
    Rollback(versions::Rollback),
}

pub(super) fn run(
    context: &Context,
    command: PolicyCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    match command {
        PolicyCommand::Check(check) => check::run(context, &check, output),
        PolicyCommand::Explain(explain) => explain::run(context, explain, output),
        PolicyCommand::Diff(diff) => draft::run_diff(context, &diff, output),
        PolicyCommand::WhatIf(asked) => what_if::run(context, &asked, output),
        PolicyCommand::Save(save) => draft::run_save(context, save, output),
        PolicyCommand::Versions(asked) => versions::run_versions(context, &asked, output),
        PolicyCommand::Show(asked) => versions::run_show(context, &asked, output),
        PolicyCommand::Rollback(asked) => versions::run_rollback(context, asked, output),
    }
}

/// What became of a draft: its version, or all that is wrong with it.
fn told(
    saved: Result<Arc<str>, AdminError>,
    store: &Store,
    file: &str,
    output: &mut Output,
) -> Result<(), CliError> {
    match saved {
        Ok(version) => {
            let id = store.policy_version_id(&version)?;
            if output.is_json() {
                return output.object(&json!({ "file": file, "id": id, "version": version }));
            }
            let number = id.map(|id| format!("{id} ")).unwrap_or_default();
            output.line(format!("{file}: saved as version {number}({version})"))
        }
        Err(AdminError::PolicyInvalid(errors)) if !output.is_json() => {
            errors.iter().try_for_each(|error| output.line(error.to_string()))?;
            Err(CliError::Refused("the draft has problems; nothing was changed".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
