//! What is to be different in a caller's limits.
//!
//! Owns the meaning of "leave it", "lift it" and "set it", the same for flags and JSON.

use crate::types::CallerLimits;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// A limit that is `None` stays as it is, 0 (in JSON also null) lifts it.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Eq, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct LimitChange {
    /// Requests in any minute.
    #[serde(deserialize_with = "null_lifts")]
    pub requests_per_minute: Option<u32>,
    /// Requests in a calendar month (UTC).
    #[serde(deserialize_with = "null_lifts")]
    pub monthly_requests: Option<u64>,
    /// Streams open at the same time.
    #[serde(deserialize_with = "null_lifts")]
    pub concurrent_streams: Option<u32>,
}

impl LimitChange {
    /// Lifts all limits.
    pub const LIFT_ALL: Self = Self {
        requests_per_minute: Some(0),
        monthly_requests: Some(0),
        concurrent_streams: Some(0),
    };

    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What this leaves alone is as `other` says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(other.requests_per_minute),
            monthly_requests: self.monthly_requests.or(other.monthly_requests),
            concurrent_streams: self.concurrent_streams.or(other.concurrent_streams),
        }
    }

    /// The limits after this change.
    pub fn apply_to(&self, limits: CallerLimits) -> CallerLimits {
        CallerLimits {
            requests_per_minute: changed(self.requests_per_minute, limits.requests_per_minute),
            monthly_requests: changed(self.monthly_requests, limits.monthly_requests),
            concurrent_streams: changed(self.concurrent_streams, limits.concurrent_streams),
        }
    }
}

fn changed<N: Default + PartialEq>(change: Option<N>, limit: Option<N>) -> Option<N> {
    match change {
        None => limit,
        Some(number) if number == N::default() => None,
        number => number,
    }
}

fn null_lifts<'de, D, N>(deserializer: D) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: Default + Deserialize<'de>,
{
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CallerLimits = CallerLimits {
        requests_per_minute: Some(1),
        monthly_requests: Some(2),
        concurrent_streams: Some(3),
    };

    #[test]
    fn what_is_absent_stays_and_zero_or_null_lifts() {
        let change: LimitChange =
            serde_json::from_str(r#"{"requests_per_minute": 9, "monthly_requests": null}"#)
                .unwrap();
        let expected = CallerLimits {
            requests_per_minute: Some(9),
            monthly_requests: None,
            concurrent_streams: Some(3),
        };
        assert_eq!(change.apply_to(LIMITS), expected);
        assert_eq!(LimitChange::LIFT_ALL.apply_to(LIMITS), CallerLimits::default());
        let unchanged: LimitChange = serde_json::from_str("{}").unwrap();
        assert!(unchanged.is_empty());
        assert_eq!(unchanged.apply_to(LIMITS), LIMITS);
    }

    #[test]
    fn one_limit_can_be_set_while_all_others_are_lifted() {
        let streams = LimitChange { concurrent_streams: Some(7), ..LimitChange::default() };
        let after = streams.or(LimitChange::LIFT_ALL).apply_to(LIMITS);
        let expected = CallerLimits { concurrent_streams: Some(7), ..CallerLimits::default() };
        assert_eq!(after, expected);
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in [
            r#"{"requests_per_hour": 1}"#,
            r#"{"requests_per_minute": -1}"#,
            r#"{"requests_per_minute": 4294967296}"#,
            r#"{"requests_per_minute": "1"}"#,
        ] {
            assert!(serde_json::from_str::<LimitChange>(text).is_err(), "{text}");
        }
    }
}
