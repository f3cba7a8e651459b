//! Who is signed in, and signing out.
//!
//! Owns the session's cookie, and how cookies are guarded. Who may do what is `access`'s.

mod attempts;
mod password;
mod standing;

pub(super) use attempts::Counted;
pub use attempts::SignInAttempts;
pub(super) use password::{Credentials, SignedInAnswer, change_password, login};
pub(super) use standing::{has_ended, look_at, session_of};

use super::{
    AdminState, access::Signed, administer::answer, oidc::START_PATH, problem, store_failed,
    token::asked_url,
};
use crate::admin::{self, SignedIn};
use crate::config::Network;
use crate::store::UserSource;
use crate::types::{Role, Sensitive, UnixMillis};
use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieAge},
    http::{StatusCode, header},
    web::{self, Data},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

const COOKIE: &str = "portcullis_session";

/// How one can sign in.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct WaysToSignIn {
    /// With name and password.
    password: bool,
    /// With the identity provider, if there is one.
    oidc: Option<OidcSignIn>,
}

/// An identity provider.
#[derive(Debug, JsonSchema, Serialize)]
struct OidcSignIn {
    /// What the button says.
    name: String,
    /// Where the sign-in starts.
    url: &'static str,
}

/// Who is signed in, and where.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct OwnSession {
    username: String,
    role: Role,
    source: UserSource,
    /// The gateway's name.
    node: Arc<str>,
    version: &'static str,
    /// Whether answers come from the built-in sandbox.
    sandbox: bool,
    expires_at: UnixMillis,
    /// So long without a request, and the session ends before.
    idle_timeout_secs: u64,
    /// Where clients reach the gate.
    base_url: String,
}

/// `GET /api/v1/admin/sign-in`.
pub(super) async fn show_ways(state: Data<AdminState>) -> HttpResponse {
    let oidc = state.oidc.as_ref();
    let oidc = oidc.map(|oidc| OidcSignIn { name: oidc.name.clone(), url: START_PATH });
    answer(StatusCode::OK, &WaysToSignIn { password: true, oidc })
}

/// Whom a failure counts for: the peer, or behind proxies of ours the client that they name.
pub(super) fn address_of(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let trusted = state_of(request).map_or(&[][..], |state| &state.trusted_proxies);
    let forwarded = request.headers().get_all(header::X_FORWARDED_FOR);
    let said: Vec<_> = forwarded.filter_map(|value| value.to_str().ok()).collect();
    client_of(peer, &said.join(","), trusted)
}

/// The last hop that is no proxy of ours; each of ours is believed about the hop before it.
fn client_of(peer: IpAddr, forwarded: &str, trusted: &[Network]) -> IpAddr {
    let address = |hop: &str| {
        let with_port = || hop.parse().ok().map(|it: SocketAddr| it.ip());
        hop.parse().ok().or_else(with_port)
    };
    let mut client = peer;
    for hop in forwarded.rsplit(',') {
        if !trusted.iter().any(|network| network.contains(client)) {
            break;
        }
        let Some(before) = address(hop.trim()) else { break };
        client = before;
    }
    client
}

fn state_of(request: &HttpRequest) -> Option<&AdminState> {
    request.app_data::<Data<AdminState>>().map(Data::get_ref)
}

/// `POST /api/v1/admin/logout`.
pub(super) async fn logout(
    request: HttpRequest,
    signed: Signed,
    state: Data<AdminState>,
) -> HttpResponse {
    let store = state.store.clone();
    let now = crate::clock::now();
    match web::block(move || admin::sign_out(&store, &signed.token, now)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return store_failed(&error),
        Err(_) => return problem(503, "gateway_unavailable", "Try again shortly."),
    }
    let gone = cookie(&request, COOKIE, String::new(), CookieAge::ZERO);
    HttpResponse::NoContent().cookie(gone).finish()
}

/// `GET /api/v1/admin/session`.
pub(super) async fn show_session(
    request: HttpRequest,
    signed: Signed,
    state: Data<AdminState>,
) -> HttpResponse {
    let session = OwnSession {
        username: signed.username,
        role: signed.role,
        source: signed.source,
        node: Arc::clone(&state.greeting.node),
        version: state.greeting.version,
        sandbox: state.greeting.sandbox,
        expires_at: signed.expires_at,
        idle_timeout_secs: u64::from(state.settings.idle_minutes) * 60,
        base_url: base_url(&request, &state),
    };
    answer(StatusCode::OK, &session)
}

/// Where clients reach the gate: as it is configured, or as this request came.
pub(super) fn base_url(request: &HttpRequest, state: &AdminState) -> String {
    state.public_url.clone().unwrap_or_else(|| asked_url(request))
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

/// The cookie of a session that has begun.
pub(super) fn session_cookie(
    request: &HttpRequest,
    signed_in: &SignedIn,
    now: UnixMillis,
) -> Cookie<'static> {
    let lasts = CookieAge::milliseconds(signed_in.expires_at.0 - now.0);
    cookie(request, COOKIE, signed_in.access_token.expose().clone(), lasts)
}

/// A cookie for this server alone that no script sees.
pub(super) fn cookie(
    request: &HttpRequest,
    name: &'static str,
    value: String,
    lasts: CookieAge,
) -> Cookie<'static> {
    let public = state_of(request).and_then(|state| state.public_url.as_deref());
    let is_https = |url: &str| url.get(..6).is_some_and(|it| it.eq_ignore_ascii_case("https:"));
    let secure = request.connection_info().scheme() == "https" || public.is_some_and(is_https);
    Cookie::build(name, value)
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
    fn only_proxies_of_ours_are_believed_about_who_came() {
        let trusted = [Network::parse("10.0.0.0/8").unwrap()];
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let client = |peer, forwarded| client_of(ip(peer), forwarded, &trusted);
        assert_eq!(client("192.0.2.1", "198.51.100.7"), ip("192.0.2.1"));
        assert_eq!(client("10.0.0.1", "198.51.100.7"), ip("198.51.100.7"));
        assert_eq!(
            client("10.0.0.1", "forged, 1.1.1.1, 198.51.100.7:99, 10.1.1.1"),
            ip("198.51.100.7")
        );
        assert_eq!(client("::ffff:10.0.0.1", "[2001:db8::1]:99"), ip("2001:db8::1"));
        assert_eq!(client("10.0.0.1", "unknown"), ip("10.0.0.1"));
        assert_eq!(client("10.0.0.1", ""), ip("10.0.0.1"));
        assert_eq!(client_of(ip("10.0.0.1"), "198.51.100.7", &[]), ip("10.0.0.1"));
    }
}
