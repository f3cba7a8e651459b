//! The record by what the policy is asked: who, what for, which model, which tools.
//!
//! Owns how records that are alike are counted together, a bounded number at a time. It must never read more of a record
//! than a decision takes.

use super::{
    super::{Store, StoreError},
    CLOCKS_DIFFER_MS, POSITION_BITS, position_at,
    statement::Statement,
};
use crate::types::UnixMillis;
use diesel::{
    Queryable, RunQueryDsl as _,
    sql_types::{BigInt, Nullable, Text},
};

/// Records that are looked at in one statement.
const CHUNK: u32 = 50_000;

/// What was written longer after the range's end is not looked for.
const WRITTEN_WITHIN_MS: i64 = 24 * 60 * 60 * 1_000;

/// Which exchanges, by when they began.
#[derive(Clone, Copy, Debug, Default)]
pub struct CombinationRange {
    /// Only what began then or later.
    pub from: Option<UnixMillis>,
    /// Only what began before. What was written more than a day after this is not among them.
    pub to: Option<UnixMillis>,
}

/// Records of one time that are alike in all that a decision depends on.
#[derive(Clone, Debug, Eq, PartialEq, Queryable)]
pub struct Combination {
    /// The agent's name.
    pub agent_name: Option<String>,
    /// The agent's type.
    pub agent_type: Option<String>,
    /// Its stored roles, as a JSON list.
    pub roles: String,
    /// The permission.
    pub permission: Option<String>,
    /// The AppContext's id.
    pub app_context: Option<String>,
    /// The door.
    pub surface: String,
    /// The endpoint's name.
    pub endpoint: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The offered tools, as a JSON list.
    pub tool_names: String,
    /// What was decided then.
    pub policy_result: Option<String>,
    /// How many.
    pub records: i64,
    /// The last one's id.
    pub last_id: String,
}

/// Some combinations, and where to go on.
#[derive(Clone, Debug)]
pub struct Combinations {
    /// Those of this chunk; the next one may have the same again.
    pub all: Vec<Combination>,
    /// Until when its records were written.
    pub at: UnixMillis,
    /// The place behind which the next chunk begins.
    pub end: i64,
}

type Row = (
    (
        Nullable<Text>,
        Nullable<Text>,
        Text,
        Nullable<Text>,
        Nullable<Text>,
        Text,
        Nullable<Text>,
        Nullable<Text>,
        Text,
        Nullable<Text>,
        BigInt,
        Text,
    ),
    BigInt,
    BigInt,
);

const COLUMNS: &str = "agent_name, agent_type, roles, permission, app_context, surface, endpoint, model, tool_names, \
                       policy_result";

impl Store {
    /// The next records behind `after` (0: the first), counted together; `None` when there are no more. Administrators'
    /// changes are not among them.
    pub fn combinations(
        &self,
        range: CombinationRange,
        after: i64,
    ) -> Result<Option<Combinations>, StoreError> {
        self.chunk_of_combinations(range, after, CHUNK)
    }

