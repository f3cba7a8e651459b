//! Looking up the fields of a call that we act on.
//!
//! Owns the rule that a field has one spelling: some servers match keys without regard to case, so
//! `"Model"` beside or instead of `"model"` would be one model here and another one there. It must
//! never let such a look-alike through, nor put content into a refusal.

use super::json::{Kind, Value};
use crate::types::Refusal;
use std::borrow::Cow;

/// The longest model or tool name that we take.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// The value of `name` in an object; `None` where it is absent or `null`.
pub(super) fn field<'d>(
    object: Value<'d>,
    name: &'static str,
) -> Result<Option<Value<'d>>, Refusal> {
    let member = any_field(object, name)?;
    Ok(member.filter(|value| value.kind() != Kind::Null))
}

/// The value of `name` in an object, `null` included.
pub(super) fn any_field<'d>(
    object: Value<'d>,
    name: &'static str,
) -> Result<Option<Value<'d>>, Refusal> {
    let mut found = None;
    for (key, value) in object.entries() {
        let Some(key) = key.as_str() else { continue };
        if key == name {
            found = Some(value);
        } else if is_look_alike(&key, name) {
            return Err(malformed("A field's name is written in another case.", name));
        }
    }
    Ok(found)
}

/// A boolean field; `false` where it is absent or `null`.
pub(super) fn flag(object: Value<'_>, name: &'static str) -> Result<bool, Refusal> {
    match field(object, name)?.map(Value::kind) {
        None | Some(Kind::False) => Ok(false),
        Some(Kind::True) => Ok(true),
        Some(_) => Err(malformed("The field must be true or false.", name)),
    }
}

/// A name as a string of JSON.
pub(super) fn name<'d>(value: Value<'d>, param: &'static str) -> Result<Cow<'d, str>, Refusal> {
    value.as_str().filter(|name| is_name(name)).ok_or_else(|| not_a_name(param))
}

/// A name of 1 to 256 bytes without control characters. Space around it, which some server might
/// trim and no policy expects, is refused too.
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && !text.chars().any(char::is_control)
        && text.trim().len() == text.len()
}

/// The refusal of what is not a name.
pub(super) fn not_a_name(param: &'static str) -> Refusal {
    malformed(
        "The name must be a string of 1 to 256 bytes, without control characters and without space around it.",
        param,
    )
}

/// A refusal that names the field.
pub(super) fn malformed(message: &'static str, param: &'static str) -> Refusal {
    Refusal::Malformed { message: Cow::Borrowed(message), param: Some(Cow::Borrowed(param)) }
}

/// A refusal of the body as a whole.
pub(super) fn refuse(message: &'static str) -> Refusal {
    Refusal::Malformed { message: Cow::Borrowed(message), param: None }
}

/// Whether a reader that folds case would take `key` for `name`. Only two letters beyond ASCII
/// fold to ASCII ones: the long s and the Kelvin sign.
pub(super) fn is_look_alike(key: &str, name: &str) -> bool {
    if key.len() <= name.len() {
        return key.eq_ignore_ascii_case(name);
    }
    let fold = |letter| match letter {
        'ſ' => 's',
        '\u{212A}' => 'k',
        _ => letter.to_ascii_lowercase(),
    };
    !key.is_ascii() && key.chars().map(fold).eq(name.chars())
}
