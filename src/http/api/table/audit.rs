//! Live activity and the record.

use super::super::parameter::{AFTER, FROM, Form, LIMIT, Parameter, TO};
use super::super::{Operation, get, open, post};
use crate::admin::audit::RunView;
use crate::http::{activity, audit, status};
use crate::ledger::Proof;
use crate::store::SessionSummary;
use crate::types::{
    Record,
    Role::{Analyst, Viewer},
};
use actix_web::http::Method;

const AGENT: Parameter = Parameter::new("agent", Form::Text, "Only of this agent: its name or id.");
const APP_CONTEXT: Parameter =
    Parameter::new("app_context", Form::Text, "Only of this AppContext: its id.");
const MODEL: Parameter = Parameter::new("model", Form::Text, "Only for this model.");
const ENDPOINT: Parameter = Parameter::new("endpoint", Form::Text, "Only for this endpoint.");
const SESSION: Parameter = Parameter::new("session", Form::Text, "Only of this session.");
const FINDING: Parameter =
    Parameter::new("finding", Form::Text, "Only with a finding of this type.");
const FINDING_RULE: Parameter =
    Parameter::new("finding_rule", Form::Text, "Only with a finding of the rule with this id.");
const RESULT: Parameter = Parameter::new(
    "policy_result",
    Form::OneOf(&["allow", "deny"]),
    "Only with this answer of the policy.",
);
const OUTCOME: Parameter = Parameter::new(
    "outcome",
    Form::OneOf(&[
        "completed",
        "blocked",
        "denied",
        "rejected",
        "cancelled",
        "upstream_error",
        "interrupted",
    ]),
    "Only with this outcome.",
);
const KIND: Parameter = Parameter::new(
    "kind",
    Form::OneOf(&["calls", "changes", "findings", "failures"]),
    "Only calls of agents; changes of administrators; calls with findings; or calls that failed.",
);
const SURFACE: Parameter = Parameter::new(
    "surface",
    Form::OneOf(&["agent", "detection_key", "admin"]),
    "Only what came this way; admin: changes of administrators.",
);
const ORDER: Parameter =
    Parameter::new("order", Form::OneOf(&["asc", "desc"]), "Oldest first (asc) unless told.");
const NODE: Parameter = Parameter::new("node", Form::Text, "Only of this gateway.");
const GROUP: Parameter = Parameter::new(
    "group",
    Form::OneOf(&["time", "agent", "model", "app_context", "endpoint", "finding"]),
    "One sum for each of these; time unless told.",
);
const WIDTH: Parameter = Parameter::new(
    "width",
    Form::OneOf(&["minute", "hour", "day"]),
    "How fine in time; hour unless told. Minutes are kept for two days.",
);
const EVERY: Parameter = Parameter::new(
    "every",
    Form::Whole { most: 1_000 },
    "How many minutes, hours or days a sum is of; one unless told. Only with group=time.",
);
const FORMAT: Parameter =
    Parameter::new("format", Form::OneOf(&["jsonl", "csv", "ocsf", "cef"]), "jsonl unless told.");
const VERIFICATION: Parameter = Parameter::uuid("id", "What was answered when it was started.");
const EXCHANGE: Parameter = Parameter::uuid("id", "The exchange's id: `x-portcullis-decision`.");
const RECEIPT: Parameter =
    Parameter::header("x-portcullis-receipt", "The receipt that came with the answer.");

/// Which records.
const FILTERS: &[Parameter] = &[
    FROM,
    TO,
    AGENT,
    APP_CONTEXT,
    MODEL,
    ENDPOINT,
    RESULT,
    OUTCOME,
    FINDING,
    FINDING_RULE,
    SESSION,
    KIND,
    SURFACE,
];

pub(super) fn operations() -> Vec<Operation> {
    let mut all = reading();
    all.extend(chain());
    all
}

