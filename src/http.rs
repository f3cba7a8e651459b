//! The HTTP surfaces: who is served where.
//!
//! Owns the route table and the translation between HTTP and the rooms below. Handlers are thin; they
//! must never decide anything about a call.

mod activity;
mod admin;
mod administer;
mod agents;
mod app_contexts;
mod audit;
mod dashboard;
mod health;
mod keys;
mod openai;
mod session;
mod status;
mod token;

pub use session::SignInAttempts;

use crate::admin::ConfiguredNames;
use crate::bus::broadcast::Greeting;
use crate::config::{Admin, Trust};
use crate::pipeline::Drain;
use crate::store::Store;
use actix_web::{HttpResponse, http::header, web};
use administer::resource;
use serde_json::json;
use std::sync::Arc;

/// What the administrators' handlers share, across workers.
#[derive(Clone)]
pub struct AdminState {
    /// The store, for blocking threads.
    pub store: Store,
    /// Name and session length.
    pub settings: Admin,
    /// Node, version, sandbox.
    pub greeting: Greeting,
    /// Provider keys and issuers of the configuration, by name.
    pub names: ConfiguredNames,
    /// What an approval is worth, and what a quarantine takes.
    pub trust: Trust,
    /// Records from one checkpoint to the next, at most: as many a proof may pass.
    pub checkpoint_records: u64,
    /// Whether callers may fetch the proof of their call.
    pub receipts: bool,
    /// Failed sign-ins.
    pub attempts: Arc<SignInAttempts>,
    /// Tells when the server is stopping.
    pub drain: Drain,
}

/// Every route. The workers' `Gate` and [`AdminState`] are app data.
pub fn routes(app: &mut web::ServiceConfig) {
    // First, and without a pattern: the path below it is the pipeline's to read.
    app.service(web::scope("/api/v1/openai").default_service(web::to(openai::relay_agent)))
        .service(web::scope("/v1").default_service(web::to(openai::relay_detection_key)))
        .service(web::resource("/healthz").get(health::live).head(health::live))
        .service(web::resource("/readyz").get(health::ready).head(health::ready))
        .service(web::resource("/metrics").get(status::show_metrics))
        .service(web::resource("/.well-known/jwks.json").get(token::list_keys))
        .service(
            web::resource("/api/v1/auth/token")
                .app_data(web::PayloadConfig::new(token::BODY_LIMIT))
                .post(token::create_token),
        )
        .service(
            web::resource("/api/v1/auth/revoke")
                .app_data(web::PayloadConfig::new(token::BODY_LIMIT))
                .post(token::revoke_token),
        )
        .service(web::resource("/.well-known/oauth-authorization-server").get(token::show_metadata))
        .service(web::resource("/api/v1/admin/login").post(session::login))
        .service(web::resource("/api/v1/admin/logout").post(session::logout))
        .service(web::resource("/api/v1/admin/session").get(session::show_session))
        .service(web::resource("/api/v1/policy").get(admin::show_policy))
        .service(web::resource("/api/v1/detections").get(admin::show_detections))
        .service(web::resource("/api/v1/audit/status").get(status::show_status))
        .service(web::resource("/api/v1/activity/stream").get(activity::stream_activity))
        .configure(audit::routes)
        .configure(callers)
        .default_service(web::route().to(dashboard::serve));
}

/// What administrators do with agents, AppContexts and detection keys.
fn callers(app: &mut web::ServiceConfig) {
    app.service(resource("/api/v1/agents").get(agents::list).post(agents::create))
        .service(resource("/api/v1/agents/{id}").get(agents::show).patch(agents::change))
        .service(resource("/api/v1/agents/{id}/suspend").post(agents::suspend))
        .service(resource("/api/v1/agents/{id}/resume").post(agents::resume))
        .service(resource("/api/v1/agents/{id}/revoke").post(agents::revoke))
        .service(resource("/api/v1/agents/{id}/quarantine").post(agents::quarantine))
        .service(resource("/api/v1/agents/{id}/lift-quarantine").post(agents::lift))
        .service(resource("/api/v1/agents/{id}/rotate-secret").post(agents::rotate))
        .service(
            resource("/api/v1/app-contexts").get(app_contexts::list).post(app_contexts::create),
        )
        .service(
            resource("/api/v1/app-contexts/{id}")
                .get(app_contexts::show)
                .patch(app_contexts::change),
        )
        .service(resource("/api/v1/app-contexts/{id}/revoke").post(app_contexts::revoke))
        .service(resource("/api/v1/keys").get(keys::list).post(keys::create))
        .service(resource("/api/v1/keys/{id}/revoke").post(keys::revoke))
        .service(resource("/api/v1/keys/{id}/expire").post(keys::expire));
}

/// An error of the administrators' API, in the OpenAI error object's shape.
fn problem(status: u16, code: &str, message: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status)
        .unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    let error = json!({ "message": message, "type": kind, "param": null, "code": code });
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "error": error }))
}

/// The store failed: the cause goes to the log, the caller is told to come back.
fn store_failed(error: &crate::admin::AdminError) -> HttpResponse {
    tracing::error!(%error, "an administrator's request failed");
    problem(503, "store_unavailable", "The database cannot be reached. Try again shortly.")
}
