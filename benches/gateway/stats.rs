//! Medians and percentiles. Pure.

use std::time::Duration;

/// Median and 99th percentile.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    /// Half were at most this.
    pub(crate) p50: f64,
    /// All but a hundredth were at most this.
    pub(crate) p99: f64,
}

impl Spread {
    /// Sorts `values` to find them; not a number where there are none.
    pub(crate) fn of(values: &mut [f64]) -> Self {
        values.sort_by(f64::total_cmp);
        Self { p50: percentile(values, 50), p99: percentile(values, 99) }
    }
}

/// The median; not a number where there are no values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(&mut values.into_iter().collect::<Vec<_>>()).p50
}

/// Half the distance between smallest and largest value, as a share of the median.
pub(crate) fn half_range(values: &[f64]) -> f64 {
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (largest - smallest) / 2.0 / median(values.iter().copied())
}

/// A number of things, to calculate with.
pub(crate) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// A time in microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(f64::NAN)
}
