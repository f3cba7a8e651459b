//! The record over HTTP, for administrators; and for whoever holds the receipt of a call, the proof of that one call.
//!
//! Owns the paths below `/api/v1/audit` and how a read is served. What matches is the store's to say, what is sound the
//! ledger's.

mod chain;
mod events;
mod export;
mod parameters;
mod receipts;
mod sums;

use super::{AdminState, problem, session::require_session, store_failed};
use crate::admin::AdminError;
use crate::store::Store;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data},
};
use parameters::Parameters;
use serde::Serialize;

/// Everything below `/api/v1/audit`.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let get = |path: &str| web::resource(format!("/api/v1/audit/{path}"));
    app.service(get("events").get(events::list_events))
        .service(get("events/{id}").get(events::show_event))
        .service(get("summary").get(sums::show_summary))
        .service(get("sessions").get(sums::list_sessions))
        // A session's id may hold slashes.
        .service(get("sessions/{id:.+}").get(sums::show_session))
        .service(get("set-aside").get(events::list_set_aside))
        .service(get("checkpoints").get(chain::list_checkpoints))
        .service(get("keys").get(chain::list_keys))
        .service(get("export").get(export::export_records))
        .service(get("receipts/{id}").get(receipts::show_proof));
}

/// Answers an administrator's question: session, parameters, then the store on a blocking thread.
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
    match question(request, state, read).await {
        Ok(question) => show(blocking(state, move |store| ask(store, question).map(Some)).await),
        Err(refusal) => refusal,
    }
}

/// What a signed-in administrator asks for.
async fn question<Q>(
    request: &HttpRequest,
    state: &Data<AdminState>,
    read: impl FnOnce(&mut Parameters) -> Result<Q, String>,
) -> Result<Q, HttpResponse> {
    require_session(request, state).await?;
    let read = Parameters::read(request.query_string(), read);
    read.map_err(|message| problem(400, "invalid_request_error", &message))
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
