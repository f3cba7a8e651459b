//! The record, page by page.
//!
//! Owns the reading of the query; what matches is the store's to say.

use super::{AdminState, problem, session::require_session, store_failed};
use crate::admin::AdminError;
use crate::store::{Cursor, RecordQuery, Store};
use crate::types::{ExchangeId, Outcome, PolicyResult};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Path},
};
use serde::Serialize;
use serde_json::json;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1_000;

/// `GET /api/v1/audit/events?limit=&after=&order=&agent=&model=&policy_result=&outcome=`.
pub(super) async fn list_events(request: HttpRequest, state: Data<AdminState>) -> HttpResponse {
    if let Err(refusal) = require_session(&request, &state).await {
        return refusal;
    }
    let query = match read_query(request.query_string()) {
        Ok(query) => query,
        Err(message) => return problem(400, "invalid_request_error", &message),
    };
    blocking(&state, move |store| {
        let page = store.records(&query)?;
        Ok(Some(json!({
            "events": page.events,
            "next": page.next.map(|cursor| cursor.to_string()),
        })))
    })
    .await
}

/// `GET /api/v1/audit/events/{id}`.
pub(super) async fn show_event(
    request: HttpRequest,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    if let Err(refusal) = require_session(&request, &state).await {
        return refusal;
    }
    let Ok(id) = id.parse() else {
        return problem(400, "invalid_request_error", "The id must be a UUID.");
    };
    blocking(&state, move |store| Ok(store.record(ExchangeId(id))?)).await
}

async fn blocking<T, F>(state: &Data<AdminState>, read: F) -> HttpResponse
where
    T: Serialize + Send + 'static,
    F: FnOnce(&Store) -> Result<Option<T>, AdminError> + Send + 'static,
{
    let store = state.store.clone();
    match web::block(move || read(&store)).await {
        Ok(Ok(Some(value))) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(value)
        }
        Ok(Ok(None)) => problem(404, "not_found", "There is no record with this id."),
        Ok(Err(error)) => store_failed(&error),
        Err(_) => problem(503, "gateway_unavailable", "Try again shortly."),
    }
}

fn read_query(query: &str) -> Result<RecordQuery, String> {
    let mut read = RecordQuery { limit: DEFAULT_LIMIT, ..RecordQuery::default() };
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        let bad = |expected: &str| format!("{key} must be {expected}.");
        match &*key {
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                read.limit = limit.ok_or_else(|| bad("a number from 1 to 1000"))?;
            }
            "after" => {
                let cursor = Cursor::parse(&value).ok_or_else(|| bad("the 'next' of a page"))?;
                read.after = Some(cursor);
            }
            "order" => {
                read.newest_first = match &*value {
                    "asc" => false,
                    "desc" => true,
                    _ => return Err(bad("asc or desc")),
                };
            }
            "agent" => read.agent = Some(value.into_owned()),
            "model" => read.model = Some(value.into_owned()),
            "policy_result" => {
                let result = PolicyResult::parse(&value).ok_or_else(|| bad("allow or deny"))?;
                read.policy_result = Some(result);
            }
            "outcome" => {
                let outcome =
                    Outcome::parse(&value).ok_or_else(|| bad("an outcome of a record"))?;
                read.outcome = Some(outcome);
            }
            _ => return Err(format!("There is no filter {key:?}.")),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_read_and_its_mistakes_are_named() {
        let query =
            read_query("limit=7&order=desc&agent=bot&policy_result=deny&outcome=denied&after=")
                .unwrap();
        assert_eq!((query.limit, query.newest_first), (7, true));
        assert_eq!(query.agent.as_deref(), Some("bot"));
        assert_eq!(query.policy_result, Some(PolicyResult::Deny));
        assert_eq!(query.outcome, Some(Outcome::Denied));
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=x",
            "order=up",
            "outcome=x",
            "policy_result=x",
            "colour=red",
        ] {
            assert!(read_query(bad).is_err(), "{bad}");
        }
    }
}
