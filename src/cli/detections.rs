//! `portcullis detections …`.

mod change;
mod show;

use super::{CliError, Context, Output};
use crate::admin::detections::{TrialCaller, profile_for, try_on};
use crate::admin::policy::read_sources;
use crate::app::{AppError, detections_file, open_existing_store};
use crate::config::{StreamDetection, UnknownEndpoints};
use crate::detect::{Detections, Profile, TEMPLATES, Template, coverage};
use crate::policy::{Pattern, Policy};
use crate::types::{Lifecycle, TextSurface};
use clap::{Args, Subcommand};
use serde_json::json;
use std::{io::Read, path::PathBuf, sync::Arc};

#[derive(Debug, Subcommand)]
pub(super) enum DetectionsCommand {
    /// Check a file of rules without using it, and try every rule on its own examples
    Check(Check),
    /// List the rules and what they do
    List(List),
    /// Change what a rule does
    Set(change::Set),
    /// Add a rule of your own
    Add(Box<change::Add>),
    /// Remove a rule of your own
    Remove(change::Remove),
    /// Try the rules on a text from standard input, which is not kept
    #[command(visible_alias = "test")]
    Try(Try),
    /// List what is scanned on which endpoint, and what is not
    Coverage(Coverage),
    /// List the templates, or print one
    Templates(Templates),
}

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis detections check detections.toml")]
pub(super) struct Check {
    /// The rules [default: the configured detection.file]
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis detections list --type 'PII_*' --lifecycle EGRESS --role developer"
)]
pub(super) struct List {
    /// Only rules of these types, such as 'SECRET_*'
    #[arg(long = "type", value_name = "PATTERN", value_parser = pattern)]
    kind: Option<Pattern>,
    /// Only what is done in one direction: INGRESS (to the provider) or EGRESS (to the caller)
    #[arg(long, value_parser = lifecycle)]
    lifecycle: Option<Lifecycle>,
    #[command(flatten)]
    caller: Caller,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: echo 'mail bob@example.com' | portcullis detections try --role developer"
)]
pub(super) struct Try {
    /// The part of a call or an answer that the text is [default: user on the way in, assistant on the way out]
    #[arg(long, value_parser = surface)]
    surface: Option<TextSurface>,
    /// INGRESS (to the provider) or EGRESS (to the caller) [default: INGRESS]
    #[arg(long, value_parser = lifecycle)]
    lifecycle: Option<Lifecycle>,
    #[command(flatten)]
    caller: Caller,
}

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis detections coverage --endpoint 'chat/*'")]
pub(super) struct Coverage {
    /// Only endpoints with these names, such as 'images/*'
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    endpoint: Option<Pattern>,
}

/// For whom the overrides are applied.
#[derive(Args, Debug)]
struct Caller {
    /// As in this AppContext
    #[arg(long, value_name = "NAME|ID")]
    app_context: Option<String>,
    /// As for this agent, with all of its roles
    #[arg(long, value_name = "NAME|ID")]
    agent: Option<String>,
    /// As for a caller with this role, name or type:TYPE; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  portcullis detections templates\n  portcullis detections templates healthcare"
)]
pub(super) struct Templates {
    /// The template to print
    name: Option<String>,
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text).map_err(|error| error.to_string())
}

fn lifecycle(text: &str) -> Result<Lifecycle, String> {
    Lifecycle::parse(&text.to_uppercase()).ok_or_else(|| "write INGRESS or EGRESS".to_owned())
}

fn surface(text: &str) -> Result<TextSurface, String> {
    let names = || TextSurface::ALL.iter().map(|surface| surface.as_str()).collect::<Vec<_>>();
    TextSurface::parse(text).ok_or_else(|| format!("write one of {}", names().join(", ")))
}

impl Caller {
    /// What the configured rules do for this caller.
    fn profile(&self, context: &Context) -> Result<Arc<Profile>, CliError> {
        let config = context.load()?;
        let loaded = detections_file(&config).load();
        let detections = loaded.map_err(AppError::Detections)?.detections;
        let caller = TrialCaller {
            agent: self.agent.as_deref(),
            app_context: self.app_context.as_deref(),
            roles: &self.roles,
        };
        if self.agent.is_none() && self.app_context.is_none() {
            return Ok(profile_for(&detections, caller, None)?);
        }
        let (model, rules) = read_sources(&config.policy)?;
        let policy = Policy::build(&model, &rules)?;
        Ok(profile_for(&detections, caller, Some((&open_existing_store(&config)?, &policy)))?)
    }
}

pub(super) fn run(
    context: &Context,
    command: DetectionsCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    match command {
        DetectionsCommand::Check(check) => run_check(context, check, output),
        DetectionsCommand::List(list) => {
            let profile = list.caller.profile(context)?;
            show::list(&profile, list.kind.as_ref(), list.lifecycle, output)
        }
        DetectionsCommand::Set(set) => change::run_set(context, set, output),
        DetectionsCommand::Add(add) => change::run_add(context, *add, output),
        DetectionsCommand::Remove(remove) => change::run_remove(context, &remove, output),
        DetectionsCommand::Try(asked) => {
            let profile = asked.caller.profile(context)?;
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            show::trial(&try_on(&profile, asked.lifecycle, asked.surface, &text)?, output)
        }
        DetectionsCommand::Coverage(asked) => {
            let config = context.load()?;
            let inline = config.detection.stream == StreamDetection::Inline;
            let unknown = config.endpoints.unknown == UnknownEndpoints::ForwardUnscreened;
            let mut covered = coverage(inline, unknown);
            let is_asked = |name: &str| asked.endpoint.as_ref().is_none_or(|it| it.matches(name));
            covered.endpoints.retain(|it| is_asked(&it.endpoint));
            show::coverage(&covered, output)
        }
        DetectionsCommand::Templates(templates) => run_templates(&templates, output),
    }
}

fn run_check(context: &Context, check: Check, output: &mut Output) -> Result<(), CliError> {
    let mut file = detections_file(&context.load()?);
    if let Some(path) = check.file {
        file.path = path;
    }
    let source = file.source()?;
    let checked = Detections::parse(&source, None);
    let name = &source.name;
    show::checked(name, &checked, output)?;
    match checked {
        Ok(_) => Ok(()),
        Err(errors) => Err(CliError::Refused(match errors.len() {
            1 => format!("{name}: 1 problem"),
            several => format!("{name}: {several} problems"),
        })),
    }
}

fn run_templates(templates: &Templates, output: &mut Output) -> Result<(), CliError> {
    match &templates.name {
        None => show::templates(output),
        Some(name) => {
            let template =
                TEMPLATES.iter().find(|template| template.name == name).ok_or_else(|| {
                    let names: Vec<_> = TEMPLATES.iter().map(|template| template.name).collect();
                    CliError::Refused(format!(
                        "no template {name:?}; there are {}",
                        names.join(", ")
                    ))
                })?;
            let Template { name, text } = template;
            if output.is_json() {
                return output.object(&json!({ "name": name, "text": text }));
            }
            output.line(text.trim_end())
        }
    }
}
