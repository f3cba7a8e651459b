//! Sums for the dashboard: calls, denials, findings, tokens and times, by time, agent, model, AppContext or endpoint.
//!
//! Owns how the sums that are written with the records are put together. It must never read the records.

mod figures;
mod times;

use super::{
    super::{
        Store, StoreError,
        records::{COUNTS, HOUR_MS, MINUTE_MS, NAMES, POSITION_BITS},
    },
    position_at,
    statement::Statement,
};
use crate::types::{Severity, UnixMillis, text_enum};
use diesel::{
    RunQueryDsl as _,
    sql_types::{BigInt, Text},
};
use figures::Times;
pub use figures::{Counts, Figures, Percentiles};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

text_enum! {
    /// How fine sums are in time.
    SumsWidth {
        /// Kept for two days.
        Minute = "minute",
        /// Kept as long as the records.
        Hour = "hour",
        /// Whole days (UTC).
        Day = "day",
    }
}

text_enum! {
    /// What there is one sum of each of.
    SumsGroup {
        /// A step in time.
        Time = "time",
        /// An agent's name.
        Agent = "agent",
        /// A model, as it was asked for.
        Model = "model",
        /// An AppContext's id.
        AppContext = "app_context",
        /// An endpoint's name.
        Endpoint = "endpoint",
    }
}

/// Which exchanges are summed up, by when they began.
#[derive(Clone, Debug)]
pub struct SumsQuery {
    /// From the step in which this moment is.
    pub from: UnixMillis,
    /// Before this moment.
    pub to: UnixMillis,
    /// How fine.
    pub width: SumsWidth,
    /// How many minutes, hours or days a step in time has; steps begin where whole ones since 1970 do. Of sums by time
    /// alone: others have no steps.
    pub every: u16,
    /// One sum for each of what.
    pub group: SumsGroup,
    /// Only of this agent: its id when it has the form of a UUID, its name otherwise. Sums are kept by name.
    pub agent: Option<String>,
    /// Only for this model.
    pub model: Option<String>,
    /// Only of this AppContext.
    pub app_context: Option<String>,
    /// Only for this endpoint.
    pub endpoint: Option<String>,
}

/// One sum.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Sums {
    /// Of which agent, model, AppContext or endpoint; empty for those without, and when grouped by time.
    pub name: String,
    /// Of which step in time; the beginning of the whole time when not grouped by time.
    pub at: UnixMillis,
    /// What was added up.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Sums, and the sum of them.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Summed {
    /// By time in its order, otherwise those with the most calls first. What nothing is known of has no sum.
    pub sums: Vec<Sums>,
    /// All of them together.
    pub total: Figures,
}

/// Findings of one type and severity.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct FindingSums {
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The worst in its exchange.
    pub severity: Severity,
    /// In how many exchanges.
    pub exchanges: i64,
    /// How often.
    pub findings: i64,
}

/// What one rule found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FindingTotals {
    /// The rule's id.
    pub rule: String,
    /// How often.
    pub findings: i64,
    /// In how many exchanges.
    pub exchanges: i64,
    /// When the last of them was written.
    pub last_at: UnixMillis,
}

/// More sums than these are not read for percentiles, which would take too long: those of a few hundred agents in a month.
const MOST_SLOTTED: i64 = 500_000;

/// Name, moment, how many sums, and [`Counts`].
type SumsRow = (
    Text,
    BigInt,
    BigInt,
    (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
);

impl SumsWidth {
    /// In milliseconds.
    const fn millis(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => 24 * HOUR_MS,
        }
    }
}

impl Store {
    /// Sums of what began in a time. Without percentiles when too many would have to be read for them.
    pub fn sums(&self, query: &SumsQuery) -> Result<Summed, StoreError> {
        self.sums_within(query, MOST_SLOTTED)
    }

    /// The same, where so many are not too many.
    pub(super) fn sums_within(&self, query: &SumsQuery, most: i64) -> Result<Summed, StoreError> {
        let agent = query.agent.as_deref().map(|agent| self.who(agent)).transpose()?;
        // An id that nobody has is nobody's name.
        let agent = agent.and_then(|who| who.name.or(who.id));
        let query = &SumsQuery { agent, ..query.clone() };
        self.record.look(|connection| {
            let rows: Vec<(String, i64, i64, Counts)> = query.counts().load(connection)?;
            let is_told = rows.iter().map(|(_, _, sums, _)| sums).sum::<i64>() <= most;
            let times =
                if is_told { times::of_groups(connection, query)? } else { BTreeMap::new() };
            let mut total = Counts::default();
            let mut took = Times::none();
            times.values().for_each(|times| took += times);
            let sums = rows.into_iter().map(|(name, at, _, counts)| {
                total += &counts;
                let group = (name, at);
                let percentiles = times.get(&group).map(Times::percentiles).unwrap_or_default();
                let figures = Figures { counts, percentiles };
                Sums { name: group.0, at: UnixMillis(at), figures }
            });
            let sums = sums.collect();
            Ok(Summed { sums, total: Figures { counts: total, percentiles: took.percentiles() } })
        })
    }

