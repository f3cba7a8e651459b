//! Agents on the terminal: one, or the list.

use super::super::{CliError, Output, limits};
use crate::admin::{Agent, shown};
use crate::store::Store;
use crate::trust::risk_tier;
use crate::types::UnixMillis;

pub(super) fn list(store: &Store, output: &mut Output) -> Result<(), CliError> {
    let (agents, now) = (store.agents_with_last_calls()?, crate::clock::now());
    if output.is_json() {
        return output.object(&shown::agents(&agents, now));
    }
    if agents.is_empty() {
        return output
            .line("No agents yet. Create one: portcullis agent create NAME --role developer");
    }
    let width = agents.iter().map(|agent| agent.name.len()).max().unwrap_or(0).max(4);
    output.line(format!(
        "{:width$}  {:11}  {:>6}  {:8}  {:12}  {}",
        "NAME", "STATUS", "TRUST", "RISK", "TYPE", "ROLES"
    ))?;
    for agent in agents {
        let (status, risk) = (agent.status.as_str(), risk_of(&agent, now));
        let (trust, roles) = (points(agent.reputation.trust_score), agent.roles.join(", "));
        output.line(format!(
            "{:width$}  {status:11}  {trust:>6}  {risk:8}  {:12}  {roles}",
            agent.name, agent.agent_type
        ))?;
    }
    Ok(())
}

pub(super) fn show(agent: &Agent, output: &mut Output) -> Result<(), CliError> {
    let now = crate::clock::now();
    if output.is_json() {
        return output.object(&shown::agent(agent, now));
    }
    output.line(format!("name       {}", agent.name))?;
    output.line(format!("agent_id   {}", agent.id))?;
    output.line(format!("client_id  {}", agent.client_id))?;
    output.line(format!("type       {}", agent.agent_type))?;
    output.line(format!("roles      {}", agent.roles.join(", ")))?;
    output.line(format!("owner      {}", agent.owner.as_deref().unwrap_or("-")))?;
    if let Some(identity) = &agent.identity {
        output.line(format!("identity   {} at {}", identity.subject, identity.issuer))?;
    }
    limits::show(agent.limits, output)?;
    output.line(format!("status     {}", agent.status))?;
    if let Some(quarantine) = &agent.quarantine {
        output.line(format!("reason     {} ({})", quarantine.reason, quarantine.at))?;
    }
    let reputation = &agent.reputation;
    output.line(format!("trust      {}", points(reputation.trust_score)))?;
    output.line(format!("risk       {}", risk_of(agent, now)))?;
    let last = agent.last_call_at.map(|at| format!(", the last at {at}")).unwrap_or_default();
    output.line(format!("calls      {}{last}", reputation.calls))?;
    let last = reputation.last_violation_at.map(|at| format!(", the last at {at}"));
    let (violations, last) = (reputation.violations, last.unwrap_or_default());
    output.line(format!("violations {violations}{last}"))?;
    output.line(format!("created    {}", agent.created_at))
}

fn risk_of(agent: &Agent, now: UnixMillis) -> &'static str {
    risk_tier(agent.reputation.risk.score_at(now)).as_str()
}

/// A score as people write it.
fn points(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
