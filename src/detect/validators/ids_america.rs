//! Identity and tax numbers of the Americas.
//!
//! Owns their rules and check digits. It must never know which rule asks.

use super::dates::is_short_day;
use super::digits::{self, all_digits, all_equal, base_36, characters, digits, number, weighted};

/// United States, social security: no area 000, 666 or 9xx, no group 00, no serial 0000.
pub(super) fn us_ssn(value: &str) -> bool {
    let Some(ssn) = digits::<9>(value) else { return false };
    let [a, b, c, d, e, serial @ ..] = ssn;
    let area = number(&[a, b, c]);
    !matches!(area, 0 | 666 | 900..) && [d, e] != [0, 0] && serial != [0; 4] && !all_equal(&ssn)
}

/// United States, tax number of those without social security (ITIN).
pub(super) fn us_itin(value: &str) -> bool {
    let Some([area, _, _, d, e, ..]) = digits::<9>(value) else { return false };
    area == 9 && matches!(d * 10 + e, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Canada, social insurance.
pub(super) fn ca_sin(value: &str) -> bool {
    digits::<9>(value).is_some_and(|sin| !matches!(sin[0], 0 | 8) && digits::luhn(&sin))
}

/// Brazil, persons.
pub(super) fn br_cpf(value: &str) -> bool {
    let Some(cpf) = digits::<11>(value) else { return false };
    let first = brazilian(weighted(&cpf, &[10, 9, 8, 7, 6, 5, 4, 3, 2]));
    let second = brazilian(weighted(&cpf, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]));
    !all_equal(&cpf) && [u32::from(cpf[9]), u32::from(cpf[10])] == [first, second]
}

/// Brazil, enterprises.
pub(super) fn br_cnpj(value: &str) -> bool {
    let Some(cnpj) = digits::<14>(value) else { return false };
    let first = brazilian(weighted(&cnpj, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    let second = brazilian(weighted(&cnpj, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    !all_equal(&cnpj) && [u32::from(cnpj[12]), u32::from(cnpj[13])] == [first, second]
}

fn brazilian(sum: u32) -> u32 {
    match 11 - sum % 11 {
        10 | 11 => 0,
        check => check,
    }
}

/// Mexico, population register: name, birth, state, and the check digit.
pub(super) fn mx_curp(value: &str) -> bool {
    let Some(curp) = characters::<18>(value) else { return false };
    let sum: Option<u32> = (curp.iter().zip((2..=18).rev()))
        .map(|(character, weight)| {
            // The alphabet has an Ñ after its N.
            let shift = u32::from(*character > b'N');
            base_36(*character).map(|value| (value + shift) * weight)
        })
        .sum();
    let check = sum.map(|sum| (10 - sum % 10) % 10);
    has_day(&curp) && check.is_some() && check == base_36(curp[17])
}

/// Mexico, taxpayers who are persons: the day of birth exists.
pub(super) fn mx_rfc(value: &str) -> bool {
    characters::<13>(value).is_some_and(|rfc| has_day(&rfc))
}

/// Whether `YYMMDD` after four letters is a day.
fn has_day(code: &[u8]) -> bool {
    let birth = code.get(4..10).and_then(|day| std::str::from_utf8(day).ok()).and_then(digits::<6>);
    birth.is_some_and(|[a, b, c, d, e, f]| {
        is_short_day(number(&[a, b]), number(&[c, d]), number(&[e, f]))
    })
}

/// Argentina, taxpayers and workers.
pub(super) fn ar_cuit(value: &str) -> bool {
    let Some(cuit) = digits::<11>(value) else { return false };
    let check = 11 - weighted(&cuit, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let kind = number(&[cuit[0], cuit[1]]);
    matches!(kind, 20 | 23..=27 | 30 | 33 | 34) && check % 11 == u32::from(cuit[10])
}

/// Chile, persons and enterprises: the check may be a K.
pub(super) fn cl_rut(value: &str) -> bool {
    let Some((body, check)) = value.rsplit_once('-') else { return false };
    let body = all_digits(body);
    let sum: u32 = body
        .iter()
        .rev()
        .zip([9, 8, 7, 6, 5, 4, 9, 8, 7])
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    let expected = char::from_digit(sum % 11, 10).unwrap_or('K').to_string();
    matches!(body.len(), 7 | 8) && !all_equal(&body) && check.eq_ignore_ascii_case(&expected)
}

/// Ecuador: a province, and the Luhn check.
pub(super) fn ec_cedula(value: &str) -> bool {
    digits::<10>(value).is_some_and(|cedula| {
        matches!(number(&[cedula[0], cedula[1]]), 1..=24 | 30) && digits::luhn(&cedula)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (us_ssn, &["219-09-9999", "123 45 6789"]),
            (us_itin, &["912-70-1234", "900-65-4321"]),
            (ca_sin, &["130-692-544"]),
            (br_cpf, &["111.444.777-35", "52998224725"]),
            (br_cnpj, &["11.222.333/0001-81"]),
            (mx_curp, &["BOXW310820HNERXN09"]),
            (mx_rfc, &["GODE561231GR8"]),
            (ar_cuit, &["20-05536168-2"]),
            (cl_rut, &["12.531.909-2", "12531909-2"]),
            (ec_cedula, &["1710034065"]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(ca_sin, "130-692-544");
        one_wrong_digit_fails(br_cpf, "111.444.777-35");
        one_wrong_digit_fails(br_cnpj, "11.222.333/0001-81");
        one_wrong_digit_fails(cl_rut, "12.531.909-2");
        one_wrong_digit_fails(ar_cuit, "20-05536168-2");
    }

    #[test]
    fn numbers_that_are_never_given_out_fail() {
        for number in [
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "123-00-4567",
            "123-45-0000",
            "111-11-1111",
            "12345678",
            "",
        ] {
            assert!(!us_ssn(number), "{number}");
        }
        assert!(!us_itin("912-69-1234") && !us_itin("812-70-1234") && !mx_rfc("GODE561331GR8"));
        assert!(!br_cpf("111.111.111-11"));
    }
}
