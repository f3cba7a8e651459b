//! The arithmetic that check digits share.
//!
//! Owns reading the digits of a value and the sums over them. It must never know whose number it is.

/// The digits of a value of exactly `N`, whatever separates them.
pub(super) fn digits<const N: usize>(value: &str) -> Option<[u8; N]> {
    let mut found = [0; N];
    let mut places = found.iter_mut();
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' => *places.next()? = byte - b'0',
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+' => {}
            _ => return None,
        }
    }
    let complete = places.next().is_none();
    complete.then_some(found)
}

/// The letters (as capitals) and digits of a value of exactly `N`, whatever separates them.
pub(super) fn characters<const N: usize>(value: &str) -> Option<[u8; N]> {
    let mut found = [0; N];
    let mut places = found.iter_mut();
    for byte in value.bytes() {
        match byte {
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' => {}
            _ if byte.is_ascii_alphanumeric() => *places.next()? = byte.to_ascii_uppercase(),
            _ => return None,
        }
    }
    let complete = places.next().is_none();
    complete.then_some(found)
}

/// All digits of a value, and nothing else of it.
pub(super) fn all_digits(value: &str) -> Vec<u8> {
    value.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect()
}

/// A letter or digit as a number: `0` to `9`, then `A` is 10.
pub(super) fn base_36(character: u8) -> Option<u32> {
    char::from(character).to_digit(36)
}

/// The digits read as one number.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
}

/// Each digit times its weight, summed.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// Whether all digits are the same, which many checks let pass and no office hands out.
pub(super) fn all_equal(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| pair.first() == pair.last())
}

/// The Luhn check, the last digit being the check digit.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = (digits.iter().rev().enumerate())
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064, MOD 11,10: the check of the German and the Croatian tax number.
pub(super) fn iso_7064_11_10(digits: &[u8]) -> bool {
    let Some((check, payload)) = digits.split_last() else { return false };
    let product = payload.iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        let sum = if sum == 0 { 10 } else { sum };
        sum * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

/// The Verhoeff check: arithmetic in the dihedral group of order ten.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    let sum = (digits.iter().rev().enumerate())
        .fold(0, |sum, (place, digit)| dihedral(sum, permuted(place % 8, *digit)));
    sum == 0
}

fn dihedral(left: u8, right: u8) -> u8 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => 5 + (left + right) % 5,
        (false, true) => 5 + (left + 5 - right) % 5,
        (false, false) => (left + 5 - right % 5) % 5,
    }
}

fn permuted(times: usize, digit: u8) -> u8 {
    const STEP: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    (0..times).fold(digit, |digit, _| STEP.get(usize::from(digit)).copied().unwrap_or(digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn separators_are_left_out_and_the_count_is_exact() {
        assert_eq!(digits::<4>("1-2 3.4"), Some([1, 2, 3, 4]));
        assert_eq!(digits::<4>("123"), None);
        assert_eq!(digits::<4>("12345"), None);
        assert_eq!(digits::<4>("12a4"), None);
        assert_eq!(characters::<3>("a-1 b"), Some(*b"A1B"));
    }

    #[test]
    fn published_numbers_pass() {
        assert!(luhn(&all_digits("79927398713")));
        assert!(verhoeff(&all_digits("2363")));
        assert!(iso_7064_11_10(&all_digits("07945")));
    }

    proptest! {
        #[test]
        fn each_check_takes_exactly_one_check_digit(payload in proptest::collection::vec(0_u8..10, 5..18)) {
            for check in [luhn, verhoeff, iso_7064_11_10] {
                let passing = (0..10).filter(|last| check(&[payload.as_slice(), &[*last]].concat()));
                prop_assert_eq!(passing.count(), 1);
            }
        }

        #[test]
        fn one_wrong_digit_fails(payload in proptest::collection::vec(0_u8..10, 5..18), at in 0_usize..18, by in 1_u8..10) {
            for check in [luhn, verhoeff, iso_7064_11_10] {
                let mut all = payload.clone();
                all.push((0..10).find(|last| check(&[payload.as_slice(), &[*last]].concat())).unwrap());
                let at = at % all.len();
                all[at] = (all[at] + by) % 10;
                prop_assert!(!check(&all));
            }
        }
    }
}
