//! The parameters of a query, each of which is known or refused.
//!
//! Owns how times, numbers and choices are written, and the words for what is wrong with them.

use crate::admin::audit::Moment;
use crate::store::{Cursor, RecordKind, RecordQuery};
use crate::types::{Outcome, PolicyResult, UnixMillis};
use std::{collections::BTreeMap, str::FromStr};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1_000;

/// What was not asked for yet. Empty values count as left out, and of a name's values the last.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query; a parameter that `read` does not take is refused.
    pub(super) fn read<Q>(
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

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A value that `parse` knows.
    pub(super) fn choice<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.text(name) else { return Ok(None) };
        parse(&value).map(Some).ok_or_else(|| format!("{name} must be {expected}."))
    }

    pub(super) fn limit(&mut self) -> Result<u32, String> {
        let read = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let limit = self.choice("limit", read, "a number from 1 to 1000")?;
        Ok(limit.unwrap_or(DEFAULT_LIMIT))
    }

    /// Where the page before ended.
    pub(super) fn after(&mut self) -> Result<Option<Cursor>, String> {
        self.choice("after", Cursor::parse, "the 'next' of a page")
    }

    pub(super) fn moment(&mut self, name: &str) -> Result<Option<UnixMillis>, String> {
        let read = |text: &str| Moment::from_str(text).ok().map(|moment| moment.0);
        self.choice(name, read, "a time such as 2026-11-22T08:00:00Z, or a day")
    }

    /// Which records, without order and place.
    pub(super) fn records(&mut self) -> Result<RecordQuery, String> {
        Ok(RecordQuery {
            from: self.moment("from")?,
            to: self.moment("to")?,
            agent: self.text("agent"),
            app_context: self.text("app_context"),
            model: self.text("model"),
            endpoint: self.text("endpoint"),
            session: self.text("session"),
            finding: self.text("finding"),
            policy_result: self.choice("policy_result", PolicyResult::parse, "allow or deny")?,
            outcome: self.choice("outcome", Outcome::parse, "an outcome of a record")?,
            kind: self.choice("kind", RecordKind::parse, "calls, changes, findings or failures")?,
            ..RecordQuery::default()
        })
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
}
