//! `/api/v1/keys`: detection keys.

use super::AdminState;
use super::access::Signed;
use super::administer::{Body, perform, perform_with};
use crate::admin::{
    InvalidRequest, Lifetime, NewKeyRequest, create_key, expire_key, list_keys, revoke_key, shown,
};
use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use serde::Deserialize;

/// Which keys to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    app_context: Option<String>,
}

/// When a key is to end: one of the two.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expiry {
    #[serde(rename = "in")]
    expires_in: Option<Lifetime>,
    #[serde(default)]
    now: bool,
}

/// `GET /api/v1/keys?app_context=`.
pub(super) async fn list(
    signed: Signed,
    filter: Result<Query<Filter>, actix_web::Error>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::OK, filter, |desk, filter| {
        Ok(shown::keys(&list_keys(desk.store, filter.app_context.as_deref(), desk.now)?))
    })
    .await
}

/// `POST /api/v1/keys`.
pub(super) async fn create(
    signed: Signed,
    body: Body<NewKeyRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::CREATED, body, |desk, body| {
        Ok(shown::new_key(&create_key(desk.store, &body, desk.actor, desk.now)?))
    })
    .await
}

/// `POST /api/v1/keys/{id}/revoke`.
pub(super) async fn revoke(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        Ok(shown::key(&revoke_key(desk.store, &id, desk.actor, desk.now)?))
    })
    .await
}

/// `POST /api/v1/keys/{id}/expire`.
pub(super) async fn expire(
    signed: Signed,
    id: Path<String>,
    body: Body<Expiry>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::OK, body, move |desk, body| {
        if body.now == body.expires_in.is_some() {
            return Err(InvalidRequest::Expiry.into());
        }
        Ok(shown::key(&expire_key(desk.store, &id, body.expires_in, desk.actor, desk.now)?))
    })
    .await
}
