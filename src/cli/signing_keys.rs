//! `portcullis keys …`: the gateways' own signing keys.

use super::{ACTOR, CliError, Context, Output, output::warn};
use crate::admin::{rotate_signing_key, shown};
use crate::app::{open_existing_store, open_store};
use crate::config::Config;
use crate::store::{KeyFiles, Store};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the keys that verify tokens, of all gateways of this database
    #[command(after_help = "Example: portcullis keys list --json")]
    List,
    /// Make a new signing key; the old one verifies until its last token ends
    #[command(
        after_help = "Run it where the gateway's data directory is; a running gateway takes the new key \
        within a second.\nExample: portcullis keys rotate"
    )]
    Rotate,
}

pub(super) fn run(
    context: &Context,
    command: KeysCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let store = match command {
        KeysCommand::Rotate => open_store(&config)?,
        _ => open_existing_store(&config)?,
    };
    match command {
        KeysCommand::List => list(&store, output),
        KeysCommand::Rotate => rotate(&config, &store, output),
    }
}

fn list(store: &Store, output: &mut Output) -> Result<(), CliError> {
    let keys = store.verifying_keys(crate::clock::now())?;
    if output.is_json() {
        return output.object(&shown::signing_keys(&keys));
    }
    if keys.is_empty() {
        return output.line("No signing keys yet: a gateway makes one at its first start.");
    }
    let width = keys.iter().map(|key| key.node.len()).max().unwrap_or_default().max(4);
    output.line(format!("{:43}  {:width$}  {:24}  {}", "KID", "NODE", "SINCE", "UNTIL"))?;
    for key in keys {
        let since = key.created_at.to_string();
        let until = match key.verify_until {
            Some(until) => format!("{until} (verifies)"),
            None => "signs".to_owned(),
        };
        output.line(format!("{:43}  {:width$}  {since:24}  {until}", key.kid, key.node))?;
    }
    Ok(())
}

fn rotate(config: &Config, store: &Store, output: &mut Output) -> Result<(), CliError> {
    let files = KeyFiles::of(&config.data_dir);
    let (node, ttl_secs) = (&config.server.node, config.auth.token_ttl_secs);
    let now = crate::clock::now();
    let rotated = rotate_signing_key(store, &files, node, ttl_secs, ACTOR, now)?;
    if rotated.retired.is_empty() {
        let directory = config.data_dir.display();
        warn(&format!("{directory} held no signing key: is it the gateway's data directory?"));
    }
    if output.is_json() {
        return output.object(&json!({
            "kid": rotated.kid,
            "retired": rotated.retired,
            "verify_until": rotated.verify_until,
        }));
    }
    output.line(format!("signs     {}", rotated.kid))?;
    for kid in &rotated.retired {
        output.line(format!("verifies  {kid} until {}", rotated.verify_until))?;
    }
    Ok(())
}
