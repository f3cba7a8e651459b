//! What the sandbox serves.
//!
//! Owns the table of routes. Object ids and models are single segments of a path.

use super::{
    batches, chat, completions, embeddings, files, images, models, moderations,
    problem::Problem,
    responses,
    shelf::Shelves,
    speech, stored,
    transcripts::{self, Task},
};
use actix_web::{
    HttpRequest,
    web::{self, Bytes, Data, Path, PayloadConfig, ServiceConfig, delete, get, post},
};
use std::future::ready;

const BODY_LIMIT: usize = 64 * 1_024 * 1_024;

type Id = Path<String>;
type Known = Data<Shelves>;

/// Adds everything to an app.
pub(super) fn add(app: &mut ServiceConfig) {
    app.app_data(PayloadConfig::new(BODY_LIMIT))
        .configure(models_and_answers)
        .configure(media)
        .configure(stored_completions)
        .configure(responses)
        .configure(files_and_batches)
        .default_service(web::to(|request: HttpRequest| ready(no_such_url(&request))));
}

fn no_such_url(request: &HttpRequest) -> Result<&'static str, Problem> {
    Err(Problem::UnknownUrl(format!("{} {}", request.method(), request.path())))
}

fn models_and_answers(app: &mut ServiceConfig) {
    app.route("/v1/models", get().to(|| ready(models::list_models())))
        .route("/v1/models/{id}", get().to(|id: Id| ready(models::show_model(&id))))
        .route(
            "/v1/completions",
            post().to(|body: Bytes| ready(completions::create_completion(&body))),
        )
        .route(
            "/v1/embeddings",
            post().to(|body: Bytes| ready(embeddings::create_embeddings(&body))),
        )
        .route(
            "/v1/moderations",
            post().to(|body: Bytes| ready(moderations::create_moderation(&body))),
        );
}

fn media(app: &mut ServiceConfig) {
    let transcript = |task: Task| {
        post().to(move |request: HttpRequest, body: Bytes| {
            ready(transcripts::create_transcript(task, &request, &body))
        })
    };
    app.route("/v1/audio/transcriptions", transcript(Task::Transcribe))
        .route("/v1/audio/translations", transcript(Task::Translate))
        .route("/v1/audio/speech", post().to(|body: Bytes| ready(speech::create_speech(&body))))
        .route(
            "/v1/images/generations",
            post().to(|body: Bytes| ready(images::generate_images(&body))),
        )
        .route(
            "/v1/images/edits",
            post().to(|call: HttpRequest, body: Bytes| ready(images::edit_images(&call, &body))),
        )
        .route(
            "/v1/images/variations",
            post().to(|call: HttpRequest, body: Bytes| ready(images::vary_image(&call, &body))),
        );
}

fn stored_completions(app: &mut ServiceConfig) {
    app.service(
        web::resource("/v1/chat/completions")
            .route(
                post().to(|known: Known, body: Bytes| {
                    ready(chat::create_chat_completion(&known, &body))
                }),
            )
            .route(get().to(|known: Known, call: HttpRequest| {
                ready(stored::list_completions(&known, &call))
            })),
    )
    .service(
        web::resource("/v1/chat/completions/{id}")
            .route(get().to(|known: Known, id: Id| ready(known.completions.show(&id))))
            .route(post().to(|known: Known, id: Id, body: Bytes| {
                ready(stored::update_completion(&known, &id, &body))
            }))
            .route(delete().to(|known: Known, id: Id| {
                ready(known.completions.delete(&id, "chat.completion.deleted"))
            })),
    )
    .route(
        "/v1/chat/completions/{id}/messages",
        get().to(|known: Known, call: HttpRequest, id: Id| {
            ready(stored::list_messages(&known, &call, &id))
        }),
    );
}

fn responses(app: &mut ServiceConfig) {
    app.route(
        "/v1/responses",
        post().to(|known: Known, body: Bytes| ready(responses::create_response(&known, &body))),
    )
    .service(
        web::resource("/v1/responses/{id}")
            .route(get().to(|known: Known, call: HttpRequest, id: Id| {
                ready(responses::show_response(&known, &call, &id))
            }))
            .route(
                delete().to(|known: Known, id: Id| ready(known.responses.delete(&id, "response"))),
            ),
    )
    .route(
        "/v1/responses/{id}/cancel",
        post().to(|known: Known, id: Id| ready(responses::cancel_response(&known, &id))),
    )
    .route(
        "/v1/responses/{id}/input_items",
        get().to(|known: Known, call: HttpRequest, id: Id| {
            ready(responses::list_input_items(&known, &call, &id))
        }),
    );
}

fn files_and_batches(app: &mut ServiceConfig) {
    app.service(
        web::resource("/v1/files")
            .route(post().to(|known: Known, call: HttpRequest, body: Bytes| {
                ready(files::upload_file(&known, &call, &body))
            }))
            .route(
                get().to(|known: Known, call: HttpRequest| ready(files::list_files(&known, &call))),
            ),
    )
    .service(
        web::resource("/v1/files/{id}")
            .route(get().to(|known: Known, id: Id| ready(known.files.show(&id))))
            .route(delete().to(|known: Known, id: Id| ready(known.files.delete(&id, "file")))),
    )
    .route(
        "/v1/files/{id}/content",
        get().to(|known: Known, id: Id| ready(files::show_content(&known, &id))),
    )
    .service(
        web::resource("/v1/batches")
            .route(
                post().to(|known: Known, body: Bytes| ready(batches::create_batch(&known, &body))),
            )
            .route(
                get().to(|known: Known, call: HttpRequest| {
                    ready(batches::list_batches(&known, &call))
                }),
            ),
    )
    .route("/v1/batches/{id}", get().to(|known: Known, id: Id| ready(known.batches.show(&id))))
    // A batch has always ended already, so that cancelling it changes nothing.
    .route(
        "/v1/batches/{id}/cancel",
        post().to(|known: Known, id: Id| ready(known.batches.show(&id))),
    );
}
