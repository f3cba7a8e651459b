//! `/api/v1/app-contexts`.

use super::AdminState;
use super::access::Signed;
use super::administer::{Body, perform, perform_with};
use crate::admin::{
    AppContextChangeRequest, NewAppContextRequest, change_app_context, create_app_context,
    find_app_context, revoke_app_context, shown,
};
use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};

/// `GET /api/v1/app-contexts`.
pub(super) async fn list(signed: Signed, state: Data<AdminState>) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, |desk| {
        Ok(shown::app_contexts(&desk.store.app_contexts_with_last_calls()?))
    })
    .await
}

/// `POST /api/v1/app-contexts`.
pub(super) async fn create(
    signed: Signed,
    body: Body<NewAppContextRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::CREATED, body, |desk, body| {
        let new = body.into_inner();
        let created = create_app_context(desk.store, desk.names, new, desk.actor, desk.now)?;
        Ok(shown::app_context(&created))
    })
    .await
}

/// `GET /api/v1/app-contexts/{id}`, by name or id.
pub(super) async fn show(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        Ok(shown::app_context(&find_app_context(desk.store, &id)?))
    })
    .await
}

/// `PATCH /api/v1/app-contexts/{id}`.
pub(super) async fn change(
    signed: Signed,
    id: Path<String>,
    body: Body<AppContextChangeRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::OK, body, move |desk, body| {
        let change = body.into_inner();
        let changed =
            change_app_context(desk.store, desk.names, &id, change, desk.actor, desk.now)?;
        Ok(shown::app_context(&changed))
    })
    .await
}

/// `POST /api/v1/app-contexts/{id}/revoke`.
pub(super) async fn revoke(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        Ok(shown::app_context(&revoke_app_context(desk.store, &id, desk.actor, desk.now)?))
    })
    .await
}
