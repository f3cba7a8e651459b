//! What the dashboard reads besides the record: the rules of detection in force.

use super::problem;
use crate::bus::BusError;
use crate::bus::policy::DescribeDetections;
use crate::pipeline::Gate;
use actix_web::{HttpResponse, http::header, web::Data};
use serde::Serialize;
use std::sync::Arc;

/// `GET /api/v1/detections`.
pub(super) async fn show_detections(gate: Data<Gate>) -> HttpResponse {
    show(gate.bus().describe_detections.ask(DescribeDetections).await, "The rules of detection")
}

fn show(view: Result<Arc<impl Serialize>, BusError>, what: &str) -> HttpResponse {
    match view {
        Ok(view) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(view)
        }
        Err(_) => {
            let message = format!("{what} cannot be read. Try again shortly.");
            problem(503, "gateway_unavailable", &message)
        }
    }
}
