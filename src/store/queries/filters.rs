//! What a query asks for: as conditions on a record, and as the indexes that may lead to it.
//!
//! Owns which filter has which index. It must never leave a filter out of the conditions because an index stands for it.

use super::{
    super::{Store, StoreError},
    RecordQuery,
    lead::Lead,
    statement::Statement,
};
use crate::types::{Outcome, PolicyResult};
use uuid::Uuid;

/// The endpoint of most calls; the index leaves it out.
const USUAL_ENDPOINT: &str = "chat/completions";

/// The filters of a query.
pub(super) struct Filters {
    conditions: Vec<Condition>,
    /// The indexes that may lead, never empty.
    pub(super) leads: Vec<Lead>,
    /// Whether all that the one lead finds is asked for.
    pub(super) lead_is_all: bool,
}

enum Condition {
    /// A column has this value.
    Equals(&'static str, String),
    /// A column has at least this value.
    AtLeast(&'static str, i64),
    /// A column has a smaller value.
    Below(&'static str, i64),
    /// There is a finding of this type.
    Finding(String),
}

impl Filters {
    fn equals(&mut self, column: &'static str, value: Option<&str>, lead: Option<Lead>) {
        let Some(value) = value else { return };
        self.conditions.push(Condition::Equals(column, value.to_owned()));
        self.leads.extend(lead);
    }

    /// A column whose index has all values.
    fn indexed(&mut self, column: &'static str, value: Option<&str>) {
        self.equals(column, value, value.map(|value| Lead::column(column, value)));
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
                // Quotes inside of a JSON string are escaped: only a finding's own type looks like this.
                Condition::Finding(kind) => {
                    let position = if is_postgres { "strpos" } else { "instr" };
                    let found = format!("\"type\":{}", serde_json::Value::from(kind.as_str()));
                    statement.sql(format!(" AND {position}(audit_records.findings, "));
                    statement.text(&found).sql(") > 0")
                }
            };
        }
    }
}

impl Store {
    /// The filters of a query. The index of agents is by name; an id finds its name first.
    pub(super) fn filters(&self, query: &RecordQuery) -> Result<Filters, StoreError> {
        let mut filters = Filters { conditions: Vec::new(), leads: Vec::new(), lead_is_all: false };
        filters.indexed("session_id", query.session.as_deref());
        if let Some(kind) = &query.finding {
            filters.conditions.push(Condition::Finding(kind.clone()));
            filters.leads.push(Lead::finding(kind));
        }
        if let Some(agent) = &query.agent {
            match Uuid::try_parse(agent) {
                Ok(id) => {
                    let id = id.hyphenated().to_string();
                    let name = self.agent(&id)?.map(|known| known.name);
                    filters.equals("agent_id", Some(&id), None);
                    filters.indexed("agent_name", name.as_deref());
                }
                Err(_) => filters.indexed("agent_name", Some(agent)),
            }
        }
        filters.by_result(query);
        filters.indexed("model", query.model.as_deref());
        let app_context = query.app_context.as_deref();
        let lead = |id| Lead::partial("app_context", id, "app_context IS NOT NULL");
        filters.equals("app_context", app_context, app_context.map(lead));
        let endpoint = query.endpoint.as_deref();
        let rare = endpoint.filter(|endpoint| *endpoint != USUAL_ENDPOINT);
        let lead = |endpoint| Lead::partial("endpoint", endpoint, "endpoint <> 'chat/completions'");
        filters.equals("endpoint", endpoint, rare.map(lead));
        if let Some(from) = query.from {
            filters.conditions.push(Condition::AtLeast("started_at", from.0));
        }
        if let Some(to) = query.to {
            filters.conditions.push(Condition::Below("started_at", to.0));
        }
        if filters.leads.is_empty() {
            filters.leads.push(Lead::ALL);
            filters.lead_is_all = filters.conditions.is_empty();
        } else {
            filters.lead_is_all = filters.conditions.len() == 1;
        }
        Ok(filters)
    }
}

impl Filters {
    fn by_result(&mut self, query: &RecordQuery) {
        if let Some(result) = query.policy_result {
            let lead = (result == PolicyResult::Deny).then_some(Lead::DENIED);
            self.equals("policy_result", Some(result.as_str()), lead);
        }
        if let Some(outcome) = query.outcome {
            let lead = (outcome != Outcome::Completed)
                .then(|| Lead::partial("outcome", outcome.as_str(), "outcome <> 'completed'"));
            self.equals("outcome", Some(outcome.as_str()), lead);
        }
    }
}
