//! What reading a body yields.
//!
//! Owns the place where the readers of all kinds of body put what they find. It must never hold
//! text of the call.

use super::references::{Reference, References};
use crate::{
    openai::{
        edits::Edit,
        endpoint::Endpoint,
        fields::{is_name, malformed, not_a_name},
        texts::Texts,
    },
    types::{CallFacts, ObjectKind, Refusal},
};
use std::{ops::Range, sync::Arc};

/// What is known of a call besides its bytes.
#[derive(Clone, Debug)]
pub(in crate::openai) struct Reading {
    pub(in crate::openai) facts: CallFacts,
    pub(in crate::openai) references: References,
    /// What a new batch is to run.
    pub(super) batch: Option<Batch>,
    /// How to ask for usage where the caller did not.
    pub(super) usage_splice: Option<Edit>,
    /// Whether the call leaves in the provider's account what its row creates.
    pub(super) stores_answer: bool,
    pub(super) texts: Texts,
    /// Where the lines of a batch stand in its form.
    pub(super) batch_file: Option<Range<usize>>,
    /// The parts of a form that say how long they are, and where they say it.
    pub(super) length_headers: Vec<(Range<usize>, Range<usize>)>,
}

/// What a new batch is to run.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) input_file: Arc<str>,
    pub(super) url: &'static str,
}

impl Reading {
    /// What the row alone says.
    pub(super) fn of(endpoint: &'static Endpoint) -> Self {
        Self {
            facts: CallFacts {
                endpoint: endpoint.name,
                permission: endpoint.permission,
                model: None,
                implied_models: Vec::new(),
                message_count: None,
                has_system_prompt: None,
                has_tools: None,
                tool_names: Vec::new(),
                stream: false,
            },
            references: References::default(),
            batch: None,
            usage_splice: None,
            stores_answer: endpoint.creates.is_some(),
            texts: Texts::default(),
            batch_file: None,
            length_headers: Vec::new(),
        }
    }

    /// Takes the caller's model, or what the provider takes where there is none.
    pub(super) fn note_model(
        &mut self,
        model: Option<&str>,
        defaults: &[&str],
    ) -> Result<(), Refusal> {
        match model {
            Some(model) if is_name(model) => self.facts.model = Some(model.into()),
            Some(_) => return Err(not_a_name("model")),
            None if defaults.is_empty() => {
                return Err(malformed("You must provide a model parameter.", "model"));
            }
            None => defaults.iter().for_each(|model| self.imply_model((*model).into())),
        }
        Ok(())
    }

    /// Takes a model that the call uses without naming it in `model`.
    pub(super) fn imply_model(&mut self, model: Arc<str>) {
        if !self.facts.implied_models.contains(&model) {
            self.facts.implied_models.push(model);
        }
    }

    /// Takes the object that the path names; it stands before all others.
    pub(super) fn note_addressed(&mut self, kind: Option<ObjectKind>, id: Option<Arc<str>>) {
        if let (Some(kind), Some(id)) = (kind, id) {
            self.references.insert_first(Reference { kind, id, param: "id" });
        }
    }
}
