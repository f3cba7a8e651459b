//! `portcullis policy …`.

use super::{CliError, Context, Output};
use crate::app::{open_store, policy_paths};
use crate::policy::{Policy, SourceFile, lint};
use crate::types::{ExchangeId, Permission, Principal, Surface};
use clap::{Args, Subcommand};
use serde_json::json;
use std::{path::PathBuf, sync::Arc};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check a policy file without using it
    Check(Check),
    /// Say why a call was, or would be, allowed or denied
    Explain(Explain),
}

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis policy check policy.csv")]
pub(super) struct Check {
    /// The rules [default: the configured policy.file]
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  portcullis policy explain --agent research-bot --model gpt-4o [--tool shell_exec]\n  \
    portcullis policy explain 019b2c1e-…   (the x-portcullis-decision of an answer)"
)]
pub(super) struct Explain {
    /// A recorded decision's id
    #[arg(value_name = "DECISION_ID", required_unless_present = "agent", conflicts_with_all = ["agent", "model"])]
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
}

fn permission(text: &str) -> Result<Permission, String> {
    Permission::parse(text).ok_or_else(|| "write web:read or web:write".to_owned())
}

pub(super) fn run(
    context: &Context,
    command: PolicyCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    match command {
        PolicyCommand::Check(check) => run_check(context, &check, output),
        PolicyCommand::Explain(explain) => run_explain(context, &explain, output),
    }
}

fn run_check(context: &Context, check: &Check, output: &mut Output) -> Result<(), CliError> {
    let mut paths = policy_paths(&context.load()?);
    if let Some(file) = &check.file {
        paths.file.clone_from(file);
    }
    let (model, rules) = paths.sources()?;
    let mut problems = lint(&rules);
    if problems.is_empty() {
        problems.extend(Policy::build(&model, &rules).err());
    }
    if output.is_json() {
        output.object(
            &json!({ "file": rules.name, "valid": problems.is_empty(), "errors": problems }),
        )?;
    } else {
        for problem in &problems {
            output.line(problem.to_string())?;
        }
        if problems.is_empty() {
            output.line(format!("{}: valid", rules.name))?;
        }
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(CliError::Refused(format!("{}: 1 problem", rules.name))),
        several => Err(CliError::Refused(format!("{}: {several} problems", rules.name))),
    }
}

fn run_explain(context: &Context, explain: &Explain, output: &mut Output) -> Result<(), CliError> {
    let config = context.load()?;
    let store = open_store(&config)?;
    let (principal, permission, model) = match explain.decision {
        Some(id) => {
            let record = store.record(ExchangeId(id))?.ok_or_else(|| {
                CliError::Refused(format!(
                    "there is no record with the id {id}; calls without an identity have none"
                ))
            })?;
            if !output.is_json() {
                recorded(&record, output)?;
            }
            let principal = of_record(&record);
            (
                principal,
                record.permission.unwrap_or(explain.permission),
                record.model.as_deref().map(str::to_owned),
            )
        }
        None => {
            let name = explain.agent.as_deref().unwrap_or_default();
            let agent = crate::admin::find_agent(&store, name)?;
            let roles: Vec<Arc<str>> =
                agent.roles.iter().map(|role| Arc::from(role.as_str())).collect();
            (
                principal(&agent.id, &agent.name, &agent.agent_type, roles),
                explain.permission,
                explain.model.clone(),
            )
        }
    };
    let (model_file, rules) = paths_of(&config)?;
    let policy = Policy::build(&model_file, &rules)?;
    let explanation =
        policy.explain(&principal, permission, model.as_deref(), explain.tool.as_deref());
    if output.is_json() {
        return output.object(&explanation);
    }
    output.line(explanation.to_string())
}

fn paths_of(config: &crate::config::Config) -> Result<(SourceFile, SourceFile), CliError> {
    Ok(policy_paths(config).sources()?)
}

/// What was decided then; what follows is what the policy says now.
fn recorded(record: &crate::types::Record, output: &mut Output) -> Result<(), CliError> {
    let result = record.policy_result.map_or("not asked", |result| result.as_str());
    let version = record.policy_version.as_deref().unwrap_or("-");
    output.line(format!("recorded {}: {result} by policy {version}", record.started_at))?;
    output.line(format!("  rule    {}", record.policy_rule.as_deref().unwrap_or("-")))?;
    output.line(format!("  reason  {}", record.policy_reason.as_deref().unwrap_or("-")))?;
    output.line("now:")
}

fn of_record(record: &crate::types::Record) -> Principal {
    let text = |value: &Option<Arc<str>>| value.as_deref().unwrap_or_default().to_owned();
    principal(
        &text(&record.agent_id),
        &text(&record.agent_name),
        &text(&record.agent_type),
        record.roles.to_vec(),
    )
}

fn principal(id: &str, name: &str, agent_type: &str, roles: Vec<Arc<str>>) -> Principal {
    Principal {
        agent_id: id.into(),
        agent_name: name.into(),
        agent_type: agent_type.into(),
        subject: Principal::subject_of(name, agent_type, &roles),
        roles: roles.into(),
        session_id: "".into(),
        app_context: None,
        surface: Surface::Agent,
    }
}
