//! `/api/v1/detections`: the rules of detection in force, what they find, and changes of their file.
//!
//! Owns how an answer waits until a change is in force. A text that is tried goes to the rules and back, and nowhere
//! else.

mod refused;

use super::access::Signed;
use super::administer::{Body, answer, perform_with, unreadable};
use super::audit::Parameters;
use super::{AdminState, problem};
use crate::admin::AdminError;
use crate::admin::detections::{
    DetectionsError, RuleChangeRequest, RuleRequest, RuleView, RulesView, TrialRequest, Workshop,
    add_own_rule, change_rule, remove_own_rule, try_text, view_rules,
};
use crate::admin::why_not_writable;
use crate::bus::policy::{DescribeDetections, DetectionsView, InForce, Reload, ShowInForce};
use crate::config::StreamDetection;
use crate::detect::coverage;
use crate::pipeline::Gate;
use crate::types::UnixMillis;
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How far back findings are counted when nobody says from when.
const DEFAULT_SECS: i64 = 86_400;

/// Texts are tried beside the traffic, not instead of it.
static TRIALS: Semaphore = Semaphore::const_new(2);

/// The file of rules in force, and whether it can be changed from here.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Detections")]
pub(super) struct DetectionsPage {
    #[serde(flatten)]
    view: Arc<DetectionsView>,
    /// Whether rules can be changed from here.
    writable: bool,
    /// Why not.
    why_not_writable: Option<String>,
}

/// A rule as it is after a change.
#[derive(JsonSchema, Serialize)]
pub(super) struct ChangedRule {
    /// The version of the rules in force now.
    version: String,
    #[serde(flatten)]
    rule: RuleView,
}

/// The version of the rules in force.
#[derive(JsonSchema, Serialize)]
pub(super) struct ChangedVersion {
    version: String,
}

/// What a removal starts from, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    base_version: Option<String>,
    reason: Option<String>,
}

/// `GET /api/v1/detections`.
pub(super) async fn show(state: Data<AdminState>, gate: Data<Gate>) -> HttpResponse {
    let Ok(view) = gate.bus().describe_detections.ask(DescribeDetections).await else {
        return unavailable();
    };
    let Ok(why_not_writable) = web::block(move || why_not_writable(&state.detection.file)).await
    else {
        return unavailable();
    };
    let writable = why_not_writable.is_none();
    answer(StatusCode::OK, &DetectionsPage { view, writable, why_not_writable })
}

/// `GET /api/v1/detections/rules`: from, to.
pub(super) async fn list_rules(
    request: HttpRequest,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let now = crate::clock::now();
    let read = |query: &mut Parameters| {
        let (from, to) = query.range()?;
        let to = to.unwrap_or(now);
        Ok((from.unwrap_or(to.plus_secs(-DEFAULT_SECS)), to))
    };
    let time = match Parameters::read(request.query_string(), read) {
        Ok(time) => time,
        Err(message) => return problem(400, "invalid_request_error", &message),
    };
    match rules(&state, &gate, time).await {
        Ok(rules) => answer(StatusCode::OK, &rules),
        Err(refusal) => refusal,
    }
}

/// `PATCH /api/v1/detections/rules/{id}`.
pub(super) async fn change(
    signed: Signed,
    id: Path<String>,
    body: Body<RuleChangeRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let rule_of = move |_: &RuleChangeRequest| id.into_inner();
    save_rule((signed, state, gate), StatusCode::OK, body, rule_of, change_rule).await
}

/// `POST /api/v1/detections/rules`.
pub(super) async fn create(
    signed: Signed,
    body: Body<RuleRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let rule_of = |body: &RuleRequest| body.rule.id.clone();
    let add = |workshop: Workshop<'_>, _: &str, body: &RuleRequest| add_own_rule(workshop, body);
    save_rule((signed, state, gate), StatusCode::CREATED, body, rule_of, add).await
}

/// `DELETE /api/v1/detections/rules/{id}`: base_version, reason.
pub(super) async fn remove(
    signed: Signed,
    id: Path<String>,
    removal: Result<web::Query<Removal>, actix_web::Error>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let removal = match removal {
        Ok(removal) => removal,
        Err(error) => return unreadable(&error),
    };
    let work = move |workshop: Workshop<'_>| {
        let reason = removal.reason.as_deref().unwrap_or("removed");
        remove_own_rule(workshop, &id, removal.base_version.as_deref(), reason)
    };
    match save(&signed, &state, &gate, work).await {
        Ok(version) => answer(StatusCode::OK, &ChangedVersion { version }),
        Err(refusal) => refusal,
    }
}

