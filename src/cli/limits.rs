//! The flags for a caller's limits, the same for agents and AppContexts.

use super::{CliError, Output};
use crate::admin::LimitChange;
use crate::types::CallerLimits;
use clap::Args;

#[derive(Args, Debug)]
pub(super) struct LimitFlags {
    /// Most requests in any minute; 0: no limit of its own
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// Most requests in a calendar month (UTC); 0: no limit of its own
    #[arg(long, value_name = "N")]
    monthly_requests: Option<u64>,
    /// Most streams open at the same time; 0: no limit of its own
    #[arg(long, value_name = "N")]
    concurrent_streams: Option<u32>,
}

impl LimitFlags {
    pub(super) const fn change(&self) -> LimitChange {
        LimitChange {
            requests_per_minute: self.requests_per_minute,
            monthly_requests: self.monthly_requests,
            concurrent_streams: self.concurrent_streams,
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct LimitChangeFlags {
    #[command(flatten)]
    limits: LimitFlags,
    /// Lift every limit that is not set here
    #[arg(long)]
    no_limits: bool,
}

impl LimitChangeFlags {
    pub(super) fn change(&self) -> LimitChange {
        let rest = if self.no_limits { LimitChange::LIFT_ALL } else { LimitChange::default() };
        self.limits.change().or(rest)
    }
}

/// The line that shows a caller's own limits.
pub(super) fn show(limits: CallerLimits, output: &mut Output) -> Result<(), CliError> {
    let lines = [
        limits.requests_per_minute.map(|most| format!("{most} requests per minute")),
        limits.monthly_requests.map(|most| format!("{most} requests per month")),
        limits.concurrent_streams.map(|most| format!("{most} streams at a time")),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    let shown = if lines.is_empty() { "-".to_owned() } else { lines.join(", ") };
    output.line(format!("limits     {shown}"))
}
