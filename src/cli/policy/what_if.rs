//! `portcullis policy what-if`.

use super::super::audit::{Progress, Range, plain};
use super::super::{CliError, Context, Output};
use super::draft::read;
use crate::admin::AdminError;
use crate::admin::policy::{Patience, build_draft, read_sources, what_if};
use crate::app::open_existing_store;
use crate::clock;
use crate::policy::{Policy, Replayed, SourceFile, Turn};
use clap::Args;
use std::{collections::HashSet, fmt::Display, path::PathBuf, time::Duration};

/// Rows of a kind that are printed; `--json` has up to 500.
const SHOWN: usize = 20;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  portcullis policy what-if draft.csv\n  \
    portcullis policy what-if draft.csv --from 2026-11-01 --json")]
pub(in crate::cli) struct WhatIf {
    /// The draft
    file: PathBuf,
    #[command(flatten)]
    range: Range,
}

pub(super) fn run(context: &Context, asked: &WhatIf, output: &mut Output) -> Result<(), CliError> {
    let config = context.load()?;
    let store = open_existing_store(&config)?;
    let (model, rules) = read_sources(&config.policy)?;
    let in_force = Policy::build(&model, &rules)?;
    let draft = SourceFile::new(asked.file.display().to_string(), read(&asked.file)?);
    let draft = match build_draft(&model, &draft) {
        Err(AdminError::PolicyInvalid(errors)) if !output.is_json() => {
            errors.iter().try_for_each(|error| output.line(error.to_string()))?;
            return Err(CliError::Refused("the draft has problems".to_owned()));
        }
        built => built?,
    };
    let now = clock::now();
    let range = (asked.range.from.map(|it| it.0), asked.range.to.map(|it| it.0));
    let mut progress = Progress::new(range.1.unwrap_or(now));
    let patience = Patience {
        most: Duration::MAX,
        is_given_up: &|| false,
        progress: &mut |records, at| progress.records(records, at),
    };
    let told = what_if(&store, &in_force, &draft, range, now, patience);
    drop(progress);
    let told = told?;
    if output.is_json() {
        return output.object(&told);
    }
    let from = told.from.map_or_else(|| "the first record".to_owned(), |from| from.to_string());
    output
        .line(format!("replayed {} records from {from} to {}", told.replayed.records, told.to))?;
    lines(&told.replayed, &in_force).iter().try_for_each(|line| output.line(line))
}

/// For the terminal.
fn lines(told: &Replayed, in_force: &Policy) -> Vec<String> {
    let mut lines = match told.flipped_calls {
        0 => vec!["no call would be decided otherwise".to_owned()],
        1 => vec!["1 call would be decided otherwise:".to_owned()],
        flipped => vec![format!("{flipped} calls would be decided otherwise:")],
    };
    let model = |model: &Option<Box<str>>| model.as_deref().map_or_else(|| "-".to_owned(), plain);
    list(
        &mut lines,
        "",
        told.flips.iter().map(|it| {
            let rule =
                |rule: &Option<_>| rule.as_ref().map_or("no rule".to_owned(), ToString::to_string);
            let turn = format!("{} {} {} → {}", it.agent, model(&it.model), it.before, it.after);
            let rules = format!("{} → {}", rule(&it.rule_before), rule(&it.rule_after));
            format!("{:8}  {turn}  ({rules})", it.calls)
        }),
    );
    list(
        &mut lines,
        "tools:",
        told.tools.iter().map(|it| {
            format!("{:8}  {} {} {} → {}", it.calls, it.agent, plain(&it.tool), it.before, it.after)
        }),
    );
    for (title, turns) in [("may do more:", &told.gains), ("may do less:", &told.losses)] {
        let turn = |it: &Turn| format!("{:8}  {} {}", it.calls, it.agent, model(&it.model));
        list(&mut lines, title, turns.iter().map(turn));
    }
    never_matched(&mut lines, told, in_force);
    let shadowed = told.shadowed.iter().map(|it| format!("  {}  (by {})", it.text, it.by_text));
    list(&mut lines, "never decides:", shadowed);
    if let Some(why) = &told.undecidable.why {
        lines.push(format!("not replayed: {} ({why})", told.undecidable.count));
    }
    lines
}

/// The draft's own lines by name: what was there before and matched nothing says little of the draft.
fn never_matched(lines: &mut Vec<String>, told: &Replayed, in_force: &Policy) {
    let known: HashSet<&str> = in_force.rule_texts().collect();
    let (old, new): (Vec<_>, Vec<_>) =
        told.never_matched.iter().partition(|rule| known.contains(rule.said()));
    list(lines, "new and never matched:", new.iter().map(|rule| format!("  {}", rule.text)));
    match old.len() {
        0 => {}
        1 => lines.push("1 line that is in force matched nothing either (--json)".to_owned()),
        many => {
            lines.push(format!("{many} lines that are in force matched nothing either (--json)"));
        }
    }
}

fn list(lines: &mut Vec<String>, title: &str, items: impl ExactSizeIterator<Item = impl Display>) {
    let more = items.len().saturating_sub(SHOWN);
    if items.len() > 0 && !title.is_empty() {
        lines.push(title.to_owned());
    }
    lines.extend(items.take(SHOWN).map(|item| item.to_string()));
    if more > 0 {
        lines.push(format!("          … and {more} more (--json)"));
    }
}
