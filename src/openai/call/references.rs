//! The objects of the provider's account that a call names.
//!
//! Owns the list of fields that name one. It must never take an id for less than it is: a field in
//! another case, which some server might read, names an object too. Nor must it take the caller's
//! own words for an id: metadata and schemas may have any key.

use crate::openai::{
    fields::{is_look_alike, malformed},
    json::Value,
};
use crate::types::{ObjectKind, Refusal};
use std::{collections::HashSet, sync::Arc};

/// An agent that repeats all that it was told names each item of it.
const MAX_REFERENCES: usize = 4096;

/// The fields that name objects, at any depth: by an id, or a list of ids.
const NAMING: [(&str, ObjectKind); 10] = [
    ("previous_response_id", ObjectKind::Response),
    ("input_file_id", ObjectKind::File),
    ("file_id", ObjectKind::File),
    ("file_ids", ObjectKind::File),
    ("conversation", ObjectKind::Conversation),
    ("vector_store_ids", ObjectKind::Other),
    ("container", ObjectKind::Other),
    ("container_id", ObjectKind::Other),
    ("approval_request_id", ObjectKind::Other),
    ("skill_id", ObjectKind::Other),
];

/// The fields whose object, or each object in whose list, names one by its own `id`, at any depth.
const HOLDING: [(&str, ObjectKind); 4] = [
    ("conversation", ObjectKind::Conversation),
    ("prompt", ObjectKind::Other),
    ("audio", ObjectKind::Other),
    ("input", ObjectKind::Other),
];

/// Where keys are anybody's words, or the provider's own that it does not act on: nothing in there
/// names an object. Exactly so written; in another case it is searched like anything else.
const FREE: [&str; 8] = [
    "metadata",
    "parameters",
    "input_schema",
    "json_schema",
    "schema",
    "headers",
    "attributes",
    "annotations",
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
#[derive(Clone, Debug, Default)]
pub(in crate::openai) struct References {
    list: Vec<Reference>,
    known: HashSet<(ObjectKind, Arc<str>)>,
}

impl References {
    pub(in crate::openai) fn as_slice(&self) -> &[Reference] {
        &self.list
    }

    /// Of a list that names each object once.
    pub(super) fn of(list: Vec<Reference>) -> Self {
        let known = list.iter().map(|known| (known.kind, Arc::clone(&known.id))).collect();
        Self { list, known }
    }

    pub(super) fn insert_first(&mut self, reference: Reference) {
        self.list.retain(|known| (known.kind, &known.id) != (reference.kind, &reference.id));
        self.known.insert((reference.kind, Arc::clone(&reference.id)));
        self.list.insert(0, reference);
    }

    /// Adds what is not there yet.
    pub(in crate::openai) fn push(&mut self, reference: Reference) -> Result<(), Refusal> {
        if !self.known.insert((reference.kind, Arc::clone(&reference.id))) {
            return Ok(());
        }
        if self.list.len() >= MAX_REFERENCES {
            return Err(malformed("The call names more than 4096 objects.", reference.param));
        }
        self.list.push(reference);
        Ok(())
    }

    /// Adds whatever a body names, at any depth.
    pub(super) fn collect(&mut self, body: Value<'_>) -> Result<(), Refusal> {
        for (key, value) in body.entries_within(|key| !FREE.contains(&key)) {
            let Some(key) = key.as_str() else { continue };
            if let Some((param, kind)) = named_in(&NAMING, &key) {
                let ids = value.items().chain([value]);
                self.take(ids, kind, param)?;
            }
            if let Some((param, kind)) = named_in(&HOLDING, &key) {
                let objects = value.items().chain([value]);
                self.take(objects.flat_map(own_ids), kind, param)?;
            }
        }
        Ok(())
    }

    fn take<'d>(
        &mut self,
        ids: impl Iterator<Item = Value<'d>>,
        kind: ObjectKind,
        param: &'static str,
    ) -> Result<(), Refusal> {
        for id in ids.filter_map(Value::as_str) {
            self.push(Reference { kind, id: id.as_ref().into(), param })?;
        }
        Ok(())
    }
}

/// The field that a key is, or might be taken for.
fn named_in(
    fields: &[(&'static str, ObjectKind)],
    key: &str,
) -> Option<(&'static str, ObjectKind)> {
    fields.iter().copied().find(|(name, _)| key == *name || is_look_alike(key, name))
}

/// An object's `id`; nothing for anything else.
fn own_ids(object: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let is_id = |key: Value<'_>| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case("id"));
    object.entries().filter(move |(key, _)| is_id(*key)).map(|(_, id)| id)
}

#[cfg(test)]
mod tests;
