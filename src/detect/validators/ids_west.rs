//! Identity, tax and insurance numbers of western Europe.
//!
//! Owns their rules and check digits. It must never know which rule asks.

use super::dates::is_short_day;
use super::digits::{
    all_digits, all_equal, base_36, characters, digits, iso_7064_11_10, number, weighted,
};

/// United Kingdom, national insurance: prefixes that are given out, and a suffix from A to D.
pub(super) fn uk_nino(value: &str) -> bool {
    let Some(nino) = characters::<9>(value) else { return false };
    let [first, second, numbers @ .., suffix] = nino;
    let reserved = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"];
    first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(&first)
        && !b"DFIOQUV".contains(&second)
        && !reserved.contains(&&[first, second])
        && numbers.iter().all(u8::is_ascii_digit)
        && matches!(suffix, b'A'..=b'D')
}

/// Ireland, public services: seven digits, a check letter, sometimes one letter more.
pub(super) fn ie_pps(value: &str) -> bool {
    let (body, letters) = value.split_at_checked(7).unwrap_or_default();
    let mut letters = letters.bytes().map(|letter| letter.to_ascii_uppercase());
    let (check, extra) = (letters.next(), letters.next());
    let extra = match extra {
        None | Some(b'W') => 0,
        Some(letter) => base_36(letter).map_or(0, |value| value.saturating_sub(9)),
    };
    let digits = all_digits(body);
    let sum = weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) + extra * 9;
    let expected = b"WABCDEFGHIJKLMNOPQRSTUV".iter().zip(0..).find(|(_, place)| *place == sum % 23);
    digits.len() == 7 && check.is_some() && check == expected.map(|(letter, _)| *letter)
}

/// Germany, tax: one digit of the first ten stands there twice or thrice, the others once.
pub(super) fn de_tax_id(value: &str) -> bool {
    let Some(id) = digits::<11>(value) else { return false };
    let [payload @ .., _] = id;
    let times = |digit: u8| payload.iter().filter(|other| **other == digit).count();
    let repeated = (0..10).filter(|digit| times(*digit) > 1).count();
    let at_most = (0..10).map(times).max().unwrap_or_default();
    id[0] != 0 && repeated == 1 && at_most < 4 && iso_7064_11_10(&id)
}

/// Germany, identity card: nine letters and digits, and their check digit.
pub(super) fn de_identity_card(value: &str) -> bool {
    let Some(card) = characters::<10>(value) else { return false };
    let [payload @ .., check] = card;
    seven_three_one(&payload).is_some_and(|sum| base_36(check) == Some(sum))
}

/// The check of machine-readable documents: weights 7, 3, 1, modulo 10; fillers count nothing.
pub(super) fn seven_three_one(characters: &[u8]) -> Option<u32> {
    let values = characters.iter().map(|c| if *c == b'<' { Some(0) } else { base_36(*c) });
    let sum: Option<u32> = values
        .zip([7, 3, 1].iter().cycle())
        .map(|(value, weight)| value.map(|value| value * weight))
        .sum();
    sum.map(|sum| sum % 10)
}

/// France, social security (NIR): sex, birth, place, and the complement modulo 97. Corsica has letters.
pub(super) fn fr_nir(value: &str) -> bool {
    let plain = value.to_ascii_uppercase().replace("2A", "19").replace("2B", "18");
    let Some(nir) = digits::<15>(&plain) else { return false };
    let [sex, _, _, month_tens, month_ones, ..] = nir;
    let [payload @ .., tens, ones] = nir;
    let month = number(&[month_tens, month_ones]);
    matches!(sex, 1..=4 | 7 | 8)
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && 97 - number(&payload) % 97 == number(&[tens, ones])
}

/// Netherlands, citizens: the test of eleven.
pub(super) fn nl_bsn(value: &str) -> bool {
    digits::<9>(value).is_some_and(|bsn| {
        weighted(&bsn, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11) && !all_equal(&bsn)
    })
}

/// Belgium, national register: birth, order, and the complement modulo 97 in either century.
pub(super) fn be_register(value: &str) -> bool {
    let Some(id) = digits::<11>(value) else { return false };
    let [year_tens, year_ones, c, d, e, f, ..] = id;
    let [payload @ .., tens, ones] = id;
    let (year, month, day) = (number(&[year_tens, year_ones]), number(&[c, d]), number(&[e, f]));
    // Foreigners' months are raised by 20 or 40; a birth that is not known is all zeros.
    let born = is_short_day(year, month % 20, day) || (month % 20 == 0 && day <= 31);
    let check = |payload: u64| 97 - payload % 97 == number(&[tens, ones]);
    let payload = number(&payload);
    month <= 52 && born && (check(payload) || check(2_000_000_000 + payload))
}

/// Switzerland, old-age insurance: an article number (EAN-13) under 756.
pub(super) fn ch_ahv(value: &str) -> bool {
    digits::<13>(value).is_some_and(|ahv| {
        ahv.starts_with(&[7, 5, 6])
            && weighted(&ahv, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
    })
}

/// Austria, social insurance: order, check digit, birth.
pub(super) fn at_svnr(value: &str) -> bool {
    let Some(svnr) = digits::<10>(value) else { return false };
    let [first, _, _, check, a, b, c, d, e, f] = svnr;
    let sum = weighted(&svnr, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    let (day, month, year) = (number(&[a, b]), number(&[c, d]), number(&[e, f]));
    let born = is_short_day(year, month, day) || matches!(month, 13..=15);
    first != 0 && born && sum % 11 == u32::from(check)
}

#[cfg(test)]
mod tests {
    use super::super::sampling::{one_wrong_digit_fails, right_ones_pass};
    use super::*;

    #[test]
    fn right_numbers_pass() {
        right_ones_pass(&[
            (uk_nino, &["AB123456C", "JG 10 37 59 A"]),
            (ie_pps, &["6433435F"]),
            (de_tax_id, &["36 574 261 809"]),
            (de_identity_card, &["T220001293", "L01X00T471"]),
            (fr_nir, &["2 95 10 99 126 111 93", "253072B07300470"]),
            (nl_bsn, &["111222333", "1234.56.782"]),
            (be_register, &["85.07.30-033.28", "17073003384"]),
            (ch_ahv, &["756.9217.0769.85"]),
            (at_svnr, &["1237 010180"]),
        ]);
    }

    #[test]
    fn a_wrong_digit_fails() {
        one_wrong_digit_fails(nl_bsn, "111222333");
        one_wrong_digit_fails(ch_ahv, "756.9217.0769.85");
        one_wrong_digit_fails(de_identity_card, "T220001293");
        one_wrong_digit_fails(fr_nir, "295109912611193");
        one_wrong_digit_fails(de_tax_id, "36574261809");
    }

    #[test]
    fn prefixes_that_are_never_given_out_fail() {
        for number in ["GB123456A", "DA123456A", "AO123456A", "AB123456E", "AB12345C", "1B123456C"]
        {
            assert!(!uk_nino(number), "{number}");
        }
        assert!(!be_register("85.13.30-033.28") && !at_svnr("1237 320180"));
    }
}
