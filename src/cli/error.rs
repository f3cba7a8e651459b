//! Why a command fails: one line on standard error, exit code 1.

use crate::admin::{AdminError, detections::DetectionsError};
use crate::app::AppError;
use crate::config::ConfigError;
use crate::policy::PolicyError;
use crate::store::StoreError;
use crate::telemetry::TelemetryError;
use std::io;

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Detections(#[from] DetectionsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Everything that a sentence says best.
    #[error("{0}")]
    Refused(String),
    /// The reader of our output has gone (a pipe to `head`).
    #[error("standard output is closed")]
    OutputClosed,
    #[error("input or output failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Io(error),
        }
    }
}
