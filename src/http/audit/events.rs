//! The record, page by page, and what the database did not take of it.

use super::{AdminState, Parameters, answer, blocking, problem, show};
use crate::store::{RecordQuery, SetAside};
use crate::types::{ExchangeId, Record};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Records, and where to go on.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct Events {
    /// Fewer than asked for, even none, while there may be more.
    events: Vec<Record>,
    /// The `after` of the next page; null on the last.
    next: Option<String>,
}

/// Records that the database did not take, and where to go on.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct SetAsideRecords {
    /// The oldest first.
    set_aside: Vec<SetAside>,
    /// The `after` of the next page; null on the last.
    next: Option<String>,
}

/// `GET /api/v1/audit/events`: from, to, agent, app_context, model, endpoint, policy_result, outcome, finding, finding_rule, session;
/// limit, after, order.
pub(in crate::http) async fn list_events(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    answer(&request, &state, read_query, |store, query| {
        let page = store.records(&query)?;
        let next = page.next.map(|cursor| cursor.to_string());
        Ok(Events { events: page.events, next })
    })
    .await
}

/// `GET /api/v1/audit/events/{id}`.
pub(in crate::http) async fn show_event(id: Path<String>, state: Data<AdminState>) -> HttpResponse {
    let Ok(id) = id.parse() else {
        return problem(400, "invalid_request_error", "The id must be a UUID.");
    };
    show(blocking(&state, move |store| Ok(store.record(ExchangeId(id))?)).await)
}

/// `GET /api/v1/audit/set-aside`: limit, after.
pub(in crate::http) async fn list_set_aside(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    let read = |query: &mut Parameters| {
        let after = query.choice("after", |text| text.parse().ok(), "the 'next' of a page")?;
        Ok((query.limit()?, after.unwrap_or(0)))
    };
    answer(&request, &state, read, |store, (limit, after)| {
        let records = store.set_aside(limit, after)?;
        let is_full = u32::try_from(records.len()).is_ok_and(|count| count >= limit);
        let next = records.last().filter(|_| is_full).map(|last| last.position.to_string());
        Ok(SetAsideRecords { set_aside: records, next })
    })
    .await
}

fn read_query(query: &mut Parameters) -> Result<RecordQuery, String> {
    let order = |text: &str| match text {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    };
    let newest_first = query.choice("order", order, "asc or desc")?.unwrap_or(false);
    let (limit, after) = (query.limit()?, query.after()?);
    Ok(RecordQuery { limit, after, newest_first, ..query.records()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Outcome, PolicyResult, UnixMillis};

    #[test]
    fn the_query_is_read_and_its_mistakes_are_named() {
        let text = "limit=7&order=desc&agent=bot&policy_result=deny&outcome=denied&after=\
                    &from=2026-11-22&to=2026-11-22T08:00:00Z&session=a/b&finding=PII_SSN&finding_rule=us-ssn";
        let query = Parameters::read(text, read_query).unwrap();
        assert_eq!((query.limit, query.newest_first), (7, true));
        assert_eq!(query.agent.as_deref(), Some("bot"));
        assert_eq!(query.policy_result, Some(PolicyResult::Deny));
        assert_eq!(query.outcome, Some(Outcome::Denied));
        assert_eq!(query.from, UnixMillis::parse("2026-11-22T00:00:00Z"));
        assert_eq!(query.to, UnixMillis::parse("2026-11-22T08:00:00Z"));
        assert_eq!(query.session.as_deref(), Some("a/b"));
        assert_eq!(query.finding.as_deref(), Some("PII_SSN"));
        assert_eq!(query.finding_rule.as_deref(), Some("us-ssn"));
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=x",
            "order=up",
            "outcome=x",
            "policy_result=x",
            "from=yesterday",
            "after=x",
            "colour=red",
        ] {
            let error = Parameters::read(bad, read_query).unwrap_err();
            let name = bad.split('=').next().unwrap();
            assert!(error.contains(name), "{bad}: {error}");
        }
    }
}
