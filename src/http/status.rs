//! How the record fares: for administrators, and for whoever collects metrics.
//!
//! Owns the two forms of it. It must never show more than numbers and moments.

use super::{
    AdminState,
    administer::answer,
    session::{presented, session_of},
};
use crate::bus::audit::Reading;
use crate::pipeline::Gate;
use crate::types::UnixMillis;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt::Write, sync::Arc};

/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the record fares.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct RecordStatus {
    /// This gateway.
    node: Arc<str>,
    /// Since when the database takes no records.
    store_away_since: Option<UnixMillis>,
    journal: JournalStatus,
    records: RecordCounts,
    /// The last one that was signed here.
    checkpoint: Option<LastCheckpoint>,
    /// Whether checkpoints cannot be written to their file.
    checkpoint_file_fails: bool,
    /// Whether administrative changes cannot be recorded.
    changes_wait: bool,
}

/// The journal's files.
#[derive(Debug, JsonSchema, Serialize)]
struct JournalStatus {
    bytes: u64,
    most_bytes: u64,
    /// Whether the disk takes no more.
    disk_full: bool,
    open_exchanges: u64,
}

/// Records since the start.
#[derive(Debug, JsonSchema, Serialize)]
struct RecordCounts {
    stored: u64,
    /// Those that the database does not have yet.
    waiting: u64,
    set_aside: u64,
    /// Exchanges that were served without one.
    lost: u64,
}

/// Up to where the chain is signed.
#[derive(Debug, JsonSchema, Serialize)]
struct LastCheckpoint {
    seq: i64,
    signed_at: UnixMillis,
}

/// `GET /api/v1/audit/status`.
pub(super) async fn show_status(state: Data<AdminState>, gate: Data<Gate>) -> HttpResponse {
    let it = gate.bus().record.gauge.read();
    let status = RecordStatus {
        node: Arc::clone(&state.greeting.node),
        store_away_since: it.store_away_since,
        journal: JournalStatus {
            bytes: it.journal.bytes,
            most_bytes: it.journal.most_bytes,
            disk_full: it.journal.disk_full,
            open_exchanges: it.journal.open,
        },
        records: RecordCounts {
            stored: it.stored,
            waiting: it.journal.unsettled,
            set_aside: it.set_aside,
            lost: it.lost,
        },
        checkpoint: it.checkpoint.map(|(seq, signed_at)| LastCheckpoint { seq, signed_at }),
        checkpoint_file_fails: it.checkpoint_file_fails,
        changes_wait: it.changes_wait,
    };
    answer(StatusCode::OK, &status)
}

/// `GET /metrics`: for this machine, or with an administrator's session.
pub(super) async fn show_metrics(
    request: HttpRequest,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    if !is_local(&request) {
        let session = match presented(&request) {
            Some((token, _)) => session_of(&state, token).await,
            None => Ok(None),
        };
        match session {
            Ok(Some(_)) => {}
            Ok(None) => {
                let message =
                    "Metrics are shown on this machine, or with an administrator's token.";
                return super::problem(401, "unauthorized", message);
            }
            Err(refusal) => return refusal,
        }
    }
    HttpResponse::Ok().content_type(METRICS).body(metrics(&gate.bus().record.gauge.read()))
}

/// What a proxy on this machine passes on comes from elsewhere.
fn is_local(request: &HttpRequest) -> bool {
    const PASSED_ON: [&str; 6] = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && !PASSED_ON.iter().any(|name| request.headers().contains_key(*name))
}

/// One family of metrics per number.
fn metrics(it: &Reading) -> String {
    let flag = u64::from;
    let numbers = [
        ("journal_bytes", "gauge", "Bytes of the journal's files.", it.journal.bytes),
        ("journal_most_bytes", "gauge", "Bytes that the journal may take.", it.journal.most_bytes),
        (
            "journal_disk_full",
            "gauge",
            "1 while the disk takes no more.",
            flag(it.journal.disk_full),
        ),
        ("open_exchanges", "gauge", "Exchanges under way.", it.journal.open),
        (
            "waiting_records",
            "gauge",
            "Records that the database does not have yet.",
            it.journal.unsettled,
        ),
        (
            "store_away",
            "gauge",
            "1 while the database takes no records.",
            flag(it.store_away_since.is_some()),
        ),
        (
            "checkpoint_file_fails",
            "gauge",
            "1 while checkpoints cannot be written to their file.",
            flag(it.checkpoint_file_fails),
        ),
        (
            "changes_wait",
            "gauge",
            "1 while administrative changes cannot be recorded.",
            flag(it.changes_wait),
        ),
        ("stored_records_total", "counter", "Records that the database has taken.", it.stored),
        (
            "set_aside_records_total",
            "counter",
            "Records that the database did not take for a fault of their own.",
            it.set_aside,
        ),
        ("lost_exchanges_total", "counter", "Exchanges served without a record.", it.lost),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in numbers {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "# HELP portcullis_audit_{name} {help}\n# TYPE portcullis_audit_{name} {kind}\n\
             portcullis_audit_{name} {value}"
        );
    }
    text
}
