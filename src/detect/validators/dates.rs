//! Days of the calendar, as identity numbers and people write them.
//!
//! Owns which days exist. It must never know today: years up to 2035 count as past.

use super::digits::all_digits;

/// Whether the day exists.
pub(super) fn is_day(year: u64, month: u64, day: u64) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Whether a day with a year of two digits exists in some century.
pub(super) fn is_short_day(year: u64, month: u64, day: u64) -> bool {
    is_day(1900 + year, month, day) || is_day(2000 + year, month, day)
}

/// Whether a value is a day on which somebody who is alive may have been born: in numbers in any order, or
/// with a written month.
pub(super) fn birth_date(value: &str) -> bool {
    let parts: Vec<&str> =
        value.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let numbers: Vec<u64> = parts.iter().filter_map(|part| part.parse().ok()).collect();
    match (parts.as_slice(), numbers.as_slice()) {
        ([first, ..], [year, month, day]) if first.len() == 4 => {
            is_birth_year(*year) && is_day(*year, *month, *day)
        }
        ([_, _, last], [left, right, year]) => {
            let year = full_year(last, *year);
            is_birth_year(year) && (is_day(year, *right, *left) || is_day(year, *left, *right))
        }
        ([first, _], [year, day]) if first.len() == 4 => {
            is_birth_year(*year) && (1..=31).contains(day)
        }
        ([_, last], [day, year]) => is_birth_year(full_year(last, *year)) && (1..=31).contains(day),
        ([all], _) if all.len() == 8 => is_compact(&all_digits(all)),
        _ => false,
    }
}

/// `19850312` or `12031985`.
fn is_compact(digits: &[u8]) -> bool {
    let [a, b, c, d, e, f, g, h] = digits else { return false };
    let pair = |tens: &u8, ones: &u8| u64::from(*tens) * 10 + u64::from(*ones);
    let [one, two, three, four] = [pair(a, b), pair(c, d), pair(e, f), pair(g, h)];
    let (first, last) = (one * 100 + two, three * 100 + four);
    (is_birth_year(first) && is_day(first, three, four))
        || (is_birth_year(last) && (is_day(last, two, one) || is_day(last, one, two)))
}

fn full_year(written: &str, year: u64) -> u64 {
    if written.len() == 2 { 1900 + year } else { year }
}

fn is_birth_year(year: u64) -> bool {
    (1900..=2035).contains(&year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_exist_pass_however_they_are_written() {
        for date in [
            "1985-03-12",
            "12.03.1985",
            "3/31/1985",
            "31/3/85",
            "March 12, 1985",
            "12 mars 1985",
            "1985年3月12日",
            "12. März 1985",
            "19850312",
            "12031985",
        ] {
            assert!(birth_date(date), "{date}");
        }
    }

    #[test]
    fn days_that_do_not_exist_fail() {
        for date in [
            "1985-13-12",
            "31.02.1985",
            "1785-03-12",
            "2085-01-01",
            "March 32, 1985",
            "1985",
            "12345678",
            "32/13/1985",
        ] {
            assert!(!birth_date(date), "{date}");
        }
    }
}
