//! Lengths of time as people write them: `90d`.
//!
//! Owns their grammar. It must never read a clock.

use super::{AdminError, InvalidRequest};
use crate::types::UnixMillis;
use schemars::JsonSchema;
use serde::Deserialize;
use std::str::FromStr;

/// Ten years: whoever writes more means no end, and can leave it out.
const MAX_SECS: i64 = 3_650 * 86_400;

/// A whole number of seconds, minutes, hours, days or weeks; never zero.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[schemars(with = "String")]
#[serde(try_from = "String")]
pub struct Lifetime {
    secs: i64,
}

impl Lifetime {
    /// The moment this long after `now`.
    pub const fn after(self, now: UnixMillis) -> UnixMillis {
        now.plus_secs(self.secs)
    }
}

impl FromStr for Lifetime {
    type Err = AdminError;

    fn from_str(text: &str) -> Result<Self, AdminError> {
        let secs = read(text).filter(|secs| (1..=MAX_SECS).contains(secs));
        let secs = secs.ok_or_else(|| InvalidRequest::Lifetime(text.to_owned()))?;
        Ok(Self { secs })
    }
}

impl TryFrom<String> for Lifetime {
    type Error = AdminError;

    fn try_from(text: String) -> Result<Self, AdminError> {
        text.parse()
    }
}

fn read(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    // Digits alone: parse() would also take a sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = match text.strip_prefix(digits)? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_and_a_unit_are_read() {
        for (text, secs) in
            [("1s", 1), ("90m", 5_400), ("24h", 86_400), ("90d", 7_776_000), ("2w", 1_209_600)]
        {
            assert_eq!(text.parse::<Lifetime>().unwrap().after(UnixMillis(5)).0, 5 + secs * 1_000);
        }
    }

    #[test]
    fn everything_else_is_refused_with_an_example() {
        for text in [
            "",
            "d",
            "90",
            "0d",
            "-1d",
            "+1d",
            "1.5h",
            "1 d",
            " 1d",
            "1d ",
            "1D",
            "1dd",
            "1h30m",
            "3651d",
            "1y",
            "99999999999999999999d",
            "9223372036854775807w",
            "١d",
        ] {
            let error = text.parse::<Lifetime>().unwrap_err().to_string();
            assert!(error.contains("such as 90d"), "{text}: {error}");
        }
    }
}
