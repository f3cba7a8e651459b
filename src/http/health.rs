//! Whether the gate lives, and whether it can serve. Readiness is not the database: cached identities
//! and the policy serve without it.

use crate::bus::auth::ListKeys;
use crate::bus::policy::DescribePolicy;
use crate::pipeline::Gate;
use actix_web::{HttpResponse, web::Data};
use serde_json::json;

/// `GET /healthz`: the process answers.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// `GET /readyz`: this worker's desks answer and there is room for records.
pub(super) async fn ready(gate: Data<Gate>) -> HttpResponse {
    let bus = gate.bus();
    let identity = bus.list_keys.ask(ListKeys).await.is_ok();
    let policy = bus.describe_policy.ask(DescribePolicy).await.is_ok();
    let record = bus.record.places.take().is_some() && bus.record.journal.reserve().is_ok();
    let body = json!({
        "status": if identity && policy && record { "ready" } else { "not ready" },
        "identity": identity,
        "policy": policy,
        "record": record,
    });
    if identity && policy && record {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}
