//! The records of exchanges: appended in batches, read in pages.
//!
//! Owns the order in which readers see records. It must never change a record once it is stored.
//!
//! Readers page by `position`, the order of insertion, not by id. An id is made when an exchange
//! begins, its row is written when it ends: a reader who polls for "everything after the last id"
//! would miss a long exchange that ends after a short one that began later. Positions only grow in
//! the order of commits: SQLite has one writer, and on Postgres one batch at a time is written
//! (see `Pool::write`), since two overlapping ones could commit against the order of their numbers.

mod insert;
mod row;

use super::{Store, StoreError, clean, connection::AnyConnection, schema::records::dsl};
use crate::types::{ExchangeId, Outcome, PolicyResult, Record};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, QueryResult, RunQueryDsl as _,
    SelectableHelper as _,
    dsl::sql,
    sql_types::{Bool, Nullable},
};
use insert::InsertRows;
use row::RecordRow;
use std::{fmt, sync::Arc};
use uuid::Uuid;

/// Rows in one Postgres statement: few enough for the bind limit of 65,535 and enough that the way
/// to the server does not count.
const ROWS_PER_STATEMENT: usize = 50;

/// Where a reader stands. Opaque to clients: they give back what they got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor(i64);

impl Cursor {
    /// Reads what [`Display`](fmt::Display) wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|position| *position > 0).map(Self)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which records, and from where on.
#[derive(Clone, Debug, Default)]
pub struct RecordQuery {
    /// At most this many, 1 to 1,000; other values are moved into these bounds.
    pub limit: u32,
    /// Go on behind this place; `None` begins at the end that the order says.
    pub after: Option<Cursor>,
    /// The latest first; otherwise in the order of their ends.
    pub newest_first: bool,
    /// Only of this agent: its id when it has the form of a UUID, its name otherwise.
    pub agent: Option<String>,
    /// Only for this model, as it was asked for.
    pub model: Option<String>,
    /// Only what the policy answered so.
    pub policy_result: Option<PolicyResult>,
    /// Only what ended so.
    pub outcome: Option<Outcome>,
}

/// Records, and where to go on.
#[derive(Clone, Debug)]
pub struct RecordPage {
    /// The records in the order asked for.
    pub events: Vec<Record>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
    /// The place of the last record here, also on the last page: who polls goes on from there.
    pub end: Option<Cursor>,
}

impl Store {
    /// Appends records in one transaction. Records that are stored already are left alone, so that
    /// a batch whose fate is unknown can be given again.
    pub fn insert_records(&self, batch: &[Arc<Record>]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let rows: Vec<RecordRow> = batch.iter().map(|record| RecordRow::of(record)).collect();
        self.record.write(Some("records"), |connection| Ok(insert(connection, &rows)?))
    }

    /// The record of one exchange.
    pub fn record(&self, id: ExchangeId) -> Result<Option<Record>, StoreError> {
        let row: Option<RecordRow> = self.record.run(|connection| {
            let row = dsl::records.find(id.to_string()).select(RecordRow::as_select());
            Ok(row.first(connection).optional()?)
        })?;
        row.map(RecordRow::into_record).transpose()
    }

    /// One page of records.
    pub fn records(&self, query: &RecordQuery) -> Result<RecordPage, StoreError> {
        let limit = query.limit.clamp(1, 1_000);
        let agent = self.agent_filter(query.agent.as_deref())?;
        let mut rows = self.record.run(|connection| load(connection, query, &agent, limit))?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > wanted;
        rows.truncate(wanted);
        let end = rows.last().map(|(position, _)| Cursor(*position));
        let events =
            rows.into_iter().map(|(_, row)| row.into_record()).collect::<Result<_, _>>()?;
        Ok(RecordPage { events, next: end.filter(|_| has_more), end })
    }
}

/// An agent as records name it. The index is by name; an id finds its name first.
#[derive(Default)]
struct AgentFilter {
    name: Option<String>,
    id: Option<String>,
}

impl Store {
    fn agent_filter(&self, agent: Option<&str>) -> Result<AgentFilter, StoreError> {
        let Some(agent) = agent else { return Ok(AgentFilter::default()) };
        let Ok(id) = Uuid::try_parse(agent) else {
            return Ok(AgentFilter { name: Some(agent.to_owned()), id: None });
        };
        let id = id.hyphenated().to_string();
        let name = self.agent(&id)?.map(|known| known.name);
        Ok(AgentFilter { name, id: Some(id) })
    }
}

/// One row more than the limit, to know whether there is another page.
fn load(
    connection: &mut AnyConnection,
    query: &RecordQuery,
    agent: &AgentFilter,
    limit: u32,
) -> Result<Vec<(i64, RecordRow)>, StoreError> {
    let mut select = dsl::records
        .select((dsl::position, RecordRow::as_select()))
        .limit(i64::from(limit) + 1)
        .into_boxed();
    select = match (query.newest_first, query.after) {
        (false, None) => select.order(dsl::position.asc()),
        (false, Some(Cursor(after))) => {
            select.order(dsl::position.asc()).filter(dsl::position.gt(after))
        }
        (true, None) => select.order(dsl::position.desc()),
        (true, Some(Cursor(after))) => {
            select.order(dsl::position.desc()).filter(dsl::position.lt(after))
        }
    };
    if let Some(name) = &agent.name {
        select = select.filter(dsl::agent_name.eq(clean(name)));
    }
    if let Some(id) = &agent.id {
        select = select.filter(dsl::agent_id.eq(id.clone()));
    }
    if let Some(model) = &query.model {
        select = select.filter(dsl::model.eq(clean(model)));
    }
    // The conditions of the partial indexes have to stand in the query word for word.
    if let Some(policy_result) = query.policy_result {
        select = match policy_result {
            PolicyResult::Deny => select.filter(sql::<Nullable<Bool>>("policy_result = 'deny'")),
            PolicyResult::Allow => select.filter(dsl::policy_result.eq(policy_result.as_str())),
        };
    }
    if let Some(outcome) = query.outcome {
        select = select.filter(dsl::outcome.eq(outcome.as_str()));
        if outcome != Outcome::Completed {
            select = select.filter(sql::<Nullable<Bool>>("outcome <> 'completed'"));
        }
    }
    Ok(select.load(connection)?)
}

/// SQLite runs in this process, so one prepared statement per row is the fastest; Postgres takes
/// many rows at once, prepared for a full chunk and for one row.
fn insert(connection: &mut AnyConnection, rows: &[RecordRow]) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            for row in rows {
                InsertRows(std::array::from_ref(row)).execute(sqlite)?;
            }
        }
        AnyConnection::Postgres(postgres) => {
            let (chunks, rest) = rows.as_chunks::<ROWS_PER_STATEMENT>();
            for chunk in chunks {
                InsertRows(chunk).execute(postgres)?;
            }
            for row in rest {
                InsertRows(std::array::from_ref(row)).execute(postgres)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
