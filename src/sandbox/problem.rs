//! Errors in the shape of the OpenAI API.
//!
//! Owns their status, type, code and text, as the real API words them.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::{Value, json};

/// What the sandbox refuses with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// No `Authorization: Bearer …`.
    #[error(
        "You didn't provide an API key. You need to provide your API key in an Authorization header \
         using Bearer auth (i.e. Authorization: Bearer YOUR_KEY). (Portcullis sandbox: any key will do.)"
    )]
    NoKey,
    /// The body is not a JSON object.
    #[error("We could not parse the JSON body of your request. The sandbox expects a JSON object.")]
    NotJson,
    /// The body is not a form.
    #[error("We could not read the body of your request. The sandbox expects multipart/form-data.")]
    NotForm,
    /// A parameter is missing.
    #[error("Missing required parameter: '{0}'.")]
    Missing(&'static str),
    /// A parameter is of the wrong kind.
    #[error("Invalid value for '{param}': expected {expected}.")]
    Invalid { param: &'static str, expected: &'static str },
    /// A model that the sandbox does not know.
    #[error("The model `{0}` does not exist or you do not have access to it.")]
    UnknownModel(String),
    /// An object that the sandbox does not have (any more), in the words for its kind.
    #[error("{0}")]
    NoSuch(String),
    /// A response that another was to go on from.
    #[error("Previous response with id '{0}' not found.")]
    NoPreviousResponse(String),
    /// A response that its caller has waited for.
    #[error("Cannot cancel a synchronous response.")]
    NotInBackground,
    /// An address that the sandbox does not serve.
    #[error("Invalid URL ({0})")]
    UnknownUrl(String),
}

impl Problem {
    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing(_) => Some("missing_required_parameter"),
            Self::Invalid { .. } => Some("invalid_value"),
            Self::UnknownModel(_) => Some("model_not_found"),
            Self::NoPreviousResponse(_) => Some("previous_response_not_found"),
            Self::NoKey
            | Self::NotJson
            | Self::NotForm
            | Self::NoSuch(_)
            | Self::NotInBackground
            | Self::UnknownUrl(_) => None,
        }
    }

    fn param(&self) -> Option<&'static str> {
        match self {
            Self::Missing(param) | Self::Invalid { param, .. } => Some(param),
            Self::NoSuch(_) => Some("id"),
            Self::NoPreviousResponse(_) => Some("previous_response_id"),
            _ => None,
        }
    }

    fn body(&self) -> Value {
        json!({
            "error": {
                "message": self.to_string(),
                "type": "invalid_request_error",
                "param": self.param(),
                "code": self.code(),
            }
        })
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::UnknownModel(_) | Self::UnknownUrl(_) | Self::NoSuch(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(self.body())
    }
}
