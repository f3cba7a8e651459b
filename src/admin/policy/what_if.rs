//! What-if: a draft is asked about every call that is on record.
//!
//! Owns which records can be asked about, and how long it may take. What is decided is the policy's.

use super::super::{AdminError, InvalidRequest};
use super::explained::read_patterns;
use crate::openai::{BodyKind, ENDPOINTS, Endpoint, FormKind, ModelPlace};
use crate::policy::{PastCalls, Pattern, Policy, Replay, Replayed};
use crate::store::{Combination, CombinationRange, Store};
use crate::types::{ExchangeId, Permission, PolicyResult, Principal, Surface, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Longer ones are cut in the record, so that they cannot be judged.
const WHOLE_TOOL_NAME_BYTES: usize = 60;

/// So many replays run at the same time.
const AT_ONCE: usize = 2;

const NOT_ASKED: &str = "were refused before the policy was asked";
const NO_IDENTITY: &str = "have no identity";
const SEVERAL_MODELS: &str = "may have used models that the record does not name";
const NO_CONTEXT: &str = "came through an AppContext that is not there any more";
const UNREADABLE: &str = "cannot be read";

/// A draft and a range of records.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIfRequest {
    /// The whole text of `policy.csv`.
    pub text: String,
    /// Only calls that began then or later; all that are kept without it.
    #[serde(default)]
    pub from: Option<UnixMillis>,
    /// Only calls that began before.
    #[serde(default)]
    pub to: Option<UnixMillis>,
}

/// What a draft would have changed.
#[derive(Debug, JsonSchema, Serialize)]
pub struct WhatIf {
    /// The range's beginning; null: from the first record on.
    pub from: Option<UnixMillis>,
    /// The range's end.
    pub to: UnixMillis,
    /// Whether all records of the range were replayed; otherwise those that were written first.
    pub complete: bool,
    /// What was found.
    #[serde(flatten)]
    pub replayed: Replayed,
}

/// How long a replay may take, and who is told how far it is.
pub struct Patience<'a> {
    /// At most so long.
    pub most: Duration,
    /// Whether nobody waits for it any more.
    pub is_given_up: &'a dyn Fn() -> bool,
    /// Told now and then: records read, and up to when they were written.
    pub progress: &'a mut dyn FnMut(u64, UnixMillis),
}

/// Replays the draft on the records of a range.
pub fn what_if(
    store: &Store,
    in_force: &Policy,
    draft: &Policy,
    (from, to): (Option<UnixMillis>, Option<UnixMillis>),
    now: UnixMillis,
    patience: Patience<'_>,
) -> Result<WhatIf, AdminError> {
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        return Err(InvalidRequest::Range.into());
    }
    let began = Instant::now();
    let contexts = contexts(store)?;
    let mut replay = Replay::new(in_force, draft);
    let range = CombinationRange { from, to };
    let mut after = 0;
    let mut complete = true;
    'chunks: while let Some(chunk) = store.combinations(range, after)? {
        for combination in &chunk.all {
            if began.elapsed() >= patience.most || (patience.is_given_up)() {
                complete = false;
                break 'chunks;
            }
            feed(&mut replay, combination, &contexts);
        }
        after = chunk.end;
        (patience.progress)(replay.records(), chunk.at);
    }
    Ok(WhatIf { from, to: to.unwrap_or(now), complete, replayed: replay.finish() })
}

/// One of the replays that run at the same time: each takes a processor and a connection. Taken before the draft is built.
#[derive(Debug)]
pub struct Place(());

static TAKEN: AtomicUsize = AtomicUsize::new(0);

impl Place {
    /// A place; busy, where there is none.
    pub fn take() -> Result<Self, AdminError> {
        let place = Self(());
        if TAKEN.fetch_add(1, Ordering::Relaxed) < AT_ONCE {
            Ok(place)
        } else {
            Err(AdminError::Busy)
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::Relaxed);
    }
}

type Contexts = HashMap<String, Vec<Pattern>>;

/// The AppContexts' lists of models as they are now, of revoked ones too.
fn contexts(store: &Store) -> Result<Contexts, AdminError> {
    let rows = store.app_contexts()?;
    rows.into_iter().map(|row| Ok((row.id, read_patterns(&row.allowed_models)?))).collect()
}

fn feed(replay: &mut Replay<'_>, combination: &Combination, contexts: &Contexts) {
    let calls = u64::try_from(combination.records).unwrap_or_default();
    match Read::of(combination, contexts) {
        Ok(read) => replay.decide(&read.calls(combination, calls)),
        Err(why) => replay.leave_out(why, calls),
    }
}

