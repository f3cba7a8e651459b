//! `portcullis app-context …`.

use super::limits::{self, LimitChangeFlags, LimitFlags};
use super::{ACTOR, CliError, Context, Output, output::warn};
use crate::admin::{
    self, AppContextChangeRequest, AppContextRow, ConfiguredNames, NewAppContextRequest, shown,
};
use crate::app::{detections_file, open_existing_store, open_store};
use crate::config::Config;
use crate::detect::Selector;
use crate::store::Store;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum AppContextCommand {
    /// Create an AppContext, to which detection keys can belong
    Create(Create),
    /// List all AppContexts
    #[command(after_help = "Example: portcullis app-context list --json")]
    List,
    /// Show one AppContext
    #[command(after_help = "Example: portcullis app-context show support-desk")]
    Show(Which),
    /// Change an AppContext; what is not named stays as it is
    Set(Set),
    /// Refuse all keys of an AppContext for good
    #[command(after_help = "Example: portcullis app-context revoke support-desk")]
    Revoke(Which),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis app-context create support-desk --allow-model 'gpt-4o*' \
    --monthly-requests 10000"
)]
pub(super) struct Create {
    /// Unique name: lower-case letters, digits, '.', '_' and '-'
    name: String,
    /// Model that may be used through it, as a pattern of the policy; may be repeated [default: all]
    #[arg(long = "allow-model", value_name = "PATTERN")]
    allowed_models: Vec<String>,
    /// Provider key to use instead of the caller's: a NAME of the configuration's [provider_keys.NAME]
    #[arg(long, value_name = "NAME")]
    provider_key: Option<String>,
    /// Detection rule for its calls: an id, type:PATTERN or class:CLASS; may be repeated [default: all]
    #[arg(long = "detector", value_name = "SELECTOR")]
    detectors: Vec<String>,
    #[command(flatten)]
    limits: LimitFlags,
}

#[derive(Args, Debug)]
pub(super) struct Which {
    /// The AppContext's name or id
    app_context: String,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  portcullis app-context set support-desk --allow-model 'gpt-4o*' \
    --allow-model o3\n  portcullis app-context set support-desk --allow-all-models --monthly-requests 0"
)]
pub(super) struct Set {
    /// The AppContext's name or id
    app_context: String,
    /// Model that may be used from now on, instead of the list so far; may be repeated
    #[arg(long = "allow-model", value_name = "PATTERN", conflicts_with = "allow_all_models")]
    allowed_models: Vec<String>,
    /// Allow every model that the policy allows
    #[arg(long)]
    allow_all_models: bool,
    /// Provider key to use instead of the caller's: a NAME of the configuration's [provider_keys.NAME]
    #[arg(long, value_name = "NAME", conflicts_with = "no_provider_key")]
    provider_key: Option<String>,
    /// Use the caller's provider key again
    #[arg(long)]
    no_provider_key: bool,
    /// Detection rule from now on, instead of the list so far: an id, type:PATTERN or class:CLASS; may be repeated
    #[arg(long = "detector", value_name = "SELECTOR", conflicts_with = "all_detectors")]
    detectors: Vec<String>,
    /// Screen its calls with every detection rule
    #[arg(long)]
    all_detectors: bool,
    #[command(flatten)]
    limits: LimitChangeFlags,
}

impl Set {
    fn change(self) -> AppContextChangeRequest {
        let lists = self.allow_all_models || !self.allowed_models.is_empty();
        let provider_key = match self.provider_key {
            None if self.no_provider_key => Some(None),
            None => None,
            name => Some(name),
        };
        let limits = self.limits.change();
        let allowed_models = lists.then_some(self.allowed_models);
        let selects = self.all_detectors || !self.detectors.is_empty();
        let detectors = selects.then_some(self.detectors);
        AppContextChangeRequest { allowed_models, provider_key, detectors, limits }
    }
}

pub(super) fn run(
    context: &Context,
    command: AppContextCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let store = match command {
        AppContextCommand::Create(_) => open_store(&config)?,
        _ => open_existing_store(&config)?,
    };
    let names = ConfiguredNames::of(&config);
    let now = crate::clock::now();
    match command {
        AppContextCommand::Create(create) => {
            let request = NewAppContextRequest {
                name: create.name,
                allowed_models: create.allowed_models,
                provider_key: create.provider_key,
                detectors: create.detectors,
                limits: create.limits.change(),
            };
            let created = admin::create_app_context(&store, &names, request, ACTOR, now)?;
            warn_of_unknown_detectors(&config, &created.detectors);
            if output.is_json() {
                return output.object(&json!({ "id": created.id }));
            }
            show(&created, output)
        }
        AppContextCommand::List => list(&store, output),
        AppContextCommand::Show(which) => {
            show(&admin::find_app_context(&store, &which.app_context)?, output)
        }
        AppContextCommand::Set(set) => {
            let which = set.app_context.clone();
            let change = set.change();
            let named = change.detectors.clone().unwrap_or_default();
            let changed = admin::change_app_context(&store, &names, &which, change, ACTOR, now)?;
            warn_of_unknown_detectors(&config, &named);
            show(&changed, output)
        }
        AppContextCommand::Revoke(which) => {
            show(&admin::revoke_app_context(&store, &which.app_context, ACTOR, now)?, output)
        }
    }
}

/// A rule may be named before it is written, but more often its name is mistyped.
fn warn_of_unknown_detectors(config: &Config, selectors: &[String]) {
    if selectors.is_empty() {
        return;
    }
    // AppContexts can be changed without rules that can be read.
    let Ok(loaded) = detections_file(config).load() else { return };
    for text in selectors {
        let selector = Selector::parse(text);
        if !selector.is_ok_and(|it| loaded.detections.rules().iter().any(|rule| it.selects(rule))) {
            warn(&format!("no detection rule is meant by {text:?}: it selects nothing"));
        }
    }
}

fn list(store: &Store, output: &mut Output) -> Result<(), CliError> {
    let contexts = store.app_contexts_with_last_calls()?;
    if output.is_json() {
        return output.object(&shown::app_contexts(&contexts));
    }
    if contexts.is_empty() {
        return output.line("No AppContexts yet. Create one: portcullis app-context create NAME");
    }
    let width = contexts.iter().map(|context| context.name.len()).max().unwrap_or(0).max(4);
    output.line(format!("{:width$}  {:19}  {:7}  {}", "NAME", "ID", "STATE", "MODELS"))?;
    for context in contexts {
        let (state, models) = (state_of(&context), all_or(&context.allowed_models));
        output.line(format!("{:width$}  {:19}  {state:7}  {models}", context.name, context.id))?;
    }
    Ok(())
}

fn show(context: &AppContextRow, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&shown::app_context(context));
    }
    output.line(format!("name       {}", context.name))?;
    output.line(format!("id         {}", context.id))?;
    output.line(format!("models     {}", all_or(&context.allowed_models)))?;
    let provider_key = context.provider_key.as_deref().unwrap_or("the caller's");
    output.line(format!("provider   {provider_key} key"))?;
    output.line(format!("detectors  {}", all_or(&context.detectors)))?;
    limits::show(context.limits, output)?;
    output.line(format!("state      {}", state_of(context)))?;
    output.line(format!("created    {}", context.created_at))
}

const fn state_of(context: &AppContextRow) -> &'static str {
    if context.revoked_at.is_some() { "revoked" } else { "active" }
}

fn all_or(list: &[String]) -> String {
    if list.is_empty() { "all".to_owned() } else { list.join(", ") }
}