    /// Findings of what was written in a time, by type and severity, the most frequent first.
    pub fn finding_sums(
        &self,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<Vec<FindingSums>, StoreError> {
        let mut statement: Statement<(Text, Text, BigInt, BigInt)> = Statement::new(
            "SELECT finding_type, severity, CAST(SUM(first_of_type) AS BIGINT), \
             CAST(SUM(count) AS BIGINT) FROM audit_findings WHERE position >= ",
        );
        statement.number(position_at(from)).sql(" AND position < ").number(position_at(to));
        statement.sql(" GROUP BY finding_type, severity ORDER BY 4 DESC, 1, 2");
        let rows: Vec<(String, String, i64, i64)> =
            self.record.run(|connection| Ok(statement.load(connection)?))?;
        let sums = rows.into_iter().filter_map(|(kind, severity, exchanges, findings)| {
            let Some(severity) = Severity::parse(&severity) else {
                tracing::warn!(kind, severity, "findings that somebody changed cannot be read");
                return None;
            };
            Some(FindingSums { kind, severity, exchanges, findings })
        });
        Ok(sums.collect())
    }
}

impl Store {
    /// Findings of what was written in a time, by rule.
    pub fn finding_totals(
        &self,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<Vec<FindingTotals>, StoreError> {
        let mut statement: Statement<(Text, BigInt, BigInt, BigInt)> = Statement::new(
            "SELECT rule, CAST(SUM(count) AS BIGINT), COUNT(DISTINCT position), MAX(position) \
             FROM audit_findings WHERE position >= ",
        );
        statement.number(position_at(from)).sql(" AND position < ").number(position_at(to));
        statement.sql(" GROUP BY rule");
        let rows: Vec<(String, i64, i64, i64)> =
            self.record.run(|connection| Ok(statement.load(connection)?))?;
        let totals = |(rule, findings, exchanges, last)| FindingTotals {
            rule,
            findings,
            exchanges,
            last_at: UnixMillis(last >> POSITION_BITS),
        };
        Ok(rows.into_iter().map(totals).collect())
    }
}

impl SumsQuery {
    /// A step in time, in milliseconds.
    fn step(&self) -> i64 {
        let every = if self.group == SumsGroup::Time { self.every.max(1) } else { 1 };
        self.width.millis() * i64::from(every)
    }

    /// Where the step begins in which the time does.
    fn begin(&self) -> i64 {
        self.from.0 - self.from.0.rem_euclid(self.step())
    }

    /// The sums of each group.
    fn counts(&self) -> Statement<SumsRow> {
        let step = self.step();
        let mut statement = Statement::new("SELECT ");
        match self.group.column() {
            Some(column) => {
                statement.sql(column).sql(", CAST(").number(self.begin()).sql(" AS BIGINT)")
            }
            None => statement.sql(format!("'', bucket - bucket % {step}")),
        };
        statement.sql(", COUNT(*)");
        for count in COUNTS {
            statement.sql(format!(", CAST(COALESCE(SUM({count}), 0) AS BIGINT)"));
        }
        self.among(&mut statement, self.begin());
        match self.group.column() {
            Some(column) => statement.sql(format!(" GROUP BY {column} ORDER BY 4 DESC, {column}")),
            None => statement.sql(" GROUP BY 2 ORDER BY 2"),
        };
        statement
    }

    /// ` FROM` all sums that are asked for, from a bucket on.
    fn among<ST>(&self, statement: &mut Statement<ST>, from: i64) {
        statement.sql(" FROM audit_sums WHERE width = ").number(self.width.millis().min(HOUR_MS));
        statement.sql(" AND bucket >= ").number(from).sql(" AND bucket < ").number(self.to.0);
        let wanted = [&self.agent, &self.model, &self.app_context, &self.endpoint];
        for (column, value) in NAMES.into_iter().zip(wanted) {
            if let Some(value) = value {
                statement.sql(format!(" AND {column} = ")).text(value);
            }
        }
    }

    /// The name and the moment of the group that a sum is in.
    fn group_of(&self, bucket: i64, names: &[String; NAMES.len()]) -> (String, i64) {
        let mut named = NAMES.into_iter().zip(names);
        match self.group.column() {
            Some(column) => {
                let name = named.find(|(name, _)| *name == column).map(|(_, value)| value.clone());
                (name.unwrap_or_default(), self.begin())
            }
            None => (String::new(), bucket - bucket.rem_euclid(self.step())),
        }
    }
}

impl SumsGroup {
    const fn column(self) -> Option<&'static str> {
        match self {
            Self::Time => None,
            Self::Agent => Some("agent_name"),
            Self::Model => Some("model"),
            Self::AppContext => Some("app_context"),
            Self::Endpoint => Some("endpoint"),
        }
    }
}
