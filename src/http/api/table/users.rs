//! Signing in and out, and users.

use super::super::{Operation, get, open, post};
use crate::http::session;
use crate::types::Role;
use actix_web::http::Method;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        open(Method::POST, "/api/v1/admin/login", "signIn", session::login)
            .says("Signs in with name and password.")
            .takes::<session::Credentials>()
            .answers(
                200,
                "The session's cookie, and its access_token for clients without cookies.",
            ),
        post("/api/v1/admin/logout", Role::Viewer, "signOut", session::logout)
            .says("Ends the session.")
            .answers_as(204, &[], "It has ended."),
        get("/api/v1/admin/session", Role::Viewer, "showOwnSession", session::show_session)
            .says("Who is signed in, and where.")
            .answers(200, "The session and the gate."),
    ]
}
