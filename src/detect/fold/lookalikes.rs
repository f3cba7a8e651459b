//! Letters that look like a Latin letter, and the Latin letter.
//!
//! Owns that table. Letters of one script fold alike in both cases, except in Greek, where the
//! cases look like different letters. It must never make a letter out of what is no letter.

/// The Latin letter that a character looks like.
pub(super) fn of(c: char) -> Option<char> {
    let code = u32::from(c);
    match code {
        0x80..=0x12F => latin(c),
        0x370..=0x3FF => greek(c),
        0x400..=0x52F => cyrillic(c),
        0x531..=0x587 => armenian(c),
        0x13A0..=0x13F5 => cherokee(c),
        // Small Cherokee letters are the large ones, drawn small.
        0xAB70..=0xABBF => char::from_u32(code - 0xAB70 + 0x13A0).and_then(cherokee),
        0x249C..=0x24B5 => letter(code - 0x249C),
        0x1F110..=0x1F129 => letter(code - 0x1F110),
        0x1F150..=0x1F169 => letter(code - 0x1F150),
        0x1F170..=0x1F189 => letter(code - 0x1F170),
        0x1F1E6..=0x1F1FF => letter(code - 0x1F1E6),
        _ => latin(c).or_else(|| other(c)),
    }
}

fn letter(nth: u32) -> Option<char> {
    u8::try_from(nth).ok().and_then(|nth| b'a'.checked_add(nth)).map(char::from)
}

/// Latin letters with strokes and hooks, small capitals, and those of the phonetic alphabet.
fn latin(c: char) -> Option<char> {
    Some(match c {
        'ɑ' | 'ᴀ' | 'ⱥ' | 'Ⱥ' => 'a',
        'ƀ' | 'Ƀ' | 'ɓ' | 'Ɓ' | 'ʙ' | 'ᴃ' => 'b',
        'ƈ' | 'Ƈ' | 'ȼ' | 'Ȼ' | 'ᴄ' => 'c',
        'đ' | 'Đ' | 'ɖ' | 'ɗ' | 'Ɗ' | 'Ɖ' | 'ᴅ' | 'ð' | 'Ð' => 'd',
        'ɇ' | 'Ɇ' | 'ᴇ' | 'ɛ' | '℮' => 'e',
        'ƒ' | 'Ƒ' | 'ꜰ' => 'f',
        'ɡ' | 'ɠ' | 'Ɠ' | 'ǥ' | 'Ǥ' | 'ɢ' => 'g',
        'ħ' | 'Ħ' | 'ɦ' | 'ʜ' => 'h',
        'ı' | 'ɨ' | 'ɩ' | 'ɪ' | 'Ɨ' | 'Ɩ' => 'i',
        'ȷ' | 'ɉ' | 'Ɉ' | 'ʝ' | 'ᴊ' => 'j',
        'ƙ' | 'Ƙ' | 'ĸ' | 'ᴋ' | 'ⱪ' => 'k',
        'ł' | 'Ł' | 'ɫ' | 'ɭ' | 'ƚ' | 'ⱡ' | 'ʟ' => 'l',
        'ɱ' | 'ᴍ' => 'm',
        'ɲ' | 'Ɲ' | 'ɳ' | 'ƞ' | 'ŋ' | 'ɴ' => 'n',
        'ø' | 'Ø' | 'ɵ' | 'ᴏ' => 'o',
        'ƥ' | 'Ƥ' | 'ᴘ' => 'p',
        'ɋ' | 'Ɋ' | 'ʠ' | 'ꞯ' => 'q',
        'ɍ' | 'Ɍ' | 'ɼ' | 'ɽ' | 'ɾ' | 'ʀ' => 'r',
        'ʂ' | 'ȿ' | 'ꜱ' => 's',
        'ŧ' | 'Ŧ' | 'ƭ' | 'Ƭ' | 'ʈ' | 'ᴛ' => 't',
        'ʉ' | 'ᴜ' => 'u',
        'ʋ' | 'Ʋ' | 'ᴠ' => 'v',
        'ⱳ' | 'Ⱳ' | 'ᴡ' => 'w',
        'ɏ' | 'Ɏ' | 'ƴ' | 'Ƴ' | 'ʏ' => 'y',
        'ƶ' | 'Ƶ' | 'ȥ' | 'Ȥ' | 'ʐ' | 'ᴢ' => 'z',
        _ => return None,
    })
}

