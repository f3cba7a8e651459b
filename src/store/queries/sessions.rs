//! Sessions: what belongs together, summed up from its records.
//!
//! Owns the list of sessions, the one with the latest record first. There is no table of sessions: the list is walked along
//! the record, and a session stands where its last record of the time asked for stands. It must never read more of the
//! record at once than a step; a long session's own records are added up by the database.

use super::{
    super::{Store, StoreError, connection::AnyConnection},
    Cursor,
    filters::Who,
    lead::{Lead, Stretch},
    position_at,
    statement::Statement,
};
use crate::types::UnixMillis;
use diesel::{
    OptionalExtension as _, RunQueryDsl as _,
    sql_types::{BigInt, Nullable, Text},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

/// Records that are looked at in one step.
const STEP: i64 = 2_000;

/// Of a longer session only so many records are summed up, the newest.
const SUMMED: i64 = 10_000;

/// After this time no step is begun.
const TIME: Duration = Duration::from_millis(100);

/// Which sessions, and from where on.
#[derive(Clone, Debug, Default)]
pub struct SessionQuery {
    /// Only those with a record that was written then or later.
    pub from: Option<UnixMillis>,
    /// Only those with a record that was written before.
    pub to: Option<UnixMillis>,
    /// Only those in which this agent takes part: its id when it has the form of a UUID, its name otherwise.
    pub agent: Option<String>,
    /// At most this many, 1 to 200; other values are moved into these bounds.
    pub limit: u32,
    /// Go on behind this place.
    pub after: Option<Cursor>,
}

/// Sessions, and where to go on.
#[derive(Clone, Debug)]
pub struct SessionPage {
    /// The one with the latest record first. Fewer than the limit, even none, while there may be more.
    pub sessions: Vec<SessionSummary>,
    /// Where the next page begins; `None` when there is nothing more.
    pub next: Option<Cursor>,
}

/// What the store has of a session.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct SessionSummary {
    /// Its id, which callers may choose.
    pub session_id: String,
    /// The agent; the first by name when there are several.
    pub agent_name: Option<String>,
    /// How many agents take part.
    pub agents: i64,
    /// When its first call began.
    pub first_at: UnixMillis,
    /// When its last call ended.
    pub last_at: UnixMillis,
    /// From then to then.
    pub duration_ms: i64,
    /// Calls.
    pub calls: i64,
    /// Those that the policy denied.
    pub denied: i64,
    /// Those that a detection rule stopped.
    pub blocked: i64,
    /// Those in which something was found.
    pub findings: i64,
    /// Prompt tokens.
    pub input_tokens: i64,
    /// Completion tokens.
    pub output_tokens: i64,
    /// There is more of the session: this is a sum of its newest 10,000 records.
    pub partial: bool,
}

/// A record's position, session and agent.
type Seen = (i64, Option<String>, Option<String>);

/// The columns of [`summary`].
type SummaryRow =
    (Nullable<Text>, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt);

impl Store {
    /// A page of the sessions that calls belong to.
    pub fn call_sessions(&self, query: &SessionQuery) -> Result<SessionPage, StoreError> {
        let limit = usize::try_from(query.limit.clamp(1, 200)).unwrap_or(1);
        let who = query.agent.as_deref().map(|agent| self.who(agent)).transpose()?;
        self.record.look(|connection| list(connection, query, who.as_ref(), limit))
    }

    /// One session of calls.
    pub fn call_session(&self, id: &str) -> Result<Option<SessionSummary>, StoreError> {
        self.record.run(|connection| summary(connection, id))
    }
}

fn list(
    connection: &mut AnyConnection,
    query: &SessionQuery,
    who: Option<&Who>,
    limit: usize,
) -> Result<SessionPage, StoreError> {
    let began = Instant::now();
    let above = query.from.map_or(0, |from| position_at(from) - 1);
    let end = query.to.map_or(i64::MAX, position_at);
    let mut below = query.after.map_or(end, |after| after.position().min(end));
    let mut seen: HashSet<String> = HashSet::new();
    let mut sessions = Vec::new();
    loop {
        let rows = step(connection, who, above, below)?;
        for (position, session, agent) in &rows {
            below = *position;
            if who.is_some_and(|who| who.id.is_some() && who.id != *agent) {
                continue;
            }
            let Some(id) = session.as_ref().filter(|id| seen.insert((*id).clone())) else {
                continue;
            };
            if !goes_on(connection, who, id, (*position, end))? {
                sessions.extend(summary(connection, id)?);
            }
            if sessions.len() >= limit || began.elapsed() > TIME {
                return Ok(SessionPage { sessions, next: Some(Cursor::Written(below)) });
            }
        }
        if rows.len() < usize::try_from(STEP).unwrap_or(usize::MAX) {
            return Ok(SessionPage { sessions, next: None });
        }
        if began.elapsed() > TIME {
            return Ok(SessionPage { sessions, next: Some(Cursor::Written(below)) });
        }
    }
}

