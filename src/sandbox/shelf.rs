//! What the sandbox remembers: files, batches, responses and stored completions.
//!
//! Owns their bounds. All of it is gone when the sandbox ends, and the oldest go when there is too much.

use super::{page::Page, problem::Problem};
use actix_web::{HttpResponse, web::Bytes};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MAX_OBJECTS: usize = 1_000;
const MAX_BYTES: usize = 128 * 1_024 * 1_024;

/// One shelf for each kind of object.
pub(super) struct Shelves {
    /// Uploaded files and the outputs of batches.
    pub(super) files: Shelf,
    /// Batches.
    pub(super) batches: Shelf,
    /// Responses, with the items of their input.
    pub(super) responses: Shelf,
    /// Chat completions, with the messages of their input.
    pub(super) completions: Shelf,
}

impl Shelves {
    /// Empty shelves.
    pub(super) fn new() -> Self {
        Self {
            files: Shelf::new(|id| format!("No such File object: {id}")),
            batches: Shelf::new(|id| format!("No batch found with id '{id}'.")),
            responses: Shelf::new(|id| format!("Response with id '{id}' not found.")),
            completions: Shelf::new(|id| format!("Chat completion with id '{id}' not found.")),
        }
    }
}

/// One object as it is shown, and what belongs to it.
#[derive(Clone)]
pub(super) struct Kept {
    /// What `retrieve` answers; its `id` is its key.
    pub(super) object: Value,
    /// A file's bytes.
    pub(super) content: Bytes,
    /// What was asked: input items or messages.
    pub(super) items: Vec<Value>,
}

impl Kept {
    /// A member of the object; null when absent.
    pub(super) fn get(&self, name: &str) -> &Value {
        self.object.get(name).unwrap_or(&Value::Null)
    }

    fn is(&self, id: &str) -> bool {
        self.get("id") == id
    }

    fn bytes(&self) -> usize {
        let items = self.items.iter().map(|item| item.to_string().len());
        self.content.len() + items.sum::<usize>()
    }
}

/// Objects of one kind, oldest first.
pub(super) struct Shelf {
    kept: Mutex<Vec<Kept>>,
    /// How the real API says that there is no such object.
    no_such: fn(&str) -> String,
}

impl Shelf {
    fn new(no_such: fn(&str) -> String) -> Self {
        Self { kept: Mutex::default(), no_such }
    }

    /// A panic elsewhere leaves the list as it was: it is changed by single calls only.
    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an object; the oldest ones make room for it.
    pub(super) fn put(&self, new: Kept) {
        let mut kept = self.kept();
        kept.push(new);
        let mut bytes: usize = kept.iter().map(Kept::bytes).sum();
        while kept.len() > MAX_OBJECTS || (bytes > MAX_BYTES && kept.len() > 1) {
            bytes -= kept.remove(0).bytes();
        }
    }

    /// An object with what belongs to it.
    pub(super) fn find(&self, id: &str) -> Result<Kept, Problem> {
        let found = self.kept().iter().find(|kept| kept.is(id)).cloned();
        found.ok_or_else(|| self.no_such(id))
    }

    /// Answers `retrieve`.
    pub(super) fn show(&self, id: &str) -> Result<HttpResponse, Problem> {
        Ok(HttpResponse::Ok().json(self.find(id)?.object))
    }

    /// Sets one member and answers the object.
    pub(super) fn set(&self, id: &str, name: &str, to: Value) -> Result<HttpResponse, Problem> {
        let mut kept = self.kept();
        let found = kept.iter_mut().find(|kept| kept.is(id)).ok_or_else(|| self.no_such(id))?;
        if let Some(members) = found.object.as_object_mut() {
            members.insert(name.to_owned(), to);
        }
        Ok(HttpResponse::Ok().json(&found.object))
    }

    /// Answers `delete`, naming the kind of the deleted object as `object`.
    pub(super) fn delete(&self, id: &str, object: &str) -> Result<HttpResponse, Problem> {
        let mut kept = self.kept();
        let at = kept.iter().position(|kept| kept.is(id)).ok_or_else(|| self.no_such(id))?;
        kept.remove(at);
        Ok(HttpResponse::Ok().json(json!({ "id": id, "object": object, "deleted": true })))
    }

    /// Answers `list` with the objects that are wanted.
    pub(super) fn list(
        &self,
        page: &Page,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<HttpResponse, Problem> {
        let kept = self.kept();
        page.of(kept.iter().map(|kept| &kept.object).filter(|object| wanted(object)))
    }

    fn no_such(&self, id: &str) -> Problem {
        Problem::NoSuch((self.no_such)(id))
    }
}
