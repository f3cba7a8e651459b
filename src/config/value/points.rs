//! Readers of scores and their parts: decimals, in whole hundredths.
//!
//! Owns what is a score. Pure.

use super::Expected;

/// A decimal from 0 to `most`, in hundredths.
pub(in super::super) fn points(most: i64) -> impl Fn(&str) -> Result<i64, Expected> {
    move |text| {
        hundredths(text, most)
            .ok_or_else(|| format!("a number from 0 to {most} with at most two decimals").into())
    }
}

/// So many of them, with commas between them.
pub(in super::super) fn points_list<const N: usize>(
    most: i64,
) -> impl Fn(&str) -> Result<[i64; N], Expected> {
    move |text| {
        let list: Option<Vec<i64>> =
            text.split(',').map(|part| hundredths(part.trim(), most)).collect();
        list.and_then(|list| list.try_into().ok()).ok_or_else(|| {
            format!("{N} numbers from 0 to {most} with commas between them, each with at most two decimals")
                .into()
        })
    }
}

/// `0.2` is 20: scores are computed in whole hundredths.
fn hundredths(text: &str, most: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 2 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<2}").parse().ok()?;
    let value = whole.checked_mul(100)?.checked_add(fraction)?;
    (value <= most * 100).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_in_hundredths() {
        for (text, value) in
            [("0", 0), ("0.2", 20), ("0.25", 25), ("1", 100), ("99.9", 9_990), ("100.00", 10_000)]
        {
            assert_eq!(points(100)(text), Ok(value), "{text}");
        }
        for text in ["", ".", ".5", "5.", "-1", "+1", "0.205", "100.01", "1e2", "1,5", " 1", "NaN"]
        {
            assert!(points(100)(text).is_err(), "{text}");
        }
        assert_eq!(points_list(100)("25, 50,80.5"), Ok([2_500, 5_000, 8_050]));
        for text in ["25,50", "25,50,80,95", "25,,80", "25;50;80"] {
            assert!(points_list::<3>(100)(text).is_err(), "{text}");
        }
    }
}