fn reading() -> Vec<Operation> {
    vec![
        get("/api/v1/activity/stream", Viewer, "streamActivity", activity::stream_activity)
            .says("Exchanges as they begin and end, as server-sent events.")
            .answers_as(200, &["text/event-stream"], "Events until the session ends."),
        get("/api/v1/audit/events", Viewer, "listEvents", audit::list_events)
            .says("Records, page by page.")
            .query(FILTERS)
            .query(&[ORDER, LIMIT, AFTER])
            .answers::<audit::Events>(200, "A page, and where the next begins."),
        get("/api/v1/audit/events/{id}", Viewer, "showEvent", audit::show_event)
            .says("One record.")
            .query(&[EXCHANGE])
            .answers::<Record>(200, "The record."),
        get("/api/v1/audit/summary", Viewer, "showSummary", audit::show_summary)
            .says(
                "Sums of calls, tokens, refusals, findings and times, with percentiles of latency.",
            )
            .query(&[FROM, TO, GROUP, WIDTH, EVERY, AGENT, MODEL, APP_CONTEXT, ENDPOINT])
            .answers::<audit::Summary>(200, "The sums, and all together."),
        get("/api/v1/audit/sessions", Viewer, "listSessions", audit::list_sessions)
            .says("Sessions of calls, page by page.")
            .query(&[FROM, TO, AGENT, LIMIT, AFTER])
            .answers::<audit::CallSessions>(200, "A page, and where the next begins."),
        // A session's id may hold slashes.
        get("/api/v1/audit/sessions/{id:.+}", Viewer, "showSession", audit::show_session)
            .says("One session of calls.")
            .answers::<SessionSummary>(200, "The session."),
        get("/api/v1/audit/export", Analyst, "exportRecords", audit::export_records)
            .says("Records as a stream, in the formats of others.")
            .query(FILTERS)
            .query(&[FORMAT, NODE])
            .answers_as(
                200,
                &["application/x-ndjson", "text/csv", "text/plain"],
                "The export; its last line says that it is whole.",
            ),
    ]
}

fn chain() -> Vec<Operation> {
    vec![
        get("/api/v1/audit/status", Viewer, "showRecordStatus", status::show_status)
            .says("How the record fares: what waits, what was lost, the last checkpoint.")
            .answers::<status::RecordStatus>(200, "Numbers and moments."),
        get("/api/v1/audit/set-aside", Analyst, "listSetAside", audit::list_set_aside)
            .says("Records that the database did not take.")
            .query(&[LIMIT, AFTER])
            .answers::<audit::SetAsideRecords>(200, "A page, and where the next begins."),
        get("/api/v1/audit/checkpoints", Analyst, "listCheckpoints", audit::list_checkpoints)
            .says("Signed checkpoints of the hash chains.")
            .query(&[NODE, LIMIT, AFTER])
            .answers::<audit::Checkpoints>(200, "A page, and where the next begins."),
        get("/api/v1/audit/keys", Viewer, "listAuditKeys", audit::list_keys)
            .says("The public keys that sign checkpoints.")
            .answers::<audit::AuditKeys>(200, "The keys."),
        post("/api/v1/audit/verify", Analyst, "startVerification", audit::start_verification)
            .says("Finds out whether records were altered, removed, inserted or moved. One at a time.")
            .takes::<audit::VerifyRequest>()
            .makes("id")
            .answers::<audit::StartedVerification>(202, "The id to ask with; 409 has the id of the one that runs."),
        get("/api/v1/audit/verify", Viewer, "showLastVerification", audit::show_last_verification)
            .says("The verification that was started last.")
            .answers::<RunView>(200, "How far it is, and its verdict."),
        get("/api/v1/audit/verify/{id}", Viewer, "showVerification", audit::show_verification)
            .says("One verification; it is known until the next is started.")
            .query(&[VERIFICATION])
            .answers::<RunView>(200, "How far it is, and its verdict."),
        open(Method::GET, "/api/v1/audit/receipts/{id}", "showProof", audit::show_proof)
            .says("The proof of one call, for whoever holds its receipt.")
            .query(&[EXCHANGE, RECEIPT])
            .answers::<Proof>(200, "The record, what follows it in the chain, and a signed checkpoint."),
    ]
}
