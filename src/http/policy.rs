//! `/api/v1/policy`.
//!
//! Owns that a policy which was saved is in force before its author is told so.

mod turn;

use super::AdminState;
use super::access::Signed;
use super::administer::{Body, answer, attempt, perform_with};
use super::audit::parameters::Parameters;
use super::problem;
use crate::admin::policy::{
    self, DiffRequest, DraftRequest, ExplainRequest, Patience, Place, RestoreRequest, SaveRequest,
    VersionsRequest, WhatIfRequest, build_draft, diff_draft, find_version, list_versions,
    review_draft, show_version,
};
use crate::admin::{AdminError, why_not_writable};
use crate::bus::policy::{InForce, PolicyView, Reload, ShowInForce};
use crate::pipeline::Gate;
use crate::policy::SourceFile;
use crate::store::Store;
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// So long a replay may take; it then tells what it has.
const REPLAY_AT_MOST: Duration = Duration::from_secs(20);

/// The policy in force, and whether it can be saved here.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Policy")]
pub(super) struct PolicyShown {
    #[serde(flatten)]
    view: PolicyView,
    /// Whether a draft can be saved.
    writable: bool,
    /// Why not.
    why_not_writable: Option<String>,
}

/// `GET /api/v1/policy`.
pub(super) async fn show(state: Data<AdminState>, gate: Data<Gate>) -> HttpResponse {
    let in_force = match in_force(&gate).await {
        Ok(in_force) => in_force,
        Err(refusal) => return refusal,
    };
    let file = state.policy_files.file.clone();
    let Ok(why_not_writable) = web::block(move || why_not_writable(&file)).await else {
        return unavailable();
    };
    let view = PolicyView::clone(&in_force.policy_view);
    let writable = why_not_writable.is_none();
    answer(StatusCode::OK, &PolicyShown { view, writable, why_not_writable })
}

/// `PUT /api/v1/policy`.
pub(super) async fn save(
    signed: Signed,
    body: Body<SaveRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let saved = attempt(&signed, &state, body, |desk, body| {
        policy::save(desk.store, desk.policy_files, &body, desk.actor, desk.now)
    });
    match saved.await {
        Ok(version) => put_in_force(&version, state, gate).await,
        Err(refusal) => refusal,
    }
}

/// `POST /api/v1/policy/versions/{id}/restore`.
pub(super) async fn restore(
    signed: Signed,
    id: Path<String>,
    body: Body<RestoreRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let saved = attempt(&signed, &state, body, move |desk, body| {
        let id = version_id(desk.store, &id)?;
        policy::restore(desk.store, desk.policy_files, id, body.into_inner(), desk.actor, desk.now)
    });
    match saved.await {
        Ok(version) => put_in_force(&version, state, gate).await,
        Err(refusal) => refusal,
    }
}

/// `POST /api/v1/policy/lint`.
pub(super) async fn lint(
    signed: Signed,
    body: Body<DraftRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let turn = match turn::take().await {
        Ok(turn) => turn,
        Err(refusal) => return refusal,
    };
    with_policy(&signed, &state, &gate, body, move |store, in_force, body| {
        let _turn = turn;
        let view = &in_force.policy_view;
        let draft = SourceFile::new(view.file.as_str(), body.into_inner().text);
        review_draft(store, &model(in_force), &draft)
    })
    .await
}

/// `POST /api/v1/policy/diff`.
pub(super) async fn diff(
    signed: Signed,
    body: Body<DiffRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let turn = match turn::take().await {
        Ok(turn) => turn,
        Err(refusal) => return refusal,
    };
    with_policy(&signed, &state, &gate, body, move |store, in_force, body| {
        let _turn = turn;
        diff_draft(store, &in_force.policy_view.text, &body)
    })
    .await
}

/// `POST /api/v1/policy/explain`.
pub(super) async fn explain(
    signed: Signed,
    body: Body<ExplainRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    with_policy(&signed, &state, &gate, body, |store, in_force, body| {
        policy::explain(store, &in_force.policy, &body)
    })
    .await
}

