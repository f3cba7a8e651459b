//! Verifications of the record, started over HTTP.
//!
//! Owns how one is begun and asked for. It runs on a blocking thread and outlives the request; a stopping gate ends it.

use super::{AdminState, problem, show, unreadable};
use crate::http::administer::{Body, answer, unreadable as unreadable_body};
use crate::http::problem::Problem;
use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Data, Path},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is verified: all records, or those that were written within a time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct VerifyRequest {
    /// From this moment on: RFC 3339, or a day (UTC).
    from: Option<String>,
    /// Before this moment: RFC 3339, or a day (UTC).
    to: Option<String>,
}

/// A verification that has begun.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct StartedVerification {
    /// What to ask for it with.
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
}

/// `POST /api/v1/audit/verify`.
pub(in crate::http) async fn start_verification(
    body: Body<VerifyRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    let request = match body {
        Ok(body) => body.into_inner(),
        Err(error) => return unreadable_body(&error),
    };
    let range = match super::parameters::range(request.from.as_deref(), request.to.as_deref()) {
        Ok(range) => range,
        Err(message) => return unreadable(&message),
    };
    let begun = match state.verifications.begin(range, crate::clock::now()) {
        Ok(begun) => begun,
        Err(running) => return is_running(running),
    };
    let id = begun.id();
    let (store, drain) = (state.store.clone(), state.drain.clone());
    // Nobody waits for it: what comes of it is asked for.
    drop(web::block(move || begun.run(&store, || drain.is_stopping())));
    answer(StatusCode::ACCEPTED, &StartedVerification { id })
}

/// `GET /api/v1/audit/verify`: the last one.
pub(in crate::http) async fn show_last_verification(state: Data<AdminState>) -> HttpResponse {
    let none = || problem(404, "not_found", "Nothing was verified since the gate started.");
    show(state.verifications.show(None).ok_or_else(none))
}

/// `GET /api/v1/audit/verify/{id}`.
pub(in crate::http) async fn show_verification(
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    let Ok(id) = id.parse() else { return unreadable("The id must be a UUID.") };
    let none = || problem(404, "not_found", "There is no such verification any more.");
    show(state.verifications.show(Some(id)).ok_or_else(none))
}

fn is_running(id: Uuid) -> HttpResponse {
    let message = format!("The verification {id} is running: one at a time.");
    Problem::new(409, "verification_running", message).with_id(id)
}
