//! What a sum tells: how much there was of what, and how long it took.
//!
//! Owns how figures are added up. It must never tell a percentile of a part for that of the whole.

use super::super::super::slots::Slots;
use diesel::Queryable;
use schemars::JsonSchema;
use serde::Serialize;
use std::ops::AddAssign;

/// What a sum tells.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Figures {
    /// What was added up.
    #[serde(flatten)]
    pub counts: Counts,
    /// How long it took.
    #[serde(flatten)]
    pub percentiles: Percentiles,
}

/// What is added up.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Queryable, Serialize)]
pub struct Counts {
    /// Exchanges.
    pub calls: i64,
    /// Those that the policy denied.
    pub denied: i64,
    /// Those that a detection rule stopped.
    pub blocked: i64,
    /// Those in which the provider failed, or the gate.
    pub failed: i64,
    /// What was found.
    pub findings: i64,
    /// Prompt tokens.
    pub input_tokens: i64,
    /// Completion tokens.
    pub output_tokens: i64,
    /// Prompt tokens that the provider had in its cache.
    pub cached_tokens: i64,
    /// Completion tokens spent on reasoning.
    pub reasoning_tokens: i64,
    /// All exchanges' durations together, in milliseconds.
    pub latency_ms: i64,
    /// The gate's own share of them, in microseconds.
    pub gateway_us: i64,
}

/// What 50, 95 and 99 of 100 exchanges did not exceed, to within 5 %. `null` where no exchange says how long it took, and
/// where sums are among them that are older than percentiles, or too many sums (500,000) to read them all.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of the exchanges took no longer, in milliseconds.
    pub latency_p50_ms: Option<u64>,
    /// 95 of 100 took no longer.
    pub latency_p95_ms: Option<u64>,
    /// 99 of 100 took no longer.
    pub latency_p99_ms: Option<u64>,
    /// The gate's own share of what was sent on: in half of it no more, in microseconds.
    pub gateway_p50_us: Option<u64>,
    /// In 95 of 100 no more.
    pub gateway_p95_us: Option<u64>,
    /// In 99 of 100 no more.
    pub gateway_p99_us: Option<u64>,
}

/// Slots of latencies and of the gate's own shares, as the store has them.
pub(super) type Slotted = (Option<String>, Option<String>);

/// How long exchanges took, as far as that is known of all of them.
pub(super) struct Times {
    latency: Option<Slots>,
    gateway: Option<Slots>,
}

impl Times {
    /// Of no exchange.
    pub(super) fn none() -> Self {
        Self { latency: Some(Slots::default()), gateway: Some(Slots::default()) }
    }

    /// Counts what the store knows of further exchanges.
    pub(super) fn add(&mut self, (latency, gateway): &Slotted) {
        for (all, text) in [(&mut self.latency, latency), (&mut self.gateway, gateway)] {
            let added = all.as_mut().zip(text.as_deref());
            if added.and_then(|(all, text)| all.add_written(text)).is_none() {
                *all = None;
            }
        }
    }

    pub(super) fn percentiles(&self) -> Percentiles {
        let of = |slots: &Option<Slots>, percent| slots.as_ref()?.percentile(percent);
        Percentiles {
            latency_p50_ms: of(&self.latency, 50),
            latency_p95_ms: of(&self.latency, 95),
            latency_p99_ms: of(&self.latency, 99),
            gateway_p50_us: of(&self.gateway, 50),
            gateway_p95_us: of(&self.gateway, 95),
            gateway_p99_us: of(&self.gateway, 99),
        }
    }
}

impl AddAssign<&Self> for Times {
    fn add_assign(&mut self, other: &Self) {
        let pairs = [(&mut self.latency, &other.latency), (&mut self.gateway, &other.gateway)];
        for (all, other) in pairs {
            match (&mut *all, other) {
                (Some(all), Some(other)) => all.add_all(other),
                _ => *all = None,
            }
        }
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        for (sum, count) in [
            (&mut self.calls, other.calls),
            (&mut self.denied, other.denied),
            (&mut self.blocked, other.blocked),
            (&mut self.failed, other.failed),
            (&mut self.findings, other.findings),
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cached_tokens, other.cached_tokens),
            (&mut self.reasoning_tokens, other.reasoning_tokens),
            (&mut self.latency_ms, other.latency_ms),
            (&mut self.gateway_us, other.gateway_us),
        ] {
            *sum = sum.saturating_add(count);
        }
    }
}
