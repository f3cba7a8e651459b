//! The proof of one call, for whoever holds its receipt.
//!
//! Owns who is let in: the receipt is the only credential, and everything that does not fit looks the same. It must never
//! tell whether a call exists.

use super::{AdminState, blocking, problem, show};
use crate::admin::audit::prove;
use crate::types::ExchangeId;
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

const RECEIPT_HEADER: &str = "x-portcullis-receipt";
const RECEIPT_DIGITS: usize = 32;
/// A checkpoint is signed after whole batches: so many records it may come later.
const MARGIN: u64 = 10_000;
/// Anybody may ask; the rest waits, so that the gate keeps its database for itself.
static PLACES: Semaphore = Semaphore::const_new(4);

/// `GET /api/v1/audit/receipts/{id}` with the header `x-portcullis-receipt`.
pub(super) async fn show_proof(
    request: HttpRequest,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    let (Ok(id), Some(receipt)) = (Uuid::try_parse(&id), receipt(&request)) else {
        return not_found();
    };
    let Ok(_place) = PLACES.acquire().await else { return not_found() };
    let most = state.checkpoint_records.saturating_add(MARGIN);
    match blocking(&state, move |store| prove(store, ExchangeId(id), &receipt, most)).await {
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

fn not_found() -> HttpResponse {
    let message =
        "There is no record with this id and receipt. A record is there when its call has ended.";
    problem(404, "not_found", message)
}
