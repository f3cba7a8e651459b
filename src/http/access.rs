//! Who may use the administrators' API.
//!
//! Owns the check that stands before every handler of the table: session, CSRF, role. A handler gets
//! [`Signed`] and cannot be reached without; it must never check these again.

use super::{
    AdminState, problem,
    session::{look_at, presented, session_of},
};
use crate::store::UserSource;
use crate::types::{Role, Sensitive, UnixMillis};
use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::ErrorInternalServerError,
    http::Method,
    middleware::Next,
    web::Data,
};
use std::future::{Ready, ready};

const CSRF_HEADER: &str = "x-portcullis-csrf";
/// A page that asks by itself says so: that is no use of its session.
const UNATTENDED_HEADER: &str = "x-portcullis-unattended";

/// Who a row of the table lets in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// Everybody: the handler itself knows whom it believes.
    Open,
    /// Whoever is signed in with this role, or with one that includes it.
    Role(Role),
}

/// Who is signed in. Only [`check`] makes one.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) username: String,
    pub(super) role: Role,
    /// Where the user signs in.
    pub(super) source: UserSource,
    pub(super) expires_at: UnixMillis,
    /// The session's token as it was presented.
    pub(super) token: Sensitive<String>,
}

impl FromRequest for Signed {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let signed = request.extensions().get::<Self>().cloned();
        ready(signed.ok_or_else(|| ErrorInternalServerError("a handler outside of the table")))
    }
}

/// Lets a request through to its handler, or answers it.
pub(super) async fn check(
    needed: Role,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match admit(needed, request.request()).await {
        Ok(signed) => {
            request.extensions_mut().insert(signed);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(refusal) => Ok(request.into_response(refusal)),
    }
}

async fn admit(needed: Role, request: &HttpRequest) -> Result<Signed, HttpResponse> {
    let unauthorized = || problem(401, "unauthorized", "Sign in first: POST /api/v1/admin/login.");
    let Some(state) = request.app_data::<Data<AdminState>>() else {
        return Err(problem(503, "gateway_unavailable", "Try again shortly."));
    };
    let (token, by_cookie) = presented(request).ok_or_else(unauthorized)?;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if by_cookie && !reads && !request.headers().contains_key(CSRF_HEADER) {
        let message = "Send the header X-Portcullis-CSRF: 1 with requests that change something.";
        return Err(problem(403, "csrf_header_missing", message));
    }
    let session = match reads && request.headers().contains_key(UNATTENDED_HEADER) {
        true => look_at(state, token.clone()).await?,
        false => session_of(state, token.clone()).await?,
    };
    let session = session.ok_or_else(unauthorized)?;
    let role = session.role;
    if !role.includes(needed) {
        let message = format!(
            "This needs the role {needed}; {} is signed in as {role}. Ask an administrator.",
            session.username
        );
        return Err(problem(403, "forbidden", &message));
    }
    let (username, expires_at) = (session.username, session.expires_at);
    Ok(Signed { username, role, source: session.source, expires_at, token })
}
