//! An export, chunk by chunk: whoever takes it decides how fast it goes.
//!
//! Owns what is read next. It holds a page of records at a time, and no connection between two of them.

use super::{super::AdminError, checkpoints};
use crate::export::{Format, Writer};
use crate::ledger::{Checkpoint, ExportHeader, Scope};
use crate::store::{Cursor, RecordQuery, ScanRange, Store, StoreError};
use crate::types::{Record, UnixMillis};
use std::collections::BTreeMap;

/// Records read at once where a filter is asked for.
const RECORDS: u32 = 1_000;
/// No record is written so long after its exchange began: no database is away for a month.
const LATEST_SECS: i64 = 31 * 86_400;

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The form.
    pub format: Format,
    /// Which records: its filters and times. Order, limit and place do not count.
    pub query: RecordQuery,
    /// Only the records of this gateway.
    pub node: Option<String>,
}

impl ExportRequest {
    /// What was asked for, by the names of the parameters.
    fn filters(&self) -> BTreeMap<String, String> {
        let query = &self.query;
        let filters = [
            ("from", query.from.map(|from| from.to_string())),
            ("to", query.to.map(|to| to.to_string())),
            ("node", self.node.clone()),
            ("agent", query.agent.clone()),
            ("app_context", query.app_context.clone()),
            ("model", query.model.clone()),
            ("endpoint", query.endpoint.clone()),
            ("session", query.session.clone()),
            ("finding", query.finding.clone()),
            ("finding_rule", query.finding_rule.clone()),
            ("policy_result", query.policy_result.map(|result| result.to_string())),
            ("outcome", query.outcome.map(|outcome| outcome.to_string())),
            ("surface", query.surface.map(|surface| surface.to_string())),
            ("kind", query.kind.map(|kind| kind.to_string())),
        ];
        let named = filters.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        named.collect()
    }

    /// What follows from that for the chains.
    fn scope(&self) -> Scope {
        let mut scope = Scope::Whole;
        for name in self.filters().keys() {
            match name.as_str() {
                "node" => {}
                "from" | "to" => scope = Scope::Part,
                _ => return Scope::Picked,
            }
        }
        scope
    }
}

/// An export under way.
pub struct Export {
    request: ExportRequest,
    scope: Scope,
    step: Step,
    records: u64,
    unreadable: u64,
    reached: Option<UnixMillis>,
}

/// What comes next.
enum Step {
    Begin,
    /// Checkpoints behind this one.
    Checkpoints(Writer, Option<Checkpoint>),
    /// Records behind this place.
    Records(Writer, Option<Cursor>),
    Done,
}

impl Export {
    /// An export of which nothing is read yet.
    pub fn new(request: ExportRequest) -> Self {
        let scope = request.scope();
        Self { request, scope, step: Step::Begin, records: 0, unreadable: 0, reached: None }
    }

    /// How many records were written so far.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// How many rows could not be read as records and are left out. A verification names them.
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Up to when it has come.
    pub const fn reached(&self) -> Option<UnixMillis> {
        self.reached
    }

    /// The next piece, never empty; `None` when all is written. `node` is the gateway that exports.
    pub fn next_chunk(&mut self, store: &Store, node: &str) -> Result<Option<Vec<u8>>, AdminError> {
        let mut out = Vec::new();
        while out.is_empty() {
            self.step = match std::mem::replace(&mut self.step, Step::Done) {
                Step::Begin => self.begin(store, node, &mut out)?,
                Step::Checkpoints(writer, after) => {
                    self.checkpoints(store, writer, after, &mut out)?
                }
                Step::Records(writer, after) => self.page(store, writer, after, &mut out)?,
                Step::Done => return Ok(None),
            };
        }
        Ok(Some(out))
    }

    fn begin(&self, store: &Store, node: &str, out: &mut Vec<u8>) -> Result<Step, StoreError> {
        let mut header = ExportHeader::new(node.to_owned(), self.scope);
        header.filters = self.request.filters();
        header.public_keys = store.audit_keys()?.into_iter().map(|key| key.public_key).collect();
        let writer = Writer::begin(self.request.format, header, out);
        Ok(match self.request.format {
            Format::JsonLines => Step::Checkpoints(writer, None),
            _ => Step::Records(writer, None),
        })
    }

    /// Checkpoints stand before all records, so that whoever verifies needs to hold no record. One that was signed before
    /// the time asked for says nothing of what was written in it.
    fn checkpoints(
        &self,
        store: &Store,
        mut writer: Writer,
        after: Option<Checkpoint>,
        out: &mut Vec<u8>,
    ) -> Result<Step, StoreError> {
        let page = checkpoints(store, self.request.node.as_deref(), after.as_ref())?;
        let Some(last) = page.last().cloned() else { return Ok(Step::Records(writer, None)) };
        let from = self.request.query.from;
        for checkpoint in page {
            if from.is_none_or(|from| checkpoint.signed_at >= from) {
                writer.checkpoint(checkpoint, out);
            }
        }
        Ok(Step::Checkpoints(writer, Some(last)))
    }

    fn page(
        &mut self,
        store: &Store,
        mut writer: Writer,
        after: Option<Cursor>,
        out: &mut Vec<u8>,
    ) -> Result<Step, StoreError> {
        let page = if self.scope == Scope::Picked {
            self.pick(store, after)?
        } else {
            self.scan(store, after)?
        };
        for record in &page.records {
            writer.record(record, out);
        }
        self.records += u64::try_from(page.records.len()).unwrap_or(0);
        self.reached = page.reached.or(self.reached);
        if page.next.is_some() {
            return Ok(Step::Records(writer, page.next));
        }
        writer.end(out);
        Ok(Step::Done)
    }

    /// What follows in the order of writing: times are those of writing, so that chains have no gaps.
    fn scan(&mut self, store: &Store, after: Option<Cursor>) -> Result<Page, StoreError> {
        let ExportRequest { query, node, .. } = &self.request;
        let range = ScanRange { from: query.from, to: query.to, after, node: node.clone() };
        let Some(batch) = store.scan_batch(&range)? else { return Ok(Page::default()) };
        self.unreadable += u64::try_from(batch.unreadable.len()).unwrap_or(0);
        Ok(Page { records: batch.records, reached: Some(batch.at), next: Some(batch.end) })
    }

    /// What follows of that which the filters match. The store gives those that were written late at the end when it is
    /// asked for what began before a time, and a chain has its order: so that time is looked at here.
    fn pick(&self, store: &Store, after: Option<Cursor>) -> Result<Page, StoreError> {
        let ExportRequest { query, node, .. } = &self.request;
        let next =
            RecordQuery { limit: RECORDS, after, to: None, newest_first: false, ..query.clone() };
        let page = store.records(&next)?;
        let (mut records, mut next) = (page.events, page.next);
        let reached = records.last().map(|record| record.started_at);
        if let Some(to) = query.to {
            let is_late = |at: UnixMillis| at >= to.plus_secs(LATEST_SECS);
            next = next.filter(|_| !reached.is_some_and(is_late));
            records.retain(|record| record.started_at < to);
        }
        records.retain(|record| node.as_deref().is_none_or(|node| *record.node == *node));
        Ok(Page { records, reached, next })
    }
}

/// Some records, and where to go on.
#[derive(Default)]
struct Page {
    records: Vec<Record>,
    reached: Option<UnixMillis>,
    next: Option<Cursor>,
}
