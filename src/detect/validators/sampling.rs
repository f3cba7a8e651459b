//! What the tests of check digits share, and the tests of them all.
//!
//! Owns the questions that are put to every check. It must never be part of the program.

use super::{Validator, named};
use proptest::{prelude::*, string::string_regex};

/// `YYMMDD` and `DDMMYY` of days that exist.
const YYMMDD: &str = "[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])";
const DDMMYY: &str = "(0[1-9]|1[0-9]|2[0-8])(0[1-9]|1[0-2])[0-9]{2}";

/// Checks with numbers that lack their last digit, of which exactly one is right.
const EXACTLY_ONE: &[(&str, &str)] = &[
    ("ae-id", "78419[0-9]{2}[0-9]{7}"),
    ("baltic", "[34]YYMMDD[0-9]{3}"),
    ("bg-egn", "YYMMDD[0-9]{3}"),
    ("ca-sin", "[1-7][0-9]{7}"),
    ("ch-ahv", "756[0-9]{9}"),
    ("gr-afm", "[0-9]{8}"),
    ("gr-amka", "DDMMYY[0-9]{4}"),
    ("hr-oib", "[0-9]{10}"),
    ("il-id", "[0-9]{8}"),
    ("in-aadhaar", "[2-9][0-9]{10}"),
    ("jp-my-number", "[0-9]{11}"),
    ("kr-rrn", "YYMMDD[1-4][0-9]{5}"),
    ("luhn", "[0-9]{11,18}"),
    ("pl-pesel", "YYMMDD[0-9]{4}"),
    ("pt-nif", "[1-35-9][0-9]{7}"),
    ("ro-cnp", "[12]YYMMDD40[0-9]{3}"),
    ("se-personnummer", "YYMMDD[0-9]{3}"),
    ("th-id", "[1-8][0-9]{11}"),
    ("us-dea", "[ABFM][A-Z][0-9]{6}"),
    ("us-npi", "[12][0-9]{8}"),
    ("za-id", "YYMMDD[0-9]{4}08"),
];

/// Checks modulo 11 and their like, of whose last digits at most one is right.
const AT_MOST_ONE: &[(&str, &str)] = &[
    ("ar-cuit", "2[0347][0-9]{8}"),
    ("au-tfn", "[0-9]{8}"),
    ("be-register", "YYMMDD[0-9]{4}"),
    ("br-cpf", "[0-9]{10}"),
    ("cz-rodne-cislo", "YYMMDD[0-9]{3}"),
    ("de-tax-id", "[1-9][0-9]{9}"),
    ("dk-cpr", "DDMMYY[0-9]{3}"),
    ("fr-nir", "[12][0-9]{2}(0[1-9]|1[0-2])[0-9]{9}"),
    ("nl-bsn", "[0-9]{8}"),
    ("no-fodselsnummer", "DDMMYY[0-9]{4}"),
    ("nz-ird", "[0-9]{8}"),
    ("ru-inn", "[0-9]{11}"),
    ("tr-tckn", "[1-9][0-9]{9}"),
    ("uk-nhs", "[0-9]{9}"),
    ("us-routing", "0[1-9][0-9]{6}"),
    ("yu-jmbg", "0[1-9]0[1-9]9[0-9]{7}"),
];

/// How many last digits make a number right.
fn right_ends(check: &str, number: &str) -> usize {
    let check = named(check).unwrap();
    ('0'..='9').filter(|end| check(&format!("{number}{end}"))).count()
}

fn unfinished(form: &str) -> BoxedStrategy<String> {
    string_regex(&form.replace("YYMMDD", YYMMDD).replace("DDMMYY", DDMMYY)).unwrap().boxed()
}

fn of(checks: &'static [(&str, &str)]) -> impl Strategy<Value = (&'static str, String)> {
    (0..checks.len()).prop_flat_map(|at| (Just(checks[at].0), unfinished(checks[at].1)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn every_number_has_one_right_last_digit((check, number) in of(EXACTLY_ONE)) {
        prop_assert_eq!(right_ends(check, &number), 1, "{} {}", check, number);
    }

    #[test]
    fn no_number_has_two_right_last_digits((check, number) in of(AT_MOST_ONE)) {
        prop_assert!(right_ends(check, &number) < 2, "{} {}", check, number);
    }
}

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
