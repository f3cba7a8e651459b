//! `portcullis audit key`.

use super::super::{CliError, Context, Output};
use super::plain;
use crate::admin::AdminError;
use crate::app::open_existing_store;
use crate::config::Config;
use crate::store::known_audit_signer;
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(
    after_help = "Each gateway has a key of its own: run it on each, and keep the keys where no database administrator can \
    change them.\nExample: portcullis audit key > portcullis.pub"
)]
pub(in crate::cli) struct Key {
    /// Show the keys of all gateways, as far as the database knows them
    #[arg(long)]
    all: bool,
}

pub(super) fn run(context: &Context, key: &Key, output: &mut Output) -> Result<(), CliError> {
    let config = context.load()?;
    if key.all {
        return all(&config, output);
    }
    let configured = config.audit.signing_key_file.as_deref();
    let signer = known_audit_signer(configured, &config.data_dir).map_err(AdminError::from)?;
    let signer = signer.ok_or_else(|| {
        let reason =
            "there is no key yet that signs checkpoints: the gateway makes one at its first start";
        CliError::Refused(reason.to_owned())
    })?;
    let public = signer.public_key().to_string();
    if output.is_json() {
        let node = config.server.node;
        return output
            .object(&json!({ "key_id": signer.key_id(), "public_key": public, "node": node }));
    }
    output.line(public)
}

/// Whoever can write to the database can put a key there: so it says where they come from.
fn all(config: &Config, output: &mut Output) -> Result<(), CliError> {
    let keys = open_existing_store(config)?.audit_keys().map_err(AdminError::from)?;
    if output.is_json() {
        return output.object(&json!({ "keys": keys, "source": "database" }));
    }
    for key in keys {
        let (public, node) = (plain(&key.public_key), plain(&key.node));
        output.line(format!("{public}  {node}, as the database says"))?;
    }
    Ok(())
}
