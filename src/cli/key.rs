//! `portcullis key …`: detection keys.

use super::{ACTOR, CliError, Context, Output, private_file::PrivateFile};
use crate::admin::{self, Lifetime, ListedKey, NewKeyRequest, shown};
use crate::app::open_existing_store;
use crate::store::Store;
use crate::types::UnixMillis;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// Until then the new key is refused.
const WHEN_KNOWN: &str = "A running server takes it up within a second.";

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a detection key; it is shown this once
    Create(Create),
    /// List detection keys by their ids and last four characters
    #[command(after_help = "Example: portcullis key list --app-context support-desk")]
    List(List),
    /// Refuse a key for good
    #[command(after_help = "Example: portcullis key revoke key_0123456789abcdef")]
    Revoke(Which),
    /// Set when a key ends, sooner or later than before
    #[command(after_help = "Example: portcullis key expire key_0123456789abcdef --in 7d")]
    Expire(Expire),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis key create --app-context support-desk --agent research-bot \
    --expires-in 90d"
)]
pub(super) struct Create {
    /// The AppContext's name or id
    #[arg(long, value_name = "NAME|ID")]
    app_context: String,
    /// The agent's name or id
    #[arg(long, value_name = "NAME|ID")]
    agent: String,
    /// How long it is good, such as 12h, 90d or 4w [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    expires_in: Option<Lifetime>,
    /// Write {"id","key"} to this file, mode 0600, instead of showing them
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Only the keys of this AppContext (name or id)
    #[arg(long, value_name = "NAME|ID")]
    app_context: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Which {
    /// The key's id
    id: String,
}

#[derive(Args, Debug)]
pub(super) struct Expire {
    /// The key's id
    id: String,
    /// How long it stays good, such as 12h, 7d or 4w
    #[arg(
        long = "in",
        value_name = "TIME",
        required_unless_present = "now",
        conflicts_with = "now"
    )]
    expires_in: Option<Lifetime>,
    /// End it now
    #[arg(long)]
    now: bool,
}

pub(super) fn run(
    context: &Context,
    command: KeyCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    let store = open_existing_store(&context.load()?)?;
    let now = crate::clock::now();
    match command {
        KeyCommand::Create(new) => create(&store, new, now, output),
        KeyCommand::List(which) => {
            list(&admin::list_keys(&store, which.app_context.as_deref(), now)?, output)
        }
        KeyCommand::Revoke(which) => {
            show(&admin::revoke_key(&store, &which.id, ACTOR, now)?, output)
        }
        KeyCommand::Expire(expire) => {
            show(&admin::expire_key(&store, &expire.id, expire.expires_in, ACTOR, now)?, output)
        }
    }
}

fn create(
    store: &Store,
    new: Create,
    now: UnixMillis,
    output: &mut Output,
) -> Result<(), CliError> {
    let file = new.out.as_deref().map(PrivateFile::open).transpose()?;
    let request = NewKeyRequest {
        app_context: new.app_context,
        agent: new.agent,
        expires_in: new.expires_in,
    };
    let created = admin::create_key(store, &request, ACTOR, now)?;
    if let Some(file) = file {
        let path = file.keep(&shown::new_key(&created))?;
        return if output.is_json() {
            output.object(&json!({ "id": created.id, "out": path }))
        } else {
            output.line(format!("{}: the key is in {} (mode 0600)", created.id, path.display()))?;
            output.line(WHEN_KNOWN)
        };
    }
    if output.is_json() {
        return output.object(&shown::new_key(&created));
    }
    output.line(format!("id   {}", created.id))?;
    output.line(format!("key  {}  (shown this once)", created.key.expose()))?;
    output.line(WHEN_KNOWN)
}

fn list(keys: &[ListedKey], output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&shown::keys(keys));
    }
    if keys.is_empty() {
        return output.line(
            "No detection keys. Make one: portcullis key create --app-context NAME --agent NAME",
        );
    }
    let width_of = |text: fn(&ListedKey) -> &str| {
        keys.iter().map(|listed| text(listed).len()).max().unwrap_or_default().max(11)
    };
    let (contexts, agents) =
        (width_of(|listed| &listed.app_context), width_of(|listed| &listed.agent));
    output.line(format!(
        "{:20}  LAST4  {:7}  {:contexts$}  {:agents$}  {:24}  EXPIRES",
        "ID", "STATE", "APP-CONTEXT", "AGENT", "CREATED"
    ))?;
    for ListedKey { key, app_context, agent, state } in keys {
        output.line(format!(
            "{:20}  {:5}  {:7}  {app_context:contexts$}  {agent:agents$}  {:24}  {}",
            key.id,
            key.last4,
            state.as_str(),
            key.created_at.to_string(),
            end_of(key.expires_at),
        ))?;
    }
    Ok(())
}

fn show(listed: &ListedKey, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&shown::key(listed));
    }
    output.line(format!("id           {}", listed.key.id))?;
    output.line(format!("ends with    {}", listed.key.last4))?;
    output.line(format!("app-context  {}", listed.app_context))?;
    output.line(format!("agent        {}", listed.agent))?;
    output.line(format!("state        {}", listed.state))?;
    output.line(format!("expires      {}", end_of(listed.key.expires_at)))
}

fn end_of(expires_at: Option<UnixMillis>) -> String {
    expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string())
}
