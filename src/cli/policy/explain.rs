//! `portcullis policy explain`.

use super::super::{CliError, Context, Output};
use crate::admin::policy::{ExplainRequest, explain, explain_record, read_sources};
use crate::app::open_existing_store;
use crate::policy::Policy;
use crate::types::{ExchangeId, Finding, Permission, Record};
use clap::Args;

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  portcullis policy explain --agent research-bot --model gpt-4o [--tool shell_exec]\n  \
    portcullis policy explain 019b2c1e-…   (the x-portcullis-decision of an answer)"
)]
pub(in crate::cli) struct Explain {
    /// A recorded decision's id
    #[arg(value_name = "DECISION_ID", required_unless_present = "agent", conflicts_with_all = ["agent", "model", "app_context"])]
    decision: Option<uuid::Uuid>,
    /// The agent's name or id
    #[arg(long)]
    agent: Option<String>,
    /// The model; without one, only the permission is asked for
    #[arg(long, requires = "agent")]
    model: Option<String>,
    /// A tool that the call would offer
    #[arg(long)]
    tool: Option<String>,
    /// web:read (GET) or web:write
    #[arg(long, value_name = "PERMISSION", default_value = "web:write", value_parser = permission)]
    permission: Permission,
    /// The AppContext (name or id) of the detection key that the call would come with
    #[arg(long, value_name = "NAME|ID", requires = "agent")]
    app_context: Option<String>,
}

fn permission(text: &str) -> Result<Permission, String> {
    Permission::parse(text).ok_or_else(|| "write web:read or web:write".to_owned())
}

pub(super) fn run(context: &Context, asked: Explain, output: &mut Output) -> Result<(), CliError> {
    let config = context.load()?;
    let store = open_existing_store(&config)?;
    let (model, rules) = read_sources(&config.policy)?;
    let policy = Policy::build(&model, &rules)?;
    let explanation = match asked.decision {
        Some(id) => {
            let record = store.record(ExchangeId(id))?.ok_or_else(|| {
                CliError::Refused(format!(
                    "there is no record with the id {id}; calls without an identity have none"
                ))
            })?;
            if !output.is_json() {
                recorded(&record, output)?;
            }
            explain_record(&store, &policy, &record, asked.tool.as_deref())?
        }
        None => {
            let Explain { model, tool, permission, app_context, agent, .. } = asked;
            let (agent, permission) = (agent.unwrap_or_default(), Some(permission));
            let request = ExplainRequest { agent, model, tool, permission, app_context };
            explain(&store, &policy, &request)?
        }
    };
    if output.is_json() {
        return output.object(&explanation);
    }
    output.line(explanation.to_string())
}

/// What was decided then; what follows is what the policy says now.
fn recorded(record: &Record, output: &mut Output) -> Result<(), CliError> {
    let result = record.policy_result.map_or("not asked", |result| result.as_str());
    let version = record.policy_version.as_deref().unwrap_or("-");
    output.line(format!("recorded {}: {result} by policy {version}", record.started_at))?;
    output.line(format!("  rule    {}", record.policy_rule.as_deref().unwrap_or("-")))?;
    output.line(format!("  reason  {}", record.policy_reason.as_deref().unwrap_or("-")))?;
    let outcome = record.outcome.map_or("in flight", |outcome| outcome.as_str());
    let because = record.error_code.as_ref().map(|code| format!(", {code}")).unwrap_or_default();
    output.line(format!("  outcome {outcome}{because}"))?;
    for Finding { rule, kind, lifecycle, surface, action, count, .. } in &record.findings {
        output.line(format!(
            "  found   {action}: {rule} ({kind}), {count} in {surface}, {lifecycle}"
        ))?;
    }
    if !record.tools_removed.is_empty() {
        output.line(format!("  removed tools {}", record.tools_removed.join(", ")))?;
    }
    output.line("now:")
}
