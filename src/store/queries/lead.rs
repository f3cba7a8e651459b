//! Leads: the indexes by which records are found, so that a filter never reads what it does not match for long.
//!
//! Owns how an index is walked in order, on both databases. It must never leave the choice of an index to Postgres: its
//! estimate is a guess, and a wrong one reads millions of rows.
//!
//! So the order names the index's columns, of which the first is compared with an array of one value: Postgres takes
//! that for no constant, and no other index has this order (see also `POSTGRES_SETUP` in `connection`).

use super::{Cursor, statement::Statement};
use diesel::sql_types::BigInt;

const FINDINGS: &str = "audit_findings";

/// An index that can lead to the records which a query asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Lead {
    table: &'static str,
    /// The index's first column, and the value that it must have.
    equals: Option<(&'static str, String)>,
    /// The condition of a partial index, word for word.
    condition: Option<&'static str>,
    /// Orders by the moment at which an exchange began, then by position.
    by_start: bool,
}

/// The part of an index that is still to be walked; the bounds lie outside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// Behind this place, in the direction of the walk.
    pub(super) after: Option<Cursor>,
    /// Bounds of the position, or of the beginning for what was written late.
    pub(super) above: i64,
    /// The upper one.
    pub(super) below: i64,
    /// From the end to the beginning.
    pub(super) backwards: bool,
}

impl Lead {
    /// All records by position.
    pub(super) const ALL: Self =
        Self { table: "audit_records", equals: None, condition: None, by_start: false };

    /// What was denied.
    pub(super) const DENIED: Self = Self { condition: Some("policy_result = 'deny'"), ..Self::ALL };

    /// What was written more than an hour after it began.
    pub(super) const LATE: Self = Self {
        condition: Some("(position >> 20) - started_at > 3600000"),
        by_start: true,
        ..Self::ALL
    };

    /// A column that has an index with the position behind it.
    pub(super) fn column(column: &'static str, value: &str) -> Self {
        Self { equals: Some((column, value.to_owned())), ..Self::ALL }
    }

    /// The same, where the index leaves out what does not fulfil a condition.
    pub(super) fn partial(column: &'static str, value: &str, condition: &'static str) -> Self {
        Self { condition: Some(condition), ..Self::column(column, value) }
    }

    /// Records with a finding of this type.
    pub(super) fn finding(finding_type: &str) -> Self {
        let by_type = Self::partial("finding_type", finding_type, "first_of_type = 1");
        Self { table: FINDINGS, ..by_type }
    }

    /// Records in which this rule found something.
    pub(super) fn finding_rule(rule: &str) -> Self {
        Self { table: FINDINGS, ..Self::column("rule", rule) }
    }

    /// The place of the last of the next `count` entries: one row, or none when there are fewer. Touches the index alone.
    pub(super) fn reach(
        &self,
        stretch: &Stretch,
        count: i64,
        is_postgres: bool,
    ) -> Statement<(BigInt, BigInt)> {
        let started_at = if self.by_start { "started_at" } else { "0" };
        let mut statement = Statement::new(format!(
            "SELECT CAST({started_at} AS BIGINT), position FROM {}",
            self.table
        ));
        self.walk(&mut statement, stretch, is_postgres);
        statement.sql(" LIMIT 1 OFFSET ").number(count - 1);
        statement
    }

    /// ` FROM` the next `count` entries, as a table `audit_records` for which no other index can be used, ` WHERE`.
    pub(super) fn next<ST>(
        &self,
        statement: &mut Statement<ST>,
        stretch: &Stretch,
        count: i64,
        is_postgres: bool,
    ) {
        match &self.equals {
            Some((column, _)) if self.is_finding() => {
                statement.sql(format!(" FROM (SELECT {column}, position FROM audit_findings"))
            }
            _ => statement.sql(" FROM (SELECT * FROM audit_records"),
        };
        self.walk(statement, stretch, is_postgres);
        statement.sql(" LIMIT ").number(count);
        statement.sql(match (self.is_finding(), is_postgres) {
            (false, _) => ") AS audit_records WHERE TRUE",
            (true, false) => {
                ") AS found CROSS JOIN audit_records WHERE audit_records.position = found.position"
            }
            // OFFSET 0 keeps the lookup as it is written: one for each finding, in its own week.
            (true, true) => {
                ") AS found CROSS JOIN LATERAL (SELECT * FROM audit_records AS one \
                 WHERE one.position = found.position OFFSET 0) AS audit_records WHERE TRUE"
            }
        });
    }

    /// ` ORDER BY` as the entries come from [`next`](Self::next), so that nothing is sorted.
    pub(super) fn order<ST>(&self, statement: &mut Statement<ST>, backwards: bool) {
        let table = self.alias();
        let direction = if backwards { " DESC" } else { "" };
        let first = self.equals.as_ref().map(|(column, _)| *column);
        let first = first.or(self.by_start.then_some("started_at"));
        statement.sql(" ORDER BY ");
        if let Some(column) = first {
            statement.sql(format!("{table}.{column}{direction}, "));
        }
        statement.sql(format!("{table}.position{direction}"));
    }

    /// The place of an entry.
    pub(super) const fn cursor(&self, started_at: i64, position: i64) -> Cursor {
        if self.by_start {
            Cursor::Late { started_at, position }
        } else {
            Cursor::Written(position)
        }
    }

    /// What the entries are called, inside of a step and outside.
    fn alias(&self) -> &'static str {
        if self.is_finding() { "found" } else { "audit_records" }
    }

    fn is_finding(&self) -> bool {
        self.table == FINDINGS
    }

    /// ` WHERE` and ` ORDER BY`.
    fn walk<ST>(&self, statement: &mut Statement<ST>, stretch: &Stretch, is_postgres: bool) {
        let key = if self.by_start { "started_at" } else { "position" };
        statement.sql(format!(" AS {} WHERE {key} > ", self.alias())).number(stretch.above);
        statement.sql(format!(" AND {key} < ")).number(stretch.below);
        let behind = if stretch.backwards { "<" } else { ">" };
        match stretch.after {
            Some(Cursor::Late { started_at, position }) if self.by_start => {
                statement.sql(format!(" AND (started_at, position) {behind} (")).number(started_at);
                statement.sql(", ").number(position).sql(")");
            }
            Some(after) => {
                statement.sql(format!(" AND position {behind} ")).number(after.position());
            }
            None => {}
        }
        if let Some((column, value)) = &self.equals {
            let (open, close) = if is_postgres { ("ANY(ARRAY[", "])") } else { ("", "") };
            statement.sql(format!(" AND {column} = {open}")).text(value).sql(close);
        }
        if let Some(condition) = self.condition {
            statement.sql(format!(" AND {condition}"));
        }
        self.order(statement, stretch.backwards);
    }
}
