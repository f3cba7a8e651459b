//! A record as a row, and back.
//!
//! Owns the conversion: counts as `BIGINT`, lists as JSON text, fixed words as text. It must lose
//! nothing, since hashes are computed again from what is stored: a record that was appended to its
//! chain has a form that loses nothing (see [`Head::append`](crate::ledger::Head::append)).

use super::{
    super::{StoreError, schema::audit_records},
    values::{bytes, corrupt, count, from_json, hash, list, number, owned, text, word},
};
use crate::types::{
    ExchangeId, Outcome, Permission, PolicyResult, Record, Scan, ScanExtent, Surface, UnixMillis,
    UsageSource,
};
use diesel::{Queryable, QueryableByName, Selectable};
use std::borrow::Cow;
use uuid::Uuid;

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_records)]
pub(in crate::store) struct RecordRow<'a> {
    pub(in crate::store) id: Cow<'a, str>,
    pub(super) started_at: i64,
    #[diesel(embed)]
    pub(super) caller: Caller<'a>,
    #[diesel(embed)]
    pub(super) call: Call<'a>,
    #[diesel(embed)]
    pub(super) decision: Decision<'a>,
    #[diesel(embed)]
    pub(super) answer: Answer<'a>,
    pub(in crate::store) node: Cow<'a, str>,
    pub(in crate::store) seq: i64,
    pub(super) previous_hash: Vec<u8>,
    pub(super) event_hash: Vec<u8>,
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_records)]
pub(in crate::store) struct Caller<'a> {
    pub(super) agent_id: Option<Cow<'a, str>>,
    pub(super) agent_name: Option<Cow<'a, str>>,
    pub(super) agent_type: Option<Cow<'a, str>>,
    pub(super) roles: Cow<'a, str>,
    pub(super) permission: Option<Cow<'a, str>>,
    pub(super) session_id: Option<Cow<'a, str>>,
    pub(super) token_id: Option<Cow<'a, str>>,
    pub(super) app_context: Option<Cow<'a, str>>,
    pub(super) actor: Option<Cow<'a, str>>,
    pub(super) detail: Option<Cow<'a, str>>,
    pub(super) surface: Cow<'a, str>,
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_records)]
pub(in crate::store) struct Call<'a> {
    pub(super) tool_name: Cow<'a, str>,
    pub(super) mcp_server: Cow<'a, str>,
    pub(super) action: Cow<'a, str>,
    pub(super) target: Cow<'a, str>,
    pub(super) endpoint: Option<Cow<'a, str>>,
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) message_count: Option<i64>,
    pub(super) has_system_prompt: Option<bool>,
    pub(super) has_tools: Option<bool>,
    pub(super) tool_names: Cow<'a, str>,
    pub(super) stream: Option<bool>,
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_records)]
pub(in crate::store) struct Decision<'a> {
    pub(super) policy_result: Option<Cow<'a, str>>,
    pub(super) policy_rule: Option<Cow<'a, str>>,
    pub(super) policy_version: Option<Cow<'a, str>>,
    pub(super) policy_reason: Option<Cow<'a, str>>,
    pub(super) findings: Cow<'a, str>,
    pub(super) scan_extent: Cow<'a, str>,
    pub(super) scan_reason: Option<Cow<'a, str>>,
    pub(super) detection_version: Option<Cow<'a, str>>,
    pub(super) tools_removed: Cow<'a, str>,
    pub(super) trust_score: Option<i64>,
    pub(super) risk_score: Option<i64>,
    pub(super) risk_tier: Option<Cow<'a, str>>,
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_records)]
pub(in crate::store) struct Answer<'a> {
    pub(super) response_model: Option<Cow<'a, str>>,
    pub(super) status_code: Option<i64>,
    pub(super) error_code: Option<Cow<'a, str>>,
    pub(super) finish_reason: Option<Cow<'a, str>>,
    pub(super) input_tokens: Option<i64>,
    pub(super) output_tokens: Option<i64>,
    pub(super) cached_tokens: Option<i64>,
    pub(super) reasoning_tokens: Option<i64>,
    pub(super) usage_source: Option<Cow<'a, str>>,
    pub(super) latency_ms: Option<i64>,
    pub(super) time_to_first_byte_ms: Option<i64>,
    pub(super) gateway_us: Option<i64>,
    pub(super) request_bytes: Option<i64>,
    pub(super) response_bytes: Option<i64>,
    pub(super) outcome: Option<Cow<'a, str>>,
    pub(super) receipt_hash: Option<Vec<u8>>,
}

