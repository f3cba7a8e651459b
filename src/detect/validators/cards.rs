//! Payment cards.
//!
//! Owns the issuers' ranges and lengths. It must never let a number pass on its check digit alone.

use super::digits::{self, all_digits};

/// First six digits from, to, and the lengths that are in use.
const ISSUERS: &[(u64, u64, &[usize])] = &[
    (180_000, 180_099, &[15]),
    (213_100, 213_199, &[15]),
    (220_000, 220_499, &[16, 19]),
    (222_100, 272_099, &[16]),
    (300_000, 305_999, &[14, 16]),
    (309_500, 309_599, &[14, 16]),
    (340_000, 349_999, &[15]),
    (350_000, 359_999, &[16, 19]),
    (360_000, 369_999, &[14, 16, 19]),
    (370_000, 379_999, &[15]),
    (380_000, 399_999, &[14, 16, 19]),
    (400_000, 499_999, &[16, 19]),
    (500_000, 509_999, &[16, 18, 19]),
    (510_000, 559_999, &[16]),
    (560_000, 589_999, &[16, 18, 19]),
    (601_100, 601_199, &[16, 19]),
    (603_600, 608_999, &[16]),
    (620_000, 629_999, &[16, 17, 18, 19]),
    (630_400, 630_499, &[16, 18, 19]),
    (636_200, 637_999, &[16, 18, 19]),
    (639_000, 639_099, &[16, 18, 19]),
    (644_000, 659_999, &[16, 19]),
    (670_000, 679_999, &[16, 18, 19]),
    (810_000, 829_999, &[16]),
    (979_200, 979_289, &[16]),
];

/// Issuers of short numbers, which look too much like other numbers to be believed without a word beside them.
const SHORT: &[(u64, u64, &[usize])] = &[
    (60_400, 60_499, &[12]),
    (400_000, 499_999, &[13]),
    (500_000, 509_999, &[12, 13, 14, 15, 17]),
    (560_000, 589_999, &[12, 13, 14, 15, 17]),
    (600_000, 609_999, &[12, 13, 14, 15, 16, 17]),
    (630_400, 630_499, &[12, 13, 14, 15, 17]),
    (639_000, 639_099, &[12, 13, 14, 15, 17]),
    (670_000, 679_999, &[12, 13, 14, 15, 17]),
];

/// The Luhn check, whatever the number.
pub(super) fn luhn(value: &str) -> bool {
    let digits = all_digits(value);
    digits.len() > 1 && digits::luhn(&digits)
}

/// A card that an issuer of today may have given out. An old one of 13 digits must not be an article
/// number (EAN-13) as well.
pub(super) fn card(value: &str) -> bool {
    let digits = all_digits(value);
    let old_visa = digits.len() == 13 && digits.starts_with(&[4]) && !is_article_number(&digits);
    digits::luhn(&digits) && (issued(ISSUERS, &digits) || old_visa) && !digits::all_equal(&digits)
}

/// A card that any issuer may ever have given out.
pub(super) fn any_card(value: &str) -> bool {
    let digits = all_digits(value);
    digits::luhn(&digits)
        && (issued(ISSUERS, &digits) || issued(SHORT, &digits))
        && !digits::all_equal(&digits)
}

fn issued(issuers: &[(u64, u64, &[usize])], digits: &[u8]) -> bool {
    let Some(prefix) = digits.get(..6).map(digits::number) else { return false };
    issuers.iter().any(|(from, to, lengths)| {
        (*from..=*to).contains(&prefix) && lengths.contains(&digits.len())
    })
}

fn is_article_number(digits: &[u8]) -> bool {
    digits::weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_issuers_own_test_cards_pass() {
        for number in [
            "4111 1111 1111 1111",
            "4242-4242-4242-4242",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3714 496353 98431",
            "6011111111111117",
            "30569309025904",
            "36227206271667",
            "3530111333300000",
            "6200000000000005",
            "6759649826438453",
            "4222222222222",
        ] {
            assert!(card(number), "{number}");
        }
    }

    #[test]
    fn a_wrong_digit_a_wrong_length_or_no_issuer_fails() {
        for number in [
            "4111111111111112",
            "411111111111116",
            "1234567812345670",
            "0000000000000000",
            "9999999999999995",
            "1705312800000",
            "4006381333931",
        ] {
            assert!(!card(number), "{number}");
        }
        assert!(any_card("5018 0000 0009") && !card("5018 0000 0009"));
    }

    proptest! {
        #[test]
        fn every_card_of_an_issuer_passes_and_one_wrong_digit_fails(
            issuer in 0..ISSUERS.len(), offset in 0_u64..100_000, rest in proptest::collection::vec(0_u8..10, 20),
            at in 0_usize..19, by in 1_u8..10,
        ) {
            let (from, to, lengths) = ISSUERS[issuer];
            let prefix = (from + offset % (to - from + 1)).to_string();
            let mut digits = all_digits(&prefix);
            digits.extend(&rest[..lengths[0] - 7]);
            digits.push(0);
            let last = digits.len() - 1;
            digits[last] = (0..10).find(|check| { digits[last] = *check; digits::luhn(&digits) }).unwrap();
            let text = |digits: &[u8]| digits.iter().map(|digit| char::from(digit + b'0')).collect::<String>();
            prop_assume!(!digits::all_equal(&digits));
            prop_assert!(card(&text(&digits)));
            let at = at % digits.len();
            digits[at] = (digits[at] + by) % 10;
            prop_assert!(!card(&text(&digits)));
        }
    }
}
