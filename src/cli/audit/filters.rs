//! Which records: what `tail`, `export` and `verify` are asked for.

use super::CliError;
use crate::admin::audit::Moment;
use crate::admin::find_agent;
use crate::store::{RecordKind, RecordQuery, Store};
use crate::types::{Outcome, PolicyResult, Surface};
use clap::Args;

#[derive(Args, Clone, Debug)]
pub(super) struct Filters {
    /// Only this agent (name or id)
    #[arg(long)]
    agent: Option<String>,
    /// Only this AppContext (id)
    #[arg(long, value_name = "ID")]
    app_context: Option<String>,
    /// Only calls for this model
    #[arg(long)]
    model: Option<String>,
    /// Only this endpoint, such as chat/completions
    #[arg(long)]
    endpoint: Option<String>,
    /// Only this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only calls with findings of this type, such as PII_SSN
    #[arg(long, value_name = "TYPE")]
    finding: Option<String>,
    /// Only calls with findings of this rule, such as us-ssn
    #[arg(long, value_name = "ID")]
    finding_rule: Option<String>,
    /// Only what the policy answered so: allow or deny
    #[arg(long, value_name = "RESULT", value_parser = policy_result)]
    policy_result: Option<PolicyResult>,
    /// Only what ended so, such as completed or denied
    #[arg(long, value_parser = outcome)]
    outcome: Option<Outcome>,
    /// Only what came this way: agent, detection_key or admin
    #[arg(long, value_parser = surface)]
    surface: Option<Surface>,
    /// Only of this kind: calls, changes (of administrators), findings or failures
    #[arg(long, value_parser = kind)]
    kind: Option<RecordKind>,
}

#[derive(Args, Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Range {
    /// From this time on: 2026-11-22T08:00:00Z, or a day (UTC)
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) from: Option<Moment>,
    /// Until this time, which is not part of it
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) to: Option<Moment>,
}

impl Filters {
    /// The query, of an agent that there is.
    pub(super) fn query(self, range: Range, store: &Store) -> Result<RecordQuery, CliError> {
        if let Some(agent) = &self.agent {
            known_agent(store, agent)?;
        }
        Ok(RecordQuery {
            from: range.from.map(|moment| moment.0),
            to: range.to.map(|moment| moment.0),
            agent: self.agent,
            app_context: self.app_context,
            model: self.model,
            endpoint: self.endpoint,
            session: self.session,
            finding: self.finding,
            finding_rule: self.finding_rule,
            policy_result: self.policy_result,
            outcome: self.outcome,
            surface: self.surface,
            kind: self.kind,
            ..RecordQuery::default()
        })
    }
}

/// The name of an agent that there is: nothing found for a misspelt one looks like an agent that never called.
pub(super) fn known_agent(store: &Store, agent: &str) -> Result<String, CliError> {
    Ok(find_agent(store, agent)?.name)
}

fn policy_result(text: &str) -> Result<PolicyResult, String> {
    PolicyResult::parse(text).ok_or_else(|| choices(PolicyResult::ALL))
}

fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::parse(text).ok_or_else(|| choices(Outcome::ALL))
}

fn surface(text: &str) -> Result<Surface, String> {
    Surface::parse(text).ok_or_else(|| choices(Surface::ALL))
}

fn kind(text: &str) -> Result<RecordKind, String> {
    RecordKind::parse(text).ok_or_else(|| choices(RecordKind::ALL))
}

/// What can be chosen.
pub(super) fn choices(all: &[impl ToString]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    format!("choose one of {}", all.join(", "))
}
