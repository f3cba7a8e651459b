//! Signing in with a password, and changing it.
//!
//! Owns the order of a check: counted, queued, checked. Passwords must never be logged.

use super::{Counted, address_of, cookie, session_cookie};
use crate::admin::{self, AdminError, PasswordRequest, SignedIn};
use crate::http::{
    AdminState,
    access::Signed,
    administer::{Body, refused, unreadable},
    problem, store_failed,
};
use crate::types::{Role, Sensitive, UnixMillis};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::time::Duration as CookieAge,
    http::header,
    web::{self, Data, Json},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Tells a user's own browser from strangers; opens nothing.
const DEVICE_COOKIE: &str = "portcullis_device";
const DEVICE_PATH: &str = "/api/v1/admin";
const DEVICE_DAYS: i64 = 400;
const QUEUE_FULL_RETRY_SECS: u64 = 2;

/// What the sign-in form sends.
#[derive(Deserialize, JsonSchema)]
pub(in crate::http) struct Credentials {
    username: String,
    #[schemars(with = "String")]
    password: Sensitive<String>,
}

/// A session that has begun.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SignedIn")]
pub(in crate::http) struct SignedInAnswer {
    /// For clients without cookies: `Authorization: Bearer …`.
    access_token: String,
    username: String,
    role: Role,
    expires_at: UnixMillis,
}

/// `POST /api/v1/admin/login`.
pub(in crate::http) async fn login(
    request: HttpRequest,
    credentials: Result<Json<Credentials>, actix_web::Error>,
    state: Data<AdminState>,
) -> HttpResponse {
    let Ok(credentials) = credentials else {
        let message = "Send JSON: {\"username\": \"…\", \"password\": \"…\"}.";
        return problem(400, "invalid_request_error", message);
    };
    let Credentials { username, password } = credentials.into_inner();
    let counted = match counted(&request, &state, &username).await {
        Ok(counted) => counted,
        Err(refusal) => return refusal,
    };
    let turn = match turn(&state, &counted).await {
        Ok(turn) => turn,
        Err(refusal) => return refusal,
    };
    let work = Data::clone(&state);
    let now = crate::clock::now();
    let checked = web::block(move || {
        // Held by the work itself: a caller who hangs up does not make room for more of it.
        let _held = turn;
        admin::sign_in(&work.store, &work.settings, &username, &password, now)
    });
    match checked.await {
        Ok(Ok(signed_in)) => {
            state.attempts.forgive(&counted);
            welcome(&request, signed_in, now)
        }
        Ok(Err(AdminError::InvalidCredentials)) => {
            problem(401, "invalid_credentials", "Wrong user name or password.")
        }
        Ok(Err(error)) => {
            state.attempts.take_back(&counted);
            store_failed(&error)
        }
        Err(_) => problem(503, "gateway_unavailable", "Try again shortly."),
    }
}

fn welcome(request: &HttpRequest, signed_in: SignedIn, now: UnixMillis) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .cookie(session_cookie(request, &signed_in, now));
    if let Some(mark) = signed_in.device {
        let mut cookie =
            cookie(request, DEVICE_COOKIE, mark.reveal(), CookieAge::days(DEVICE_DAYS));
        cookie.set_path(DEVICE_PATH);
        answer.cookie(cookie);
    }
    answer.json(SignedInAnswer {
        access_token: signed_in.access_token.reveal(),
        username: signed_in.username,
        role: signed_in.role,
        expires_at: signed_in.expires_at,
    })
}

/// What a failure of this request counts for.
async fn counted(
    request: &HttpRequest,
    state: &Data<AdminState>,
    username: &str,
) -> Result<Vec<Counted>, HttpResponse> {
    let strangers = vec![Counted::address(address_of(request)), Counted::name(username)];
    let Some(mark) = request.cookie(DEVICE_COOKIE) else { return Ok(strangers) };
    let (work, username) = (Data::clone(state), username.to_owned());
    let device = Counted::device(mark.value());
    let mark = mark.value().to_owned();
    match web::block(move || admin::knows_device(&work.store, &username, &mark)).await {
        Ok(Ok(true)) => Ok(vec![device]),
        Ok(Ok(false)) => Ok(strangers),
        Ok(Err(error)) => Err(store_failed(&error)),
        Err(_) => Err(problem(503, "gateway_unavailable", "Try again shortly.")),
    }
}

/// Waits for a password to be checked, unless too many failed or wait.
async fn turn(
    state: &AdminState,
    counted: &[Counted],
) -> Result<[OwnedSemaphorePermit; 2], HttpResponse> {
    let attempts = &state.attempts;
    let Ok(place) = Arc::clone(&attempts.places).try_acquire_owned() else {
        let message = "Too many sign-ins at once. Try again shortly.";
        return Err(too_many(message, QUEUE_FULL_RETRY_SECS));
    };
    attempts
        .begin(counted)
        .map_err(|secs| too_many("Too many failed sign-ins. Wait a little.", secs))?;
    match Arc::clone(&attempts.checks).acquire_owned().await {
        Ok(turn) => Ok([place, turn]),
        Err(_) => Err(problem(503, "gateway_unavailable", "The gate is stopping.")),
    }
}

fn too_many(message: &str, retry_secs: u64) -> HttpResponse {
    let mut response = problem(429, "too_many_attempts", message);
    response.headers_mut().insert(header::RETRY_AFTER, retry_secs.into());
    response
}

/// `POST /api/v1/admin/password`.
pub(in crate::http) async fn change_password(
    signed: Signed,
    body: Body<PasswordRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    let body = match body {
        Ok(body) => body.into_inner(),
        Err(error) => return unreadable(&error),
    };
    // What strangers tried keeps nobody who is signed in from it.
    let counted = [Counted::session(&signed.token)];
    let turn = match turn(&state, &counted).await {
        Ok(turn) => turn,
        Err(refusal) => return refusal,
    };
    let work = Data::clone(&state);
    let changed = web::block(move || {
        let _held = turn;
        let Signed { username, token, .. } = &signed;
        let now = crate::clock::now();
        admin::change_own_password(&work.store, &work.settings, username, token, &body, now)
    });
    match changed.await {
        Ok(Err(AdminError::InvalidCredentials)) => {
            problem(403, "invalid_credentials", "The current password is wrong.")
        }
        changed => {
            state.attempts.take_back(&counted);
            match changed {
                Ok(Ok(())) => HttpResponse::NoContent().finish(),
                Ok(Err(error)) => refused(&error),
                Err(_) => problem(503, "gateway_unavailable", "Try again shortly."),
            }
        }
    }
}
