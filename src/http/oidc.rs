//! Sign-in at an identity provider: to the provider and back (OpenID Connect, authorization code with PKCE).
//!
//! Owns the two ends of the way and what the browser is told. Whoever cannot be signed in lands on the dashboard
//! with a word that says why; the rest is for the log. Codes and tokens must never be logged.

mod provider;

pub use provider::Oidc;

use super::{
    AdminState, problem,
    session::{Counted, address_of, cookie, session_cookie},
};
use crate::admin::{self, ExternalSignIn, SignedIn};
use crate::identity::{SIGN_IN_SECS, SignInAttempt};
use crate::types::{Sensitive, UnixMillis};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieAge},
    http::{StatusCode, header},
    web::{self, Data, Query},
};
use provider::Failure;
use serde::Deserialize;
use std::sync::Arc;

/// Where the sign-in starts.
pub(super) const START_PATH: &str = "/api/v1/admin/oidc/start";
/// Where the provider sends browsers back to.
const CALLBACK_PATH: &str = "/api/v1/admin/oidc/callback";
const COOKIE: &str = "portcullis_oidc";
const COOKIE_PATH: &str = "/api/v1/admin/oidc";

/// What the provider sends back with the browser.
#[derive(Deserialize)]
pub(super) struct Returned {
    code: Option<Sensitive<String>>,
    state: Option<String>,
    error: Option<String>,
    /// RFC 9207.
    iss: Option<String>,
}

/// `GET /api/v1/admin/oidc/start`.
pub(super) async fn start(request: HttpRequest, state: Data<AdminState>) -> HttpResponse {
    let Some(oidc) = &state.oidc else { return not_set_up() };
    let address = async {
        let attempt = SignInAttempt::begin(crate::clock::now()).map_err(Failure::provider)?;
        Ok((oidc.address_for(&attempt).await?, attempt))
    };
    match address.await {
        Ok((address, attempt)) => {
            let lasts = CookieAge::seconds(SIGN_IN_SECS);
            let kept = attempt_cookie(&request, attempt.cookie().expose().clone(), lasts);
            redirect(&address, [kept])
        }
        Err(failure) => back(&request, oidc, failure),
    }
}

/// `GET /api/v1/admin/oidc/callback`.
pub(super) async fn finish(
    request: HttpRequest,
    returned: Result<Query<Returned>, actix_web::Error>,
    state: Data<AdminState>,
) -> HttpResponse {
    let Some(oidc) = &state.oidc else { return not_set_up() };
    let now = crate::clock::now();
    let counted = [Counted::codes(address_of(&request))];
    let signed_in = async {
        let returned = returned.map_err(Failure::provider)?.into_inner();
        let cookie = request.cookie(COOKIE).ok_or(Failure::Expired)?;
        let said = returned.state.as_deref().unwrap_or_default();
        let attempt = SignInAttempt::resume(cookie.value(), said, now).ok_or(Failure::Expired)?;
        let code = code_of(oidc, returned)?;
        // Only now is anybody asked anything: not by whoever makes requests up as fast as they can.
        state.attempts.begin(&counted).map_err(|_wait| Failure::Busy)?;
        sign_in(oidc, &state, &attempt, &code, now).await
    };
    match signed_in.await {
        Ok(signed_in) => {
            state.attempts.take_back(&counted);
            let cookies = [session_cookie(&request, &signed_in, now), forgotten_attempt(&request)];
            redirect(&format!("{}/", oidc.public_url), cookies)
        }
        Err(failure) => back(&request, oidc, failure),
    }
}

fn code_of(oidc: &Oidc, returned: Returned) -> Result<Sensitive<String>, Failure> {
    if returned.iss.is_some_and(|issuer| issuer != oidc.issuer.issuer) {
        return Err(Failure::provider("the answer comes from another issuer"));
    }
    match returned.error.as_deref() {
        None => returned.code.ok_or_else(|| Failure::provider("the answer has no code")),
        Some("access_denied") => Err(Failure::Denied),
        Some(error) => Err(Failure::provider(format!("the provider says {error:.64?}"))),
    }
}

async fn sign_in(
    oidc: &Arc<Oidc>,
    state: &Data<AdminState>,
    attempt: &SignInAttempt,
    code: &Sensitive<String>,
    now: UnixMillis,
) -> Result<SignedIn, Failure> {
    let claims = oidc.claims_for(attempt, code, now).await?;
    let (work, provider, nonce) = (Data::clone(state), Arc::clone(oidc), attempt.nonce());
    let done = web::block(move || {
        let issuer = &provider.issuer.issuer;
        admin::sign_in_external(&work.store, &work.settings, issuer, &claims, &nonce, now)
    });
    match done.await {
        Ok(Ok(ExternalSignIn::SignedIn(signed_in))) => Ok(signed_in),
        Ok(Ok(ExternalSignIn::NotAllowed(why))) => Err(Failure::NotAllowed(why)),
        Ok(Ok(ExternalSignIn::Replayed)) => Err(Failure::Expired),
        Ok(Err(error)) => Err(Failure::provider(error)),
        Err(error) => Err(Failure::provider(error)),
    }
}

fn not_set_up() -> HttpResponse {
    problem(404, "not_found", "Sign-in at an identity provider is not set up here.")
}

/// The dashboard, which says what went wrong.
fn back(request: &HttpRequest, oidc: &Oidc, failure: Failure) -> HttpResponse {
    let code = match failure {
        Failure::Denied => "denied",
        Failure::Expired => "expired",
        Failure::NotAllowed(why) => {
            tracing::warn!(why, "a user of the identity provider was not let in");
            "not_allowed"
        }
        Failure::Busy => "busy",
        Failure::Resting => "provider",
        Failure::Provider(why) => {
            tracing::warn!(why, "a sign-in at the identity provider failed");
            "provider"
        }
    };
    let address = format!("{}/#/?sign_in_error={code}", oidc.public_url);
    redirect(&address, [forgotten_attempt(request)])
}

fn redirect<const N: usize>(address: &str, cookies: [Cookie<'static>; N]) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::FOUND);
    answer
        .insert_header((header::LOCATION, address))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    for cookie in cookies {
        answer.cookie(cookie);
    }
    answer.finish()
}

fn forgotten_attempt(request: &HttpRequest) -> Cookie<'static> {
    attempt_cookie(request, String::new(), CookieAge::ZERO)
}

/// Lax: the provider's page sends the browser back, and it must come with this.
fn attempt_cookie(request: &HttpRequest, value: String, lasts: CookieAge) -> Cookie<'static> {
    let mut cookie = cookie(request, COOKIE, value, lasts);
    cookie.set_path(COOKIE_PATH);
    cookie.set_same_site(SameSite::Lax);
    cookie
}
