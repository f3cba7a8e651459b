//! The record: one metadata row per exchange.
//!
//! Owns the field list of the audit event and its JSON form. It must never gain a field that can
//! hold content: prompts, answers, tool arguments, matched text or secrets.

use super::{Finding, Permission, Surface, UnixMillis, text_enum};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, sync::Arc};
use uuid::Uuid;

/// One id for exchange, decision and record: a UUIDv7, so that ids sort by time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ExchangeId(pub Uuid);

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl JsonSchema for ExchangeId {
    fn schema_name() -> Cow<'static, str> {
        "ExchangeId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

text_enum! {
    /// What the policy said.
    PolicyResult {
        /// The call was permitted.
        Allow = "allow",
        /// The call was denied.
        Deny = "deny",
    }
}

text_enum! {
    /// How an exchange ended.
    Outcome {
        /// The provider's answer reached its end.
        Completed = "completed",
        /// A detection rule stopped it.
        Blocked = "blocked",
        /// Identity, standing or policy said no (401, 403).
        Denied = "denied",
        /// We could not take it: 400, 413, 415, 429, 503.
        Rejected = "rejected",
        /// The client went away.
        Cancelled = "cancelled",
        /// The provider answered with a status of 400 or above, or failed.
        UpstreamError = "upstream_error",
        /// The gate died or was stopped meanwhile.
        Interrupted = "interrupted",
    }
}

text_enum! {
    /// Where token counts come from.
    UsageSource {
        /// The provider said so.
        Provider = "provider",
        /// The gate counted them with the model's own tokenizer: the provider did not say.
        Counted = "counted",
        /// Not all is known: the answer broke off, and what is missing could not be counted.
        Partial = "partial",
    }
}

text_enum! {
    /// How much of an exchange was screened.
    ScanExtent {
        /// Every text-bearing part.
        Full = "full",
        /// Some parts.
        Partial = "partial",
        /// Nothing.
        None = "none",
    }
}

/// What was screened, and why not all of it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Scan {
    /// How much.
    pub extent: ScanExtent,
    /// Why it is not `full`; null when it is.
    pub reason: Option<Cow<'static, str>>,
}

/// Token counts of an answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Prompt or input tokens.
    pub input_tokens: Option<u64>,
    /// Completion or output tokens.
    pub output_tokens: Option<u64>,
    /// Those of the input that the provider had in its cache.
    pub cached_tokens: Option<u64>,
    /// Those of the output that were spent on reasoning.
    pub reasoning_tokens: Option<u64>,
}

