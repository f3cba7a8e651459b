//! `/api/v1/users`: who may sign in, and what they may do.

use super::AdminState;
use super::access::Signed;
use super::administer::{Body, perform, perform_with};
use crate::admin::{
    NewUserRequest, UserChangeRequest, change_user, create_user, delete_user, find_user,
    list_users, reset_password, shown, sign_out_everywhere,
};
use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};

/// `GET /api/v1/users`.
pub(super) async fn list(signed: Signed, state: Data<AdminState>) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, |desk| {
        Ok(shown::users(&list_users(desk.store, desk.settings, desk.now)?))
    })
    .await
}

/// `POST /api/v1/users`.
pub(super) async fn create(
    signed: Signed,
    body: Body<NewUserRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::CREATED, body, |desk, body| {
        let (user, password) = create_user(desk.store, body.into_inner(), desk.actor, desk.now)?;
        Ok(shown::new_user(&user, password.as_ref()))
    })
    .await
}

/// `GET /api/v1/users/{username}`.
pub(super) async fn show(
    signed: Signed,
    username: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        Ok(shown::user(&find_user(desk.store, desk.settings, &username, desk.now)?))
    })
    .await
}

/// `PATCH /api/v1/users/{username}`.
pub(super) async fn change(
    signed: Signed,
    username: Path<String>,
    body: Body<UserChangeRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::OK, body, move |desk, body| {
        let body = body.into_inner();
        let user = change_user(desk.store, desk.settings, &username, body, desk.actor, desk.now)?;
        Ok(shown::user(&user))
    })
    .await
}

/// `DELETE /api/v1/users/{username}`.
pub(super) async fn delete(
    signed: Signed,
    username: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        delete_user(desk.store, &username, desk.actor, desk.now)?;
        Ok(shown::deleted_user(&username))
    })
    .await
}

/// `POST /api/v1/users/{username}/reset-password`.
pub(super) async fn reset(
    signed: Signed,
    username: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        let password = reset_password(desk.store, desk.settings, &username, desk.actor, desk.now)?;
        Ok(shown::new_password(&username, &password))
    })
    .await
}

/// `POST /api/v1/users/{username}/sign-out`.
pub(super) async fn sign_out(
    signed: Signed,
    username: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        let sessions = sign_out_everywhere(desk.store, &username, desk.actor, desk.now)?;
        Ok(shown::EndedSessions { sessions })
    })
    .await
}
