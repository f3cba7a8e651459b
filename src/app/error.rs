//! Why a gateway does not start, or does not end well: one line each, with what to do.

use crate::actors::auth::IssuerError;
use crate::admin::AdminError;
use crate::detect::DetectionError;
use crate::journal::JournalError;
use crate::policy::PolicyError;
use crate::store::{CheckpointFileError, KeyFileError, StoreError};
use crate::tls::TlsError;
use std::{io, net::SocketAddr, path::PathBuf};

/// A start or an end that failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory cannot be made or written.
    #[error("data directory {}: {error}; choose another with PORTCULLIS_DATA_DIR or give this user write access", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The directory holds something else.
    #[error("data directory {}: not empty and not Portcullis's; choose an empty or new one with PORTCULLIS_DATA_DIR", path.display())]
    ForeignDataDir {
        /// The directory.
        path: PathBuf,
    },
    /// There is no database to look at.
    #[error("no database in {}: start where the server runs, or say --data-dir", path.display())]
    NoDatabase {
        /// The directory.
        path: PathBuf,
    },
    /// Another server holds the directory.
    #[error("data directory {}: another Portcullis server is using it{holder}; stop that one or set PORTCULLIS_DATA_DIR", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// ` (pid N)`, where it is known.
        holder: String,
    },
    /// The port cannot be opened.
    #[error("cannot listen on {bind}: {error}; free the port or set PORTCULLIS_SERVER__BIND")]
    Bind {
        /// The address.
        bind: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The signing keys cannot be read or made.
    #[error(
        "signing key {0}; restore it from a backup, or remove it to make a new one (tokens issued with it become invalid)"
    )]
    SigningKey(#[from] KeyFileError),
    /// An issuer's settings cannot be used.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// `upstream.api_key` cannot be sent.
    #[error(
        "upstream.api_key holds characters that cannot stand in a header; check PORTCULLIS_UPSTREAM__API_KEY"
    )]
    ProviderKey,
    /// The provider cannot be reached as it is configured.
    #[error(transparent)]
    Provider(#[from] TlsError),
    /// The policy does not build.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The rules of detection do not build.
    #[error("{}", first_of(.0))]
    Detections(Vec<DetectionError>),
    /// The key that findings are correlated with cannot be read or made.
    #[error(
        "correlation key {0}; restore it from a backup, or make another with: head -c 32 /dev/urandom > FILE (new findings then correlate with no old ones)"
    )]
    CorrelationKey(KeyFileError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The administrator cannot be set up.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The sandbox cannot be started.
    #[error("the sandbox cannot be started: {0}")]
    Sandbox(io::Error),
    /// The server failed.
    #[error("the server failed: {0}")]
    Serve(io::Error),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The key that signs checkpoints cannot be read or made.
    #[error(
        "audit signing key {0}; check audit.signing_key_file, or restore the key from a backup. Where it is lost, a start without the file and the setting makes a new one; keep the old public key: it verifies the old checkpoints"
    )]
    AuditKey(KeyFileError),
    /// The checkpoints' file cannot be read.
    #[error(
        "checkpoints' file {0}; check audit.checkpoint_file, restore the file from a backup, or choose another and keep this one"
    )]
    Checkpoints(CheckpointFileError),
}

/// The first problem, and how to see the others.
fn first_of(errors: &[DetectionError]) -> String {
    let first = errors.first().map(ToString::to_string).unwrap_or_default();
    match errors.len() {
        0 | 1 => first,
        several => {
            format!(
                "{first} ({} more: see 'portcullis detections check')",
                several.saturating_sub(1)
            )
        }
    }
}
