//! The parameters of a query, each of which is known or refused.
//!
//! Owns how times, numbers and choices are written, and the words for what is wrong with them.

use crate::admin::audit::{Moment, Range};
use crate::store::{Cursor, RecordKind, RecordQuery};
use crate::types::{Outcome, PolicyResult, Surface};
use std::{collections::BTreeMap, str::FromStr};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1_000;

/// What was not asked for yet. Empty values count as left out, and of a name's values the last.
pub(in crate::http) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query; a parameter that `read` does not take is refused.
    pub(in crate::http) fn read<Q>(
        query: &str,
        read: impl FnOnce(&mut Self) -> Result<Q, String>,
    ) -> Result<Q, String> {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        let mut parameters = Self(pairs.filter(|(_, value)| !value.is_empty()).collect());
        let read = read(&mut parameters)?;
        match parameters.0.first_key_value() {
            Some((name, _)) => Err(format!("There is no parameter {name:?} here.")),
            None => Ok(read),
        }
    }

    pub(in crate::http) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A value that `parse` knows.
    pub(in crate::http) fn choice<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.text(name) else { return Ok(None) };
        parse(&value).map(Some).ok_or_else(|| format!("{name} must be {expected}."))
    }

    pub(in crate::http) fn limit(&mut self) -> Result<u32, String> {
        let read = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let limit = self.choice("limit", read, "a number from 1 to 1000")?;
        Ok(limit.unwrap_or(DEFAULT_LIMIT))
    }

    /// Where the page before ended.
    pub(in crate::http) fn after(&mut self) -> Result<Option<Cursor>, String> {
        self.choice("after", Cursor::parse, "the 'next' of a page")
    }

    /// `from` and `to`.
    pub(in crate::http) fn range(&mut self) -> Result<Range, String> {
        let (from, to) = (self.text("from"), self.text("to"));
        range(from.as_deref(), to.as_deref())
    }

    /// Which records, without order and place.
    pub(in crate::http) fn records(&mut self) -> Result<RecordQuery, String> {
        let (from, to) = self.range()?;
        Ok(RecordQuery {
            from,
            to,
            agent: self.text("agent"),
            app_context: self.text("app_context"),
            model: self.text("model"),
            endpoint: self.text("endpoint"),
            session: self.text("session"),
            finding: self.text("finding"),
            finding_rule: self.text("finding_rule"),
            policy_result: self.choice("policy_result", PolicyResult::parse, "allow or deny")?,
            outcome: self.choice("outcome", Outcome::parse, "an outcome of a record")?,
            surface: self.choice("surface", Surface::parse, "agent, detection_key or admin")?,
            kind: self.choice("kind", RecordKind::parse, "calls, changes, findings or failures")?,
            ..RecordQuery::default()
        })
    }
}

/// A time from its two ends, which may be left out.
pub(super) fn range(from: Option<&str>, to: Option<&str>) -> Result<Range, String> {
    let moment = |name: &str, text: Option<&str>| {
        let Some(text) = text else { return Ok(None) };
        let moment = Moment::from_str(text).map(|moment| Some(moment.0));
        moment.or(Err(format!("{name} must be a time such as 2026-11-22T08:00:00Z, or a day.")))
    };
    match (moment("from", from)?, moment("to", to)?) {
        (Some(from), Some(to)) if from > to => {
            Err(format!("from ({from}) must not be later than to ({to})."))
        }
        range => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_names_values_counts_and_empty_ones_do_not() {
        let read = Parameters::read("a=1&a=2&b=&c=x%20y", |query| {
            Ok((query.text("a"), query.text("b"), query.text("c")))
        });
        let (a, b, c) = read.unwrap();
        assert_eq!((a.as_deref(), b, c.as_deref()), (Some("2"), None, Some("x y")));
    }

    #[test]
    fn what_nobody_takes_is_refused_by_its_name() {
        let error = Parameters::read("colour=red", |_| Ok(())).unwrap_err();
        assert!(error.contains("\"colour\""), "{error}");
    }

    #[test]
    fn a_time_that_ends_before_it_begins_is_refused() {
        let read = |query: &str| Parameters::read(query, Parameters::range);
        assert!(read("from=2026-11-22&to=2026-11-22").is_ok());
        let error = read("from=2026-11-23&to=2026-11-22").unwrap_err();
        assert!(error.starts_with("from (2026-11-23T00"), "{error}");
        assert!(read("to=soon").unwrap_err().starts_with("to must be"));
    }
}