impl<'a> RecordRow<'a> {
    /// The row of a record.
    pub(super) fn of(record: &'a Record) -> Self {
        Self {
            id: Cow::Owned(record.id.to_string()),
            started_at: record.started_at.0,
            caller: Caller::of(record),
            call: Call::of(record),
            decision: Decision::of(record),
            answer: Answer::of(record),
            node: Cow::Borrowed(&*record.node),
            seq: record.seq.unwrap_or_default(),
            previous_hash: bytes(&record.previous_hash).unwrap_or_default(),
            event_hash: bytes(&record.event_hash).unwrap_or_default(),
        }
    }

    /// The record of a row. `Corrupt` when the row holds what [`of`](Self::of) cannot have written.
    pub(in crate::store) fn into_record(self) -> Result<Record, StoreError> {
        let id = Uuid::try_parse(&self.id).or(Err(corrupt("records.id")))?;
        let surface = Surface::parse(&self.caller.surface).ok_or(corrupt("records.surface"))?;
        let mut record =
            Record::new(ExchangeId(id), UnixMillis(self.started_at), self.node.into(), surface);
        record.seq = Some(self.seq);
        record.previous_hash = Some(hash(self.previous_hash));
        record.event_hash = Some(hash(self.event_hash));
        self.caller.fill(&mut record)?;
        self.call.fill(&mut record)?;
        self.decision.fill(&mut record)?;
        self.answer.fill(&mut record)?;
        Ok(record)
    }

    /// The same, and the row holds it byte for byte as [`of`](Self::of) writes it: for verification, to which a blank more
    /// in a list is a change too.
    pub(in crate::store) fn into_exact_record(self) -> Result<Record, StoreError> {
        let stored = self.parsed_texts();
        let record = self.into_record()?;
        let is_exact = RecordRow::of(&record).parsed_texts() == stored;
        if is_exact { Ok(record) } else { Err(corrupt("audit_records")) }
    }

    /// The texts of which a record does not keep every byte.
    fn parsed_texts(&self) -> [String; 5] {
        let lists = [&self.caller.roles, &self.call.tool_names, &self.decision.findings];
        let [roles, tool_names, findings] = lists.map(ToString::to_string);
        [self.id.to_string(), roles, tool_names, findings, self.decision.tools_removed.to_string()]
    }
}

impl<'a> Caller<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            agent_id: text(&record.agent_id),
            agent_name: text(&record.agent_name),
            agent_type: text(&record.agent_type),
            roles: list(&record.roles),
            permission: record.permission.map(|word| Cow::Borrowed(word.as_str())),
            session_id: text(&record.session_id),
            token_id: text(&record.token_id),
            app_context: text(&record.app_context),
            actor: text(&record.actor),
            detail: text(&record.detail),
            surface: Cow::Borrowed(record.surface.as_str()),
        }
    }

    fn fill(self, record: &mut Record) -> Result<(), StoreError> {
        record.agent_id = self.agent_id.map(Into::into);
        record.agent_name = self.agent_name.map(Into::into);
        record.agent_type = self.agent_type.map(Into::into);
        record.roles = from_json(&self.roles, "records.roles")?;
        record.permission = word(self.permission, "records.permission", Permission::parse)?;
        record.session_id = self.session_id.map(Into::into);
        record.token_id = self.token_id.map(Into::into);
        record.app_context = self.app_context.map(Into::into);
        record.actor = self.actor.map(Into::into);
        record.detail = self.detail.map(Into::into);
        Ok(())
    }
}