/// The metadata of one exchange. Every field is always present in JSON, null where unknown.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Record {
    /// The exchange's id, also `x-portcullis-decision`.
    pub id: ExchangeId,
    /// When the request head had been read.
    pub started_at: UnixMillis,
    /// The agent's id.
    pub agent_id: Option<Arc<str>>,
    /// The agent's name.
    pub agent_name: Option<Arc<str>>,
    /// The agent's type.
    pub agent_type: Option<Arc<str>>,
    /// The agent's stored roles.
    pub roles: Arc<[Arc<str>]>,
    /// The permission that the call needed.
    pub permission: Option<Permission>,
    /// The session: what the call says, or the agent's calls without half an hour's pause between them.
    pub session_id: Option<Arc<str>>,
    /// What the caller showed and what can be revoked: the `jti` of its token, or the id of its detection key.
    pub token_id: Option<Arc<str>>,
    /// The AppContext.
    pub app_context: Option<Arc<str>>,
    /// Who changed something: a user's name, `cli`, or the gate itself. Calls have no such member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Arc<str>>,
    /// What is different after a change: a JSON object, as text. Calls have no such member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
    /// The door through which the call came; `admin` for an administrator's change, which is no call.
    pub surface: Surface,
    /// `openai-api`; of a change `portcullis`.
    pub tool_name: Cow<'static, str>,
    /// `openai-proxy`; of a change `portcullis`.
    pub mcp_server: Cow<'static, str>,
    /// The HTTP method; of a change its kind, such as `agent.suspended`.
    pub action: Cow<'static, str>,
    /// `/openai/v1/…`, the same on both surfaces; of a change what was changed, such as `agent/…`.
    pub target: Cow<'static, str>,
    /// The endpoint's name, null for an unknown one; `admin` for a change.
    pub endpoint: Option<Cow<'static, str>>,
    /// The model asked for.
    pub model: Option<Arc<str>>,
    /// The model that the provider says it used.
    pub response_model: Option<Box<str>>,
    /// Number of messages, inputs or prompts.
    pub message_count: Option<u32>,
    /// Whether a system or developer message is present.
    pub has_system_prompt: Option<bool>,
    /// Whether the call offers tools.
    pub has_tools: Option<bool>,
    /// Names of the offered tools.
    pub tool_names: Vec<Box<str>>,
    /// Whether the answer is streamed.
    pub stream: Option<bool>,
    /// What the policy said; null when it was not asked.
    pub policy_result: Option<PolicyResult>,
    /// The rule that decided, as `line N: …`.
    pub policy_rule: Option<Arc<str>>,
    /// Version of the policy that decided.
    pub policy_version: Option<Arc<str>>,
    /// Why, in words for the administrator.
    pub policy_reason: Option<Cow<'static, str>>,
    /// Detections.
    pub findings: Vec<Finding>,
    /// What was screened.
    pub scan: Scan,
    /// Version of the detection rules that it was screened by.
    pub detection_version: Option<Arc<str>>,
    /// Tools that the policy took out of the call.
    pub tools_removed: Vec<Box<str>>,
    /// The agent's trust score, in hundredths.
    pub trust_score: Option<i64>,
    /// The decision's risk score, in hundredths.
    pub risk_score: Option<i64>,
    /// The tier of that score: `low`, `medium`, `high` or `critical`.
    #[schemars(extend("enum" = ["low", "medium", "high", "critical", null]))]
    pub risk_tier: Option<Cow<'static, str>>,
    /// The status that the caller saw.
    pub status_code: Option<u16>,
    /// The error code that the caller saw, or the provider's.
    pub error_code: Option<Cow<'static, str>>,
    /// The first choice's finish reason.
    pub finish_reason: Option<Box<str>>,
    /// Prompt tokens.
    pub input_tokens: Option<u64>,
    /// Completion tokens.
    pub output_tokens: Option<u64>,
    /// Prompt tokens that the provider had in its cache; part of `input_tokens`.
    pub cached_tokens: Option<u64>,
    /// Completion tokens spent on reasoning; part of `output_tokens`.
    pub reasoning_tokens: Option<u64>,
    /// Where the counts come from.
    pub usage_source: Option<UsageSource>,
    /// From the request's head to the answer's last byte, in milliseconds.
    pub latency_ms: Option<u64>,
    /// From the request's head to the answer's first byte, in milliseconds.
    pub time_to_first_byte_ms: Option<u64>,
    /// The gate's own share before the call was forwarded, in microseconds.
    pub gateway_us: Option<u64>,
    /// Bytes of the request body.
    pub request_bytes: Option<u64>,
    /// Bytes of the response body sent to the caller.
    pub response_bytes: Option<u64>,
    /// How it ended; null while it is in flight.
    pub outcome: Option<Outcome>,
    /// SHA-256 of the receipt that the caller got, hexadecimal.
    pub receipt_hash: Option<Box<str>>,
    /// The gateway that served it.
    pub node: Arc<str>,
    /// Position in the node's hash chain.
    pub seq: Option<i64>,
    /// Hash of the record before it, hexadecimal.
    pub previous_hash: Option<Box<str>>,
    /// Hash of this record, hexadecimal.
    pub event_hash: Option<Box<str>>,
}

impl Record {
    /// A record with nothing known yet but when, where and what for.
    pub fn new(id: ExchangeId, started_at: UnixMillis, node: Arc<str>, surface: Surface) -> Self {
        Self {
            id,
            started_at,
            agent_id: None,
            agent_name: None,
            agent_type: None,
            roles: Arc::default(),
            permission: None,
            session_id: None,
            token_id: None,
            app_context: None,
            actor: None,
            detail: None,
            surface,
            tool_name: Cow::Borrowed("openai-api"),
            mcp_server: Cow::Borrowed("openai-proxy"),
            action: Cow::Borrowed(""),
            target: Cow::Borrowed(""),
            endpoint: None,
            model: None,
            response_model: None,
            message_count: None,
            has_system_prompt: None,
            has_tools: None,
            tool_names: Vec::new(),
            stream: None,
            policy_result: None,
            policy_rule: None,
            policy_version: None,
            policy_reason: None,
            findings: Vec::new(),
            scan: Scan { extent: ScanExtent::None, reason: None },
            detection_version: None,
            tools_removed: Vec::new(),
            trust_score: None,
            risk_score: None,
            risk_tier: None,
            status_code: None,
            error_code: None,
            finish_reason: None,
            input_tokens: None,
            output_tokens: None,
            cached_tokens: None,
            reasoning_tokens: None,
            usage_source: None,
            latency_ms: None,
            time_to_first_byte_ms: None,
            gateway_us: None,
            request_bytes: None,
            response_bytes: None,
            outcome: None,
            receipt_hash: None,
            node,
            seq: None,
            previous_hash: None,
            event_hash: None,
        }
    }
}
