//! Logs and spans.
//!
//! Owns the subscriber and the span of each request. Logs go to standard error; a span holds ids and
//! metadata. Neither must ever hold a header's value, a query or a body: the crates below us that
//! would print them at `trace` are capped here.

use crate::config::{Log, LogFormat};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::{Span, field::Empty};
use tracing_actix_web::RootSpanBuilder;
use tracing_subscriber::{EnvFilter, fmt};

/// Crates that print headers or bodies at `debug` or `trace`; a cut answer is logged where it is cut.
const CAPPED: [&str; 9] = [
    "actix_http=warn",
    "actix_http::h1=off",
    "actix_server=warn",
    "actix_web=warn",
    "awc=warn",
    "casbin=warn",
    "diesel=warn",
    "h2=warn",
    "rustls=warn",
];

/// Why the logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` cannot be read.
    #[error("log.filter = {filter:?}: {reason}; write error, warn, info or debug")]
    Filter {
        /// The value.
        filter: String,
        /// What is wrong.
        reason: String,
    },
}

/// Installs the subscriber. A second call changes nothing.
pub fn start(settings: &Log) -> Result<(), TelemetryError> {
    let unreadable =
        |reason: String| TelemetryError::Filter { filter: settings.filter.clone(), reason };
    let mut filter =
        EnvFilter::try_new(&settings.filter).map_err(|error| unreadable(error.to_string()))?;
    for directive in CAPPED {
        let directive = directive.parse();
        filter = filter.add_directive(directive.map_err(|error| unreadable(format!("{error}")))?);
    }
    // A reader of the logs that has gone is no reason to fail: without this, each line would panic.
    let logs = fmt()
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(true);
    let started = match settings.format {
        LogFormat::Json => logs.json().try_init(),
        LogFormat::Text => logs.with_ansi(false).try_init(),
    };
    // Only a second start in one process fails; the first subscriber stays.
    drop(started);
    Ok(())
}

/// The span of a request: method and path now, the rest when it is known.
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        tracing::info_span!(
            "request",
            method = request.method().as_str(),
            path = request.path(),
            decision = Empty,
            agent = Empty,
            model = Empty,
            status = Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        if let Ok(response) = outcome {
            span.record("status", response.status().as_u16());
        }
    }
}
