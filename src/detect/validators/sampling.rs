//! What the tests of check digits share.
//!
//! Owns two questions about a check. It must never be part of the program.

use super::Validator;

/// Each check with numbers that it must take.
pub(super) fn right_ones_pass(checks: &[(Validator, &[&str])]) {
    for (check, numbers) in checks {
        for number in *numbers {
            assert!(check(number), "{number}");
        }
        assert!(!check("") && !check("-") && !check("äöü") && !check("12345678901234567890"));
    }
}

/// Every digit of the number replaced by every other.
pub(super) fn one_wrong_digit_fails(check: Validator, number: &str) {
    assert!(check(number), "{number}");
    for (at, digit) in number.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
        for other in ('0'..='9').filter(|other| *other != digit) {
            let mut wrong = number.to_owned();
            wrong.replace_range(at..=at, &other.to_string());
            assert!(!check(&wrong), "{wrong} for {number}");
        }
    }
}
