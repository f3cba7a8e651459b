//! Identity and tax numbers of southern Europe and the eastern Mediterranean.
//!
//! Owns their rules and check digits. It must never know which rule asks.

use super::dates::is_short_day;
use super::digits::{self, all_equal, base_36, characters, digits, number, weighted};

const SPANISH: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Spain, citizens (DNI) and foreigners (NIE): the letter is the number modulo 23.
pub(super) fn es_dni(value: &str) -> bool {
    let Some([first, middle @ .., letter]) = characters::<9>(value) else { return false };
    let first = match first {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        digit => digit,
    };
    let all = [&[first], middle.as_slice()].concat();
    let Some(all) = std::str::from_utf8(&all).ok().and_then(digits::<8>) else { return false };
    let expected = SPANISH.iter().zip(0..).find(|(_, place)| *place == number(&all) % 23);
    expected.is_some_and(|(expected, _)| *expected == letter) && !all_equal(&all)
}

/// What a character counts in an odd place of an Italian code, `0` and `A` first.
const ITALIAN_ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// Italy, tax code: name, birth, place, and the check letter.
pub(super) fn it_codice_fiscale(value: &str) -> bool {
    let Some(code) = characters::<16>(value) else { return false };
    let [payload @ .., check] = code;
    let place =
        |character: u8| base_36(character).map(|value| if value > 9 { value - 10 } else { value });
    let sum: Option<u32> = (payload.iter().enumerate())
        .map(|(at, character)| match (at % 2, place(*character)?) {
            (0, value) => {
                ITALIAN_ODD.iter().zip(0..).find(|(_, at)| *at == value).map(|(odd, _)| *odd)
            }
            (_, value) => Some(value),
        })
        .sum();
    check.is_ascii_uppercase() && sum.is_some_and(|sum| place(check) == Some(sum % 26))
}

/// Portugal, taxpayers.
pub(super) fn pt_nif(value: &str) -> bool {
    let Some(nif) = digits::<9>(value) else { return false };
    let rest = weighted(&nif, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    !matches!(nif[0], 0 | 4) && !all_equal(&nif) && check == u32::from(nif[8])
}

/// Greece, social security: birth and the Luhn check.
pub(super) fn gr_amka(value: &str) -> bool {
    let Some(amka) = digits::<11>(value) else { return false };
    let [a, b, c, d, e, f, ..] = amka;
    is_short_day(number(&[e, f]), number(&[c, d]), number(&[a, b])) && digits::luhn(&amka)
}

/// Greece, taxpayers.
pub(super) fn gr_afm(value: &str) -> bool {
    digits::<9>(value).is_some_and(|afm| {
        let sum = weighted(&afm, &[256, 128, 64, 32, 16, 8, 4, 2]);
        sum % 11 % 10 == u32::from(afm[8]) && !all_equal(&afm)
    })
}

/// Turkey, citizens: two check digits.
pub(super) fn tr_tckn(value: &str) -> bool {
    let Some(id) = digits::<11>(value) else { return false };
    let tenth = weighted(&id, &[7, 9, 7, 9, 7, 9, 7, 9, 7]) % 10;
    let eleventh = weighted(&id, &[1; 10]) % 10;
    id[0] != 0 && [u32::from(id[9]), u32::from(id[10])] == [tenth, eleventh]
}

/// Israel, residents: Luhn over nine digits.
pub(super) fn il_id(value: &str) -> bool {
    digits::<9>(value).is_some_and(|id| digits::luhn(&id) && !all_equal(&id))
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (es_dni, &["54362315K", "12345678-Z", "X-2482300-W", "Y7654321G"]),
            (it_codice_fiscale, &["RCCMNL83S18D969H", "RSSMRA85T10A562S"]),
            (pt_nif, &["501964843", "123456789"]),
            (gr_amka, &["01013099997"]),
            (gr_afm, &["094259216"]),
            (tr_tckn, &["17291716060", "10000000146"]),
            (il_id, &["39337423-6", "123456782"]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(es_dni, "54362315K");
        one_wrong_digit_fails(gr_amka, "01013099997");
        one_wrong_digit_fails(tr_tckn, "17291716060");
        one_wrong_digit_fails(il_id, "393374236");
        one_wrong_digit_fails(it_codice_fiscale, "RSSMRA85T10A562S");
    }
}
