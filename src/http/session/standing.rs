//! Whether a session still stands.
//!
//! Owns what counts as its use. It must never make one.

use crate::admin::{self, AdminError};
use crate::config::Admin;
use crate::http::{AdminState, problem, store_failed};
use crate::store::{Session, Store};
use crate::types::{Sensitive, UnixMillis};
use actix_web::{
    HttpResponse,
    web::{self, Data},
};

type Look =
    fn(&Store, &Admin, &Sensitive<String>, UnixMillis) -> Result<Option<Session>, AdminError>;

/// The session behind a token, or the answer when that cannot be told. This counts as its use.
pub(in crate::http) async fn session_of(
    state: &Data<AdminState>,
    token: Sensitive<String>,
) -> Result<Option<Session>, HttpResponse> {
    ask(state, token, admin::session_of).await
}

/// Like [`session_of`], but no use of it.
pub(in crate::http) async fn look_at(
    state: &Data<AdminState>,
    token: Sensitive<String>,
) -> Result<Option<Session>, HttpResponse> {
    ask(state, token, admin::look_at_session).await
}

/// Whether the session behind a token has ended. While the store cannot tell, it has not. To ask is no use of it.
pub(in crate::http) async fn has_ended(state: &Data<AdminState>, token: Sensitive<String>) -> bool {
    matches!(look_at(state, token).await, Ok(None))
}

async fn ask(
    state: &Data<AdminState>,
    token: Sensitive<String>,
    look: Look,
) -> Result<Option<Session>, HttpResponse> {
    let work = Data::clone(state);
    let now = crate::clock::now();
    match web::block(move || look(&work.store, &work.settings, &token, now)).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => Err(store_failed(&error)),
        Err(_) => Err(problem(503, "gateway_unavailable", "Try again shortly.")),
    }
}
