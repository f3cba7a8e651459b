//! Signing in and out, and who is signed in.
//!
//! Owns the session cookie, its CSRF rule and the limit on failed sign-ins. A request with the cookie
//! that changes something must carry `X-Portcullis-CSRF`, which a foreign page cannot send.

use super::{AdminState, problem, store_failed};
use crate::admin::{self, AdminError};
use crate::store::Session;
use crate::types::Sensitive;
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieAge},
    http::{Method, header},
    web::{self, Data, Json},
};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

const COOKIE: &str = "portcullis_session";
const CSRF_HEADER: &str = "x-portcullis-csrf";
const FAILURES_ALLOWED: u32 = 5;
const FAILURES_FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// argon2 takes 19 MiB and some 20 ms each: two at a time.
const PASSWORD_CHECKS_AT_ONCE: usize = 2;
const ADDRESSES_KEPT: usize = 10_000;

/// Failed sign-ins per address.
#[derive(Debug)]
pub struct SignInAttempts {
    failures: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    checks: Semaphore,
}

impl Default for SignInAttempts {
    fn default() -> Self {
        Self { failures: Mutex::default(), checks: Semaphore::new(PASSWORD_CHECKS_AT_ONCE) }
    }
}

impl SignInAttempts {
    /// Seconds to wait, when this address has failed too often.
    fn wait_secs(&self, address: IpAddr) -> Option<u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = failures.get(&address)?;
        let left = FAILURES_FORGOTTEN_AFTER.checked_sub(since.elapsed())?;
        (*count >= FAILURES_ALLOWED).then_some(left.as_secs() + 1)
    }

    fn note_failure(&self, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_KEPT {
            failures.retain(|_, (_, since)| since.elapsed() < FAILURES_FORGOTTEN_AFTER);
        }
        let entry = failures.entry(address).or_insert((0, Instant::now()));
        if entry.1.elapsed() >= FAILURES_FORGOTTEN_AFTER {
            *entry = (0, Instant::now());
        }
        entry.0 += 1;
    }

    fn forget(&self, address: IpAddr) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }
}

/// What the sign-in form sends.
#[derive(Deserialize)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

/// `POST /api/v1/admin/login`.
pub(super) async fn login(
    request: HttpRequest,
    credentials: Result<Json<Credentials>, actix_web::Error>,
    state: Data<AdminState>,
) -> HttpResponse {
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    if let Some(secs) = state.attempts.wait_secs(address) {
        let mut response =
            problem(429, "too_many_attempts", "Too many failed sign-ins. Wait a minute.");
        response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        return response;
    }
    let Ok(credentials) = credentials else {
        let message = "Send JSON: {\"username\": \"…\", \"password\": \"…\"}.";
        return problem(400, "invalid_request_error", message);
    };
    let Credentials { username, password } = credentials.into_inner();
    let password = Sensitive::new(password);
    let Ok(_turn) = state.attempts.checks.acquire().await else {
        return problem(503, "gateway_unavailable", "The gate is stopping.");
    };
    let work = Data::clone(&state);
    let now = crate::clock::now();
    let checked =
        web::block(move || admin::sign_in(&work.store, &work.settings, &username, &password, now));
    match checked.await {
        Ok(Ok(signed_in)) => {
            state.attempts.forget(address);
            let lasts = CookieAge::milliseconds(signed_in.expires_at.0 - now.0);
            let token = signed_in.access_token.reveal();
            HttpResponse::Ok()
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .cookie(cookie(&request, token.clone(), lasts))
                .json(json!({
                    "access_token": token,
                    "username": signed_in.username,
                    "role": signed_in.role,
                    "expires_at": signed_in.expires_at,
                }))
        }
        Ok(Err(AdminError::InvalidCredentials)) => {
            state.attempts.note_failure(address);
            problem(401, "invalid_credentials", "Wrong user name or password.")
        }
        Ok(Err(error)) => store_failed(&error),
        Err(_) => problem(503, "gateway_unavailable", "Try again shortly."),
    }
}

/// `POST /api/v1/admin/logout`.
pub(super) async fn logout(request: HttpRequest, state: Data<AdminState>) -> HttpResponse {
    if let Err(refusal) = require_session(&request, &state).await {
        return refusal;
    }
    if let Some((token, _)) = presented(&request) {
        let store = state.store.clone();
        match web::block(move || admin::sign_out(&store, &token)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return store_failed(&error),
            Err(_) => return problem(503, "gateway_unavailable", "Try again shortly."),
        }
    }
    HttpResponse::NoContent().cookie(cookie(&request, String::new(), CookieAge::ZERO)).finish()
}

/// `GET /api/v1/admin/session`.
pub(super) async fn show_session(request: HttpRequest, state: Data<AdminState>) -> HttpResponse {
    match require_session(&request, &state).await {
        Ok(session) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
                "username": session.username,
                "role": session.role,
                "node": state.greeting.node,
                "version": state.greeting.version,
                "sandbox": state.greeting.sandbox,
                "expires_at": session.expires_at,
            }))
        }
        Err(refusal) => refusal,
    }
}

/// The session of a request, or the answer that refuses it.
pub(super) async fn require_session(
    request: &HttpRequest,
    state: &Data<AdminState>,
) -> Result<Session, HttpResponse> {
    let unauthorized = || problem(401, "unauthorized", "Sign in first: POST /api/v1/admin/login.");
    let (token, by_cookie) = presented(request).ok_or_else(unauthorized)?;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if by_cookie && !reads && !request.headers().contains_key(CSRF_HEADER) {
        let message = "Send the header X-Portcullis-CSRF: 1 with requests that change something.";
        return Err(problem(403, "csrf_header_missing", message));
    }
    let store = state.store.clone();
    let now = crate::clock::now();
    match web::block(move || admin::session_of(&store, &token, now)).await {
        Ok(Ok(session)) => session.ok_or_else(unauthorized),
        Ok(Err(error)) => Err(store_failed(&error)),
        Err(_) => Err(problem(503, "gateway_unavailable", "Try again shortly.")),
    }
}

/// The token of a request, and whether it came as the cookie.
fn presented(request: &HttpRequest) -> Option<(Sensitive<String>, bool)> {
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((scheme, token)) = bearer.and_then(|value| value.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some((Sensitive::new(token.trim().to_owned()), false));
    }
    let cookie = request.cookie(COOKIE)?;
    Some((Sensitive::new(cookie.value().to_owned()), true))
}

fn cookie(request: &HttpRequest, value: String, lasts: CookieAge) -> Cookie<'static> {
    let secure = request.connection_info().scheme() == "https";
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(secure)
        .max_age(lasts)
        .finish()
}
