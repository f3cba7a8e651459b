//! Encoded payloads within a text.
//!
//! Owns what looks like base64, hexadecimal, percent-encoding or escaped characters and reads as text once
//! it is decoded.
//! It must never need more of the text than the run itself: runs are cut at a greatest length.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::ops::Range;

/// The shortest run that is decoded.
const MIN_RUN: usize = 24;

/// The shortest run with escapes of JSON.
const MIN_ESCAPED: usize = 8;

/// The shortest run of hexadecimal digits.
const MIN_HEX: usize = 32;

/// The longest run; what goes on behind it is another one. A multiple of four, as base64 goes.
const MAX_RUN: usize = 8 * 1024;

/// So much is decoded first, to see whether the rest is worth it.
const SAMPLE: usize = 24;

/// A byte that is percent-encoded can be chance, three are not.
const MIN_ESCAPES: usize = 3;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// How a payload may be encoded, told by the characters of its run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Encoding {
    /// Base64 of either alphabet, or hexadecimal.
    Digits,
    /// Percent-encoding.
    Percent,
    /// Characters as JSON and many languages escape them: `\\u0041`.
    Escapes,
}

impl Encoding {
    pub(super) const ALL: [Self; 3] = [Self::Digits, Self::Percent, Self::Escapes];

    /// Tells `found` of the payloads from `from` on, where a run may begin. Returns from where to go on:
    /// everything before is decided.
    pub(super) fn payloads(
        self,
        text: &str,
        from: usize,
        is_end: bool,
        found: &mut dyn FnMut(Range<usize>, String),
    ) -> usize {
        let bytes = text.as_bytes();
        if is_end && !self.is_possible(bytes.get(from..).unwrap_or_default()) {
            return bytes.len();
        }
        let mut at = from;
        while let Some(window) = bytes.get(at..at + self.shortest()) {
            // The last byte that belongs to no run: the next one begins behind it at the earliest.
            if let Some(gap) = window.iter().rposition(|byte| !self.has(*byte)) {
                at += gap + 1;
                continue;
            }
            let end = self.run_end(bytes, at);
            if end == bytes.len() && end - at < MAX_RUN && !is_end {
                return at;
            }
            if let Some(payload) = text.get(at..end).and_then(|run| self.decode(run)) {
                found(at..end, payload);
            }
            at = end;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let gap = rest.iter().rposition(|byte| !self.has(*byte));
        if is_end { bytes.len() } else { at + gap.map_or(0, |gap| gap + 1) }
    }

    fn is_possible(self, bytes: &[u8]) -> bool {
        bytes.len() >= self.shortest()
            && match self {
                Self::Digits => true,
                Self::Percent => memchr::memchr(b'%', bytes).is_some(),
                Self::Escapes => memchr::memchr(b'\\', bytes).is_some(),
            }
    }

    const fn shortest(self) -> usize {
        match self {
            Self::Escapes => MIN_ESCAPED,
            _ => MIN_RUN,
        }
    }

    fn has(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || match self {
                Self::Digits => matches!(byte, b'+' | b'/' | b'-' | b'_'),
                Self::Percent => matches!(byte, b'%' | b'.' | b'_' | b'~' | b'+' | b'-'),
                Self::Escapes => matches!(byte, b'\\' | b'.' | b'_' | b'+' | b'-' | b'@'),
            }
    }

    /// Where the run ends, its padding included.
    fn run_end(self, bytes: &[u8], start: usize) -> usize {
        let rest = bytes.get(start..).unwrap_or_default();
        let rest = rest.get(..MAX_RUN).unwrap_or(rest);
        let length = rest.iter().position(|byte| !self.has(*byte)).unwrap_or(rest.len());
        let padding = match self {
            Self::Digits => {
                rest.iter().skip(length).take(2).take_while(|byte| **byte == b'=').count()
            }
            Self::Percent | Self::Escapes => 0,
        };
        start + length + padding
    }

    fn decode(self, run: &str) -> Option<String> {
        match self {
            Self::Digits => {
                let digits = run.trim_end_matches('=');
                // A name may stand before it: `0x…`, `msg_…`, `decode/…`.
                let behind = digits.split_once(['_', '-', '/']).map(|(_, behind)| behind);
                hex(run.strip_prefix("0x").unwrap_or(run))
                    .or_else(|| base64(digits))
                    .or_else(|| behind.and_then(base64))
            }
            Self::Percent => percent(run),
            Self::Escapes => escapes(run),
        }
    }
}

fn hex(run: &str) -> Option<String> {
    if run.len() < MIN_HEX || !run.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = run.as_bytes().chunks_exact(2);
    readable(pairs.map_while(hex_pair).collect())
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()
}

fn base64(run: &str) -> Option<String> {
    let is_url_safe = run.contains(['-', '_']);
    if is_url_safe && run.contains(['+', '/']) {
        return None;
    }
    let engine = if is_url_safe { URL_SAFE } else { STANDARD };
    let sample = engine.decode(run.get(..SAMPLE)?).ok()?;
    if !is_plausible(&sample) {
        return None;
    }
    // One character alone at the end stands for no byte.
    let whole = if run.len() % 4 == 1 { run.get(..run.len() - 1)? } else { run };
    readable(engine.decode(whole).ok()?)
}

fn percent(run: &str) -> Option<String> {
    let mut escapes = 0;
    let mut decoded = Vec::with_capacity(run.len());
    let mut rest = run.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *byte == b'%').and_then(hex_pair);
        decoded.push(match (escaped, *byte) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, byte) => byte,
        });
        escapes += usize::from(escaped.is_some());
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    if escapes < MIN_ESCAPES { None } else { readable(decoded) }
}

