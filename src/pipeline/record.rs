//! The record of one exchange, from its arrival to whatever ends it.
//!
//! Owns the guarantee that every authenticated exchange is told exactly once: [`Exchange`] closes
//! itself when it is dropped. It must never take in text of the call or the answer.

mod bounds;
mod ending;
mod findings;
mod kept;
mod receipt;
mod usage;

pub(super) use kept::{Durable, NOT_WRITTEN, durable};
pub(super) use usage::{Count, Counting};

use super::{Gate, Inbound, Refused, budget::Held, drain::UnderWay, session};
use crate::bus::audit::Told;
use crate::bus::auth::{Authenticated, Meters, QuarantineAgent};
use crate::bus::{Line, RecordLines};
use crate::detect::Tally;
use crate::journal::Written;
use crate::limits::OpenStream;
use crate::openai::{AnswerFacts, Call, Endpoint};
use crate::policy::Decision;
use crate::types::{ExchangeId, Governed, PolicyResult, Principal, Record, Refusal, UnixMillis};
use actix_web::http::header::HeaderValue;
use kept::{Kept, Pending};
use receipt::Receipt;
use std::{
    borrow::Cow,
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// A request whose caller is not yet known.
pub(super) struct Arrival {
    record: Record,
    /// The session that the call names.
    session_id: Option<Arc<str>>,
    at: Instant,
}

/// An authenticated exchange. Dropped without an end, it is recorded as cancelled.
pub(super) struct Exchange {
    /// Boxed so that the futures that carry it stay small.
    record: Box<Record>,
    caller: Authenticated,
    lines: RecordLines,
    quarantine: Line<QuarantineAgent>,
    /// Taken at the end, so that the end is told once.
    kept: Option<Kept>,
    /// What was last written down: the answer does not go on before it is safe.
    written: Option<Written>,
    /// Its end waits for a count.
    pending: Option<Pending>,
    receipt: Option<Receipt>,
    under_way: UnderWay,
    /// Room of the request's body.
    held: Option<Held>,
    /// What was found so far.
    tally: Tally,
    /// The record's scan is that of a part of this exchange.
    is_screened: bool,
    /// The stream's places among those that the caller may have open.
    streams: Vec<OpenStream>,
    /// Counts the answer's tokens, where the provider has not told them.
    counting: Option<Counting>,
    /// Bytes of an upload that streams through.
    uploaded: Option<Rc<Cell<u64>>>,
    at: Instant,
    /// Waiting for the client's body is not the gate's own time.
    waited: Duration,
}

impl Exchange {
    /// Notes when and where a request came in.
    pub(super) fn arrive(gate: &Gate, inbound: &Inbound<'_>) -> Arrival {
        let id = ExchangeId(Uuid::now_v7());
        let mut record =
            Record::new(id, crate::clock::now(), Arc::clone(&gate.settings.node), inbound.surface);
        record.target = Cow::Borrowed("/openai/v1/*");
        record.action = Cow::Borrowed(bounds::action(inbound.request.method()));
        let session_id = session::named(inbound.request.headers());
        Arrival { record, session_id, at: Instant::now() }
    }
}

impl Arrival {
    /// Refuses a caller that is not known: there is an id, but no record.
    pub(super) fn into_refused(self, refusal: Refusal) -> Refused {
        Refused { id: self.record.id, refusal, shape: None, receipt: None, written: None }
    }

    /// Begins the exchange, when there is room for its record.
    pub(super) fn begin(self, gate: &Gate, caller: Authenticated) -> Result<Exchange, Refused> {
        let principal = &caller.principal;
        let lines = &gate.bus.record;
        let Some(kept) = Kept::of(gate) else {
            return Err(self.into_refused(Refusal::Unavailable { what: "record" }));
        };
        let mut record = Box::new(self.record);
        let receipt = gate.settings.receipts.then(Receipt::new);
        record.receipt_hash = receipt.as_ref().map(Receipt::hash);
        let span = tracing::Span::current();
        span.record("decision", tracing::field::display(record.id));
        span.record("agent", &*principal.agent_name);
        record.agent_id = Some(Arc::clone(&principal.agent_id));
        record.agent_name = Some(Arc::clone(&principal.agent_name));
        record.agent_type = Some(Arc::clone(&principal.agent_type));
        record.roles = Arc::clone(&principal.roles);
        record.token_id = Some(Arc::clone(&principal.session_id));
        record.app_context = principal.app_context.as_ref().map(|context| Arc::clone(&context.id));
        // A session that nobody named is called like the first of its calls.
        record.session_id = self.session_id.or_else(|| {
            let name_new = || Arc::from(record.id.to_string());
            let context = record.app_context.as_ref();
            Some(caller.conduct.session(context, record.started_at, name_new))
        });
        Ok(Exchange {
            record,
            caller,
            lines: lines.clone(),
            quarantine: gate.bus.quarantine.clone(),
            kept: Some(kept),
            written: None,
            pending: None,
            receipt,
            under_way: gate.drain.enter(),
            held: None,
            tally: Tally::new(),
            is_screened: false,
            streams: Vec::new(),
            counting: None,
            uploaded: None,
            at: self.at,
            waited: Duration::ZERO,
        })
    }
}

impl Exchange {
    /// Whether its end was not told yet.
    pub(super) fn is_open(&self) -> bool {
        self.kept.is_some()
    }

    pub(super) fn id(&self) -> ExchangeId {
        self.record.id
    }

    /// For the answer's head.
    pub(super) fn receipt(&self) -> Option<HeaderValue> {
        self.receipt.as_ref().and_then(Receipt::to_header)
    }

    pub(super) fn caller(&self) -> &Authenticated {
        &self.caller
    }

    pub(super) fn principal(&self) -> &Arc<Principal> {
        &self.caller.principal
    }

    /// Counts the call against its caller's limits: both the agent's and the AppContext's, or neither.
    pub(super) fn count(&self) -> Result<(), Refusal> {
        let now = crate::clock::now();
        let Meters { agent, app_context } = &self.caller.meters;
        agent.enter(now)?;
        let context = app_context.as_ref().map_or(Ok(()), |meter| meter.enter(now));
        context.inspect_err(|_refused| agent.take_back(now))
    }

    /// Takes the stream's place, once, among those that its caller may have open, until the exchange is dropped.
    pub(super) fn open_stream(&mut self) -> Result<(), Refusal> {
        if !self.streams.is_empty() {
            return Ok(());
        }
        let Meters { agent, app_context } = &self.caller.meters;
        for meter in std::iter::once(agent).chain(app_context) {
            self.streams.push(meter.open_stream()?);
        }
        Ok(())
    }

    pub(super) fn note_endpoint(&mut self, endpoint: &'static Endpoint) {
        self.record.endpoint = Some(Cow::Borrowed(endpoint.name));
        self.record.permission = Some(endpoint.permission);
        self.record.target = Cow::Owned(format!("/openai/v1{}", endpoint.path));
    }

    /// Notes the body's size and keeps its room until the provider has answered.
    pub(super) fn note_body(&mut self, bytes: usize, held: Held) {
        self.record.request_bytes = u64::try_from(bytes).ok();
        self.held = Some(held);
    }

    /// Follows the bytes of an upload that streams through.
    pub(super) fn note_upload(&mut self, uploaded: Rc<Cell<u64>>) {
        self.uploaded = Some(uploaded);
    }

    pub(super) fn note_wait(&mut self, waited: Duration) {
        self.waited += waited;
    }

    pub(super) fn note_call(&mut self, call: &Call) {
        let facts = call.facts();
        // A default that the caller left to the provider is what it was authorised for.
        let default = || facts.implied_models.first().filter(|_| facts.implied_models.len() == 1);
        self.record.model = facts.model.as_ref().or_else(default).cloned();
        if let Some(model) = &self.record.model {
            tracing::Span::current().record("model", &**model);
        }
        self.record.message_count = facts.message_count;
        self.record.has_system_prompt = facts.has_system_prompt;
        self.record.has_tools = facts.has_tools;
        self.record.tool_names = bounds::tool_names(&facts.tool_names);
        self.record.stream = Some(facts.stream);
    }

    pub(super) fn note_stream(&mut self) {
        self.record.stream = Some(true);
    }

    pub(super) fn note_decision(&mut self, decision: &Decision) {
        match decision {
            Decision::Allow(permit) => {
                self.record.policy_result = Some(PolicyResult::Allow);
                self.record.policy_rule = permit.rule().cloned();
                self.record.policy_version = Some(Arc::clone(permit.version()));
            }
            Decision::Deny(denial) => {
                self.record.policy_result = Some(PolicyResult::Deny);
                self.record.policy_rule.clone_from(&denial.rule);
                self.record.policy_version = Some(Arc::clone(&denial.version));
                self.record.policy_reason = Some(denial.explanation.clone());
            }
        }
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.record.model.as_deref()
    }

    pub(super) fn started_at(&self) -> UnixMillis {
        self.record.started_at
    }

    pub(super) fn note_forwarded(&mut self) {
        let own = self.at.elapsed().saturating_sub(self.waited);
        self.record.gateway_us = u64::try_from(own.as_micros()).ok();
    }

    /// The answer has begun: the request's body is not held any more.
    pub(super) fn note_status(&mut self, status: u16) {
        self.held = None;
        self.record.status_code = Some(status);
    }

    pub(super) fn note_first_byte(&mut self) {
        self.record.time_to_first_byte_ms = Some(millis(self.at.elapsed()));
    }

    pub(super) fn note_answer(&mut self, facts: &AnswerFacts, response_bytes: u64) {
        self.record.response_model.clone_from(&facts.model);
        self.record.finish_reason.clone_from(&facts.finish_reason);
        self.note_usage(&facts.usage);
        self.record.response_bytes = Some(response_bytes);
        if let Some(code) = facts.error_code.as_ref().or(facts.error_type.as_ref()) {
            self.record.error_code = Some(Cow::Owned(code.to_string()));
        }
    }

    /// Writes down that the exchange has begun, and shows it as in flight. The provider is not called before this.
    pub(super) fn announce(&mut self, gate: &Gate) -> Result<(), Refusal> {
        self.begin_record(gate)?;
        self.lines.audit.tell(Told::Opened(Arc::new(Record::clone(&self.record))));
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
