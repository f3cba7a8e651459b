//! Numbers of those who heal, and of those who are healed.
//!
//! Owns their check digits. It must never know a diagnosis.

use super::digits::{self, all_digits, digits, weighted};

/// The identifier of a provider of care in the United States (NPI).
pub(super) fn us_npi(value: &str) -> bool {
    let Some(npi) = digits::<10>(value) else { return false };
    let card = [&[8, 0, 8, 4, 0], npi.as_slice()].concat();
    matches!(npi[0], 1 | 2) && digits::luhn(&card)
}

/// The number under which a practitioner prescribes controlled substances (DEA).
pub(super) fn us_dea(value: &str) -> bool {
    let all = all_digits(value);
    let sum = weighted(&all, &[1, 2, 1, 2, 1, 2]) % 10;
    all.len() == 7 && all.last().is_some_and(|check| u32::from(*check) == sum)
}

/// The health number of England and Wales.
pub(super) fn uk_nhs(value: &str) -> bool {
    digits::<10>(value).is_some_and(|digits| {
        let sum = weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        sum.is_multiple_of(11) && !digits::all_equal(&digits)
    })
}

/// The Medicare card of Australia, with or without the place on it.
pub(super) fn au_medicare(value: &str) -> bool {
    let all = all_digits(value);
    let sum = weighted(&all, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10;
    let check = all.get(8).map(|check| u32::from(*check));
    matches!(all.len(), 10 | 11) && matches!(all.first(), Some(2..=6)) && check == Some(sum)
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (us_npi, &["1234567893"]),
            (us_dea, &["AP5836727", "BB1388568"]),
            (uk_nhs, &["943 476 5919"]),
            (au_medicare, &["2123 45670 1"]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(us_npi, "1234567893");
        one_wrong_digit_fails(uk_nhs, "9434765919");
    }
}