/// `POST /api/v1/detections/try`.
pub(super) async fn attempt(
    signed: Signed,
    body: Body<TrialRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let in_force = match in_force(&gate).await {
        Ok(in_force) => in_force,
        Err(refusal) => return refusal,
    };
    let Ok(turn) = TRIALS.try_acquire() else {
        let message = "Other texts are being tried: try again in some seconds.";
        return problem(429, "busy", message);
    };
    perform_with(&signed, &state, StatusCode::OK, body, move |desk, body| {
        // Kept until the work is done, also when the client has gone.
        let _turn = turn;
        try_text(desk.store, &in_force.policy, &in_force.detections, &body)
    })
    .await
}

/// `GET /api/v1/detections/coverage`.
pub(super) async fn show_coverage(state: Data<AdminState>) -> HttpResponse {
    let inline = state.detection.stream == StreamDetection::Inline;
    let covered = web::block(move || coverage(inline, state.forward_unknown)).await;
    covered.map_or_else(|_| unavailable(), |covered| answer(StatusCode::OK, &covered))
}

/// Changes the file, and waits until the change is in force.
async fn save(
    signed: &Signed,
    state: &Data<AdminState>,
    gate: &Gate,
    work: impl FnOnce(Workshop<'_>) -> Result<String, DetectionsError> + Send + 'static,
) -> Result<String, HttpResponse> {
    let (state, actor) = (Data::clone(state), signed.username.clone());
    let saved = web::block(move || {
        let (path, store) = (state.detection.file.as_path(), &state.store);
        work(Workshop { path, store, actor: &actor, now: crate::clock::now() })
    });
    let version = match saved.await {
        Ok(saved) => saved.map_err(|error| refused::refused(&error))?,
        Err(_) => return Err(unavailable()),
    };
    let reloaded = gate.bus().reload_policy.ask(Reload::Detections).await;
    match (reloaded, in_force(gate).await) {
        (Ok(()), Ok(in_force)) if *in_force.detections_view.version == *version => Ok(version),
        _ => Err(problem(
            503,
            "gateway_unavailable",
            "The change is saved, but not in force yet. Look at the rules again shortly.",
        )),
    }
}

/// Does what the body says of one rule, and shows the rule as it is then.
async fn save_rule<T: Send + 'static>(
    (signed, state, gate): (Signed, Data<AdminState>, Data<Gate>),
    success: StatusCode,
    body: Body<T>,
    rule_of: impl FnOnce(&T) -> String,
    work: impl FnOnce(Workshop<'_>, &str, &T) -> Result<String, DetectionsError> + Send + 'static,
) -> HttpResponse {
    let body = match body {
        Ok(body) => body.into_inner(),
        Err(error) => return unreadable(&error),
    };
    let rule = rule_of(&body);
    let id = rule.clone();
    match save(&signed, &state, &gate, move |workshop| work(workshop, &id, &body)).await {
        Ok(_) => show_rule(&state, &gate, success, &rule).await,
        Err(refusal) => refusal,
    }
}

async fn show_rule(
    state: &Data<AdminState>,
    gate: &Gate,
    success: StatusCode,
    id: &str,
) -> HttpResponse {
    let now = crate::clock::now();
    let rules = match rules(state, gate, (now.plus_secs(-DEFAULT_SECS), now)).await {
        Ok(rules) => rules,
        Err(refusal) => return refusal,
    };
    let version = rules.version;
    match rules.rules.into_iter().find(|rule| rule.id == id) {
        Some(rule) => answer(success, &ChangedRule { version, rule }),
        None => problem(409, "detections_changed", "The rules were changed once more meanwhile."),
    }
}

async fn rules(
    state: &Data<AdminState>,
    gate: &Gate,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<RulesView, HttpResponse> {
    let InForce { detections, detections_view, .. } = in_force(gate).await?;
    let store = state.store.clone();
    let viewed = web::block(move || {
        let found = store.finding_totals(from, to)?;
        Ok::<_, AdminError>(view_rules(&detections, &detections_view.text, found, (from, to)))
    });
    match viewed.await {
        Ok(viewed) => viewed.map_err(|error| super::store_failed(&error)),
        Err(_) => Err(unavailable()),
    }
}

async fn in_force(gate: &Gate) -> Result<InForce, HttpResponse> {
    gate.bus().show_in_force.ask(ShowInForce).await.map_err(|_bus_error| unavailable())
}

fn unavailable() -> HttpResponse {
    problem(503, "gateway_unavailable", "Try again shortly.")
}
