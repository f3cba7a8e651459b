//! Personal numbers of the north of Europe: birth and a check.
//!
//! Owns their rules and check digits. It must never know which rule asks.

use super::dates::{is_day, is_short_day};
use super::digits::{self, all_digits, characters, digits, number, weighted};

/// Sweden: birth of six or eight digits, and the Luhn check; coordination numbers have 60 more days.
pub(super) fn se_personnummer(value: &str) -> bool {
    let all = all_digits(value);
    let Some(short) = all.len().checked_sub(10).and_then(|century| all.get(century..)) else {
        return false;
    };
    let [a, b, c, d, e, f, ..] = short else { return false };
    let day = number(&[*e, *f]);
    let day = if day > 60 { day - 60 } else { day };
    let century = matches!(all.as_slice(), [1, 8 | 9, ..] | [2, 0, ..]);
    matches!(all.len(), 10 | 12)
        && (all.len() == 10 || century)
        && is_short_day(number(&[*a, *b]), number(&[*c, *d]), day)
        && digits::luhn(short)
}

/// Norway: birth, and two check digits; other series raise the day or the month by 40 or 80.
pub(super) fn no_fodselsnummer(value: &str) -> bool {
    let Some(id) = digits::<11>(value) else { return false };
    let [a, b, c, d, e, f, ..] = id;
    let (day, month) = (number(&[a, b]) % 40, number(&[c, d]) % 40);
    is_short_day(number(&[e, f]), month, day)
        && weighted(&id, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(&id, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Denmark: birth, and a check that all numbers up to 2007 satisfy.
pub(super) fn dk_cpr(value: &str) -> bool {
    let checked =
        |cpr: [u8; 10]| weighted(&cpr, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11);
    dk_cpr_birth(value) && digits::<10>(value).is_some_and(checked)
}

/// Denmark: birth only, for later numbers.
pub(super) fn dk_cpr_birth(value: &str) -> bool {
    digits::<10>(value).is_some_and(|[a, b, c, d, e, f, ..]| {
        is_short_day(number(&[e, f]), number(&[c, d]), number(&[a, b]))
    })
}

/// Iceland: birth, check digit, century.
pub(super) fn is_kennitala(value: &str) -> bool {
    let Some(id) = digits::<10>(value) else { return false };
    let century = matches!(id[9], 0 | 9);
    century && dk_cpr_birth(value) && weighted(&id, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Finland: birth, sign of the century, order, and a check character.
pub(super) fn fi_hetu(value: &str) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let (Some(birth), Some(rest)) = (value.get(..6), value.get(7..)) else { return false };
    let (Some(birth), Some([a, b, c, check])) = (digits::<6>(birth), characters::<4>(rest)) else {
        return false;
    };
    let Some(order) = std::str::from_utf8(&[a, b, c]).ok().and_then(digits::<3>) else {
        return false;
    };
    let [day_tens, day_ones, month_tens, month_ones, year_tens, year_ones] = birth;
    let remainder = number(&[birth.as_slice(), &order].concat()) % 31;
    let expected = CHECKS.iter().zip(0..).find(|(_, place)| *place == remainder);
    is_short_day(
        number(&[year_tens, year_ones]),
        number(&[month_tens, month_ones]),
        number(&[day_tens, day_ones]),
    ) && expected.is_some_and(|(expected, _)| *expected == check)
}

/// Estonia and Lithuania: sex and century, birth, and a check with two rounds of weights.
pub(super) fn baltic(value: &str) -> bool {
    let Some(id) = digits::<11>(value) else { return false };
    let [sex, a, b, c, d, e, f, ..] = id;
    let year = (1700 + u64::from(sex).div_ceil(2) * 100) + number(&[a, b]);
    let rest = match weighted(&id, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(&id, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11,
        rest => rest,
    };
    (1..=6).contains(&sex)
        && is_day(year, number(&[c, d]), number(&[e, f]))
        && rest % 10 == u32::from(id[10])
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (se_personnummer, &["880320-0016", "19880320-0016", "880320+0016", "811228-9874"]),
            (no_fodselsnummer, &["15108695088", "151086 95088"]),
            (dk_cpr, &["211062-5629"]),
            (dk_cpr_birth, &["211062-5620"]),
            (is_kennitala, &["120174-3399"]),
            (fi_hetu, &["131052-308T", "131052A308T"]),
            (baltic, &["36805280109", "38703181745"]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(se_personnummer, "880320-0016");
        one_wrong_digit_fails(no_fodselsnummer, "15108695088");
        one_wrong_digit_fails(dk_cpr, "211062-5629");
        one_wrong_digit_fails(fi_hetu, "131052-308T");
    }
}
