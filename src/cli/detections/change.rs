//! `portcullis detections set`, `add` and `remove`: changes of the file that a running server takes up by itself.

use super::super::{ACTOR, CliError, Context, Output};
use super::{lifecycle, surface};
use crate::admin::detections::{
    DetectionsError, RuleChangeRequest, RuleRequest, Workshop, add_own_rule, change_rule,
    remove_own_rule,
};
use crate::app::open_store;
use crate::clock;
use crate::detect::NewRule;
use crate::types::{Action, DataClass, Lifecycle, RiskDomain, Severity, TextSurface};
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    portcullis detections set email --action redact --reason 'customers complained'\n  \
    portcullis detections set email --disable --app-context reports --reason 'they need it'\n  \
    portcullis detections set email --reset --reason 'as the template has it'\n\n\
    A running server takes it up within a second.")]
#[group(id = "to", required = true, multiple = false, args = ["action", "enable", "disable", "reset"])]
pub(in crate::cli) struct Set {
    /// The rule's id
    rule: String,
    /// What it does: allow, log, redact, block or quarantine
    #[arg(long, value_parser = action)]
    action: Option<Action>,
    /// It does again what it did; at least it notes what it finds
    #[arg(long)]
    enable: bool,
    /// It does nothing
    #[arg(long)]
    disable: bool,
    /// It does what the rest of the file says
    #[arg(long)]
    reset: bool,
    /// Only in this AppContext
    #[arg(long, value_name = "NAME|ID")]
    app_context: Option<String>,
    /// Only in one direction: INGRESS (to the provider) or EGRESS (to the caller)
    #[arg(long, value_parser = lifecycle)]
    lifecycle: Option<Lifecycle>,
    #[command(flatten)]
    why: Why,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis detections add acme-ticket --type ACME_TICKET --severity HIGH --action redact \\\n    \
    --pattern 'ACME-[0-9]{4,8}' --match 'see ACME-12345' --miss 'an ACME part' --reason 'tickets stay here'\n\n\
    It is tried on its examples first. A running server takes it up within a second."
)]
pub(in crate::cli) struct Add {
    /// Its id: a-z, 0-9 and '-'
    rule: String,
    /// What its findings are called: A-Z, 0-9 and '_'
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// LOW, MEDIUM, HIGH or CRITICAL
    #[arg(long, value_parser = |text: &str| word(text, Severity::ALL, Severity::as_str))]
    severity: Severity,
    /// PII, PHI, FINANCIAL, CREDENTIALS, IP or NONE [default: NONE]
    #[arg(long, value_parser = |text: &str| word(text, DataClass::ALL, DataClass::as_str))]
    class: Option<DataClass>,
    /// What it endangers [default: DATA_PROTECTION]
    #[arg(long, value_parser = |text: &str| word(text, RiskDomain::ALL, RiskDomain::as_str))]
    risk_domain: Option<RiskDomain>,
    /// A regular expression of what to look for
    #[arg(long, required_unless_present = "keywords", conflicts_with = "keywords")]
    pattern: Option<String>,
    /// A plain word to look for; may be repeated
    #[arg(long = "keyword", value_name = "WORD")]
    keywords: Option<Vec<String>>,
    /// INGRESS or EGRESS [default: both]
    #[arg(long, value_parser = lifecycle)]
    lifecycle: Option<Vec<Lifecycle>>,
    /// A part of calls and answers to look at; may be repeated [default: all]
    #[arg(long = "surface", value_parser = surface, value_name = "SURFACE")]
    surfaces: Option<Vec<TextSurface>>,
    /// The id of an AppContext to which it is held; may be repeated
    #[arg(long = "app-context", value_name = "ID")]
    app_contexts: Option<Vec<String>>,
    /// A word of which one must stand shortly before; may be repeated
    #[arg(long, value_name = "WORD")]
    context: Option<Vec<String>>,
    /// A check that the value must pass; may be repeated
    #[arg(long = "validator", value_name = "NAME")]
    validators: Option<Vec<String>>,
    /// What it does: allow, log, redact, block or quarantine [default: log]
    #[arg(long, value_parser = action)]
    action: Option<Action>,
    /// What it is for: a comment above the rule
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A text in which it must be found; may be repeated
    #[arg(long = "match", value_name = "TEXT", required = true)]
    matches: Vec<String>,
    /// A text in which it must not be found; may be repeated
    #[arg(long = "miss", value_name = "TEXT", required = true)]
    misses: Vec<String>,
    #[command(flatten)]
    why: Why,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis detections remove acme-ticket --reason 'no tickets any more'"
)]
pub(in crate::cli) struct Remove {
    /// The rule's id
    rule: String,
    #[command(flatten)]
    why: Why,
}

#[derive(Args, Debug)]
struct Why {
    /// Why; kept in the list of changes
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Refuse if the file has another version by now [default: whatever is there]
    #[arg(long, value_name = "VERSION")]
    base: Option<String>,
}

fn action(text: &str) -> Result<Action, String> {
    word(text, Action::ALL, Action::as_str)
}

fn word<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|it| name(*it).eq_ignore_ascii_case(text));
    let names = || all.iter().map(|it| name(*it)).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("write one of {}", names()))
}

pub(super) fn run_set(context: &Context, set: Set, output: &mut Output) -> Result<(), CliError> {
    let request = RuleChangeRequest {
        enabled: (set.enable || set.disable).then_some(set.enable),
        action: set.action,
        reset: set.reset,
        app_context: set.app_context,
        lifecycle: set.lifecycle,
        base_version: set.why.base,
        reason: set.why.reason,
    };
    change(context, output, |workshop| change_rule(workshop, &set.rule, &request))
}

pub(super) fn run_add(context: &Context, add: Add, output: &mut Output) -> Result<(), CliError> {
    let rule = NewRule {
        id: add.rule,
        kind: add.kind,
        severity: add.severity,
        class: add.class,
        risk_domain: add.risk_domain,
        pattern: add.pattern,
        keywords: add.keywords,
        lifecycle: add.lifecycle,
        surfaces: add.surfaces,
        app_contexts: add.app_contexts,
        context: add.context,
        validators: add.validators,
        action: add.action,
        description: add.description,
        matches: add.matches,
        misses: add.misses,
    };
    let request = RuleRequest { rule, base_version: add.why.base, reason: add.why.reason };
    change(context, output, |workshop| add_own_rule(workshop, &request))
}

pub(super) fn run_remove(
    context: &Context,
    it: &Remove,
    output: &mut Output,
) -> Result<(), CliError> {
    change(context, output, |workshop| {
        remove_own_rule(workshop, &it.rule, it.why.base.as_deref(), &it.why.reason)
    })
}

/// What became of a change: the version, or all that is wrong with it.
fn change(
    context: &Context,
    output: &mut Output,
    make: impl FnOnce(Workshop<'_>) -> Result<String, DetectionsError>,
) -> Result<(), CliError> {
    let config = context.load()?;
    let (store, path) = (open_store(&config)?, config.detection.file.as_path());
    let workshop = Workshop { path, store: &store, actor: ACTOR, now: clock::now() };
    let file = path.display().to_string();
    match make(workshop) {
        Ok(version) if output.is_json() => {
            output.object(&json!({ "file": file, "version": version }))
        }
        Ok(version) => output.line(format!("{file}: saved as version {version}")),
        Err(DetectionsError::Invalid(errors)) if !output.is_json() => {
            errors.iter().try_for_each(|it| output.line(it.error.to_string()))?;
            Err(CliError::Refused("the rules would not be good; nothing was changed".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
