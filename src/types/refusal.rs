//! Refusals: everything that the gate says no with, as values.
//!
//! Owns the closed set of what callers get when something is wrong, with its status, OpenAI error
//! type, code and text. It must never carry what would have been allowed, a credential or content.

mod words;

use super::{Outcome, text_enum};
use std::borrow::Cow;

/// Whose fault a refusal is, which decides its [`Outcome`] in the record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Identity, standing or policy said no.
    Denied,
    /// A detection rule stopped it.
    Blocked,
    /// The request cannot be taken (malformed, too large, too many, no room).
    Rejected,
    /// The provider failed.
    Upstream,
}

text_enum! {
    /// Which limit a caller has reached.
    LimitKind {
        /// Requests in a minute.
        RequestsPerMinute = "requests per minute",
        /// Requests in a calendar month (UTC).
        MonthlyRequests = "requests per month",
        /// Streams open at the same time.
        ConcurrentStreams = "concurrent streams",
    }
}

/// A denial or failure of ours. Denials are opaque: they never say what would be allowed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// No, malformed, wrong or revoked identity.
    InvalidIdentity,
    /// The agent token's time is over.
    ExpiredIdentity,
    /// A call on the detection-key surface without a detection key.
    DetectionKeyMissing,
    /// The agent is suspended.
    AgentSuspended,
    /// The agent is quarantined until an administrator reviews.
    AgentQuarantined,
    /// The agent is revoked.
    AgentRevoked,
    /// The caller sent no provider key and none is configured.
    ProviderKeyMissing,
    /// The roles lack the permission.
    PermissionDenied,
    /// The roles may not use this model.
    ModelNotAllowed,
    /// The call insists on a tool that the roles may not use.
    ToolNotAllowed,
    /// A detection rule stopped the call.
    ContentBlocked,
    /// The answer has to be screened before it leaves, and cannot be.
    Unscreenable,
    /// The endpoint is not one that we know.
    UnknownEndpoint,
    /// The endpoint is known, but not with this method.
    MethodNotAllowed,
    /// An endpoint that is never served: it would mint credentials or open a channel that cannot be read.
    EndpointForbidden,
    /// The object is not in the provider's account, or another principal made it.
    ObjectNotFound,
    /// The batch's input file was not uploaded by this principal through the gate.
    InputFileNotAllowed,
    /// A limit of the caller's is reached.
    LimitReached {
        /// Which one.
        kind: LimitKind,
        /// How many are allowed.
        limit: u64,
        /// When the next one may pass.
        retry_after_secs: u32,
    },
    /// The request's head is over the limit.
    HeadTooLarge {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// The request is malformed. The message names the place, never the content.
    Malformed {
        /// What is wrong and what to do.
        message: Cow<'static, str>,
        /// The field, where there is one.
        param: Option<Cow<'static, str>>,
    },
    /// The body is over the limit.
    BodyTooLarge {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// The body did not arrive in time.
    BodyTooSlow,
    /// A `Content-Encoding` or `Content-Type` that we do not read.
    UnsupportedMedia {
        /// What is wrong and what to do.
        message: Cow<'static, str>,
    },
    /// No room: mailbox, spool or memory budget full, a dead actor, or shutting down.
    Unavailable {
        /// Which part has no room, for the log and the record; the caller sees it too.
        what: &'static str,
    },
    /// No connection to the provider, or it broke before the answer began.
    UpstreamUnreachable,
    /// The provider sent something that is not an answer.
    UpstreamInvalid,
    /// The provider did not answer in time.
    UpstreamTimeout,
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidIdentity
            | Self::ExpiredIdentity
            | Self::DetectionKeyMissing
            | Self::ProviderKeyMissing => 401,
            Self::AgentSuspended
            | Self::AgentQuarantined
            | Self::AgentRevoked
            | Self::PermissionDenied
            | Self::ModelNotAllowed
            | Self::ToolNotAllowed
            | Self::EndpointForbidden
            | Self::InputFileNotAllowed => 403,
            Self::UnknownEndpoint | Self::ObjectNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Malformed { .. } => 400,
            Self::BodyTooSlow => 408,
            Self::BodyTooLarge { .. } => 413,
            Self::UnsupportedMedia { .. } => 415,
            Self::LimitReached { .. } => 429,
            Self::HeadTooLarge { .. } => 431,
            Self::ContentBlocked => 451,
            Self::Unavailable { .. } => 503,
            Self::UpstreamUnreachable | Self::UpstreamInvalid | Self::Unscreenable => 502,
            Self::UpstreamTimeout => 504,
        }
    }

    /// The stable code that programs compare.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidIdentity | Self::ExpiredIdentity => "invalid_agent_token",
            Self::DetectionKeyMissing => "detection_key_missing",
            Self::AgentSuspended => "agent_suspended",
            Self::AgentQuarantined => "agent_quarantined",
            Self::AgentRevoked => "agent_revoked",
            Self::ProviderKeyMissing => "provider_key_missing",
            Self::PermissionDenied => "permission_denied",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::ToolNotAllowed => "tool_not_allowed",
            Self::ContentBlocked => "content_blocked",
            Self::Unscreenable => "answer_unscreenable",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::EndpointForbidden => "endpoint_forbidden",
            Self::ObjectNotFound => "object_not_found",
            Self::InputFileNotAllowed => "input_file_not_allowed",
            Self::LimitReached { kind, .. } => match kind {
                LimitKind::RequestsPerMinute => "rate_limit_exceeded",
                LimitKind::MonthlyRequests => "quota_exceeded",
                LimitKind::ConcurrentStreams => "too_many_streams",
            },
            Self::HeadTooLarge { .. } => "request_head_too_large",
            Self::Malformed { .. } => "invalid_request_error",
            Self::BodyTooSlow => "request_timeout",
            Self::BodyTooLarge { .. } => "request_too_large",
            Self::UnsupportedMedia { .. } => "unsupported_media_type",
            Self::Unavailable { .. } => "gateway_unavailable",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamInvalid => "upstream_invalid",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// The OpenAI error object's `type`.
    pub const fn kind(&self) -> &'static str {
        match self.status() {
            401 => "authentication_error",
            403 | 451 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }

    /// The field that is wrong, where there is one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Malformed { param, .. } => param.as_deref(),
            Self::ModelNotAllowed => Some("model"),
            Self::ToolNotAllowed => Some("tool_choice"),
            _ => None,
        }
    }

    /// Seconds after which a retry may help.
    pub const fn retry_after_secs(&self) -> Option<u32> {
        match self {
            Self::Unavailable { .. } => Some(1),
            Self::LimitReached { retry_after_secs, .. } => Some(*retry_after_secs),
            _ => None,
        }
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self.status() {
            _ if matches!(self, Self::Unscreenable) => Fault::Blocked,
            401 | 403 => Fault::Denied,
            451 => Fault::Blocked,
            502 | 504 => Fault::Upstream,
            _ => Fault::Rejected,
        }
    }

    /// The record's outcome.
    pub const fn outcome(&self) -> Outcome {
        match self.fault() {
            Fault::Denied => Outcome::Denied,
            Fault::Blocked => Outcome::Blocked,
            Fault::Rejected => Outcome::Rejected,
            Fault::Upstream => Outcome::UpstreamError,
        }
    }
}
