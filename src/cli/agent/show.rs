//! Agents on the terminal: one, or the list.

use super::super::{CliError, Output, limits};
use crate::admin::{Agent, shown};
use crate::store::Store;
use serde_json::json;

pub(super) fn list(store: &Store, output: &mut Output) -> Result<(), CliError> {
    let agents = store.agents()?;
    if output.is_json() {
        let agents: Vec<_> = agents.iter().map(shown::agent).collect();
        return output.object(&json!({ "agents": agents }));
    }
    if agents.is_empty() {
        return output
            .line("No agents yet. Create one: portcullis agent create NAME --role developer");
    }
    let width = agents.iter().map(|agent| agent.name.len()).max().unwrap_or(0).max(4);
    output.line(format!("{:width$}  {:11}  {:12}  {}", "NAME", "STATUS", "TYPE", "ROLES"))?;
    for agent in agents {
        let (status, roles) = (agent.status.as_str(), agent.roles.join(", "));
        output.line(format!(
            "{:width$}  {status:11}  {:12}  {roles}",
            agent.name, agent.agent_type
        ))?;
    }
    Ok(())
}

pub(super) fn show(agent: &Agent, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&shown::agent(agent));
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
    output.line(format!("created    {}", agent.created_at))
}
