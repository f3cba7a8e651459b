//! Telephone numbers.
//!
//! Owns the country codes and how long their numbers are. It must never ask which numbers are in service:
//! numbers of films and handbooks are telephone numbers, too.

use super::dates::birth_date;
use super::digits::{all_digits, digits, number};

/// Fewest and most digits after these country codes.
const COUNTRIES: &[(usize, usize, &[u64])] = &[
    (5, 5, &[247, 290, 500, 682]),
    (6, 6, &[298, 299, 672, 687]),
    (6, 7, &[597, 676, 677, 678, 683, 688, 690]),
    (6, 8, &[386, 686]),
    (6, 9, &[252, 376, 421, 508, 681]),
    (6, 10, &[358, 685, 880]),
    (6, 11, &[352, 359, 375, 381, 598, 971]),
    (7, 7, &[238, 239, 246, 248, 269, 291, 297, 592, 673, 674, 680, 691, 692]),
    (7, 8, &[241, 599, 670, 675, 853, 961, 965, 975]),
    (7, 9, &[27, 40, 46, 220, 231, 263, 265, 354, 355, 385, 423, 967, 968]),
    (7, 10, &[44, 48, 53, 61, 95, 98, 230, 243, 254, 267, 353, 372, 960]),
    (7, 11, &[31, 39, 63, 82, 501, 503, 507, 595, 679, 882, 972, 974]),
    (7, 12, &[43, 49, 62, 86]),
    (
        8,
        8,
        &[
            45, 47, 216, 222, 223, 226, 227, 228, 232, 235, 236, 253, 257, 266, 268, 350, 356, 357,
            370, 371, 373, 374, 389, 505, 509, 800, 973, 993,
        ],
    ),
    (
        8,
        9,
        &[
            32, 36, 51, 213, 224, 233, 237, 250, 258, 264, 377, 382, 387, 591, 689, 852, 886, 962,
            963,
        ],
    ),
    (8, 10, &[20, 60, 64, 84, 378, 506, 850, 855, 856, 964, 970, 976]),
    (8, 11, &[57, 65, 66, 91, 92, 383, 502, 504, 593, 977]),
    (8, 12, &[81]),
    (
        9,
        9,
        &[
            33, 34, 41, 93, 94, 211, 212, 218, 221, 240, 242, 244, 245, 249, 251, 255, 256, 260,
            261, 262, 351, 420, 590, 594, 596, 992, 994, 995, 998,
        ],
    ),
    (9, 10, &[380, 881, 966, 996]),
    (9, 11, &[55, 56, 870]),
    (10, 10, &[1, 7, 52, 58, 225, 229]),
    (10, 11, &[30, 54, 90, 234]),
];

/// A number that begins with its country code, after `+` or `00`; a trunk zero may stand in parentheses.
pub(super) fn international(value: &str) -> bool {
    let written = value.replace("(0)", "");
    let all = all_digits(&written);
    let all = if written.starts_with('+') {
        all.as_slice()
    } else {
        all.strip_prefix(&[0, 0]).unwrap_or_default()
    };
    (1..=3).any(|length| {
        let Some((code, rest)) = all.split_at_checked(length) else { return false };
        let code = number(code);
        // Some write the trunk zero although the country code stands before it.
        let rest =
            if matches!(code, 39 | 225) { rest } else { rest.strip_prefix(&[0]).unwrap_or(rest) };
        if code == 1 {
            return rest.len() == 10 && rest.first().is_some_and(|digit| *digit > 1);
        }
        let fits = |(fewest, most, codes): &(usize, usize, &[u64])| {
            codes.contains(&code) && (*fewest..=*most).contains(&rest.len())
        };
        COUNTRIES.iter().any(fits) && rest.iter().any(|digit| *digit != 0)
    })
}

/// A number of the North American plan: area and exchange begin with 2 to 9. The area of films, 555, may have any exchange.
pub(super) fn north_american(value: &str) -> bool {
    let all = all_digits(value);
    let all = if all.len() == 11 { all.strip_prefix(&[1]).unwrap_or_default() } else { &all };
    let [area, b, c, exchange, ..] = all else { return false };
    let film = [*area, *b, *c] == [5, 5, 5];
    all.len() == 10 && *area > 1 && (*exchange > 1 || film) && [*b, *c] != [1, 1]
}

/// A national number that begins with its trunk zero: nine to thirteen digits. Pairs are five, as in France;
/// more, or small ones, are a dump of bytes.
pub(super) fn with_trunk_zero(value: &str) -> bool {
    let all = all_digits(value);
    let is_letter = |byte: u8| byte.is_ascii_alphabetic();
    let groups: Vec<&str> =
        value.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let pairs = groups.iter().all(|group| group.len() == 2);
    let small = groups.iter().filter(|group| group.len() == 2 && group.starts_with('0')).count();
    let [zero, second, ..] = all.as_slice() else { return false };
    *zero == 0
        && *second != 0
        && (9..=13).contains(&all.len())
        && (!pairs || groups.len() == 5)
        && small < 3
        && !value.bytes().any(is_letter)
}

/// A mobile number of mainland China.
pub(super) fn chinese_mobile(value: &str) -> bool {
    digits::<11>(value).is_some_and(|digits| digits[0] == 1 && digits[1] > 2)
}

/// Seven to fifteen digits that are not all the same, neither a date nor two years: for numbers that a word
/// announces.
pub(super) fn announced(value: &str) -> bool {
    let all = all_digits(value);
    let distinct = (0..10).filter(|digit| all.contains(digit)).count();
    let years = matches!(all.as_slice(), [1, 9, _, _, 1 | 2, _, _, _] | [2, 0, _, _, 2, 0, _, _]);
    let years = years && value.len() > 8;
    (7..=15).contains(&all.len()) && distinct > 1 && !years && !birth_date(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_countries_pass() {
        for number in [
            "+1-202-555-0143",
            "+49 30 123456",
            "0049 30 12345678",
            "+44 (0)20 7946 0958",
            "+33 1 23 45 67 89",
            "+39 06 1234 5678",
            "+86 138 1234 5678",
            "+81 3-1234-5678",
            "+55 11 91234-5678",
            "+91 98765 43210",
            "+352 26 12 34 56",
            "+971 50 123 4567",
            "+7 (495) 123-45-67",
        ] {
            assert!(international(number), "{number}");
        }
    }

    #[test]
    fn unknown_codes_and_wrong_lengths_fail() {
        for number in [
            "+1 202 555 014",
            "+1 102 555 0143",
            "+999 123 456 789",
            "+210 123 456 789",
            "+34 123",
            "+33 1 23 45 67 89 10",
            "1 202 555 0143",
            "+",
            "",
        ] {
            assert!(!international(number), "{number}");
        }
    }

    #[test]
    fn national_numbers_keep_to_their_plans() {
        assert!(north_american("(555) 010-1234") && north_american("1-212-456-7890"));
        assert!(
            !north_american("123-456-7890")
                && !north_american("415-055-0143")
                && !north_american("911-456-7890")
        );
        assert!(with_trunk_zero("020 7946 0958") && with_trunk_zero("06 12 34 56 78"));
        assert!(
            !with_trunk_zero("01 02 03 04 05")
                && !with_trunk_zero("08 19 42 82 28 12")
                && !with_trunk_zero("00 12 34 56 78")
        );
        assert!(chinese_mobile("138 1234 5678") && !chinese_mobile("128 1234 5678"));
        assert!(announced("4155550143") && !announced("0000000000") && !announced("2024-01-15"));
        assert!(!announced("2017-2022") && announced("2017-4022"));
    }
}
