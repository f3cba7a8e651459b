//! The record over HTTP, for administrators; and for whoever holds the receipt of a call, the proof of that one call.
//!
//! Owns the paths below `/api/v1/audit` and how a read is served. What matches is the store's to say, what is sound the
//! ledger's.

mod chain;
mod events;
mod export;
pub(super) mod parameters;
mod receipts;
mod sums;
mod verify;

use super::{AdminState, problem, store_failed};
use crate::admin::AdminError;
use crate::store::Store;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data},
};
pub(super) use chain::{AuditKeys, Checkpoints, list_checkpoints, list_keys};
pub(super) use events::{Events, SetAsideRecords, list_events, list_set_aside, show_event};
pub(super) use export::export_records;
pub(super) use parameters::Parameters;
pub(super) use receipts::show_proof;
use serde::Serialize;
pub(super) use sums::{CallSessions, Summary, list_sessions, show_session, show_summary};
pub(super) use verify::{
    StartedVerification, VerifyRequest, show_last_verification, show_verification,
    start_verification,
};

/// Answers an administrator's question: parameters, then the store on a blocking thread.
async fn answer<Q, T>(
    request: &HttpRequest,
    state: &Data<AdminState>,
    read: impl FnOnce(&mut Parameters) -> Result<Q, String>,
    ask: impl FnOnce(&Store, Q) -> Result<T, AdminError> + Send + 'static,
) -> HttpResponse
where
    Q: Send + 'static,
    T: Serialize + Send + 'static,
{
    match Parameters::read(request.query_string(), read) {
        Ok(question) => show(blocking(state, move |store| ask(store, question).map(Some)).await),
        Err(message) => unreadable(&message),
    }
}

/// The words for a query that cannot be read.
fn unreadable(message: &str) -> HttpResponse {
    problem(400, "invalid_request_error", message)
}

/// Reads what may not be there.
async fn blocking<T: Send + 'static>(
    state: &Data<AdminState>,
    read: impl FnOnce(&Store) -> Result<Option<T>, AdminError> + Send + 'static,
) -> Result<T, HttpResponse> {
    let store = state.store.clone();
    match web::block(move || read(&store)).await {
        Ok(Ok(Some(value))) => Ok(value),
        Ok(Ok(None)) => Err(problem(404, "not_found", "There is nothing with this id.")),
        Ok(Err(error)) => Err(store_failed(&error)),
        Err(_) => Err(problem(503, "gateway_unavailable", "Try again shortly.")),
    }
}

fn show(read: Result<impl Serialize, HttpResponse>) -> HttpResponse {
    match read {
        Ok(value) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(value)
        }
        Err(refusal) => refusal,
    }
}
