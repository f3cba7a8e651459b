//! Machine-readable lines of travel documents.
//!
//! Owns their check digits. It must never read a name.

use super::digits::base_36;
use super::ids_west::seven_three_one;

/// The second line of a passport: number, birth and expiry carry check digits.
pub(super) fn mrz(value: &str) -> bool {
    let line = value.as_bytes();
    line.len() == 44 && [0..9, 13..19, 21..27].into_iter().all(|field| is_checked(line, field))
}

/// The second line of an identity card: birth and expiry carry check digits.
pub(super) fn mrz_card(value: &str) -> bool {
    let line = value.as_bytes();
    line.len() == 30 && [0..6, 8..14].into_iter().all(|field| is_checked(line, field))
}

/// Whether the character after a field is its check digit.
fn is_checked(line: &[u8], field: std::ops::Range<usize>) -> bool {
    let check = line.get(field.end).and_then(|check| base_36(*check));
    check.is_some() && line.get(field).and_then(seven_three_one) == check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_standard_pass_and_a_wrong_digit_fails() {
        assert!(mrz("L898902C36UTO7408122F1204159ZE184226B<<<<<10"));
        assert!(!mrz("L898902C36UTO7408123F1204159ZE184226B<<<<<10"));
        assert!(mrz_card("7408122F1204159UTO<<<<<<<<<<<6"));
        assert!(!mrz_card("7408122F1204158UTO<<<<<<<<<<<6") && !mrz(""));
    }
}
