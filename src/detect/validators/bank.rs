//! Bank accounts: IBAN, BIC and routing numbers.
//!
//! Owns their lengths and checks. It must never know which rule asks.

use super::digits::{base_36, digits, weighted};

/// Length and countries of IBANs, by the SWIFT registry. British ones of 21 come from makers of test data.
const IBAN_LENGTHS: &[(usize, &str)] = &[
    (15, "NO"),
    (16, "BE"),
    (18, "DK FI FK FO GL NL SD"),
    (19, "MK SI"),
    (20, "AT BA EE KZ LT LU MN XK"),
    (21, "CH GB HR LI LV"),
    (22, "BG BH CR DE GB GE IE ME RS VA"),
    (23, "AE GI IL IQ OM SO TL"),
    (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
    (25, "LY PT ST"),
    (26, "IS TR"),
    (27, "BI DJ FR GR IT MC MR SM"),
    (28, "AL AZ BY CY DO GT HN HU LB NI PL SV"),
    (29, "BR EG PS QA UA"),
    (30, "JO KW MU YE"),
    (31, "MT SC"),
    (32, "LC"),
    (33, "RU"),
];

/// The codes of countries (ISO 3166) that a BIC may carry.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AR AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// An IBAN: the length of its country, and the remainder modulo 97.
pub(super) fn iban(value: &str) -> bool {
    let compact: Vec<u8> = value
        .bytes()
        .filter(|byte| !matches!(byte, b' ' | b'-'))
        .map(|byte| byte.to_ascii_uppercase())
        .collect();
    let Some((head, account)) = compact.split_at_checked(4) else { return false };
    let country = head.get(..2).and_then(|code| std::str::from_utf8(code).ok());
    let known = country.is_some_and(|country| {
        let of_length = IBAN_LENGTHS.iter().find(|(length, _)| *length == compact.len());
        of_length.is_some_and(|(_, countries)| countries.split(' ').any(|code| code == country))
    });
    let remainder = account.iter().chain(head).try_fold(0, |remainder, character| {
        let value = base_36(*character)?;
        let shift = if value > 9 { 100 } else { 10 };
        Some((remainder * shift + value) % 97)
    });
    known && remainder == Some(1)
}

/// A BIC: it carries a country.
pub(super) fn bic(value: &str) -> bool {
    let country = value.get(4..6).unwrap_or("-").to_ascii_uppercase();
    matches!(value.len(), 8 | 11) && COUNTRIES.split(' ').any(|code| code == country)
}

/// A routing number of the United States: a district of the Federal Reserve, and the check digit.
pub(super) fn us_routing(value: &str) -> bool {
    let Some(digits) = digits::<9>(value) else { return false };
    let district = digits[0] * 10 + digits[1];
    matches!(district, 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(&digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_accounts_pass() {
        for account in [
            "DE89 3704 0044 0532 0130 00",
            "GB82WEST12345698765432",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NO93-8601-1117-947",
            "MT84MALT011000012345MTLCAST001S",
            "BR18 0036 0305 0000 1000 9795 493C 1",
        ] {
            assert!(iban(account), "{account}");
        }
        assert!(bic("COBADEFF370") && bic("DEUTDEFF") && !bic("DEUTZZFF") && !bic("ABSTRACTED"));
        assert!(us_routing("021000021") && !us_routing("021000022") && !us_routing("500000005"));
    }

    #[test]
    fn a_length_of_another_country_fails() {
        assert!(!iban("DE89 3704 0044 0532 0130 0"));
        assert!(!iban("US89 3704 0044 0532 0130 00"));
        assert!(!iban(""));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_fails(account in "[0-9]{18}", at in 0_usize..18, by in 1_u8..10) {
            let with = |check: u32| format!("DE{check:02}{account}");
            let right = (2..99).map(with).find(|number| iban(number)).unwrap();
            let mut wrong = right.into_bytes();
            wrong[4 + at] = b'0' + (wrong[4 + at] - b'0' + by) % 10;
            prop_assert!(!iban(std::str::from_utf8(&wrong).unwrap()));
        }
    }
}
