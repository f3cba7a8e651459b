//! What is told of a replay.
//!
//! Owns the names of the JSON members. It must never decide anything.

use super::super::review::Shadow;
use super::super::rules::without_line;
use crate::types::{ExchangeId, Permission, PolicyResult, Surface, UnixMillis};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// Calls that the draft decides otherwise.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Flip {
    /// Whose.
    pub agent: Box<str>,
    /// For which model.
    pub model: Option<Box<str>>,
    /// The endpoint's name.
    pub endpoint: Option<Box<str>>,
    /// What they needed.
    pub permission: Permission,
    /// The AppContext's id.
    pub app_context: Option<Box<str>>,
    /// The door.
    pub surface: Surface,
    /// What the policy in force says.
    pub before: PolicyResult,
    /// What the draft says.
    pub after: PolicyResult,
    /// How many.
    pub calls: u64,
    /// How many of them were allowed when they were made, whatever was in force then.
    pub recorded_allowed: u64,
    /// The rule in force that decides; null where nothing allows.
    pub rule_before: Option<Arc<str>>,
    /// The draft's rule that decides; null where nothing allows.
    pub rule_after: Option<Arc<str>>,
    /// When the last one began.
    pub last_at: UnixMillis,
    /// The last one.
    #[schemars(with = "String")]
    pub last_id: ExchangeId,
}

/// A tool that the draft takes out of calls, or leaves in.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ToolFlip {
    /// Whose calls.
    pub agent: Box<str>,
    /// The tool.
    pub tool: Box<str>,
    /// What the policy in force says.
    pub before: PolicyResult,
    /// What the draft says.
    pub after: PolicyResult,
    /// How many.
    pub calls: u64,
}

/// An agent that may use a model from now on, or may not any more.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Turn {
    /// The agent's name.
    pub agent: Box<str>,
    /// The model; null for calls without one.
    pub model: Option<Box<str>>,
    /// How many calls.
    pub calls: u64,
}

/// A rule of the draft.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct RuleLine {
    /// Its line.
    pub line: u32,
    /// Its text.
    pub text: Arc<str>,
}

impl RuleLine {
    /// The rule without its line.
    pub fn said(&self) -> &str {
        without_line(&self.text)
    }
}

/// What cannot be told of some calls.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Undecidable {
    /// How many calls.
    pub count: u64,
    /// Why, in words.
    pub why: Option<String>,
}

/// What a draft would change.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Replayed {
    /// The version in force.
    pub policy_version: Arc<str>,
    /// The version that the draft would be.
    pub draft_version: Arc<str>,
    /// How many records were read.
    pub records: u64,
    /// What was not decided.
    pub undecidable: Undecidable,
    /// At most 500, those with the most calls first.
    pub flips: Vec<Flip>,
    /// All calls that flip.
    pub flipped_calls: u64,
    /// Whether there are more flips than are told.
    pub more_flips: bool,
    /// Tools that are treated otherwise, in calls that both allow.
    pub tools: Vec<ToolFlip>,
    /// How many such tools there are: at most 500 are told, those with the most calls first.
    pub tools_total: usize,
    /// Who may do more.
    pub gains: Vec<Turn>,
    /// How many they are, of whom at most 500 are told.
    pub gains_total: usize,
    /// Who may do less.
    pub losses: Vec<Turn>,
    /// How many they are, of whom at most 500 are told.
    pub losses_total: usize,
    /// Lines of the draft that no replayed call matched.
    pub never_matched: Vec<RuleLine>,
    /// Lines of the draft that can never decide anything.
    pub shadowed: Vec<Shadow>,
}
