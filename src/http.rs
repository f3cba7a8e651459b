//! The HTTP surfaces: who is served where.
//!
//! Owns the route table and the translation between HTTP and the rooms below. Handlers are thin; they
//! must never decide anything about a call.

mod access;
mod activity;
mod administer;
mod agents;
mod api;
mod app_contexts;
mod audit;
mod dashboard;
mod detections;
mod health;
mod keys;
mod oidc;
mod openai;
mod policy;
mod problem;
mod session;
mod snippets;
mod status;
mod token;
mod users;

pub use api::openapi;
pub use oidc::Oidc;
pub use session::SignInAttempts;

use crate::admin::ConfiguredNames;
use crate::bus::broadcast::Greeting;
use crate::config::{Admin, Detection, Network, PolicyFiles, Trust};
use crate::pipeline::Drain;
use crate::store::Store;
use actix_web::{HttpResponse, web};
use problem::problem;
use std::sync::Arc;

/// What the administrators' handlers share, across workers.
#[derive(Clone)]
pub struct AdminState {
    /// The store, for blocking threads.
    pub store: Store,
    /// The administrator, and how long sessions last.
    pub settings: Admin,
    /// Where clients reach the gate; unset: as each request came.
    pub public_url: Option<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Node, version, sandbox.
    pub greeting: Greeting,
    /// Provider keys and issuers of the configuration, by name.
    pub names: ConfiguredNames,
    /// What an approval is worth, and what a quarantine takes.
    pub trust: Trust,
    /// Where the policy stands.
    pub policy_files: PolicyFiles,
    /// Where the rules of detection stand, and how streams are judged.
    pub detection: Detection,
    /// Whether endpoints that are not known are let through.
    pub forward_unknown: bool,
    /// Records from one checkpoint to the next, at most: as many a proof may pass.
    pub checkpoint_records: u64,
    /// Whether callers may fetch the proof of their call.
    pub receipts: bool,
    /// Verifications of the record that were started here.
    pub verifications: crate::admin::audit::Runs,
    /// The identity provider of users, if there is one.
    pub oidc: Option<Arc<Oidc>>,
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
        .configure(api::routes)
        .default_service(web::route().to(dashboard::serve));
}

/// The store failed: the cause goes to the log, the caller is told to come back.
fn store_failed(error: &crate::admin::AdminError) -> HttpResponse {
    tracing::error!(%error, "an administrator's request failed");
    problem(503, "store_unavailable", "The database cannot be reached. Try again shortly.")
}
