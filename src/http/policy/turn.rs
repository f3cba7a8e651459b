//! Turns at reading drafts.
//!
//! Owns how many are read or compared at once, and how long others wait.

use super::super::problem;
use actix_web::HttpResponse;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// As many drafts are read or compared at the same time: each takes a processor.
static TURNS: Semaphore = Semaphore::const_new(2);

/// So long a draft waits for its turn.
const TURN_AT_MOST: Duration = Duration::from_secs(3);

/// A turn at reading drafts. Whoever works keeps it, also when the client has gone.
pub(super) async fn take() -> Result<SemaphorePermit<'static>, HttpResponse> {
    match tokio::time::timeout(TURN_AT_MOST, TURNS.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        // It is never closed.
        Ok(Err(_)) | Err(_) => {
            let message = "Other drafts are being read: try again in some seconds.";
            Err(problem(409, "busy", message))
        }
    }
}