impl<'a> Call<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            tool_name: Cow::Borrowed(&*record.tool_name),
            mcp_server: Cow::Borrowed(&*record.mcp_server),
            action: Cow::Borrowed(&*record.action),
            target: Cow::Borrowed(&*record.target),
            endpoint: text(&record.endpoint),
            model: text(&record.model),
            message_count: record.message_count.map(i64::from),
            has_system_prompt: record.has_system_prompt,
            has_tools: record.has_tools,
            tool_names: list(&record.tool_names),
            stream: record.stream,
        }
    }

    fn fill(self, record: &mut Record) -> Result<(), StoreError> {
        record.tool_name = owned(self.tool_name);
        record.mcp_server = owned(self.mcp_server);
        record.action = owned(self.action);
        record.target = owned(self.target);
        record.endpoint = self.endpoint.map(owned);
        record.model = self.model.map(Into::into);
        record.message_count = number(self.message_count, "records.message_count")?;
        record.has_system_prompt = self.has_system_prompt;
        record.has_tools = self.has_tools;
        record.tool_names = from_json(&self.tool_names, "records.tool_names")?;
        record.stream = self.stream;
        Ok(())
    }
}

impl<'a> Decision<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            policy_result: record.policy_result.map(|word| Cow::Borrowed(word.as_str())),
            policy_rule: text(&record.policy_rule),
            policy_version: text(&record.policy_version),
            policy_reason: text(&record.policy_reason),
            findings: list(&record.findings),
            scan_extent: Cow::Borrowed(record.scan.extent.as_str()),
            scan_reason: text(&record.scan.reason),
            detection_version: text(&record.detection_version),
            tools_removed: list(&record.tools_removed),
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
        record.policy_reason = self.policy_reason.map(owned);
        record.findings = from_json(&self.findings, "records.findings")?;
        let extent = ScanExtent::parse(&self.scan_extent).ok_or(corrupt("records.scan_extent"))?;
        record.scan = Scan { extent, reason: self.scan_reason.map(owned) };
        record.detection_version = self.detection_version.map(Into::into);
        record.tools_removed = from_json(&self.tools_removed, "records.tools_removed")?;
        (record.trust_score, record.risk_score) = (self.trust_score, self.risk_score);
        record.risk_tier = self.risk_tier.map(owned);
        Ok(())
    }
}

impl<'a> Answer<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            response_model: text(&record.response_model),
            status_code: record.status_code.map(i64::from),
            error_code: text(&record.error_code),
            finish_reason: text(&record.finish_reason),
            input_tokens: count(record.input_tokens),
            output_tokens: count(record.output_tokens),
            cached_tokens: count(record.cached_tokens),
            reasoning_tokens: count(record.reasoning_tokens),
            usage_source: record.usage_source.map(|word| Cow::Borrowed(word.as_str())),
            latency_ms: count(record.latency_ms),
            time_to_first_byte_ms: count(record.time_to_first_byte_ms),
            gateway_us: count(record.gateway_us),
            request_bytes: count(record.request_bytes),
            response_bytes: count(record.response_bytes),
            outcome: record.outcome.map(|word| Cow::Borrowed(word.as_str())),
            receipt_hash: bytes(&record.receipt_hash),
        }
    }

    fn fill(self, record: &mut Record) -> Result<(), StoreError> {
        record.response_model = self.response_model.map(Into::into);
        record.status_code = number(self.status_code, "records.status_code")?;
        record.error_code = self.error_code.map(owned);
        record.finish_reason = self.finish_reason.map(Into::into);
        record.input_tokens = number(self.input_tokens, "records.input_tokens")?;
        record.output_tokens = number(self.output_tokens, "records.output_tokens")?;
        record.cached_tokens = number(self.cached_tokens, "records.cached_tokens")?;
        record.reasoning_tokens = number(self.reasoning_tokens, "records.reasoning_tokens")?;
        record.usage_source = word(self.usage_source, "records.usage_source", UsageSource::parse)?;
        record.latency_ms = number(self.latency_ms, "records.latency_ms")?;
        record.time_to_first_byte_ms =
            number(self.time_to_first_byte_ms, "records.time_to_first_byte_ms")?;
        record.gateway_us = number(self.gateway_us, "records.gateway_us")?;
        record.request_bytes = number(self.request_bytes, "records.request_bytes")?;
        record.response_bytes = number(self.response_bytes, "records.response_bytes")?;
        record.outcome = word(self.outcome, "records.outcome", Outcome::parse)?;
        record.receipt_hash = self.receipt_hash.map(hash);
        Ok(())
    }
}
