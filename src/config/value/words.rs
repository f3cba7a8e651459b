//! Settings that are one word out of a few.
//!
//! Owns the words and what they mean.

use super::Expected;
use crate::types::text_enum;

text_enum! {
    /// How log lines look.
    LogFormat {
        /// For people.
        Text = "text",
        /// For collectors: one JSON object a line.
        Json = "json",
    }
}

text_enum! {
    /// What happens to endpoints that the gate does not know.
    UnknownEndpoints {
        /// They are refused.
        Deny = "deny",
        /// They are forwarded, unread but recorded.
        ForwardUnscreened = "forward_unscreened",
    }
}

text_enum! {
    /// What happens to the first token of an agent that the gate does not know.
    UnknownAgents {
        /// It is refused: an administrator creates the agent.
        Refuse = "refuse",
        /// The agent is created.
        Create = "create",
    }
}

text_enum! {
    /// When a streamed answer is judged by rules that redact or block.
    StreamDetection {
        /// Before it passes: what may still become a match is held back.
        Inline = "inline",
        /// When it has passed.
        After = "after",
    }
}

text_enum! {
    /// What a record survives before its answer goes on.
    Durability {
        /// The end of the process; of the machine, but for the last 10 ms.
        Process = "process",
        /// The end of the machine: the journal is synced first.
        Disk = "disk",
    }
}

text_enum! {
    /// What happens to calls that there is no room to record.
    WhenFull {
        /// They are refused with 503.
        Refuse = "refuse",
        /// They are served, and counted as lost to the record.
        Serve = "serve",
    }
}

text_enum! {
    /// What a stopped call is answered with.
    BlockedStatus {
        /// An answer of its endpoint that says so; where there is none, 451.
        Answer = "200",
        /// 451 always.
        Refusal = "451",
    }
}

/// `text` or `json`.
pub(in crate::config) fn log_format(text: &str) -> Result<LogFormat, Expected> {
    LogFormat::parse(text).ok_or("text or json".into())
}

/// `deny` or `forward_unscreened`.
pub(in crate::config) fn unknown_endpoints(text: &str) -> Result<UnknownEndpoints, Expected> {
    UnknownEndpoints::parse(text).ok_or("deny or forward_unscreened".into())
}

/// `process` or `disk`.
pub(in crate::config) fn durability(text: &str) -> Result<Durability, Expected> {
    Durability::parse(text).ok_or("process or disk".into())
}

/// `refuse` or `serve`.
pub(in crate::config) fn when_full(text: &str) -> Result<WhenFull, Expected> {
    WhenFull::parse(text).ok_or("refuse or serve".into())
}

/// `inline` or `after`.
pub(in crate::config) fn stream_detection(text: &str) -> Result<StreamDetection, Expected> {
    StreamDetection::parse(text).ok_or("inline or after".into())
}

/// `200` or `451`.
pub(in crate::config) fn blocked_status(text: &str) -> Result<BlockedStatus, Expected> {
    BlockedStatus::parse(text).ok_or("200 or 451".into())
}

/// `refuse` or `create`.
pub(in crate::config) fn unknown_agents(text: &str) -> Result<UnknownAgents, Expected> {
    UnknownAgents::parse(text).ok_or("refuse or create".into())
}
