//! JSON as serde_json reads it: the other reader that ours are compared with.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{collections::HashSet, fmt};

/// The members of an object in their order, with their values as they are written.
pub(super) struct Members<'t>(pub(super) Vec<(String, &'t str)>);

impl<'t> Members<'t> {
    /// `None` if the text is not an object.
    pub(super) fn parse(text: &'t [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The value of a member, unless it is absent or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'t str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(*value).filter(|value| *value != "null")
    }

    /// The value of a member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// The members of a member that is an object.
    pub(super) fn object(&self, name: &str) -> Option<Members<'t>> {
        Members::parse(self.get(name)?.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            members.push((key, value.get()));
        }
        Ok(Members(members))
    }
}

/// Whether serde_json reads all of the text, and no key occurs twice in its object at any depth. Numbers may be
/// larger than it can hold.
pub(super) fn is_unambiguous(text: &[u8]) -> bool {
    match text.iter().find(|byte| !b" \t\r\n".contains(byte)) {
        Some(b'{') => Members::parse(text).is_some_and(|Members(members)| {
            let mut keys = HashSet::new();
            members.iter().all(|(key, value)| keys.insert(key) && is_unambiguous(value.as_bytes()))
        }),
        Some(b'[') => serde_json::from_slice::<Vec<&RawValue>>(text)
            .is_ok_and(|items| items.iter().all(|item| is_unambiguous(item.get().as_bytes()))),
        Some(b'"') => serde_json::from_slice::<String>(text).is_ok(),
        _ => serde_json::from_slice::<&RawValue>(text).is_ok(),
    }
}
