//! Why the policy allows or denies.
//!
//! Owns who is asked for: an agent as it is now, or the caller of a recorded call.

use super::super::{AdminError, InvalidRequest, find_agent, find_app_context};
use crate::policy::{Explanation, Pattern, Policy, Question};
use crate::store::Store;
use crate::types::{AppContext, Permission, Principal, Record, Surface};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// A call that might be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The agent, by name or id.
    pub agent: String,
    /// The model; without one, only the permission is asked for.
    #[serde(default)]
    pub model: Option<String>,
    /// A tool that the call would offer.
    #[serde(default)]
    pub tool: Option<String>,
    /// `web:write` unless given.
    #[serde(default)]
    pub permission: Option<Permission>,
    /// The AppContext (name or id) of the detection key that the call would come with.
    #[serde(default)]
    pub app_context: Option<String>,
}

/// What the policy says of a call, and why.
pub fn explain(
    store: &Store,
    policy: &Policy,
    request: &ExplainRequest,
) -> Result<Explanation, AdminError> {
    let agent = find_agent(store, &request.agent)?;
    let roles = agent.roles.iter().map(|role| Arc::from(role.as_str())).collect();
    let mut principal = principal(&agent.id, &agent.name, &agent.agent_type, roles);
    let context = request.app_context.as_deref();
    let context = context.map(|context| find_app_context(store, context)).transpose()?;
    let mut patterns = None;
    if let Some(context) = context {
        patterns = Some(read_patterns(&context.allowed_models)?);
        principal.surface = Surface::DetectionKey;
        principal.app_context = Some(Arc::new(AppContext::new(
            context.id.into(),
            context.name.into(),
            context.allowed_models.iter().map(|it| it.as_str().into()).collect(),
            Arc::new([]),
            None,
        )));
    }
    Ok(policy.explain(&Question {
        principal: &principal,
        permission: request.permission.unwrap_or(Permission::WebWrite),
        model: request.model.as_deref(),
        tool: request.tool.as_deref(),
        allowed_models: patterns.as_deref(),
    }))
}

/// What the policy says now of a call that was recorded, with the roles that its caller had then.
pub fn explain_record(
    store: &Store,
    policy: &Policy,
    record: &Record,
    tool: Option<&str>,
) -> Result<Explanation, AdminError> {
    let text = |value: &Option<Arc<str>>| value.as_deref().unwrap_or_default().to_owned();
    let principal = principal(
        &text(&record.agent_id),
        &text(&record.agent_name),
        &text(&record.agent_type),
        Arc::clone(&record.roles),
    );
    let context = record.app_context.as_deref().map(|id| store.app_context(id)).transpose()?;
    let patterns = context.flatten().map(|row| read_patterns(&row.allowed_models)).transpose()?;
    Ok(policy.explain(&Question {
        principal: &principal,
        permission: record.permission.unwrap_or(Permission::WebWrite),
        model: record.model.as_deref(),
        tool,
        allowed_models: patterns.as_deref(),
    }))
}

/// An AppContext's list of models, compiled.
pub(super) fn read_patterns(texts: &[String]) -> Result<Vec<Pattern>, AdminError> {
    let read = |text: &String| {
        Pattern::parse(text)
            .map_err(|error| InvalidRequest::Pattern { pattern: text.clone(), error }.into())
    };
    texts.iter().map(read).collect()
}

fn principal(id: &str, name: &str, agent_type: &str, roles: Arc<[Arc<str>]>) -> Principal {
    Principal {
        agent_id: id.into(),
        agent_name: name.into(),
        agent_type: agent_type.into(),
        subject: Principal::subject_of(name, agent_type, &roles),
        roles,
        session_id: "".into(),
        app_context: None,
        surface: Surface::Agent,
    }
}
