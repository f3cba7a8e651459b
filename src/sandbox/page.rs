//! Lists, a page at a time.
//!
//! Owns `after`, `limit` and `order`, and the form of a list.

use super::problem::Problem;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use url::form_urlencoded;

/// Which part of a list is asked for.
pub(super) struct Page {
    after: Option<String>,
    limit: usize,
    newest_first: bool,
}

impl Page {
    /// Reads the query; `limit` and `newest_first` are what holds when it does not say.
    pub(super) fn read(
        request: &HttpRequest,
        limit: usize,
        newest_first: bool,
    ) -> Result<Self, Problem> {
        let limit = match parameter(request, "limit").map(|limit| limit.parse()) {
            None => limit,
            Some(Ok(limit)) if (1..=10_000).contains(&limit) => limit,
            Some(_) => return Err(Problem::Invalid { param: "limit", expected: "1 to 10000" }),
        };
        let newest_first = match parameter(request, "order").as_deref() {
            None => newest_first,
            Some("asc") => false,
            Some("desc") => true,
            Some(_) => {
                return Err(Problem::Invalid { param: "order", expected: "asc or desc" });
            }
        };
        Ok(Self { after: parameter(request, "after"), limit, newest_first })
    }

    /// The page of these objects, which come oldest first.
    pub(super) fn of<'o>(
        &self,
        objects: impl Iterator<Item = &'o Value>,
    ) -> Result<HttpResponse, Problem> {
        let mut objects: Vec<&Value> = objects.collect();
        if self.newest_first {
            objects.reverse();
        }
        let skipped = match &self.after {
            None => 0,
            Some(after) => {
                let at = objects.iter().position(|object| object["id"] == after.as_str());
                let expected = "the id of a listed object";
                at.ok_or(Problem::Invalid { param: "after", expected })? + 1
            }
        };
        let data: Vec<&Value> = objects.iter().copied().skip(skipped).take(self.limit).collect();
        let id_of = |object: Option<&&Value>| object.map(|object| object["id"].clone());
        Ok(HttpResponse::Ok().json(json!({
            "object": "list",
            "first_id": id_of(data.first()),
            "last_id": id_of(data.last()),
            "has_more": skipped + data.len() < objects.len(),
            "data": data,
        })))
    }
}

/// A parameter of the query.
pub(super) fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
    pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
}
