//! `portcullis policy check`.

use super::super::{CliError, Context, Output};
use crate::admin::policy::read_sources;
use crate::policy::Review;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis policy check policy.csv")]
pub(in crate::cli) struct Check {
    /// The rules [default: the configured policy.file]
    file: Option<PathBuf>,
}

pub(super) fn run(context: &Context, check: &Check, output: &mut Output) -> Result<(), CliError> {
    let mut files = context.load()?.policy;
    if let Some(file) = &check.file {
        files.file.clone_from(file);
    }
    let (model, rules) = read_sources(&files)?;
    // Who there is stands in the database, which a check must not need.
    let review = Review::of(&model, &rules, &[]);
    let Review { valid, version, errors, warnings } = &review;
    if output.is_json() {
        output.object(&json!({
            "file": rules.name, "valid": valid, "version": version, "errors": errors, "warnings": warnings,
        }))?;
    } else {
        for problem in errors {
            output.line(problem.to_string())?;
        }
        for warning in warnings {
            output.line(format!("{}:{}: warning: {}", rules.name, warning.line, warning.reason))?;
        }
        if *valid {
            output.line(format!("{}: valid", rules.name))?;
        }
    }
    match errors.len() {
        0 => Ok(()),
        1 => Err(CliError::Refused(format!("{}: 1 problem", rules.name))),
        several => Err(CliError::Refused(format!("{}: {several} problems", rules.name))),
    }
}
