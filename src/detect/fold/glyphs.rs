//! What single characters fold to, apart from compatibility forms and case.
//!
//! Owns the classes of characters: invisible ones, those that hide ASCII, spacing, marks and
//! typographic punctuation. It must never look at a second character.

use super::lookalikes;

/// What a character is folded to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Glyph {
    Char(char),
    /// One space for any run of these.
    Space,
    Nothing,
}

/// What a character is folded to where that is known without its compatibility form.
pub(super) fn of(c: char) -> Option<Glyph> {
    if c.is_ascii() {
        return Some(ascii(c));
    }
    if is_space(c) {
        return Some(Glyph::Space);
    }
    if let Some(hidden) = hidden_ascii(c) {
        return Some(ascii(hidden));
    }
    if is_invisible(c) || is_mark(c) {
        return Some(Glyph::Nothing);
    }
    punctuation(c).or_else(|| lookalikes::of(c)).map(Glyph::Char)
}

fn ascii(c: char) -> Glyph {
    match u8::try_from(c) {
        Ok(byte) if is_gap(byte) => Glyph::Space,
        _ => Glyph::Char(c.to_ascii_lowercase()),
    }
}

/// Whether a byte of ASCII is folded to a space.
pub(super) const fn is_gap(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'_' | b'*' | b'`' | 0x7f)
}

/// Whether a byte is ASCII that is folded by lowering its case alone.
pub(super) fn is_plain(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut rest: &mut [bool] = &mut plain;
        let mut byte = 0;
        while let [first, after @ ..] = rest {
            *first = byte < 128 && !is_gap(byte);
            byte = byte.wrapping_add(1);
            rest = after;
        }
        plain
    };
    PLAIN.get(usize::from(byte)).is_some_and(|&plain| plain)
}

/// Tag characters, and the variation selectors that stand for a byte, write ASCII that nobody sees.
fn hidden_ascii(c: char) -> Option<char> {
    let code = u32::from(c);
    let byte = match code {
        0xE0020..=0xE007E => code - 0xE0000,
        0xE0110..=0xE016E => code - 0xE0110 + 0x20,
        _ => return None,
    };
    char::from_u32(byte)
}

fn is_space(c: char) -> bool {
    // Also the blank braille cell and the low line block that tokenisers use for a space.
    c.is_whitespace() || c.is_control() || matches!(c, '\u{2800}' | '\u{2581}')
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Marks that adorn a letter. The vowel signs of the scripts of India are letters here: without them
/// words are no longer told apart.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'
        | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e8}'
        | '\u{6ea}'..='\u{6ed}' | '\u{93c}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20f0}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

fn punctuation(c: char) -> Option<char> {
    Some(match c {
        '‘' | '’' | '‚' | '‛' | '′' | '‵' | '´' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | 'ˈ' | '՚' | '׳'
        | '＇' => '\'',
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '‶' | '「' | '」' | '『' | '』' | '〝' | '〞'
        | '״' | '＂' => '"',
        '‐'..='―' | '⁃' | '−' | '─' | '━' | '﹘' | '﹣' | '－' => '-',
        '。' | '｡' | '․' | '।' | '۔' | '．' => '.',
        '、' | '､' | '،' | '，' => ',',
        '؟' => '?',
        '؛' => ';',
        '∶' | '：' | '꞉' | 'ː' | '׃' => ':',
        '│' | '┃' | 'ǀ' | '∣' | '❘' | '￨' | '¦' | '｜' => '|',
        '‹' | '〈' | '⟨' | '˂' | '《' | '＜' => '<',
        '›' | '〉' | '⟩' | '˃' | '》' | '＞' => '>',
        '【' | '〔' | '［' => '[',
        '】' | '〕' | '］' => ']',
        '⁄' | '∕' | '／' | '⧸' => '/',
        '∖' | '＼' | '⧵' => '\\',
        _ => return None,
    })
}

/// Whether a character is left as it is: the scripts whose compatibility form is of no use (Hangul
/// would fall apart into its letters, kana would lose its voicing).
pub(super) fn stands_for_itself(c: char) -> bool {
    matches!(c,
        '\u{5d0}'..='\u{5ea}' | '\u{904}'..='\u{93b}' | '\u{93d}'..='\u{957}'
        | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fe}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}