/// `POST /api/v1/policy/what-if`. Ends when nobody waits for it any more.
pub(super) async fn what_if(
    signed: Signed,
    body: Body<WhatIfRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let waiting = Waiting(Arc::default());
    let is_gone = Arc::clone(&waiting.0);
    with_policy(&signed, &state, &gate, body, move |store, in_force, body| {
        let _place = Place::take()?;
        let WhatIfRequest { text, from, to } = body.into_inner();
        let draft = SourceFile::new(in_force.policy_view.file.as_str(), text);
        let model = model(in_force);
        let draft = build_draft(&model, &draft)?;
        let patience = Patience {
            most: REPLAY_AT_MOST,
            is_given_up: &|| is_gone.load(Ordering::Relaxed),
            progress: &mut |_, _| {},
        };
        let now = crate::clock::now();
        policy::what_if(store, &in_force.policy, &draft, (from, to), now, patience)
    })
    .await
}

/// Says so when it is dropped: the client has gone, or has its answer.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `GET /api/v1/policy/versions`.
pub(super) async fn versions(
    signed: Signed,
    request: HttpRequest,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let query = Parameters::read(request.query_string(), |parameters| {
        let limit = parameters.limit()?;
        let after = parameters.choice("after", |text| text.parse().ok(), "the 'next' of a page")?;
        Ok(VersionsRequest { limit, after })
    });
    let query: VersionsRequest = match query {
        Ok(query) => query,
        Err(message) => return problem(400, "invalid_request_error", &message),
    };
    with_policy(&signed, &state, &gate, Ok(query), |store, in_force, query| {
        list_versions(store, &in_force.policy_view.version, query)
    })
    .await
}

/// `GET /api/v1/policy/versions/{id}`.
pub(super) async fn version(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    with_policy(&signed, &state, &gate, Ok(id), |store, in_force, id| {
        show_version(store, &in_force.policy_view.version, version_id(store, &id)?)
    })
    .await
}

/// Serves a use case that asks for what is in force.
async fn with_policy<T, R, F>(
    signed: &Signed,
    state: &Data<AdminState>,
    gate: &Data<Gate>,
    read: Result<T, actix_web::Error>,
    work: F,
) -> HttpResponse
where
    T: Send + 'static,
    R: Serialize + Send + 'static,
    F: FnOnce(&Store, &InForce, T) -> Result<R, AdminError> + Send + 'static,
{
    let in_force = match in_force(gate).await {
        Ok(in_force) => in_force,
        Err(refusal) => return refusal,
    };
    perform_with(signed, state, StatusCode::OK, read, move |desk, read| {
        work(desk.store, &in_force, read)
    })
    .await
}

/// Lets the keeper take up what was written, and shows what is in force then.
async fn put_in_force(
    version: &Arc<str>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let reloaded = gate.bus().reload_policy.ask(Reload::Policy).await;
    match (reloaded, in_force(&gate).await) {
        (Ok(()), Ok(in_force)) if in_force.policy_view.version == *version => {
            show(state, gate).await
        }
        _ => {
            let message = "The policy is saved, but not in force yet. Look at it again shortly.";
            problem(503, "gateway_unavailable", message)
        }
    }
}

async fn in_force(gate: &Gate) -> Result<InForce, HttpResponse> {
    gate.bus().show_in_force.ask(ShowInForce).await.map_err(|_bus_error| unavailable())
}

fn unavailable() -> HttpResponse {
    problem(503, "gateway_unavailable", "The policy cannot be read. Try again shortly.")
}

fn model(in_force: &InForce) -> SourceFile {
    let view = &in_force.policy_view;
    SourceFile::new(view.model_file.as_str(), view.model_text.as_str())
}

/// The id in a path; what is no number is no version's.
fn version_id(store: &Store, id: &str) -> Result<i64, AdminError> {
    match id.parse() {
        Ok(id) => Ok(find_version(store, id)?.0.id),
        Err(_) => Err(AdminError::NoSuch {
            what: "policy version",
            wanted: id.to_owned(),
            list: "policy versions",
        }),
    }
}
