//! The rows.
//!
//! Owns what each endpoint of the provider's API is to us. It must never have two rows for one
//! method and path.

use super::{
    AnswerKind::{self, Json, ModelList, ObjectList, Opaque},
    BodyKind, Endpoint, FormKind, ModelPlace, StreamMarker,
};
use crate::types::{
    ObjectKind::{self, Batch, Completion, File, Response},
    Permission,
};

/// The model is required.
const JSON_MODEL: ModelPlace = ModelPlace::JsonField { defaults: &[] };
const FORM_MODEL: ModelPlace = ModelPlace::FormField { defaults: &[] };

/// The provider takes one or the other, by what else the call asks for.
const IMAGE_MODELS: &[&str] = &["dall-e-2", "gpt-image-1"];

const RESPONSE_ENDS: StreamMarker =
    StreamMarker::Events(&["response.completed", "response.incomplete", "response.failed"]);

/// The table. What is asked for most stands first.
pub static ENDPOINTS: &[Endpoint] = &[
    post("/chat/completions", BodyKind::Chat)
        .model(JSON_MODEL)
        .ends(StreamMarker::Done)
        .creates(Completion),
    post("/responses", BodyKind::Response).model(JSON_MODEL).ends(RESPONSE_ENDS).creates(Response),
    post("/embeddings", BodyKind::Embedding).model(JSON_MODEL),
    post("/completions", BodyKind::Completion).model(JSON_MODEL).ends(StreamMarker::Done),
    post("/moderations", BodyKind::Moderation)
        .model(ModelPlace::JsonField { defaults: &["omni-moderation-latest"] }),
    get("/chat/completions").lists(Completion),
    get("/chat/completions/{id}").addresses(Completion),
    post("/chat/completions/{id}", BodyKind::Json).addresses(Completion),
    delete("/chat/completions/{id}").addresses(Completion),
    get("/chat/completions/{id}/messages").addresses(Completion),
    get("/responses/{id}").addresses(Response).ends(RESPONSE_ENDS),
    delete("/responses/{id}").addresses(Response),
    post("/responses/{id}/cancel", BodyKind::Json).addresses(Response),
    get("/responses/{id}/input_items").addresses(Response),
    post("/audio/transcriptions", BodyKind::Form(FormKind::Transcription))
        .model(FORM_MODEL)
        .ends(StreamMarker::Events(&["transcript.text.done"])),
    post("/audio/translations", BodyKind::Form(FormKind::Translation)).model(FORM_MODEL),
    post("/audio/speech", BodyKind::Speech)
        .model(JSON_MODEL)
        .ends(StreamMarker::Events(&["speech.audio.done"]))
        .answers(Opaque),
    post("/images/generations", BodyKind::Image)
        .model(ModelPlace::JsonField { defaults: IMAGE_MODELS })
        .ends(image_ends("image_generation.partial_image", "image_generation.completed")),
    post("/images/edits", BodyKind::Form(FormKind::ImageEdit))
        .model(ModelPlace::FormField { defaults: IMAGE_MODELS })
        .ends(image_ends("image_edit.partial_image", "image_edit.completed")),
    post("/images/variations", BodyKind::Form(FormKind::ImageVariation))
        .model(ModelPlace::FormField { defaults: &["dall-e-2"] }),
    get("/models").answers(ModelList),
    get("/models/{model}").model(ModelPlace::Path),
    post("/files", BodyKind::Form(FormKind::File)).creates(File),
    get("/files").lists(File),
    get("/files/{id}").addresses(File),
    delete("/files/{id}").addresses(File),
    get("/files/{id}/content").addresses(File).answers(Opaque),
    post("/batches", BodyKind::Batch).creates(Batch),
    get("/batches").lists(Batch),
    get("/batches/{id}").addresses(Batch),
    post("/batches/{id}/cancel", BodyKind::Json).addresses(Batch),
];

const fn image_ends(begun: &'static str, ends: &'static str) -> StreamMarker {
    StreamMarker::EachOf { begun, ends }
}

const fn get(path: &'static str) -> Endpoint {
    Endpoint::new("GET", path, BodyKind::None)
}

const fn post(path: &'static str, body: BodyKind) -> Endpoint {
    Endpoint { permission: Permission::WebWrite, ..Endpoint::new("POST", path, body) }
}

const fn delete(path: &'static str) -> Endpoint {
    Endpoint { permission: Permission::WebWrite, ..Endpoint::new("DELETE", path, BodyKind::None) }
}

impl Endpoint {
    /// A row that reads, names no model, does not stream, answers in JSON and touches no object.
    pub(super) const fn new(method: &'static str, path: &'static str, body: BodyKind) -> Self {
        Self {
            name: path.split_at(1).1,
            method,
            path,
            permission: Permission::WebRead,
            body,
            model: ModelPlace::None,
            stream_end: StreamMarker::None,
            answer: Json,
            creates: None,
            addresses: None,
            lists: None,
        }
    }

    const fn model(self, model: ModelPlace) -> Self {
        Self { model, ..self }
    }

    const fn ends(self, stream_end: StreamMarker) -> Self {
        Self { stream_end, ..self }
    }

    const fn answers(self, answer: AnswerKind) -> Self {
        Self { answer, ..self }
    }

    const fn creates(self, kind: ObjectKind) -> Self {
        Self { creates: Some(kind), ..self }
    }

    const fn addresses(self, kind: ObjectKind) -> Self {
        Self { addresses: Some(kind), ..self }
    }

    const fn lists(self, kind: ObjectKind) -> Self {
        Self { answer: ObjectList, lists: Some(kind), ..self }
    }
}