/// The next records, backwards, with their sessions and agents.
fn step(
    connection: &mut AnyConnection,
    who: Option<&Who>,
    above: i64,
    below: i64,
) -> Result<Vec<Seen>, StoreError> {
    let is_postgres = matches!(connection, AnyConnection::Postgres(_));
    let name = who.and_then(|who| who.name.as_deref());
    let lead = name.map_or(Lead::ALL, |name| Lead::column("agent_name", name));
    let stretch = Stretch { after: None, above, below, backwards: true };
    let mut statement: Statement<(BigInt, Nullable<Text>, Nullable<Text>)> = Statement::new(
        "SELECT audit_records.position, audit_records.session_id, audit_records.agent_id",
    );
    lead.next(&mut statement, &stretch, STEP, is_postgres);
    lead.order(&mut statement, true);
    Ok(statement.load(connection)?)
}

/// Whether a session has a later record in the time asked for: then it stands there.
fn goes_on(
    connection: &mut AnyConnection,
    who: Option<&Who>,
    id: &str,
    between: (i64, i64),
) -> Result<bool, StoreError> {
    let mut statement: Statement<BigInt> =
        Statement::new("SELECT position FROM audit_records WHERE position > ");
    statement.number(between.0).sql(" AND position < ").number(between.1);
    statement.sql(" AND session_id = ").text(id);
    if let Some(name) = who.and_then(|who| who.name.as_deref()) {
        statement.sql(" AND agent_name = ").text(name);
    }
    if let Some(id) = who.and_then(|who| who.id.as_deref()) {
        statement.sql(" AND agent_id = ").text(id);
    }
    statement.sql(" LIMIT 1");
    let later: Option<i64> = statement.get_result(connection).optional()?;
    Ok(later.is_some())
}

fn summary(connection: &mut AnyConnection, id: &str) -> Result<Option<SessionSummary>, StoreError> {
    let mut statement: Statement<SummaryRow> = Statement::new(
        "SELECT MIN(agent_name), COUNT(DISTINCT agent_name), COUNT(*), \
         COALESCE(MIN(started_at), 0), COALESCE(MAX(started_at + COALESCE(latency_ms, 0)), 0)",
    );
    for count in [
        "CASE WHEN policy_result = 'deny' THEN 1 ELSE 0 END",
        "CASE WHEN outcome = 'blocked' THEN 1 ELSE 0 END",
        "CASE WHEN findings <> '[]' THEN 1 ELSE 0 END",
        "input_tokens",
        "output_tokens",
    ] {
        statement.sql(format!(", CAST(COALESCE(SUM({count}), 0) AS BIGINT)"));
    }
    let is_postgres = matches!(connection, AnyConnection::Postgres(_));
    let lead = Lead::column("session_id", id);
    let all = Stretch { after: None, above: -1, below: i64::MAX, backwards: true };
    lead.next(&mut statement, &all, SUMMED, is_postgres);
    let (agent_name, agents, calls, first_at, last_at, denied, blocked, findings, input, output): (
        Option<String>,
        i64,
        i64,
        i64,
        i64,
        i64,
        i64,
        i64,
        i64,
        i64,
    ) = statement.get_result(connection)?;
    let behind: Option<(i64, i64)> = match calls {
        SUMMED => lead.reach(&all, SUMMED + 1, is_postgres).get_result(connection).optional()?,
        _ => None,
    };
    Ok((calls > 0).then(|| SessionSummary {
        session_id: id.to_owned(),
        agent_name,
        agents,
        first_at: UnixMillis(first_at),
        last_at: UnixMillis(last_at),
        duration_ms: last_at - first_at,
        calls,
        denied,
        blocked,
        findings,
        input_tokens: input,
        output_tokens: output,
        partial: behind.is_some(),
    }))
}