/// What is read of a combination's texts.
struct Read<'a> {
    subject: Arc<str>,
    permission: Permission,
    surface: Surface,
    recorded: PolicyResult,
    tools: Vec<Box<str>>,
    has_more_tools: bool,
    app_context: Option<(&'a str, &'a [Pattern])>,
    last_id: ExchangeId,
}

impl<'a> Read<'a> {
    /// Why they cannot be decided, otherwise.
    fn of(combination: &'a Combination, contexts: &'a Contexts) -> Result<Self, &'static str> {
        let Combination { agent_name, agent_type, permission, policy_result, .. } = combination;
        let recorded = policy_result.as_deref().ok_or(NOT_ASKED)?;
        let agent = agent_name.as_deref().ok_or(NO_IDENTITY)?;
        let agent_type = agent_type.as_deref().unwrap_or_default();
        let roles: Vec<Arc<str>> = serde_json::from_str(&combination.roles).or(Err(UNREADABLE))?;
        let permission = permission.as_deref().and_then(Permission::parse).ok_or(UNREADABLE)?;
        let mut tools: Vec<Box<str>> =
            serde_json::from_str(&combination.tool_names).or(Err(UNREADABLE))?;
        if may_use_more_models(combination, permission, &tools) {
            return Err(SEVERAL_MODELS);
        }
        let named = tools.len();
        tools.retain(|tool| tool.len() <= WHOLE_TOOL_NAME_BYTES && !is_rest(tool));
        let has_more_tools = tools.len() < named;
        let list = |id: &'a String| -> Result<_, &'static str> {
            Ok((id.as_str(), contexts.get(id).ok_or(NO_CONTEXT)?.as_slice()))
        };
        Ok(Self {
            subject: Principal::subject_of(agent, agent_type, &roles),
            permission,
            surface: Surface::parse(&combination.surface).ok_or(UNREADABLE)?,
            recorded: PolicyResult::parse(recorded).ok_or(UNREADABLE)?,
            tools,
            has_more_tools,
            app_context: combination.app_context.as_ref().map(list).transpose()?,
            last_id: Uuid::try_parse(&combination.last_id).map(ExchangeId).or(Err(UNREADABLE))?,
        })
    }

    fn calls(&'a self, combination: &'a Combination, calls: u64) -> PastCalls<'a> {
        PastCalls {
            agent: combination.agent_name.as_deref().unwrap_or_default(),
            subject: &self.subject,
            permission: self.permission,
            model: combination.model.as_deref(),
            endpoint: combination.endpoint.as_deref(),
            surface: self.surface,
            app_context: self.app_context,
            tools: &self.tools,
            has_more_tools: self.has_more_tools,
            recorded: self.recorded,
            calls,
            last_id: self.last_id,
            last_at: began_at(self.last_id),
        }
    }
}

/// The moment in a UUID of version 7.
fn began_at(id: ExchangeId) -> UnixMillis {
    let (secs, nanos) = id.0.get_timestamp().map(|it| it.to_unix()).unwrap_or_default();
    let millis = secs.saturating_mul(1_000).saturating_add(u64::from(nanos / 1_000_000));
    UnixMillis(i64::try_from(millis).unwrap_or_default())
}

/// Whether the call was authorised on more models than its record has a place for: several defaults of the provider's, an
/// image tool's, those in a batch's file. Rows that share a name differ in what they need.
fn may_use_more_models(
    combination: &Combination,
    permission: Permission,
    tools: &[Box<str>],
) -> bool {
    let name = combination.endpoint.as_deref();
    let is_it = |it: &&Endpoint| Some(it.name) == name && it.permission == permission;
    let Some(endpoint) = ENDPOINTS.iter().find(is_it) else {
        return false;
    };
    match endpoint.body {
        BodyKind::Batch => true,
        // A batch's file with one model names it here.
        BodyKind::Form(FormKind::File) => combination.model.is_none(),
        // The provider knows no other tool that has a model.
        BodyKind::Response if tools.iter().any(|it| &**it == "image_generation" || is_rest(it)) => {
            true
        }
        _ => !matches!(endpoint.model, ModelPlace::None) && combination.model.is_none(),
    }
}

/// Whether it stands for tools that the record has no room for.
fn is_rest(tool: &str) -> bool {
    tool.starts_with('…')
}

#[cfg(test)]
mod tests;
