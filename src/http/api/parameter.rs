//! The parameters of queries and headers, as the document shows them.
//!
//! Owns their words and forms; `http/audit/parameters.rs` and the handlers read them.

use serde_json::{Value, json};

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) form: Form,
    pub(super) place: Place,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Query,
    Header,
    /// One of the path's own, of which more is known than its name.
    Path,
}

/// What may be written for a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Text,
    Moment,
    Uuid,
    Whole { most: u32 },
    OneOf(&'static [&'static str]),
}

impl Parameter {
    /// A parameter of the query.
    pub(super) const fn new(name: &'static str, form: Form, about: &'static str) -> Self {
        Self { name, about, form, place: Place::Query }
    }

    /// A UUID in the path.
    pub(super) const fn uuid(name: &'static str, about: &'static str) -> Self {
        Self { name, about, form: Form::Uuid, place: Place::Path }
    }

    /// A header.
    pub(super) const fn header(name: &'static str, about: &'static str) -> Self {
        Self { name, about, form: Form::Text, place: Place::Header }
    }

    /// Whether it is the path's parameter of this name.
    pub(super) fn is_in_path(&self, name: &str) -> bool {
        matches!(self.place, Place::Path) && self.name == name
    }

    /// As OpenAPI writes it.
    pub(super) fn document(&self) -> Value {
        let place = match self.place {
            Place::Query => "query",
            Place::Header => "header",
            Place::Path => "path",
        };
        let schema = match self.form {
            Form::Text => json!({ "type": "string" }),
            Form::Moment => {
                json!({ "type": "string", "examples": ["2026-11-22T08:00:00Z", "2026-11-22"] })
            }
            Form::Uuid => json!({ "type": "string", "format": "uuid" }),
            Form::Whole { most } => json!({ "type": "integer", "minimum": 1, "maximum": most }),
            // An empty value counts as left out.
            Form::OneOf(words) => {
                let words: Vec<&str> = words.iter().copied().chain([""]).collect();
                json!({ "type": "string", "enum": words })
            }
        };
        let required = matches!(self.place, Place::Path);
        json!({ "name": self.name, "in": place, "required": required, "description": self.about, "schema": schema })
    }
}

/// From when on.
pub(super) const FROM: Parameter =
    Parameter::new("from", Form::Moment, "From this moment on: RFC 3339, or a day (UTC).");
/// Until when.
pub(super) const TO: Parameter =
    Parameter::new("to", Form::Moment, "Before this moment: RFC 3339, or a day (UTC).");
/// How many.
pub(super) const LIMIT: Parameter =
    Parameter::new("limit", Form::Whole { most: 1_000 }, "Entries per page, 50 unless told.");
/// Where the page before ended.
pub(super) const AFTER: Parameter =
    Parameter::new("after", Form::Text, "The `next` of the page before.");
