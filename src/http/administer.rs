//! How an administrator's use case is served: body, blocking work, answer.
//!
//! Owns the order of these and what each failure looks like. It must never decide what a use case means.

use super::{
    AdminState,
    access::Signed,
    problem::{Mistakes, Problem, problem},
    store_failed,
};
use crate::admin::{AdminError, ConfiguredNames, SourceFileError};
use crate::config::{Admin, PolicyFiles, Trust};
use crate::store::{Store, StoreError};
use crate::types::UnixMillis;
use actix_web::{
    HttpResponse,
    error::{JsonPayloadError, QueryPayloadError},
    http::{StatusCode, header},
    web::{self, Data, Json},
};
use serde::Serialize;

/// A JSON body, or why there is none.
pub(super) type Body<T> = Result<Json<T>, actix_web::Error>;

/// What a use case works with.
pub(super) struct Desk<'a> {
    pub(super) store: &'a Store,
    pub(super) names: &'a ConfiguredNames,
    pub(super) trust: &'a Trust,
    /// How long sessions last.
    pub(super) settings: &'a Admin,
    pub(super) policy_files: &'a PolicyFiles,
    /// Who is signed in.
    pub(super) actor: &'a str,
    pub(super) now: UnixMillis,
}

/// Runs a use case that needs no body, or has read it.
pub(super) async fn perform<R, F>(
    signed: &Signed,
    state: &Data<AdminState>,
    success: StatusCode,
    work: F,
) -> HttpResponse
where
    R: Serialize + Send + 'static,
    F: FnOnce(&Desk<'_>) -> Result<R, AdminError> + Send + 'static,
{
    perform_with(signed, state, success, Ok(()), |desk, ()| work(desk)).await
}

/// Runs a use case with what was read from the request.
pub(super) async fn perform_with<T, R, F>(
    signed: &Signed,
    state: &Data<AdminState>,
    success: StatusCode,
    read: Result<T, actix_web::Error>,
    work: F,
) -> HttpResponse
where
    T: Send + 'static,
    R: Serialize + Send + 'static,
    F: FnOnce(&Desk<'_>, T) -> Result<R, AdminError> + Send + 'static,
{
    match attempt(signed, state, read, work).await {
        Ok(value) => answer(success, &value),
        Err(refusal) => refusal,
    }
}

/// The same where more is to be done before the answer: what the use case returned, or its refusal.
pub(super) async fn attempt<T, R, F>(
    signed: &Signed,
    state: &Data<AdminState>,
    read: Result<T, actix_web::Error>,
    work: F,
) -> Result<R, HttpResponse>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnOnce(&Desk<'_>, T) -> Result<R, AdminError> + Send + 'static,
{
    let read = read.map_err(|error| unreadable(&error))?;
    let state = Data::clone(state);
    let actor = signed.username.clone();
    let done = web::block(move || {
        let AdminState { store, names, trust, settings, policy_files, .. } = &**state;
        let now = crate::clock::now();
        work(&Desk { store, names, trust, settings, policy_files, actor: &actor, now }, read)
    });
    match done.await {
        Ok(done) => done.map_err(|error| refused(&error)),
        Err(_) => Err(problem(503, "gateway_unavailable", "Try again shortly.")),
    }
}

/// A JSON answer that nobody keeps.
pub(super) fn answer(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(value)
}

/// What a refused use case looks like.
pub(super) fn refused(error: &AdminError) -> HttpResponse {
    let (status, code) = match error {
        AdminError::Invalid(_) => (400, "invalid_request_error"),
        AdminError::NoSuch { .. } | AdminError::Store(StoreError::NotFound { .. }) => {
            (404, "not_found")
        }
        AdminError::PolicyInvalid(errors) => {
            return Problem::new(400, "policy_invalid", error.to_string())
                .with_errors(Mistakes::Policy(errors.clone()));
        }
        AdminError::PolicyChanged { current_version } => {
            return Problem::new(409, "policy_changed", error.to_string())
                .with_current_version(&**current_version);
        }
        AdminError::Busy => (409, "busy"),
        AdminError::Policy(_) | AdminError::SourceFile(SourceFileError::Io { .. }) => {
            (409, "not_writable")
        }
        AdminError::Conflict(_) => (409, "name_conflict"),
        AdminError::Store(StoreError::Taken { .. }) => (409, "already_exists"),
        AdminError::Store(StoreError::Revoked { .. }) => (409, "revoked"),
        AdminError::Store(StoreError::UserStays { .. }) => (409, "user_stays"),
        AdminError::Store(StoreError::Quarantined) => (409, "quarantined"),
        AdminError::Store(StoreError::NotQuarantined(_)) => (409, "not_quarantined"),
        _ => return store_failed(error),
    };
    problem(status, code, &error.to_string())
}

/// Why the request's body or query cannot be read.
pub(super) fn unreadable(error: &actix_web::Error) -> HttpResponse {
    if let Some(QueryPayloadError::Deserialize(error)) = error.as_error() {
        return problem(400, "invalid_request_error", &format!("The query is wrong: {error}."));
    }
    match error.as_error::<JsonPayloadError>() {
        Some(JsonPayloadError::Deserialize(error)) => {
            problem(400, "invalid_request_error", &format!("The body is wrong: {error}."))
        }
        Some(JsonPayloadError::ContentType) => {
            let message = "Send JSON, with the header Content-Type: application/json.";
            problem(415, "unsupported_media_type", message)
        }
        Some(JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. }) => {
            problem(413, "request_too_large", "The body is too long.")
        }
        _ => problem(400, "invalid_request_error", "The request cannot be read."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{InvalidRequest, NameConflict};

    #[test]
    fn whose_fault_it_is_decides_the_status() {
        let no_such =
            AdminError::NoSuch { what: "agent", wanted: "x".to_owned(), list: "agent list" };
        let full = StoreError::Unavailable { reason: "full".to_owned(), source: None };
        for (error, status) in [
            (InvalidRequest::NothingToChange.into(), 400),
            (no_such, 404),
            (StoreError::NotFound { what: "agent" }.into(), 404),
            (NameConflict::NameIsId("x".to_owned()).into(), 409),
            (StoreError::Taken { what: "agent name" }.into(), 409),
            (StoreError::Revoked { what: "agent" }.into(), 409),
            (full.into(), 503),
        ] {
            assert_eq!(refused(&error).status().as_u16(), status, "{error}");
        }
    }
}
