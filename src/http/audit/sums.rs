//! Sums of calls, tokens, refusals and findings, and the sessions that calls belong to.

use super::{AdminState, Parameters, answer, blocking, show};
use crate::store::{
    FindingSums, SessionQuery, SessionSummary, Summed, SumsGroup, SumsQuery, SumsWidth,
};
use crate::types::UnixMillis;
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use schemars::JsonSchema;
use serde::Serialize;

/// What is summed up when nobody says from when.
const DEFAULT_SECS: i64 = 86_400;

/// The group of what is summed up by type of finding, not by a property of the exchange.
const BY_FINDING: &str = "finding";

/// How many minutes, hours or days a sum may be of.
const MOST_EVERY: u16 = 1_000;

/// What findings are summed up by.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum FindingGroup {
    /// By type and severity.
    Finding,
}

/// What was summed up.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub(in crate::http) enum Summary {
    /// Calls, tokens, refusals and times.
    Calls {
        /// From here,
        from: UnixMillis,
        /// to here.
        to: UnixMillis,
        /// What there is one sum of each of.
        group: SumsGroup,
        /// How fine in time.
        width: SumsWidth,
        /// How many of them a sum by time is of.
        every: u16,
        /// The sums, and all of them together.
        #[serde(flatten)]
        summed: Summed,
    },
    /// Findings.
    Findings {
        /// From here,
        from: UnixMillis,
        /// to here.
        to: UnixMillis,
        /// What there is one sum of each of.
        group: FindingGroup,
        /// The sums.
        sums: Vec<FindingSums>,
    },
}

/// Sessions of calls, and where to go on.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct CallSessions {
    /// The one with the latest record first. Fewer than asked for, even none, while there may be more.
    sessions: Vec<SessionSummary>,
    /// The `after` of the next page; null on the last.
    next: Option<String>,
}

/// `GET /api/v1/audit/summary`: from, to, group; width, every, agent, model, app_context, endpoint unless grouped by
/// finding.
pub(in crate::http) async fn show_summary(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    let now = crate::clock::now();
    let read = |query: &mut Parameters| read_summary(query, now);
    answer(&request, &state, read, |store, summary| {
        let Wanted { from, to, sums } = summary;
        let Some(query) = sums else {
            let (group, sums) = (FindingGroup::Finding, store.finding_sums(from, to)?);
            return Ok(Summary::Findings { from, to, group, sums });
        };
        let summed = store.sums(&query)?;
        let SumsQuery { group, width, every, .. } = query;
        Ok(Summary::Calls { from, to, group, width, every, summed })
    })
    .await
}

/// `GET /api/v1/audit/sessions`: from, to, agent, limit, after.
pub(in crate::http) async fn list_sessions(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    answer(&request, &state, read_sessions, |store, query| {
        let page = store.call_sessions(&query)?;
        let next = page.next.map(|cursor| cursor.to_string());
        Ok(CallSessions { sessions: page.sessions, next })
    })
    .await
}

/// `GET /api/v1/audit/sessions/{id}`.
pub(in crate::http) async fn show_session(
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    let id = id.into_inner();
    show(blocking(&state, move |store| Ok(store.call_session(&id)?)).await)
}

/// A time, and what is summed up in it; `None` stands for findings.
struct Wanted {
    from: UnixMillis,
    to: UnixMillis,
    sums: Option<SumsQuery>,
}

fn read_summary(query: &mut Parameters, now: UnixMillis) -> Result<Wanted, String> {
    let (from, to) = query.range()?;
    let to = to.unwrap_or(now.max(from.unwrap_or(now)));
    let from = from.unwrap_or(to.plus_secs(-DEFAULT_SECS));
    let group = query.text("group");
    if group.as_deref() == Some(BY_FINDING) {
        return Ok(Wanted { from, to, sums: None });
    }
    let group = match group.as_deref().map(SumsGroup::parse) {
        None => SumsGroup::Time,
        Some(Some(group)) => group,
        Some(None) => {
            let groups = "time, agent, model, app_context, endpoint or finding";
            return Err(format!("group must be {groups}."));
        }
    };
    let width = query.choice("width", SumsWidth::parse, "minute, hour or day")?;
    let read = |text: &str| text.parse().ok().filter(|every| (1..=MOST_EVERY).contains(every));
    let every = query.choice("every", read, "a number from 1 to 1000")?;
    if every.is_some() && group != SumsGroup::Time {
        return Err("every goes with group=time alone: other groups have no steps.".to_owned());
    }
    let sums = SumsQuery {
        from,
        to,
        width: width.unwrap_or(SumsWidth::Hour),
        every: every.unwrap_or(1),
        group,
        agent: query.text("agent"),
        model: query.text("model"),
        app_context: query.text("app_context"),
        endpoint: query.text("endpoint"),
    };
    Ok(Wanted { from, to, sums: Some(sums) })
}

fn read_sessions(query: &mut Parameters) -> Result<SessionQuery, String> {
    let (from, to) = query.range()?;
    Ok(SessionQuery {
        from,
        to,
        agent: query.text("agent"),
        limit: query.limit()?,
        after: query.after()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Wanted, String> {
        Parameters::read(query, |query| read_summary(query, UnixMillis(1_795_233_600_000)))
    }

    #[test]
    fn without_parameters_the_last_day_is_summed_up_by_hours() {
        let summary = read("").unwrap();
        assert_eq!(summary.to.0 - summary.from.0, 86_400_000);
        let sums = summary.sums.unwrap();
        assert_eq!((sums.width, sums.every, sums.group), (SumsWidth::Hour, 1, SumsGroup::Time));
    }

    #[test]
    fn findings_are_summed_up_of_everything_and_wrong_choices_are_named() {
        assert!(read("group=finding&from=2026-11-01").unwrap().sums.is_none());
        for wrong in [
            "group=finding&agent=a",
            "group=colour",
            "width=week",
            "every=0",
            "every=1001",
            "group=agent&every=2",
            "to=soon",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
