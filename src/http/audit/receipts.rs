//! The proof of one call, for whoever holds its receipt.
//!
//! Owns who is let in: the receipt is the only credential, and everything that does not fit looks the same. It must never
//! tell whether a call exists.

use super::{AdminState, blocking, problem, show};
use crate::admin::audit::prove;
use crate::types::ExchangeId;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web::{Data, Path},
};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use uuid::Uuid;

const RECEIPT_HEADER: &str = "x-portcullis-receipt";
const RECEIPT_DIGITS: usize = 32;
/// A checkpoint is signed after whole batches: so many records it may come later.
const MARGIN: u64 = 10_000;
/// Anybody may ask, so few are answered at once: the gate needs its database for itself.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));

/// `GET /api/v1/audit/receipts/{id}` with the header `x-portcullis-receipt`.
pub(in crate::http) async fn show_proof(
    request: HttpRequest,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    let (Ok(id), Some(receipt)) = (Uuid::try_parse(&id), receipt(&request)) else {
        return not_found();
    };
    if !state.receipts {
        return not_found();
    }
    let Ok(place) = Arc::clone(&PLACES).try_acquire_owned() else { return too_many() };
    let most = state.checkpoint_records.saturating_add(MARGIN);
    let proof = blocking(&state, move |store| {
        // Held by the work itself: a client that leaves does not end it.
        let _place = place;
        prove(store, ExchangeId(id), &receipt, most)
    });
    match proof.await {
        Err(refusal) if refusal.status() == StatusCode::NOT_FOUND => not_found(),
        proof => show(proof),
    }
}

/// A receipt as it was given out.
fn receipt(request: &HttpRequest) -> Option<String> {
    let receipt = request.headers().get(RECEIPT_HEADER)?.to_str().ok()?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_receipt = receipt.len() == RECEIPT_DIGITS && receipt.bytes().all(is_digit);
    is_receipt.then(|| receipt.to_owned())
}

fn too_many() -> HttpResponse {
    let mut response = problem(429, "too_many_requests", "Others are asking. Try again shortly.");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn not_found() -> HttpResponse {
    let message =
        "There is no record with this id and receipt. A record is there when its call has ended.";
    problem(404, "not_found", message)
}
