//! Identity and tax numbers of Africa and Oceania.
//!
//! Owns their rules and check digits. It must never know which rule asks.

use super::dates::is_short_day;
use super::digits::{self, all_digits, all_equal, digits, number, weighted};

/// South Africa: birth, citizenship, and the Luhn check.
pub(super) fn za_id(value: &str) -> bool {
    let Some(id) = digits::<13>(value) else { return false };
    let [a, b, c, d, e, f, ..] = id;
    is_short_day(number(&[a, b]), number(&[c, d]), number(&[e, f]))
        && id[10] < 3
        && digits::luhn(&id)
}

/// Australia, taxpayers: nine digits, once eight.
pub(super) fn au_tfn(value: &str) -> bool {
    let all = all_digits(value);
    let sum = match all.len() {
        9 => weighted(&all, &[1, 4, 3, 7, 5, 8, 6, 9, 10]),
        8 => weighted(&all, &[10, 7, 8, 4, 6, 3, 5, 1]),
        _ => return false,
    };
    sum.is_multiple_of(11) && !all_equal(&all)
}

/// New Zealand, taxpayers: eight or nine digits, and a second round of weights where the first gives ten.
pub(super) fn nz_ird(value: &str) -> bool {
    let all = all_digits(value);
    let Some((check, payload)) = all.split_last() else { return false };
    let padding = 8_usize.saturating_sub(payload.len());
    let padded = [[0; 8].get(..padding).unwrap_or_default(), payload].concat();
    let complement = |weights: &[u32]| (11 - weighted(&padded, weights) % 11) % 11;
    let expected = match complement(&[3, 2, 7, 6, 5, 4, 3, 2]) {
        10 => complement(&[7, 4, 3, 2, 5, 2, 7, 6]),
        check => check,
    };
    matches!(all.len(), 8 | 9)
        && (10_000_001..150_000_000).contains(&number(&all))
        && expected == u32::from(*check)
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (za_id, &["8001015009087", "7503305044089"]),
            (au_tfn, &["123 456 782"]),
            (nz_ird, &["49-091-850", "49-098-576", "136410132"]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(za_id, "8001015009087");
        one_wrong_digit_fails(au_tfn, "123456782");
    }
}
