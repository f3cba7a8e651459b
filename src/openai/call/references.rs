//! The objects of the provider's account that a call names.
//!
//! Owns the list of fields that name one. It must never take an id for less than it is: a field in
//! another case, which some server might read, names an object too.

use crate::openai::{
    fields::{is_look_alike, malformed},
    json::Value,
};
use crate::types::{ObjectKind, Refusal};
use std::sync::Arc;

/// More than any call of OpenAI's may name.
const MAX_REFERENCES: usize = 512;

/// The fields that name objects, at any depth.
const NAMING: [(&str, ObjectKind); 7] = [
    ("previous_response_id", ObjectKind::Response),
    ("input_file_id", ObjectKind::File),
    ("file_id", ObjectKind::File),
    ("file_ids", ObjectKind::File),
    ("conversation", ObjectKind::Conversation),
    ("vector_store_ids", ObjectKind::Other),
    ("container", ObjectKind::Other),
];

/// An object that a call names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    /// What it is.
    pub kind: ObjectKind,
    /// Its id as the caller wrote it, after JSON unescaping.
    pub id: Arc<str>,
    /// The field, or `id` for the path's.
    pub param: &'static str,
}

/// Each object once.
#[derive(Debug, Default)]
pub(in crate::openai) struct References(Vec<Reference>);

impl References {
    pub(in crate::openai) fn as_slice(&self) -> &[Reference] {
        &self.0
    }

    /// Of a list that names each object once.
    pub(super) fn of(references: Vec<Reference>) -> Self {
        Self(references)
    }

    pub(super) fn insert_first(&mut self, reference: Reference) {
        self.0.retain(|known| (known.kind, &known.id) != (reference.kind, &reference.id));
        self.0.insert(0, reference);
    }

    /// Adds what is not there yet.
    pub(in crate::openai) fn push(&mut self, reference: Reference) -> Result<(), Refusal> {
        let is_known =
            |known: &Reference| (known.kind, &known.id) == (reference.kind, &reference.id);
        if self.0.iter().any(is_known) {
            return Ok(());
        }
        if self.0.len() >= MAX_REFERENCES {
            return Err(malformed("The call names more than 512 objects.", reference.param));
        }
        self.0.push(reference);
        Ok(())
    }

    /// Adds whatever a body names, at any depth.
    pub(super) fn collect(&mut self, body: Value<'_>) -> Result<(), Refusal> {
        for (key, value) in body.entries_within() {
            let Some(key) = key.as_str() else { continue };
            let named = NAMING.iter().find(|(name, _)| *key == **name || is_look_alike(&key, name));
            if let Some(&(param, kind)) = named {
                self.take(value, kind, param)?;
            }
        }
        for item in body.entries().filter(|(key, _)| key.as_str().as_deref() == Some("input")) {
            item.1.items().try_for_each(|item| self.take_item(item))?;
        }
        Ok(())
    }

    /// An id, a list of ids, or an object with one.
    fn take(
        &mut self,
        value: Value<'_>,
        kind: ObjectKind,
        param: &'static str,
    ) -> Result<(), Refusal> {
        let own_id = value.entries().filter(|_| kind == ObjectKind::Conversation);
        let own_id = own_id.filter(|(key, _)| key.as_str().as_deref() == Some("id"));
        let ids = value.items().chain(own_id.map(|(_, id)| id)).chain([value]);
        for id in ids.filter_map(Value::as_str) {
            self.push(Reference { kind, id: id.as_ref().into(), param })?;
        }
        Ok(())
    }

    /// An input item that is only a reference to one of an earlier response.
    fn take_item(&mut self, item: Value<'_>) -> Result<(), Refusal> {
        let member = |name: &str| {
            let mut entries = item.entries();
            entries.find(|(key, _)| key.as_str().as_deref() == Some(name)).map(|(_, value)| value)
        };
        let is_typed =
            |value: &Value<'_>| value.as_str().is_some_and(|kind| kind != "item_reference");
        let says_something =
            member("role").is_some() || member("type").as_ref().is_some_and(is_typed);
        match member("id").and_then(Value::as_str) {
            Some(id) if !says_something => {
                let id = id.as_ref().into();
                self.push(Reference { kind: ObjectKind::Other, id, param: "input" })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
