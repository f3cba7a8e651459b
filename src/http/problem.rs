//! What is wrong with a request: one form for all errors of the administrators' API.
//!
//! Owns the body, which is the OpenAI error object. It must never show a cause that is not the caller's to mend.

use super::administer::answer;
use crate::admin::detections::FieldError;
use crate::policy::PolicyError;
use actix_web::{HttpResponse, http::StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What is wrong and what to do.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Problem {
    pub(super) error: ProblemDetail,
    /// The verification that is running, where a second one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub(super) id: Option<Uuid>,
    #[serde(skip)]
    status: StatusCode,
}

/// An OpenAI error object.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct ProblemDetail {
    /// For people.
    message: String,
    #[serde(rename = "type")]
    kind: ProblemKind,
    /// Always null.
    param: Option<String>,
    /// For programs.
    code: &'static str,
    /// Everything that is wrong with a draft or a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) errors: Option<Mistakes>,
    /// The version in force, where a change started from another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(super) current_version: Option<String>,
}

/// Whose fault it is.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum ProblemKind {
    InvalidRequestError,
    ServerError,
}

/// Everything that is wrong with what was sent.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub(super) enum Mistakes {
    /// Of a draft of the policy.
    Policy(Vec<PolicyError>),
    /// Of a rule of detection.
    Rule(Vec<FieldError>),
}

impl Problem {
    /// A problem of which nothing more is known than its words.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let kind = match status {
            500.. => ProblemKind::ServerError,
            _ => ProblemKind::InvalidRequestError,
        };
        let message = message.into();
        let error =
            ProblemDetail { message, kind, param: None, code, errors: None, current_version: None };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { error, id: None, status }
    }

    /// With everything that is wrong.
    pub(super) fn with_errors(mut self, errors: Mistakes) -> HttpResponse {
        self.error.errors = Some(errors);
        self.answer()
    }

    /// With the version that is in force instead.
    pub(super) fn with_current_version(mut self, version: impl Into<String>) -> HttpResponse {
        self.error.current_version = Some(version.into());
        self.answer()
    }

    /// With the verification that is running.
    pub(super) fn with_id(mut self, id: Uuid) -> HttpResponse {
        self.id = Some(id);
        self.answer()
    }

    fn answer(self) -> HttpResponse {
        answer(self.status, &self)
    }
}

/// A problem of which nothing more is known than its words.
pub(super) fn problem(status: u16, code: &'static str, message: &str) -> HttpResponse {
    Problem::new(status, code, message).answer()
}
