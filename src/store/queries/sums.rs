//! Sums for the dashboard: calls, denials, findings, tokens and times, by time, agent, model, AppContext or endpoint.
//!
//! Owns how the sums that are written with the records are put together: one query each. It must never read the records.

mod figures;

use super::{
    super::{
        Store, StoreError,
        records::{COUNTS, HOUR_MS, MINUTE_MS, POSITION_BITS, SLOTS},
    },
    position_at,
    statement::Statement,
};
use crate::types::{Severity, UnixMillis, text_enum};
use diesel::{
    RunQueryDsl as _,
    sql_types::{BigInt, Nullable, Text},
};
pub use figures::{Counts, Figures, Percentiles};
use figures::{Slotted, Times};
use schemars::JsonSchema;
use serde::Serialize;

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
    /// How many minutes, hours or days a step in time has; steps begin where whole ones since 1970 do.
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

/// Name, moment, [`Counts`], and how long they took.
type SumsRow = (
    Text,
    BigInt,
    (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
    (Nullable<Text>, Nullable<Text>),
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
    /// Sums of what began in a time.
    pub fn sums(&self, query: &SumsQuery) -> Result<Summed, StoreError> {
        let mut statement = query.select();
        let agent = query.agent.as_deref().map(|agent| self.who(agent)).transpose()?;
        // An id that nobody has is nobody's name.
        let agent = agent.and_then(|who| who.name.or(who.id));
        for (column, value) in [
            ("agent_name", &agent),
            ("model", &query.model),
            ("app_context", &query.app_context),
            ("endpoint", &query.endpoint),
        ] {
            if let Some(value) = value {
                statement.sql(format!(" AND {column} = ")).text(value);
            }
        }
        match query.group.column() {
            Some(column) => statement.sql(format!(" GROUP BY {column} ORDER BY 3 DESC, {column}")),
            None => statement.sql(" GROUP BY 2 ORDER BY 2"),
        };
        let rows: Vec<(String, i64, Counts, Slotted)> =
            self.record.run(|connection| Ok(statement.load(connection)?))?;
        let (mut counted, mut took) = (Counts::default(), Times::none());
        let sums = rows.into_iter().map(|(name, at, counts, times)| {
            let times = Times::read(times);
            counted += &counts;
            took += &times;
            let figures = Figures { counts, percentiles: times.percentiles() };
            Sums { name, at: UnixMillis(at), figures }
        });
        let sums = sums.collect();
        Ok(Summed { sums, total: Figures { counts: counted, percentiles: took.percentiles() } })
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
            "SELECT rule, CAST(SUM(count) AS BIGINT), COUNT(*), MAX(position) \
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
    /// What is asked for, of all in this time.
    fn select(&self) -> Statement<SumsRow> {
        let step = self.width.millis() * i64::from(self.every.max(1));
        let from = self.from.0 - self.from.0.rem_euclid(step);
        let mut statement = Statement::new("SELECT ");
        match self.group.column() {
            Some(column) => statement.sql(column).sql(", CAST(").number(from).sql(" AS BIGINT)"),
            None => statement.sql(format!("'', bucket - bucket % {step}")),
        };
        for count in COUNTS {
            statement.sql(format!(", CAST(COALESCE(SUM({count}), 0) AS BIGINT)"));
        }
        for slots in SLOTS {
            let joined = format!("string_agg({slots}, '')");
            statement.sql(format!(", CASE WHEN COUNT(*) = COUNT({slots}) THEN {joined} END"));
        }
        statement.sql(" FROM audit_sums WHERE width = ").number(self.width.millis().min(HOUR_MS));
        statement.sql(" AND bucket >= ").number(from).sql(" AND bucket < ").number(self.to.0);
        statement
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
