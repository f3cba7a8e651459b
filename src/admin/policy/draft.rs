//! Trying a draft: what is wrong with it, what it would change in the text.
//!
//! Owns who is known when roles are looked for. It must never write anything.

use super::super::AdminError;
use super::{MAX_LINES, MAX_TEXT_BYTES, find_version};
use crate::admin::InvalidRequest;
use crate::policy::{Diff, Policy, Review, SourceFile, lint};
use crate::store::{Agent, Store};
use crate::types::{AgentStatus, Principal};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// So long two texts are compared; what comes then is told apart roughly.
const DIFF_AT_MOST: Duration = Duration::from_secs(1);

/// A draft.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    /// The whole text of `policy.csv`.
    pub text: String,
}

/// A draft, and what it is compared with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffRequest {
    /// The whole text of `policy.csv`.
    pub text: String,
    /// The id of a kept version; the policy in force without it.
    #[serde(default)]
    pub against: Option<i64>,
}

/// All problems and warnings of a draft, under a model.
pub fn review_draft(
    store: &Store,
    model: &SourceFile,
    draft: &SourceFile,
) -> Result<Review, AdminError> {
    check_length(&draft.text)?;
    let agents = store.agents()?;
    let living = agents.iter().filter(|agent| agent.status != AgentStatus::Revoked);
    let subjects: Vec<Arc<str>> = living.map(subject).collect();
    Ok(Review::of(model, draft, &subjects))
}

/// The draft as a policy, or all that is wrong with it.
pub fn build_draft(model: &SourceFile, draft: &SourceFile) -> Result<Policy, AdminError> {
    check_length(&draft.text)?;
    Policy::build(model, draft).map_err(|error| {
        let errors = lint(draft);
        AdminError::PolicyInvalid(if errors.is_empty() { vec![error] } else { errors })
    })
}

/// What makes the draft of the text in force, or of a kept version.
pub fn diff_draft(
    store: &Store,
    in_force: &str,
    request: &DiffRequest,
) -> Result<Diff, AdminError> {
    check_length(&request.text)?;
    let kept = request.against.map(|id| find_version(store, id)).transpose()?;
    let old = kept.as_ref().map_or(in_force, |(_, text)| text.as_str());
    Ok(Diff::of(old, &request.text, DIFF_AT_MOST))
}

pub(super) fn check_length(text: &str) -> Result<(), InvalidRequest> {
    let is_too_long = text.len() > MAX_TEXT_BYTES || text.lines().count() > MAX_LINES;
    if is_too_long { Err(InvalidRequest::PolicyTooLong) } else { Ok(()) }
}

fn subject(agent: &Agent) -> Arc<str> {
    let roles: Vec<Arc<str>> = agent.roles.iter().map(|role| role.as_str().into()).collect();
    Principal::subject_of(&agent.name, &agent.agent_type, &roles)
}
