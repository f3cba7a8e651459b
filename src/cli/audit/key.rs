//! `portcullis audit key`.

use super::super::{CliError, Context, Output};
use crate::admin::AdminError;
use crate::store::known_audit_signer;
use serde_json::json;

pub(super) fn run(context: &Context, output: &mut Output) -> Result<(), CliError> {
    let config = context.load()?;
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
