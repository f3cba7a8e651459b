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
}

/// What may be written for a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Text,
    Moment,
    Whole { most: u32 },
    OneOf(&'static [&'static str]),
}

impl Parameter {
    /// A parameter of the query.
    pub(super) const fn new(name: &'static str, form: Form, about: &'static str) -> Self {
        Self { name, about, form, place: Place::Query }
    }

    /// A header.
    pub(super) const fn header(name: &'static str, about: &'static str) -> Self {
        Self { name, about, form: Form::Text, place: Place::Header }
    }

    /// As OpenAPI writes it.
    pub(super) fn document(&self) -> Value {
        let place = match self.place {
            Place::Query => "query",
            Place::Header => "header",
        };
        let schema = match self.form {
            Form::Text => json!({ "type": "string" }),
            Form::Moment => {
                json!({ "type": "string", "examples": ["2026-11-22T08:00:00Z", "2026-11-22"] })
            }
            Form::Whole { most } => json!({ "type": "integer", "minimum": 1, "maximum": most }),
            Form::OneOf(words) => json!({ "type": "string", "enum": words }),
        };
        json!({ "name": self.name, "in": place, "required": false, "description": self.about, "schema": schema })
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
