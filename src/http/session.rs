//! Signing in and out, and who is signed in.
//!
//! Owns the session cookie and the limit on failed sign-ins. Who may do what is `access`'s.

use super::{AdminState, access::Signed, problem, store_failed};
use crate::admin::{self, AdminError};
use crate::store::Session;
use crate::types::Sensitive;
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieAge},
    http::header,
    web::{self, Data, Json},
};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

const COOKIE: &str = "portcullis_session";
const FAILURES_ALLOWED: u32 = 5;
const FAILURES_FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// argon2 takes 19 MiB and some 20 ms each: two at a time.
const PASSWORD_CHECKS_AT_ONCE: usize = 2;
/// Whoever comes when so many wait is sent away.
const PASSWORD_CHECKS_WAITING: usize = 16;
const QUEUE_FULL_RETRY_SECS: u64 = 2;
const ADDRESSES_KEPT: usize = 10_000;

/// Failed sign-ins per address.
#[derive(Debug)]
pub struct SignInAttempts {
    failures: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    places: Arc<Semaphore>,
    checks: Arc<Semaphore>,
}

impl Default for SignInAttempts {
    fn default() -> Self {
        let places = PASSWORD_CHECKS_AT_ONCE + PASSWORD_CHECKS_WAITING;
        Self {
            failures: Mutex::default(),
            places: Arc::new(Semaphore::new(places)),
            checks: Arc::new(Semaphore::new(PASSWORD_CHECKS_AT_ONCE)),
        }
    }
}

impl SignInAttempts {
    /// Counts an attempt as failed before it is made, so that many at once are no more than many in a
    /// row; or the seconds to wait, when this address has failed too often.
    fn begin(&self, address: IpAddr) -> Result<(), u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_KEPT {
            failures.retain(|_, (_, since)| since.elapsed() < FAILURES_FORGOTTEN_AFTER);
        }
        let (count, since) = failures.entry(address).or_insert((0, Instant::now()));
        match FAILURES_FORGOTTEN_AFTER.checked_sub(since.elapsed()) {
            Some(left) if *count >= FAILURES_ALLOWED => return Err(left.as_secs() + 1),
            Some(_) => {}
            None => (*count, *since) = (0, Instant::now()),
        }
        *count += 1;
        Ok(())
    }

    /// The attempt told nothing about the password.
    fn take_back(&self, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = failures.get_mut(&address) {
            *count = count.saturating_sub(1);
        }
    }

    fn forget(&self, address: IpAddr) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }
}

/// What the sign-in form sends.
#[derive(Deserialize, schemars::JsonSchema)]
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
    let Ok(credentials) = credentials else {
        let message = "Send JSON: {\"username\": \"…\", \"password\": \"…\"}.";
        return problem(400, "invalid_request_error", message);
    };
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let attempts = &state.attempts;
    let Ok(place) = Arc::clone(&attempts.places).try_acquire_owned() else {
        return too_many("Too many sign-ins at once. Try again shortly.", QUEUE_FULL_RETRY_SECS);
    };
    if let Err(secs) = attempts.begin(address) {
        return too_many("Too many failed sign-ins. Wait a minute.", secs);
    }
    let Ok(turn) = Arc::clone(&attempts.checks).acquire_owned().await else {
        return problem(503, "gateway_unavailable", "The gate is stopping.");
    };
    let Credentials { username, password } = credentials.into_inner();
    let password = Sensitive::new(password);
    let work = Data::clone(&state);
    let now = crate::clock::now();
    let checked = web::block(move || {
        // Held by the work itself: a caller who hangs up does not make room for more of it.
        let _held = (place, turn);
        admin::sign_in(&work.store, &work.settings, &username, &password, now)
    });
    match checked.await {
        Ok(Ok(signed_in)) => {
            attempts.forget(address);
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
            problem(401, "invalid_credentials", "Wrong user name or password.")
        }
        Ok(Err(error)) => {
            attempts.take_back(address);
            store_failed(&error)
        }
        Err(_) => problem(503, "gateway_unavailable", "Try again shortly."),
    }
}

fn too_many(message: &str, retry_secs: u64) -> HttpResponse {
    let mut response = problem(429, "too_many_attempts", message);
    response.headers_mut().insert(header::RETRY_AFTER, retry_secs.into());
    response
}

/// `POST /api/v1/admin/logout`.
pub(super) async fn logout(
    request: HttpRequest,
    signed: Signed,
    state: Data<AdminState>,
) -> HttpResponse {
    let store = state.store.clone();
    match web::block(move || admin::sign_out(&store, &signed.token)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return store_failed(&error),
        Err(_) => return problem(503, "gateway_unavailable", "Try again shortly."),
    }
    HttpResponse::NoContent().cookie(cookie(&request, String::new(), CookieAge::ZERO)).finish()
}

/// `GET /api/v1/admin/session`.
pub(super) async fn show_session(signed: Signed, state: Data<AdminState>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "username": signed.username,
        "role": signed.role,
        "node": state.greeting.node,
        "version": state.greeting.version,
        "sandbox": state.greeting.sandbox,
        "expires_at": signed.expires_at,
    }))
}

/// The session behind a token, or the answer when that cannot be told.
pub(super) async fn session_of(
    state: &Data<AdminState>,
    token: Sensitive<String>,
) -> Result<Option<Session>, HttpResponse> {
    let work = Data::clone(state);
    let now = crate::clock::now();
    match web::block(move || admin::session_of(&work.store, &work.settings, &token, now)).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => Err(store_failed(&error)),
        Err(_) => Err(problem(503, "gateway_unavailable", "Try again shortly.")),
    }
}

/// The token of a request, and whether it came as the cookie.
pub(super) fn presented(request: &HttpRequest) -> Option<(Sensitive<String>, bool)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_count_before_they_end_and_a_success_forgets_them() {
        let attempts = SignInAttempts::default();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for _ in 0..FAILURES_ALLOWED {
            attempts.begin(address).unwrap();
        }
        assert!(attempts.begin(address).is_err());
        assert!(attempts.begin(IpAddr::V4(Ipv4Addr::BROADCAST)).is_ok());
        attempts.take_back(address);
        assert!(attempts.begin(address).is_ok());
        assert!(attempts.begin(address).is_err());
        attempts.forget(address);
        assert!(attempts.begin(address).is_ok());
    }
}
