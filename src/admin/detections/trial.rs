//! Trying the rules on a text: what they would find in it, and what would go on, for a given caller.
//!
//! Owns the bound of such a text and how places in it are counted. It must never keep the text: it comes in and goes
//! out, and nothing else sees it.

use crate::admin::{
    AdminError, Agent, AppContextRow, InvalidRequest, find_agent, find_app_context,
};
use crate::detect::{Audience, Detections, Profile, Trial};
use crate::policy::Policy;
use crate::store::Store;
use crate::types::{Action, DataClass, Lifecycle, Principal, Sensitive, Severity, TextSurface};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// The longest text that can be tried, in bytes.
pub const MAX_TRIAL_BYTES: usize = 64 * 1024;

/// A text, and as what it is tried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrialRequest {
    /// The text, of at most 64 KiB. It is neither stored nor logged.
    #[serde(deserialize_with = "sensitive")]
    #[schemars(with = "String")]
    pub text: Sensitive<String>,
    /// Which way it goes; INGRESS unless told.
    pub lifecycle: Option<Lifecycle>,
    /// The part of a call or an answer that it is; `user` on the way in and `assistant` on the way out unless told.
    pub surface: Option<TextSurface>,
    /// As in this AppContext, by name or id.
    pub app_context: Option<String>,
    /// As for this agent, by name or id.
    pub agent: Option<String>,
    /// As for a caller with these roles besides.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// What the rules say to a text.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Trial")]
pub struct TrialView {
    /// The strictest of what is done about it; `allow` where nothing is found.
    pub verdict: Action,
    /// What was found, in the order of the text.
    pub findings: Vec<TrialFinding>,
    /// What would go on; null: nothing, because it is stopped.
    pub redacted: Option<String>,
}

/// Something that was found in a text.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TrialFinding {
    /// The rule's id.
    pub rule: String,
    /// The type of the finding.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of data it is.
    pub class: DataClass,
    /// How bad it is.
    pub severity: Severity,
    /// What is done about it.
    pub action: Action,
    /// Where it begins, in UTF-16 code units as browsers count them.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

fn sensitive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sensitive<String>, D::Error> {
    String::deserialize(deserializer).map(Sensitive::new)
}

/// As who a text is tried.
#[derive(Clone, Copy, Debug)]
pub struct TrialCaller<'a> {
    /// This agent, by name or id.
    pub agent: Option<&'a str>,
    /// In this AppContext, by name or id.
    pub app_context: Option<&'a str>,
    /// With these roles besides.
    pub roles: &'a [String],
}

/// Tries a text on the rules as the caller would meet them.
pub fn try_text(
    store: &Store,
    policy: &Policy,
    detections: &Arc<Detections>,
    request: &TrialRequest,
) -> Result<TrialView, AdminError> {
    let caller = TrialCaller {
        agent: request.agent.as_deref(),
        app_context: request.app_context.as_deref(),
        roles: &request.roles,
    };
    let profile = profile_for(detections, caller, Some((store, policy)))?;
    try_on(&profile, request.lifecycle, request.surface, request.text.expose())
}

/// What the rules do for a caller. Its trust is not looked at: with `trust.block_below`, one with too little is
/// blocked where others are redacted. `known`: who and what there is, without which only roles count.
pub fn profile_for(
    detections: &Arc<Detections>,
    caller: TrialCaller<'_>,
    known: Option<(&Store, &Policy)>,
) -> Result<Arc<Profile>, AdminError> {
    let mut roles: Vec<Arc<str>> = caller.roles.iter().map(|role| role.as_str().into()).collect();
    let mut context = None;
    if let Some((store, policy)) = known {
        if let Some(agent) = caller.agent {
            roles.extend(roles_of(policy, &find_agent(store, agent)?));
        }
        context = caller.app_context.map(|named| context_of(store, named)).transpose()?;
    }
    let (id, detectors) = context.unzip();
    Ok(detections.profile(&Audience {
        roles: &roles,
        app_context: id.as_deref(),
        detectors: detectors.as_deref().unwrap_or_default(),
        steps_up: false,
    }))
}

/// Judges a text of at most [`MAX_TRIAL_BYTES`].
pub fn try_on(
    profile: &Profile,
    lifecycle: Option<Lifecycle>,
    surface: Option<TextSurface>,
    text: &str,
) -> Result<TrialView, AdminError> {
    let (bytes, most) = (text.len(), MAX_TRIAL_BYTES);
    if bytes > most {
        return Err(InvalidRequest::LongTrial { bytes, most }.into());
    }
    let lifecycle = lifecycle.unwrap_or(Lifecycle::Ingress);
    let surface = surface.unwrap_or(match lifecycle {
        Lifecycle::Ingress => TextSurface::User,
        Lifecycle::Egress => TextSurface::Assistant,
    });
    Ok(view(profile, text, profile.try_on(lifecycle, surface, text)))
}

fn roles_of(policy: &Policy, agent: &Agent) -> Vec<Arc<str>> {
    let own: Vec<Arc<str>> = agent.roles.iter().map(|role| role.as_str().into()).collect();
    policy.roles_of(&Principal::subject_of(&agent.name, &agent.agent_type, &own))
}

/// An AppContext's id and what it enables.
type Context = (String, Vec<Box<str>>);

/// One that is not there yet can be asked for by its id all the same.
fn context_of(store: &Store, named: &str) -> Result<Context, AdminError> {
    match find_app_context(store, named) {
        Err(AdminError::NoSuch { .. }) if named.starts_with("ac_") => {
            Ok((named.to_owned(), Vec::new()))
        }
        found => {
            let AppContextRow { id, detectors, .. } = found?;
            Ok((id, detectors.into_iter().map(String::into_boxed_str).collect()))
        }
    }
}

fn view(profile: &Profile, text: &str, trial: Trial) -> TrialView {
    let rules = profile.detections().rules();
    let units = code_units(text);
    let unit = |byte: usize| units.get(byte).copied().unwrap_or_default();
    let findings = trial.hits.iter().filter_map(|hit| {
        let rule = rules.get(hit.rule)?;
        Some(TrialFinding {
            rule: rule.id.to_string(),
            kind: rule.kind.to_string(),
            class: rule.class,
            severity: rule.severity,
            action: hit.action,
            start: unit(hit.range.start),
            end: unit(hit.range.end),
        })
    });
    let findings: Vec<_> = findings.collect();
    let strictness = |action: &Action| Action::ALL.iter().position(|it| it == action);
    let verdict = findings.iter().map(|it| it.action).max_by_key(strictness);
    TrialView { verdict: verdict.unwrap_or(Action::Allow), findings, redacted: trial.text }
}

/// For each byte of a text, and for its end, how many UTF-16 code units stand before it.
fn code_units(text: &str) -> Vec<usize> {
    let mut units = Vec::with_capacity(text.len() + 1);
    let mut before = 0;
    for char in text.chars() {
        units.extend(std::iter::repeat_n(before, char.len_utf8()));
        before += char.len_utf16();
    }
    units.push(before);
    units
}