    fn chunk_of_combinations(
        &self,
        range: CombinationRange,
        after: i64,
        records: u32,
    ) -> Result<Option<Combinations>, StoreError> {
        let (from, to) = (range.from.map_or(0, |at| at.0), range.to.map_or(i64::MAX, |at| at.0));
        let first = position_at(UnixMillis(from.saturating_sub(CLOCKS_DIFFER_MS))) - 1;
        let below = range
            .to
            .map_or(i64::MAX, |to| position_at(UnixMillis(to.0.saturating_add(WRITTEN_WITHIN_MS))));
        let mut statement: Statement<Row> = Statement::new(format!(
            "SELECT {COLUMNS}, COUNT(*), MAX(id), is_within, MAX(position) FROM (\
             SELECT {COLUMNS}, id, position, CASE WHEN surface <> 'admin' AND started_at >= "
        ));
        statement.number(from).sql(" AND started_at < ").number(to);
        statement.sql(" THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS is_within");
        statement.sql(" FROM audit_records WHERE position > ").number(first.max(after));
        statement.sql(" AND position < ").number(below);
        statement.sql(format!(
            " ORDER BY position LIMIT {records}) AS chunk GROUP BY {COLUMNS}, is_within"
        ));
        let rows: Vec<(Combination, i64, i64)> =
            self.record.run(|connection| Ok(statement.load(connection)?))?;
        let Some(end) = rows.iter().map(|(_, _, position)| *position).max() else {
            return Ok(None);
        };
        let all = rows.into_iter().filter(|(_, is_within, _)| *is_within == 1);
        let all = all.map(|(combination, _, _)| combination).collect();
        Ok(Some(Combinations { all, at: UnixMillis(end >> POSITION_BITS), end }))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::testing::on_both_databases,
            tests::{HOUR_MS, at, record, write},
        },
        *,
    };
    use crate::types::{Permission, PolicyResult, Record};

    on_both_databases!(
        records_that_are_alike_are_counted_together,
        a_range_is_of_when_exchanges_began,
        many_records_are_counted_chunk_by_chunk,
    );

    fn call(millis: i64, agent: &str, model: &str, tools: &[&str]) -> Record {
        Record {
            agent_name: Some(agent.into()),
            agent_type: Some("interactive".into()),
            roles: ["developer".into()].into(),
            permission: Some(Permission::WebWrite),
            endpoint: Some("chat/completions".into()),
            model: Some(model.into()),
            tool_names: tools.iter().map(|&tool| tool.into()).collect(),
            policy_result: Some(PolicyResult::Allow),
            ..record(millis)
        }
    }

    fn all(store: &Store, range: CombinationRange) -> Vec<Combination> {
        let mut all = Vec::new();
        let mut after = 0;
        while let Some(chunk) = store.combinations(range, after).unwrap() {
            after = chunk.end;
            all.extend(chunk.all);
        }
        all.sort_by(|one, other| {
            (&one.agent_name, &one.tool_names).cmp(&(&other.agent_name, &other.tool_names))
        });
        all
    }

    fn records_that_are_alike_are_counted_together(store: &Store) {
        let last = call(3, "a", "gpt-4o", &["search"]);
        let last_id = last.id.to_string();
        let rest = [call(1, "a", "gpt-4o", &["search"]), call(2, "a", "gpt-4o", &[]), record(2)];
        write(store, 9, rest);
        write(store, 10, [last]);
        let found = all(store, CombinationRange::default());
        let counts: Vec<_> =
            found.iter().map(|it| (it.agent_name.as_deref(), it.records)).collect();
        assert_eq!(counts, [(None, 1), (Some("a"), 2), (Some("a"), 1)]);
        let with_tools = &found[1];
        assert_eq!(
            (with_tools.tool_names.as_str(), &with_tools.last_id),
            ("[\"search\"]", &last_id)
        );
        assert_eq!(with_tools.roles, "[\"developer\"]");
        assert_eq!(with_tools.permission.as_deref(), Some("web:write"));
        assert_eq!(with_tools.policy_result.as_deref(), Some("allow"));
        assert_eq!((found[0].permission.as_deref(), found[0].surface.as_str()), (None, "agent"));
    }

    fn a_range_is_of_when_exchanges_began(store: &Store) {
        let started = [0, HOUR_MS, 2 * HOUR_MS];
        write(store, 3 * HOUR_MS, started.map(|millis| call(millis, "a", "gpt-4o", &[])));
        let count = |from: i64, to: i64| -> i64 {
            let range = CombinationRange { from: Some(at(from)), to: Some(at(to)) };
            all(store, range).iter().map(|it| it.records).sum()
        };
        assert_eq!((count(0, 9 * HOUR_MS), count(1, 9 * HOUR_MS), count(0, HOUR_MS)), (3, 2, 1));
        assert_eq!(count(4 * HOUR_MS, 5 * HOUR_MS), 0);
    }

    fn many_records_are_counted_chunk_by_chunk(store: &Store) {
        for batch in 0..5_i64 {
            let agents = ["a", "b", "c"].into_iter().cycle().take(10);
            write(store, batch, agents.map(|agent| call(batch, agent, "gpt-4o", &[])));
        }
        let (mut records, mut chunks, mut after) = (0, 0, 0);
        while let Some(chunk) =
            store.chunk_of_combinations(CombinationRange::default(), after, 7).unwrap()
        {
            assert!(chunk.all.len() <= 3 && chunk.end > after);
            records += chunk.all.iter().map(|it| it.records).sum::<i64>();
            (chunks, after) = (chunks + 1, chunk.end);
        }
        assert_eq!((records, chunks), (50, 8));
    }
}
