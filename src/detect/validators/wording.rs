//! Whether letters read like words.
//!
//! Owns the measure by which a random value differs from a written one. It must never need a dictionary.

/// The length of the longest run of one character.
pub(super) fn longest_repeat(value: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    let mut before = None;
    for byte in value.bytes() {
        run = if before == Some(byte) { run + 1 } else { 1 };
        longest = longest.max(run);
        before = Some(byte);
    }
    longest
}

/// How often a letter stands beside a digit.
pub(super) fn changes(value: &str) -> usize {
    let beside = |(first, second): (u8, u8)| {
        first.is_ascii_digit() && second.is_ascii_alphabetic()
            || first.is_ascii_alphabetic() && second.is_ascii_digit()
    };
    value.bytes().zip(value.bytes().skip(1)).filter(|&pair| beside(pair)).count()
}

/// How many letters stand in runs that read like words; `camelCase` is two.
pub(super) fn letters_in_words(value: &str) -> usize {
    let mut sum = 0;
    let mut run = String::new();
    for char in value.chars() {
        let lower_after = |run: &str| run.ends_with(|last: char| last.is_lowercase());
        let two_capitals = |run: &str| run.len() > 1 && run.ends_with(char::is_uppercase);
        let breaks = !char.is_alphabetic()
            || if char.is_uppercase() { lower_after(&run) } else { two_capitals(&run) };
        if breaks {
            sum += word_length(&run);
            run.clear();
        }
        if char.is_alphabetic() {
            run.push(char);
        }
    }
    sum + word_length(&run)
}

/// The length of a run of letters if it can be spoken, else 0.
fn word_length(run: &str) -> usize {
    let (mut vowels, mut consonants, mut worst) = (0, 0, 0);
    for char in run.chars() {
        if matches!(char.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y') {
            vowels += 1;
            consonants = 0;
        } else {
            consonants += 1;
            worst = worst.max(consonants);
        }
    }
    let shortest = if run.ends_with(char::is_uppercase) { 6 } else { 4 };
    let length = run.len();
    if length >= shortest && vowels * 5 >= length && vowels * 4 <= length * 3 && worst <= 4 {
        length
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_also_in_camel_case_and_beside_signs() {
        assert_eq!(letters_in_words("kubernetes.io/service-account"), 10 + 7 + 7);
        assert_eq!(letters_in_words("getPasswordField"), 8 + 5);
    }

    #[test]
    fn random_letters_are_no_words() {
        assert_eq!(letters_in_words("q7Zt2Vb9Lx4Kd8Nw3Rj6"), 0);
        assert_eq!(letters_in_words("xkcd"), 0);
    }

    #[test]
    fn changes_between_letters_and_digits_are_counted_and_runs_measured() {
        assert_eq!(changes("a1b2--3c"), 4);
        assert_eq!(longest_repeat("abbbbc"), 4);
        assert_eq!(longest_repeat(""), 0);
    }
}
