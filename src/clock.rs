//! The wall clock, read in one place.
//!
//! Owns the conversion to [`UnixMillis`]. Pure rooms must never call it: they get `now` passed in.

use crate::types::UnixMillis;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time now. A clock before 1970 reads as 1970.
pub fn now() -> UnixMillis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
