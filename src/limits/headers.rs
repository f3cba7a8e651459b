//! The `x-ratelimit-…` headers of a refused request, in OpenAI's form.
//!
//! Owns names and text only.

use crate::types::{LimitKind, Refusal};

/// The headers that tell a caller which limit of requests it has reached; `None` for any other
/// refusal.
pub fn rate_headers(refusal: &Refusal) -> Option<[(&'static str, String); 3]> {
    let Refusal::LimitReached { kind, limit, retry_after_secs } = refusal else { return None };
    match kind {
        LimitKind::RequestsPerMinute | LimitKind::MonthlyRequests => Some([
            ("x-ratelimit-limit-requests", limit.to_string()),
            ("x-ratelimit-remaining-requests", "0".to_owned()),
            ("x-ratelimit-reset-requests", reset_text(*retry_after_secs)),
        ]),
        LimitKind::ConcurrentStreams => None,
    }
}

/// A duration as OpenAI writes it: `59s`, `6m0s`, `2h0m5s`.
pub fn reset_text(secs: u32) -> String {
    let (hours, minutes, seconds) = (secs / 3_600, secs / 60 % 60, secs % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        for (secs, text) in
            [(0, "0s"), (1, "1s"), (59, "59s"), (360, "6m0s"), (7_205, "2h0m5s"), (3_600, "1h0m0s")]
        {
            assert_eq!(reset_text(secs), text);
        }
    }

    #[test]
    fn only_limits_of_requests_have_the_headers() {
        let reached = |kind| Refusal::LimitReached { kind, limit: 5, retry_after_secs: 61 };
        let headers = rate_headers(&reached(LimitKind::RequestsPerMinute)).unwrap();
        let values: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["5", "0", "1m1s"]);
        assert!(rate_headers(&reached(LimitKind::MonthlyRequests)).is_some());
        assert_eq!(rate_headers(&reached(LimitKind::ConcurrentStreams)), None);
        assert_eq!(rate_headers(&Refusal::BodyTooSlow), None);
    }
}
