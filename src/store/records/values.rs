//! Values of a record as columns hold them, and back.
//!
//! Owns the forms of lists, counts, words and hashes. They must lose nothing: what is read is what was written.

use super::super::StoreError;
use crate::ledger::{Hash, parse_hash};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

pub(super) fn text<T: AsRef<str>>(value: &Option<T>) -> Option<Cow<'_, str>> {
    value.as_ref().map(|text| Cow::Borrowed(text.as_ref()))
}

pub(super) fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

pub(super) fn count(value: Option<u64>) -> Option<i64> {
    value.map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

pub(super) fn list<T: Serialize>(list: &[T]) -> Cow<'static, str> {
    if list.is_empty() {
        return Cow::Borrowed("[]");
    }
    // Lists of strings and of structs with string keys always have a JSON form.
    Cow::Owned(serde_json::to_string(list).unwrap_or_default())
}

pub(super) fn bytes(hash: &Option<Box<str>>) -> Option<Vec<u8>> {
    Some(parse_hash(hash.as_deref()?)?.0.to_vec())
}

/// Bytes that are no hash become an empty text, which verification finds.
pub(super) fn hash(bytes: Vec<u8>) -> Box<str> {
    bytes.try_into().map_or_else(|_| Box::default(), |bytes| Hash(bytes).to_string().into())
}

pub(super) const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

pub(super) fn number<T: TryFrom<i64>>(
    value: Option<i64>,
    what: &'static str,
) -> Result<Option<T>, StoreError> {
    value.map(T::try_from).transpose().or(Err(corrupt(what)))
}

pub(super) fn word<T>(
    value: Option<Cow<'_, str>>,
    what: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    value.map(|text| parse(&text).ok_or(corrupt(what))).transpose()
}

pub(super) fn from_json<T: DeserializeOwned>(
    text: &str,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).or(Err(corrupt(what)))
}
