//! A caller's limits as three columns, the same for agents and AppContexts.
//!
//! Owns the conversion both ways. It must lose nothing but counts beyond `i64::MAX`, which become that.

use crate::types::CallerLimits;
use serde_json::{Value, json};

/// Requests per minute, requests per month, streams at the same time.
pub(super) type Columns = (Option<i64>, Option<i64>, Option<i64>);

pub(super) fn columns(limits: CallerLimits) -> Columns {
    (
        limits.requests_per_minute.map(i64::from),
        limits.monthly_requests.map(|most| i64::try_from(most).unwrap_or(i64::MAX)),
        limits.concurrent_streams.map(i64::from),
    )
}

/// `None` when a column holds what no limit can be.
pub(super) fn of_columns((per_minute, monthly, streams): Columns) -> Option<CallerLimits> {
    Some(CallerLimits {
        requests_per_minute: per_minute.map(u32::try_from).transpose().ok()?,
        monthly_requests: monthly.map(u64::try_from).transpose().ok()?,
        concurrent_streams: streams.map(u32::try_from).transpose().ok()?,
    })
}

/// As the list of changes shows them.
pub(super) fn shown(limits: CallerLimits) -> Value {
    json!({
        "requests_per_minute": limits.requests_per_minute,
        "monthly_requests": limits.monthly_requests,
        "concurrent_streams": limits.concurrent_streams,
    })
}
