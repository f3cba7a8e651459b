//! Points in time as people write them: `2026-11-22T08:00:00Z`, or a day.
//!
//! Owns their grammar. It must never read a clock.

use crate::types::UnixMillis;
use std::str::FromStr;

/// RFC 3339 with any offset, or a day alone: its first moment, UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment(pub UnixMillis);

/// Neither a time nor a day.
#[derive(Debug, thiserror::Error)]
#[error("write a time as 2026-11-22T08:00:00Z, or a day as 2026-11-22 (UTC)")]
pub struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let moment = UnixMillis::parse(text);
        let moment = moment.or_else(|| UnixMillis::parse(&format!("{text}T00:00:00Z")));
        moment.map(Self).ok_or(NoMoment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_day() {
        let read = |text: &str| text.parse::<Moment>().map(|moment| moment.0.to_string());
        assert_eq!(read("2026-11-22T08:00:00+01:00").unwrap(), "2026-11-22T07:00:00.000Z");
        assert_eq!(read("2026-11-22").unwrap(), "2026-11-22T00:00:00.000Z");
        for wrong in ["", "yesterday", "2026-11", "2026-11-31", "2026-11-22 08:00"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
