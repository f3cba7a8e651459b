//! What a query asks for: as conditions on a record, and as the indexes that may lead to it.
//!
//! Owns which filter has which index. It must never leave a filter out of the conditions because an index stands for it.

use super::{
    super::{Store, StoreError},
    RecordQuery,
    lead::Lead,
    statement::Statement,
};
use crate::types::{Outcome, PolicyResult, UnixMillis, text_enum};
use uuid::Uuid;

/// The endpoint of most calls; the index leaves it out.
const USUAL_ENDPOINT: &str = "chat/completions";

/// The endpoint that stands in the records of administrative changes.
const ADMIN_ENDPOINT: &str = "admin";

text_enum! {
    /// Sorts of records that no single column tells.
    RecordKind {
        /// What agents asked for.
        Calls = "calls",
        /// What administrators changed.
        Changes = "changes",
        /// Calls in which something was found.
        Findings = "findings",
        /// Calls in which the provider failed, or the gate: what the sums count as failed.
        Failures = "failures",
    }
}

/// The filters of a query.
pub(super) struct Filters {
    conditions: Vec<Condition>,
    /// The indexes that may lead, never empty.
    pub(super) leads: Vec<Lead>,
    /// Whether all that the one lead finds is asked for.
    pub(super) lead_is_all: bool,
}

/// An agent that is asked for.
pub(super) struct Who {
    pub(super) id: Option<String>,
    /// What it is called; `None` when nobody has the id any more.
    pub(super) name: Option<String>,
}

enum Condition {
    /// A column has this value.
    Equals(&'static str, String),
    /// A column has at least this value.
    AtLeast(&'static str, i64),
    /// A column has a smaller value.
    Below(&'static str, i64),
    /// There is a finding of which this field says this.
    Finding(&'static str, String),
    /// It is of a sort, in words of SQL.
    Is(&'static str),
}

impl Filters {
    /// Takes what has this value, whatever leads to it.
    fn equals(&mut self, column: &'static str, value: &str) {
        self.conditions.push(Condition::Equals(column, value.to_owned()));
    }

    /// Takes what has this value; the index of the column may lead.
    fn indexed(&mut self, column: &'static str, value: &str) {
        self.equals(column, value);
        self.leads.push(Lead::column(column, value));
    }

    /// ` AND …` for each condition.
    pub(super) fn write<ST>(&self, statement: &mut Statement<ST>, is_postgres: bool) {
        for condition in &self.conditions {
            match condition {
                Condition::Equals(column, value) => {
                    statement.sql(format!(" AND audit_records.{column} = ")).text(value)
                }
                Condition::AtLeast(column, value) => {
                    statement.sql(format!(" AND audit_records.{column} >= ")).number(*value)
                }
                Condition::Below(column, value) => {
                    statement.sql(format!(" AND audit_records.{column} < ")).number(*value)
                }
                // Quotes inside of a JSON string are escaped: only a finding's own field looks like this.
                Condition::Finding(field, value) => {
                    let position = if is_postgres { "strpos" } else { "instr" };
                    let found = format!("\"{field}\":{}", serde_json::Value::from(value.as_str()));
                    statement.sql(format!(" AND {position}(audit_records.findings, "));
                    statement.text(&found).sql(") > 0")
                }
                Condition::Is(sort) => statement.sql(format!(" AND {sort}")),
            };
        }
    }
}

impl Filters {
    fn by_finding(&mut self, kind: Option<&str>, rule: Option<&str>) {
        if let Some(kind) = kind {
            self.conditions.push(Condition::Finding("type", kind.to_owned()));
            self.leads.push(Lead::finding(kind));
        }
        if let Some(rule) = rule {
            self.conditions.push(Condition::Finding("rule", rule.to_owned()));
            self.leads.push(Lead::finding_rule(rule));
        }
    }

    fn by_result(&mut self, result: Option<PolicyResult>, outcome: Option<Outcome>) {
        if let Some(result) = result {
            self.equals("policy_result", result.as_str());
            self.leads.extend((result == PolicyResult::Deny).then_some(Lead::DENIED));
        }
        if let Some(outcome) = outcome {
            let lead = || Lead::partial("outcome", outcome.as_str(), "outcome <> 'completed'");
            self.equals("outcome", outcome.as_str());
            self.leads.extend((outcome != Outcome::Completed).then(lead));
        }
    }

    fn by_endpoint(&mut self, endpoint: Option<&str>) {
        if let Some(name) = endpoint {
            let lead = || Lead::partial("endpoint", name, "endpoint <> 'chat/completions'");
            self.equals("endpoint", name);
            self.leads.extend((name != USUAL_ENDPOINT).then(lead));
        }
    }

    fn by_kind(&mut self, kind: Option<RecordKind>) {
        let sort = match kind {
            None => return,
            Some(RecordKind::Changes) => return self.by_endpoint(Some(ADMIN_ENDPOINT)),
            Some(RecordKind::Calls) => "COALESCE(audit_records.endpoint, '') <> 'admin'",
            Some(RecordKind::Findings) => "audit_records.findings <> '[]'",
            Some(RecordKind::Failures) => {
                "audit_records.outcome IN ('upstream_error', 'interrupted')"
            }
        };
        self.conditions.push(Condition::Is(sort));
    }

    fn by_app_context(&mut self, app_context: Option<&str>) {
        if let Some(id) = app_context {
            self.equals("app_context", id);
            self.leads.push(Lead::partial("app_context", id, "app_context IS NOT NULL"));
        }
    }

    fn by_time(&mut self, from: Option<UnixMillis>, to: Option<UnixMillis>) {
        self.conditions.extend(from.map(|from| Condition::AtLeast("started_at", from.0)));
        self.conditions.extend(to.map(|to| Condition::Below("started_at", to.0)));
    }
}

impl Store {
    /// Whom a query means by its agent: an id when it has the form of a UUID, a name otherwise.
    pub(super) fn who(&self, agent: &str) -> Result<Who, StoreError> {
        let Ok(id) = Uuid::try_parse(agent) else {
            return Ok(Who { id: None, name: Some(agent.to_owned()) });
        };
        let id = id.hyphenated().to_string();
        let name = self.agent(&id)?.map(|agent| agent.name);
        Ok(Who { id: Some(id), name })
    }

    /// The filters of a query. The index of agents is by name; an id finds its name first.
    pub(super) fn filters(&self, query: &RecordQuery) -> Result<Filters, StoreError> {
        let mut filters = Filters { conditions: Vec::new(), leads: Vec::new(), lead_is_all: false };
        if let Some(agent) = &query.agent {
            let Who { id, name } = self.who(agent)?;
            if let Some(id) = id {
                filters.equals("agent_id", &id);
            }
            if let Some(name) = name {
                filters.indexed("agent_name", &name);
            }
        }
        if let Some(session) = &query.session {
            filters.indexed("session_id", session);
        }
        if let Some(model) = &query.model {
            filters.indexed("model", model);
        }
        filters.by_finding(query.finding.as_deref(), query.finding_rule.as_deref());
        filters.by_result(query.policy_result, query.outcome);
        filters.by_app_context(query.app_context.as_deref());
        filters.by_endpoint(query.endpoint.as_deref());
        if let Some(surface) = query.surface {
            filters.equals("surface", surface.as_str());
        }
        filters.by_kind(query.kind);
        filters.by_time(query.from, query.to);
        // One condition is the lead's own.
        filters.lead_is_all = filters.conditions.len() == filters.leads.len().min(1);
        if filters.leads.is_empty() {
            filters.leads.push(Lead::ALL);
        }
        Ok(filters)
    }
}
