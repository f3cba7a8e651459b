//! `value; name=value; name="value"`, the form of the headers that describe parts.
//!
//! Owns its strict reading. It must never accept what a reader that splits at each semicolon would
//! read as another parameter, or one that knows escapes as another value.

/// One `name=value`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Parameter<'t> {
    /// As written.
    pub(super) name: &'t str,
    /// Without its quotes.
    pub(super) value: &'t str,
    /// Whether it stood in quotes.
    pub(super) is_quoted: bool,
}

impl Parameter<'_> {
    /// Whether the value names UTF-8, or ASCII, which is a part of it.
    pub(super) fn is_utf8(&self) -> bool {
        ["utf-8", "us-ascii"].iter().any(|charset| charset.eq_ignore_ascii_case(self.value))
    }
}

/// The value before the first semicolon, and the parameters; `None` if it is anything else.
pub(super) fn parse(text: &str) -> Option<(&str, Vec<Parameter<'_>>)> {
    let mut pieces = text.splitn(2, ';');
    let value = pieces.next()?.trim_matches(' ');
    let mut rest = pieces.next();
    let mut parameters = Vec::new();
    while let Some(text) = rest {
        let (parameter, after) = parameter(text.trim_start_matches(' '))?;
        parameters.push(parameter);
        let after = after.trim_start_matches(' ');
        rest = if after.is_empty() { None } else { Some(after.strip_prefix(';')?) };
    }
    Some((value, parameters))
}

/// One parameter, and what follows it.
fn parameter(text: &str) -> Option<(Parameter<'_>, &str)> {
    let (name, text) = text.split_once('=').filter(|(name, _)| is_token(name))?;
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, after) = quoted.split_once('"')?;
        // Who splits at the semicolon finds no further `name=value` behind it.
        let hides_parameter = value.split(';').skip(1).any(|piece| piece.contains('='));
        let is_plain = !value.contains('\\') && !hides_parameter;
        return is_plain.then_some((Parameter { name, value, is_quoted: true }, after));
    }
    let (value, after) = text.split_at(text.find([';', ' ']).unwrap_or(text.len()));
    is_token(value).then_some((Parameter { name, value, is_quoted: false }, after))
}

/// What RFC 9110 calls a token.
pub(super) fn is_token(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}
