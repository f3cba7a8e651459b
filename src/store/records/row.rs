//! A record as a row, and back.
//!
//! Owns the conversion: counts as `BIGINT`, lists as JSON text, fixed words as text. It must lose
//! nothing, since hashes are computed again from what is stored. Two exceptions: NUL becomes
//! U+FFFD, and counts beyond `i64::MAX` become that.

use super::super::{StoreError, clean, schema::records};
use crate::types::{
    ExchangeId, Outcome, Permission, PolicyResult, Record, Scan, ScanExtent, Surface, UnixMillis,
    UsageSource,
};
use diesel::{Queryable, Selectable};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use uuid::Uuid;

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
pub(super) struct RecordRow {
    pub(super) id: String,
    pub(super) started_at: i64,
    #[diesel(embed)]
    pub(super) caller: Caller,
    #[diesel(embed)]
    pub(super) call: Call,
    #[diesel(embed)]
    pub(super) decision: Decision,
    #[diesel(embed)]
    pub(super) answer: Answer,
    pub(super) node: String,
    pub(super) seq: Option<i64>,
    pub(super) previous_hash: Option<String>,
    pub(super) event_hash: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
pub(super) struct Caller {
    pub(super) agent_id: Option<String>,
    pub(super) agent_name: Option<String>,
    pub(super) agent_type: Option<String>,
    pub(super) roles: String,
    pub(super) permission: Option<String>,
    pub(super) session_id: Option<String>,
    pub(super) app_context: Option<String>,
    pub(super) surface: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
pub(super) struct Call {
    pub(super) tool_name: String,
    pub(super) mcp_server: String,
    pub(super) action: String,
    pub(super) target: String,
    pub(super) endpoint: Option<String>,
    pub(super) model: Option<String>,
    pub(super) message_count: Option<i64>,
    pub(super) has_system_prompt: Option<bool>,
    pub(super) has_tools: Option<bool>,
    pub(super) tool_names: String,
    pub(super) stream: Option<bool>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
pub(super) struct Decision {
    pub(super) policy_result: Option<String>,
    pub(super) policy_rule: Option<String>,
    pub(super) policy_version: Option<String>,
    pub(super) policy_reason: Option<String>,
    pub(super) findings: String,
    pub(super) scan_extent: String,
    pub(super) scan_reason: Option<String>,
    pub(super) detection_version: Option<String>,
    pub(super) tools_removed: String,
    pub(super) trust_score: Option<i64>,
    pub(super) risk_score: Option<i64>,
    pub(super) risk_tier: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
pub(super) struct Answer {
    pub(super) response_model: Option<String>,
    pub(super) status_code: Option<i64>,
    pub(super) error_code: Option<String>,
    pub(super) finish_reason: Option<String>,
    pub(super) input_tokens: Option<i64>,
    pub(super) output_tokens: Option<i64>,
    pub(super) usage_source: Option<String>,
    pub(super) latency_ms: Option<i64>,
    pub(super) time_to_first_byte_ms: Option<i64>,
    pub(super) gateway_us: Option<i64>,
    pub(super) request_bytes: Option<i64>,
    pub(super) response_bytes: Option<i64>,
    pub(super) outcome: Option<String>,
}

impl RecordRow {
    /// The row of a record.
    pub(super) fn of(record: &Record) -> Self {
        Self {
            id: record.id.to_string(),
            started_at: record.started_at.0,
            caller: Caller::of(record),
            call: Call::of(record),
            decision: Decision::of(record),
            answer: Answer::of(record),
            node: clean(&record.node),
            seq: record.seq,
            previous_hash: text(&record.previous_hash),
            event_hash: text(&record.event_hash),
        }
    }

    /// The record of a row. `Corrupt` when the row holds what [`of`](Self::of) cannot have written.
    pub(super) fn into_record(self) -> Result<Record, StoreError> {
        let id = Uuid::try_parse(&self.id).or(Err(corrupt("records.id")))?;
        let surface = Surface::parse(&self.caller.surface).ok_or(corrupt("records.surface"))?;
        let mut record =
            Record::new(ExchangeId(id), UnixMillis(self.started_at), self.node.into(), surface);
        record.seq = self.seq;
        record.previous_hash = self.previous_hash.map(Into::into);
        record.event_hash = self.event_hash.map(Into::into);
        self.caller.fill(&mut record)?;
        self.call.fill(&mut record)?;
        self.decision.fill(&mut record)?;
        self.answer.fill(&mut record)?;
        Ok(record)
    }
}

impl Caller {
    fn of(record: &Record) -> Self {
        Self {
            agent_id: text(&record.agent_id),
            agent_name: text(&record.agent_name),
            agent_type: text(&record.agent_type),
            roles: json(&record.roles),
            permission: record.permission.map(|permission| permission.as_str().to_owned()),
            session_id: text(&record.session_id),
            app_context: text(&record.app_context),
            surface: record.surface.as_str().to_owned(),
        }
    }

    fn fill(self, record: &mut Record) -> Result<(), StoreError> {
        record.agent_id = self.agent_id.map(Into::into);
        record.agent_name = self.agent_name.map(Into::into);
        record.agent_type = self.agent_type.map(Into::into);
        record.roles = from_json(&self.roles, "records.roles")?;
        record.permission = word(self.permission, "records.permission", Permission::parse)?;
        record.session_id = self.session_id.map(Into::into);
        record.app_context = self.app_context.map(Into::into);
        Ok(())
    }
}

impl Call {
    fn of(record: &Record) -> Self {
        Self {
            tool_name: clean(&record.tool_name),
            mcp_server: clean(&record.mcp_server),
            action: clean(&record.action),
            target: clean(&record.target),
            endpoint: text(&record.endpoint),
            model: text(&record.model),
            message_count: record.message_count.map(i64::from),
            has_system_prompt: record.has_system_prompt,
            has_tools: record.has_tools,
            tool_names: json(&record.tool_names),
            stream: record.stream,
        }
    }