fn cyrillic(c: char) -> Option<char> {
    Some(match c {
        'а' | 'А' => 'a',
        'в' | 'В' => 'b',
        'с' | 'С' => 'c',
        'ԁ' | 'Ԁ' => 'd',
        'е' | 'Е' | 'ё' | 'Ё' | 'є' | 'Є' => 'e',
        'ԍ' | 'Ԍ' => 'g',
        'н' | 'Н' | 'һ' | 'Һ' | 'ң' | 'Ң' => 'h',
        'і' | 'І' | 'ї' | 'Ї' => 'i',
        'ј' | 'Ј' => 'j',
        'к' | 'К' | 'қ' | 'Қ' => 'k',
        'ӏ' | 'Ӏ' => 'l',
        'м' | 'М' => 'm',
        'о' | 'О' | 'ө' | 'Ө' => 'o',
        'р' | 'Р' => 'p',
        'ԛ' | 'Ԛ' => 'q',
        'ѕ' | 'Ѕ' => 's',
        'т' | 'Т' => 't',
        'ѵ' | 'Ѵ' => 'v',
        'ԝ' | 'Ԝ' => 'w',
        'х' | 'Х' | 'ҳ' | 'Ҳ' => 'x',
        'у' | 'У' | 'ү' | 'Ү' | 'ұ' | 'Ұ' => 'y',
        'й' | 'Й' => 'и',
        _ => return None,
    })
}

fn greek(c: char) -> Option<char> {
    Some(match c {
        'Α' | 'α' => 'a',
        'Β' | 'β' | 'ϐ' => 'b',
        'ϲ' | 'Ϲ' => 'c',
        'Ε' | 'ε' | 'ϵ' => 'e',
        'Η' => 'h',
        'Ι' | 'ι' => 'i',
        'ϳ' | 'Ϳ' => 'j',
        'Κ' | 'κ' | 'ϰ' => 'k',
        'Μ' => 'm',
        'Ν' | 'η' => 'n',
        'Ο' | 'ο' => 'o',
        'Ρ' | 'ρ' | 'ϱ' => 'p',
        'Τ' | 'τ' => 't',
        'υ' => 'u',
        'ν' => 'v',
        'ω' => 'w',
        'Χ' | 'χ' => 'x',
        'Υ' | 'γ' | 'ϒ' => 'y',
        'Ζ' => 'z',
        _ => return None,
    })
}

fn armenian(c: char) -> Option<char> {
    Some(match c {
        'ա' => 'w',
        'ց' => 'g',
        'հ' => 'h',
        'յ' => 'j',
        'Լ' => 'l',
        'ո' | 'ռ' => 'n',
        'օ' | 'Օ' => 'o',
        'զ' | 'գ' => 'q',
        'Տ' => 's',
        'ս' | 'Ս' => 'u',
        'ք' => 'f',
        _ => return None,
    })
}

fn cherokee(c: char) -> Option<char> {
    Some(match c {
        'Ꭺ' => 'a',
        'Ᏼ' | 'Ꮟ' => 'b',
        'Ꮯ' => 'c',
        'Ꭰ' | 'Ꮷ' => 'd',
        'Ꭼ' => 'e',
        'Ꮐ' => 'g',
        'Ꮋ' | 'Ꮒ' => 'h',
        'Ꭵ' => 'i',
        'Ꭻ' => 'j',
        'Ꮶ' => 'k',
        'Ꮮ' => 'l',
        'Ꮇ' => 'm',
        'Ꮲ' => 'p',
        'Ꭱ' | 'Ꮢ' => 'r',
        'Ꮥ' | 'Ꮪ' => 's',
        'Ꭲ' => 't',
        'Ꮩ' => 'v',
        'Ꮃ' | 'Ꮤ' => 'w',
        'Ꭹ' | 'Ꮍ' => 'y',
        'Ꮓ' => 'z',
        _ => return None,
    })
}

/// Letters of other scripts that are used for the look of a Latin one.
fn other(c: char) -> Option<char> {
    Some(match c {
        'ⲁ' => 'a',
        'ⲃ' => 'b',
        'ⲥ' | 'Ⲥ' => 'c',
        'ⲉ' => 'e',
        'Ⲏ' => 'h',
        'ⲓ' | 'Ⲓ' => 'i',
        'ⲕ' | 'Ⲕ' => 'k',
        'ⲙ' | 'Ⲙ' => 'm',
        'Ⲛ' => 'n',
        'ⲟ' | 'Ⲟ' | 'ჿ' | '໐' => 'o',
        'ⲣ' | 'Ⲣ' => 'p',
        'ⲧ' | 'Ⲧ' => 't',
        'ⲭ' | 'Ⲭ' => 'x',
        'ⲩ' | 'Ⲩ' => 'y',
        'Ⲍ' => 'z',
        _ => return None,
    })
}
