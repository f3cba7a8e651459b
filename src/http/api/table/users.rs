//! Signing in and out, and users.

use super::super::parameter::{Form, Parameter};
use super::super::{Operation, delete, get, open, patch, post};
use crate::admin::shown::{DeletedUser, EndedSessions, NewPassword, NewUserView, UserView, Users};
use crate::admin::{NewUserRequest, PasswordRequest, UserChangeRequest};
use crate::http::{oidc, session, users};
use crate::types::Role::{Admin, Viewer};
use actix_web::http::Method;

const CODE: Parameter = Parameter::new("code", Form::Text, "What the provider gives for tokens.");
const STATE: Parameter = Parameter::new("state", Form::Text, "What the sign-in began with.");
const ERROR: Parameter = Parameter::new("error", Form::Text, "Why there is no code.");
const ISSUER: Parameter = Parameter::new("iss", Form::Text, "Who answers (RFC 9207).");

pub(super) fn operations() -> Vec<Operation> {
    let mut all = signing_in();
    all.extend(users());
    all
}

fn signing_in() -> Vec<Operation> {
    vec![
        open(Method::GET, "/api/v1/admin/sign-in", "listWaysToSignIn", session::show_ways)
            .says("How one can sign in.")
            .answers::<session::WaysToSignIn>(
                200,
                "Whether with a password, and where with an identity provider.",
            ),
        open(Method::GET, "/api/v1/admin/oidc/start", "startSignIn", oidc::start)
            .says("Sends the browser to the identity provider.")
            .answers_as(302, &[], "To the provider; or to the dashboard, which says why not."),
        open(Method::GET, "/api/v1/admin/oidc/callback", "finishSignIn", oidc::finish)
            .says("Where the identity provider sends the browser back to.")
            .query(&[CODE, STATE, ERROR, ISSUER])
            .answers_as(302, &[], "To the dashboard; with the session's cookie, or with why not."),
        open(Method::POST, "/api/v1/admin/login", "signIn", session::login)
            .says("Signs in with name and password.")
            .takes::<session::Credentials>()
            .answers::<session::SignedInAnswer>(
                200,
                "The session's cookie, and its access_token for clients without cookies.",
            ),
        post("/api/v1/admin/logout", Viewer, "signOut", session::logout)
            .says("Ends the session.")
            .answers_as(204, &[], "It has ended."),
        get("/api/v1/admin/session", Viewer, "showOwnSession", session::show_session)
            .says("Who is signed in, and where.")
            .answers::<session::OwnSession>(200, "The session and the gate."),
        post("/api/v1/admin/password", Viewer, "changeOwnPassword", session::change_password)
            .says("Changes the own password; all other sessions of the user end.")
            .takes::<PasswordRequest>()
            .answers_as(204, &[], "It is changed."),
    ]
}

fn users() -> Vec<Operation> {
    vec![
        get("/api/v1/users", Admin, "listUsers", users::list)
            .says("All users.")
            .answers::<Users>(200, "The users, by name."),
        post("/api/v1/users", Admin, "createUser", users::create)
            .says("Adds a user.")
            .takes::<NewUserRequest>()
            .answers::<NewUserView>(
                201,
                "The user; the password if it was generated, which is shown this once.",
            )
            .makes("username"),
        get("/api/v1/users/{username}", Admin, "showUser", users::show)
            .says("One user.")
            .answers::<UserView>(200, "The user."),
        patch("/api/v1/users/{username}", Admin, "changeUser", users::change)
            .says("Changes a user's role, disables or enables a user; the user's sessions end.")
            .takes::<UserChangeRequest>()
            .answers::<UserView>(200, "The user as it is now."),
        delete("/api/v1/users/{username}", Admin, "deleteUser", users::delete)
            .says("Removes a user and the user's sessions.")
            .answers::<DeletedUser>(200, "The user is gone."),
        post("/api/v1/users/{username}/reset-password", Admin, "resetPassword", users::reset)
            .says("Gives a user a generated password; the user's sessions end.")
            .answers::<NewPassword>(200, "The password, which is shown this once."),
        post("/api/v1/users/{username}/sign-out", Admin, "signOutUser", users::sign_out)
            .says("Ends all sessions of a user.")
            .answers::<EndedSessions>(200, "How many sessions ended."),
    ]
}
