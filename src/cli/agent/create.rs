//! `portcullis agent create`, and the handing over of an agent's credentials.

use super::super::limits::LimitFlags;
use super::super::{ACTOR, CliError, Output, output::warn, private_file::PrivateFile};
use super::warn_of_unknown_roles;
use crate::admin::{
    self, ConfiguredNames, IdentityRequest, NewAgentRequest, Provisioned, USUAL_AGENT_TYPE,
};
use crate::app::policy_paths;
use crate::config::Config;
use crate::store::Store;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  portcullis agent create research-bot --role developer --out creds.json\n  \
    portcullis agent create alice --role developer --issuer corp --subject alice@example.com"
)]
pub(in super::super) struct Create {
    /// Unique name: lower-case letters, digits, '.', '_' and '-'
    name: String,
    /// Role that policy.csv speaks of; may be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// Kind of agent, such as interactive or autonomous; the policy knows it as the role type:TYPE
    #[arg(long = "type", value_name = "TYPE", default_value = USUAL_AGENT_TYPE)]
    agent_type: String,
    /// Who answers for it
    #[arg(long)]
    owner: Option<String>,
    /// External issuer of its tokens: a NAME of the configuration's [issuers.NAME]
    #[arg(long, value_name = "NAME", requires = "subject")]
    issuer: Option<String>,
    /// Who it is at that issuer
    #[arg(long, value_name = "SUB", requires = "issuer")]
    subject: Option<String>,
    #[command(flatten)]
    limits: LimitFlags,
    /// Write {"client_id","client_secret"} to this file, mode 0600, instead of showing them
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn create(
    config: &Config,
    store: &Store,
    create: Create,
    output: &mut Output,
) -> Result<(), CliError> {
    let policy = policy_paths(config).load()?.policy;
    let identity = create.issuer.zip(create.subject);
    let request = NewAgentRequest {
        name: create.name.clone(),
        agent_type: create.agent_type.clone(),
        roles: create.roles.clone(),
        owner: create.owner,
        identity: identity.map(|(issuer, subject)| IdentityRequest { issuer, subject }),
        limits: create.limits.change(),
    };
    let file = create.out.as_deref().map(PrivateFile::open).transpose()?;
    let (names, now) = (ConfiguredNames::of(config), crate::clock::now());
    let new = admin::create_agent(store, &policy, &names, request, ACTOR, now)?;
    warn_of_unknown_roles(&policy, &create.roles);
    let type_role = format!("type:{}", create.agent_type);
    if create.agent_type != USUAL_AGENT_TYPE && !policy.names_role(&type_role) {
        warn(&format!("no line of the policy names {type_role:?}: nothing sets this type apart"));
    }
    hand_over(&create.name, &new, file, output)
}

/// What an agent signs in with, as files keep it.
pub(in super::super) fn credentials(new: &Provisioned) -> Value {
    json!({ "client_id": new.client_id, "client_secret": new.client_secret.expose() })
}

/// Writes new credentials to the file, or shows them.
pub(super) fn hand_over(
    name: &str,
    new: &Provisioned,
    file: Option<PrivateFile>,
    output: &mut Output,
) -> Result<(), CliError> {
    if let Some(file) = file {
        let path = file.keep(&credentials(new))?;
        let written = json!({ "agent_id": new.agent_id, "client_id": new.client_id, "out": path });
        return if output.is_json() {
            output.object(&written)
        } else {
            output.line(format!("{name}: credentials are in {} (mode 0600)", path.display()))
        };
    }
    if output.is_json() {
        return output.object(&admin::shown::provisioned(new));
    }
    output.line(format!("agent          {name}"))?;
    output.line(format!("agent_id       {}", new.agent_id))?;
    output.line(format!("client_id      {}", new.client_id))?;
    output.line(format!("client_secret  {}  (shown this once)", new.client_secret.expose()))
}