/// At least one character must be escaped by its number: other escapes say nothing.
fn escapes(run: &str) -> Option<String> {
    if !run.contains("\\u") {
        return None;
    }
    let mut decoded = String::with_capacity(run.len());
    let mut rest = run;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        decoded.push_str(plain);
        let number = escaped.strip_prefix('u').and_then(|digits| digits.get(..4));
        let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        rest = match number.and_then(char::from_u32) {
            Some(character) => {
                decoded.push(character);
                escaped.get(5..).unwrap_or_default()
            }
            None => {
                // A line's end and its like; what is escaped otherwise stands for itself.
                let is_gap = escaped.starts_with(['b', 'f', 'n', 'r', 't']);
                decoded.push_str(if is_gap { " " } else { "" });
                escaped.get(usize::from(is_gap)..).unwrap_or_default()
            }
        };
    }
    decoded.push_str(rest);
    Some(decoded)
}

/// Whether the beginning of a payload could be that of a text.
fn is_plausible(sample: &[u8]) -> bool {
    if narrowed(sample).is_some() {
        return true;
    }
    let valid = match str::from_utf8(sample) {
        Ok(text) => text,
        // A character may be cut off at the end.
        Err(error) if error.error_len().is_none() => sample
            .get(..error.valid_up_to())
            .and_then(|it| str::from_utf8(it).ok())
            .unwrap_or_default(),
        Err(_) => return false,
    };
    is_printable(valid)
}

/// The payload as text, if it reads as one.
fn readable(payload: Vec<u8>) -> Option<String> {
    let payload = narrowed(&payload).unwrap_or(payload);
    let length = match str::from_utf8(&payload) {
        Ok(_) => payload.len(),
        // The run was cut at its greatest length.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return None,
    };
    let text = str::from_utf8(payload.get(..length)?).ok()?;
    is_printable(text).then(|| text.to_owned())
}

/// UTF-16 of ASCII text, as some shells take their encoded commands, without its zeros.
fn narrowed(payload: &[u8]) -> Option<Vec<u8>> {
    let is_wide = payload.len() >= 2
        && payload.chunks_exact(2).all(|pair| matches!(pair, [low, 0] if *low != 0));
    is_wide.then(|| payload.iter().copied().step_by(2).collect())
}

/// At most one character in ten is a control character.
fn is_printable(text: &str) -> bool {
    let is_odd = |c: &char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let odd = text.chars().filter(is_odd).count();
    odd * 10 <= text.chars().count()
}
