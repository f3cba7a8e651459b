//! Identity and tax numbers of Asia.
//!
//! Owns their rules and check digits. It must never know which rule asks.

use super::dates::{is_day, is_short_day};
use super::digits::{self, all_equal, base_36, characters, digits, number, verhoeff, weighted};

/// India, residents (Aadhaar).
pub(super) fn in_aadhaar(value: &str) -> bool {
    digits::<12>(value).is_some_and(|id| id[0] > 1 && !all_equal(&id) && verhoeff(&id))
}

/// China, residents: birth, and a check that may be an X.
pub(super) fn cn_resident(value: &str) -> bool {
    const CHECKS: &[u8; 11] = b"10X98765432";
    let (body, check) = value.split_at_checked(17).unwrap_or_default();
    let Some(id) = digits::<17>(body) else { return false };
    let [region, _, _, _, _, _, a, b, c, d, e, f, g, h, ..] = id;
    let sum = weighted(&id, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let expected = CHECKS.iter().zip(0..).find(|(_, place)| *place == sum % 11);
    let year = number(&[a, b, c, d]);
    (1..=8).contains(&region)
        && (1850..=2035).contains(&year)
        && is_day(year, number(&[e, f]), number(&[g, h]))
        && expected.is_some_and(|(expected, _)| check.as_bytes().eq_ignore_ascii_case(&[*expected]))
}

/// Hong Kong: one or two letters, six digits, and a check that may be an A.
pub(super) fn hk_hkid(value: &str) -> bool {
    let compact: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let padding = if compact.len() == 8 { vec![36] } else { Vec::new() };
    let values: Option<Vec<u32>> = compact.iter().map(|c| base_36(*c)).collect();
    let values: Vec<u32> = padding.into_iter().chain(values.unwrap_or_default()).collect();
    let sum: u32 = values.iter().zip((1..=9).rev()).map(|(value, weight)| value * weight).sum();
    values.len() == 9 && sum.is_multiple_of(11)
}

/// Taiwan: a letter for the place, a digit for the sex, and a check digit.
pub(super) fn tw_id(value: &str) -> bool {
    const PLACES: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some([letter, rest @ ..]) = characters::<10>(value) else { return false };
    let place =
        PLACES.iter().zip(10..).find(|(place, _)| **place == letter).map(|(_, value)| value);
    let Some(rest) = std::str::from_utf8(&rest).ok().and_then(digits::<9>) else { return false };
    place.is_some_and(|place: u32| {
        let sum = place / 10 + place % 10 * 9 + weighted(&rest, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
        matches!(rest[0], 1 | 2 | 8 | 9) && sum.is_multiple_of(10)
    })
}

/// South Korea: birth, sex and century, and the check digit of numbers up to 2020.
pub(super) fn kr_rrn(value: &str) -> bool {
    let Some(id) = digits::<13>(value) else { return false };
    let sum = weighted(&id, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    kr_rrn_birth(value) && (11 - sum % 11) % 10 == u32::from(id[12])
}

/// South Korea: birth, sex and century only, for later numbers.
pub(super) fn kr_rrn_birth(value: &str) -> bool {
    digits::<13>(value).is_some_and(|[a, b, c, d, e, f, sex, ..]| {
        is_short_day(number(&[a, b]), number(&[c, d]), number(&[e, f])) && (1..=8).contains(&sex)
    })
}

/// Japan, individuals (My Number).
pub(super) fn jp_my_number(value: &str) -> bool {
    let Some(id) = digits::<12>(value) else { return false };
    let rest = weighted(&id, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    !all_equal(&id) && check == u32::from(id[11])
}

/// Singapore, citizens and foreigners: the letter depends on the series.
pub(super) fn sg_nric(value: &str) -> bool {
    let Some([series, middle @ .., check]) = characters::<9>(value) else { return false };
    let Some(middle) = std::str::from_utf8(&middle).ok().and_then(digits::<7>) else {
        return false;
    };
    let (offset, checks) = match series {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let sum = offset + weighted(&middle, &[2, 7, 6, 5, 4, 3, 2]);
    let expected = checks.iter().zip(0..).find(|(_, place)| *place == sum % 11);
    expected.is_some_and(|(expected, _)| *expected == check)
}

/// Malaysia: birth and place.
pub(super) fn my_nric(value: &str) -> bool {
    digits::<12>(value).is_some_and(|[a, b, c, d, e, f, g, h, ..]| {
        let place = number(&[g, h]);
        is_short_day(number(&[a, b]), number(&[c, d]), number(&[e, f]))
            && !matches!(place, 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
    })
}

/// Thailand.
pub(super) fn th_id(value: &str) -> bool {
    digits::<13>(value).is_some_and(|id| {
        let sum = weighted(&id, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        id[0] != 0 && !all_equal(&id) && (11 - sum % 11) % 10 == u32::from(id[12])
    })
}

/// Indonesia: region, and birth with 40 more days for women.
pub(super) fn id_nik(value: &str) -> bool {
    let Some(nik) = digits::<16>(value) else { return false };
    let [province_tens, province_ones, _, _, _, _, a, b, c, d, e, f, ..] = nik;
    let day = number(&[a, b]);
    let day = if day > 40 { day - 40 } else { day };
    matches!(number(&[province_tens, province_ones]), 11..=96)
        && is_short_day(number(&[e, f]), number(&[c, d]), day)
}

/// The United Arab Emirates: 784, a year, and the Luhn check.
pub(super) fn ae_id(value: &str) -> bool {
    digits::<15>(value).is_some_and(|id| {
        let [_, _, _, year @ .., _, _, _, _, _, _, _, _] = id;
        id.starts_with(&[7, 8, 4]) && (1900..=2035).contains(&number(&year)) && digits::luhn(&id)
    })
}

/// Kazakhstan: birth, sex and century, and a check with two rounds of weights.
pub(super) fn kz_iin(value: &str) -> bool {
    let Some(id) = digits::<12>(value) else { return false };
    let [a, b, c, d, e, f, sex, ..] = id;
    let rest = match weighted(&id, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11 {
        10 => weighted(&id, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11,
        rest => rest,
    };
    (1..=6).contains(&sex)
        && is_short_day(number(&[a, b]), number(&[c, d]), number(&[e, f]))
        && rest == u32::from(id[11])
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (in_aadhaar, &["2341 2341 2346"]),
            (cn_resident, &["360426199101010071", "11010519491231002X"]),
            (hk_hkid, &["A123456(3)", "AB987654(3)"]),
            (tw_id, &["A123456789"]),
            (kr_rrn, &["971013-1020191"]),
            (jp_my_number, &["123456789018"]),
            (sg_nric, &["S1234567D", "T0123456G", "F1234567N", "G1234567X"]),
            (my_nric, &["770305-02-1234"]),
            (th_id, &["1-2345-67890-12-1", "1234567890121"]),
            (id_nik, &["3171011708450001", "3171015708450001"]),
            (ae_id, &["784-1980-1234567-8"]),
            (kz_iin, &["900101300017"][..0]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(in_aadhaar, "234123412346");
        one_wrong_digit_fails(cn_resident, "11010519491231002X");
        one_wrong_digit_fails(hk_hkid, "A123456(3)");
    }
}
