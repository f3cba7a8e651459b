//! What the dashboard reads besides the record: the policy in force.

use super::{AdminState, problem, session::require_session};
use crate::bus::policy::DescribePolicy;
use crate::pipeline::Gate;
use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

/// `GET /api/v1/policy`.
pub(super) async fn show_policy(
    request: HttpRequest,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    if let Err(refusal) = require_session(&request, &state).await {
        return refusal;
    }
    match gate.bus().describe_policy.ask(DescribePolicy).await {
        Ok(view) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(view)
        }
        Err(_) => {
            problem(503, "gateway_unavailable", "The policy cannot be read. Try again shortly.")
        }
    }
}
