//! `portcullis policy diff` and `save`: a draft in a file of its own.

use super::super::{ACTOR, CliError, Context, Output};
use super::told;
use crate::admin::policy::{DiffRequest, SaveRequest, build_draft, diff_draft, read_sources, save};
use crate::app::{open_existing_store, open_store};
use crate::clock;
use crate::policy::{SourceFile, version_of};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  portcullis policy diff draft.csv\n  \
    portcullis policy diff --against 12     (the file as it is, against a kept version)")]
pub(in crate::cli) struct Diff {
    /// The draft [default: the configured policy.file]
    #[arg(required_unless_present = "against")]
    file: Option<PathBuf>,
    /// The kept version (its id) to compare with [default: the configured policy.file]
    #[arg(long, value_name = "VERSION")]
    against: Option<i64>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis policy save draft.csv --reason 'gpt-5 for research'\n\n\
    A running server takes it up within a second."
)]
pub(in crate::cli) struct Save {
    /// The draft
    file: PathBuf,
    /// Why; kept with the version
    #[arg(long)]
    reason: String,
    /// Refuse if another version is in force [default: whatever is]
    #[arg(long, value_name = "VERSION")]
    base: Option<String>,
}

pub(super) fn run_diff(
    context: &Context,
    diff: &Diff,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let (_, rules) = read_sources(&config.policy)?;
    let text = match &diff.file {
        Some(file) => read(file)?,
        None => rules.text.clone(),
    };
    let request = DiffRequest { text, against: diff.against };
    let found = diff_draft(&open_existing_store(&config)?, &rules.text, &request)?;
    if output.is_json() {
        return output.object(&found);
    }
    output.line(found.to_string())
}

pub(super) fn run_save(
    context: &Context,
    asked: Save,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let store = open_store(&config)?;
    let (model, rules) = read_sources(&config.policy)?;
    let current = || version_of(&model, &rules).to_string();
    let base_version = asked.base.unwrap_or_else(current);
    let draft = SourceFile::new(asked.file.display().to_string(), read(&asked.file)?);
    // Here problems have the places of the draft's own file.
    let saved = build_draft(&model, &draft).and_then(|_policy| {
        let request = SaveRequest { text: draft.text, base_version, reason: asked.reason };
        save(&store, &config.policy, &request, ACTOR, clock::now())
    });
    told(saved, &store, &rules.name, output)
}

/// A draft's text.
pub(super) fn read(file: &Path) -> Result<String, CliError> {
    fs::read_to_string(file)
        .map_err(|error| CliError::Refused(format!("{}: {error}", file.display())))
}