    fn fill(self, record: &mut Record) -> Result<(), StoreError> {
        record.tool_name = Cow::Owned(self.tool_name);
        record.mcp_server = Cow::Owned(self.mcp_server);
        record.action = Cow::Owned(self.action);
        record.target = Cow::Owned(self.target);
        record.endpoint = self.endpoint.map(Cow::Owned);
        record.model = self.model.map(Into::into);
        record.message_count = number(self.message_count, "records.message_count")?;
        record.has_system_prompt = self.has_system_prompt;
        record.has_tools = self.has_tools;
        record.tool_names = from_json(&self.tool_names, "records.tool_names")?;
        record.stream = self.stream;
        Ok(())
    }
}

impl Decision {
    fn of(record: &Record) -> Self {
        Self {
            policy_result: record.policy_result.map(|result| result.as_str().to_owned()),
            policy_rule: text(&record.policy_rule),
            policy_version: text(&record.policy_version),
            policy_reason: text(&record.policy_reason),
            findings: json(&record.findings),
            scan_extent: record.scan.extent.as_str().to_owned(),
            scan_reason: text(&record.scan.reason),
            detection_version: text(&record.detection_version),
            tools_removed: json(&record.tools_removed),
            trust_score: record.trust_score,
            risk_score: record.risk_score,
            risk_tier: text(&record.risk_tier),
        }
    }

    fn fill(self, record: &mut Record) -> Result<(), StoreError> {
        record.policy_result =
            word(self.policy_result, "records.policy_result", PolicyResult::parse)?;
        record.policy_rule = self.policy_rule.map(Into::into);
        record.policy_version = self.policy_version.map(Into::into);
        record.policy_reason = self.policy_reason.map(Cow::Owned);
        record.findings = from_json(&self.findings, "records.findings")?;
        let extent = ScanExtent::parse(&self.scan_extent).ok_or(corrupt("records.scan_extent"))?;
        record.scan = Scan { extent, reason: self.scan_reason.map(Cow::Owned) };
        record.detection_version = self.detection_version.map(Into::into);
        record.tools_removed = from_json(&self.tools_removed, "records.tools_removed")?;
        (record.trust_score, record.risk_score) = (self.trust_score, self.risk_score);
        record.risk_tier = self.risk_tier.map(Cow::Owned);
        Ok(())
    }
}

impl Answer {
    fn of(record: &Record) -> Self {
        Self {
            response_model: text(&record.response_model),
            status_code: record.status_code.map(i64::from),
            error_code: text(&record.error_code),
            finish_reason: text(&record.finish_reason),
            input_tokens: count(record.input_tokens),
            output_tokens: count(record.output_tokens),
            usage_source: record.usage_source.map(|source| source.as_str().to_owned()),
            latency_ms: count(record.latency_ms),
            time_to_first_byte_ms: count(record.time_to_first_byte_ms),
            gateway_us: count(record.gateway_us),
            request_bytes: count(record.request_bytes),
            response_bytes: count(record.response_bytes),
            outcome: record.outcome.map(|outcome| outcome.as_str().to_owned()),
        }
    }

    fn fill(self, record: &mut Record) -> Result<(), StoreError> {
        record.response_model = self.response_model.map(Into::into);
        record.status_code = number(self.status_code, "records.status_code")?;
        record.error_code = self.error_code.map(Cow::Owned);
        record.finish_reason = self.finish_reason.map(Into::into);
        record.input_tokens = number(self.input_tokens, "records.input_tokens")?;
        record.output_tokens = number(self.output_tokens, "records.output_tokens")?;
        record.usage_source = word(self.usage_source, "records.usage_source", UsageSource::parse)?;
        record.latency_ms = number(self.latency_ms, "records.latency_ms")?;
        record.time_to_first_byte_ms =
            number(self.time_to_first_byte_ms, "records.time_to_first_byte_ms")?;
        record.gateway_us = number(self.gateway_us, "records.gateway_us")?;
        record.request_bytes = number(self.request_bytes, "records.request_bytes")?;
        record.response_bytes = number(self.response_bytes, "records.response_bytes")?;
        record.outcome = word(self.outcome, "records.outcome", Outcome::parse)?;
        Ok(())
    }
}

fn text<T: AsRef<str>>(value: &Option<T>) -> Option<String> {
    value.as_ref().map(|text| clean(text.as_ref()))
}

fn count(value: Option<u64>) -> Option<i64> {
    value.map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

fn json(list: &impl Serialize) -> String {
    // Lists of strings and of structs with string keys always have a JSON form.
    serde_json::to_string(list).unwrap_or_default()
}

const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

fn number<T: TryFrom<i64>>(
    value: Option<i64>,
    what: &'static str,
) -> Result<Option<T>, StoreError> {
    value.map(T::try_from).transpose().or(Err(corrupt(what)))
}

fn word<T>(
    value: Option<String>,
    what: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    value.map(|text| parse(&text).ok_or(corrupt(what))).transpose()
}

fn from_json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).or(Err(corrupt(what)))
}
