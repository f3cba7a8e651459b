//! What may be said to the keeper of the policy, and what it answers.

use crate::detect::{DetectionError, Detections, Profile};
use crate::policy::{Decision, Policy, PolicyError};
use crate::types::{Permission, Principal, UnixMillis};
use actix::Message;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// May this principal make this call? Answered on the worker's own thread from the current policy.
#[derive(Debug, Message)]
#[rtype(result = "Authorized")]
pub struct Authorize {
    /// Who.
    pub principal: Arc<Principal>,
    /// `web:read` or `web:write`.
    pub permission: Permission,
    /// The model, where the call carries one.
    pub model: Option<Arc<str>>,
    /// Models that the call uses besides.
    pub implied_models: Vec<Arc<str>>,
    /// Whether the caller is trusted so little that the detection rules are stricter with it.
    pub steps_up: bool,
}

/// The policy's answer, and what the detection rules do for this caller.
#[derive(Clone)]
pub struct Authorized {
    /// Allowed or not.
    pub decision: Decision,
    /// What the call and its answer are screened with.
    pub profile: Arc<Profile>,
}

/// Which of these models may this principal use? The reply has one answer per model, in order.
#[derive(Debug, Message)]
#[rtype(result = "Vec<bool>")]
pub struct SelectModels {
    /// Who.
    pub principal: Arc<Principal>,
    /// The models' names.
    pub models: Vec<String>,
}

/// Which permissions do this principal's roles hold? For the token's informative claim.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Permission>")]
pub struct ListPermissions {
    /// Who.
    pub principal: Arc<Principal>,
}

/// Would whoever is newly called by this name get something from the policy? Answered by the owner from the
/// current policy; without an answer nobody may be called so.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct CheckGrants {
    /// The name of an agent that is not there yet.
    pub name: String,
}

/// Look now, rather than at the next round, and put in force what is good. Answered when that is done; what
/// became of it, [`ShowInForce`] says.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub enum Reload {
    /// The two files of the policy.
    Policy,
    /// The rules of detection.
    Detections,
}

/// What is in force, to be asked by administrators.
#[derive(Debug, Message)]
#[rtype(result = "InForce")]
pub struct ShowInForce;

/// The policy and the rules of detection in force.
#[derive(Clone)]
pub struct InForce {
    /// The enforcer.
    pub policy: Arc<Policy>,
    /// Its texts, version and the last error.
    pub policy_view: Arc<PolicyView>,
    /// The rules of detection.
    pub detections: Arc<Detections>,
    /// Their text, version and the last errors.
    pub detections_view: Arc<DetectionsView>,
}

/// The policy in force and the last error.
#[derive(Debug, Message)]
#[rtype(result = "Arc<PolicyView>")]
pub struct DescribePolicy;

/// What the dashboard shows of the policy.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PolicyView {
    /// Version in force.
    pub version: Arc<str>,
    /// The rules file's name.
    pub file: String,
    /// The rules in force.
    pub text: String,
    /// The model file's name.
    pub model_file: String,
    /// The model in force.
    pub model_text: String,
    /// Since when.
    pub loaded_at: UnixMillis,
    /// Why the files on disk are not in force, when they are not.
    pub error: Option<PolicyFault>,
}

/// A save that was refused: the last good policy stays in force.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct PolicyFault {
    /// What is wrong and where.
    #[serde(flatten)]
    pub error: PolicyError,
    /// When it was seen.
    pub at: UnixMillis,
    /// The refused file's text, where it could be read.
    pub text: Option<String>,
}

/// The rules of detection in force and the last errors.
#[derive(Debug, Message)]
#[rtype(result = "Arc<DetectionsView>")]
pub struct DescribeDetections;

/// What the dashboard shows of the rules of detection.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct DetectionsView {
    /// Version in force.
    pub version: Arc<str>,
    /// The file's name.
    pub file: String,
    /// The rules in force.
    pub text: String,
    /// The template that they start from.
    pub template: &'static str,
    /// How many rules there are.
    pub rules: usize,
    /// Since when.
    pub loaded_at: UnixMillis,
    /// Why the file on disk is not in force, when it is not.
    pub error: Option<DetectionsFault>,
}

/// A save that was refused: the last good rules stay in force.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct DetectionsFault {
    /// Everything that is wrong, in the order of the file.
    pub errors: Vec<DetectionError>,
    /// When it was seen.
    pub at: UnixMillis,
    /// The refused text, where it could be read.
    pub text: Option<String>,
}
