//! Exports over HTTP, as a stream.
//!
//! Owns how many run at once. An export holds one page in memory; while its reader is slow it waits, and holds neither a
//! thread nor a connection to the database.

use super::{AdminState, Parameters, blocking, problem, unreadable};
use crate::admin::audit::{Export, ExportRequest};
use crate::export::Format;
use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::{io, sync::Arc};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Each may read the whole record: more at once would keep the gate from its own database.
static PLACES: Semaphore = Semaphore::const_new(4);
const RETRY_SECS: u64 = 10;

/// `GET /api/v1/audit/export`: format, node, and the filters of the events.
pub(in crate::http) async fn export_records(
    request: HttpRequest,
    state: Data<AdminState>,
) -> HttpResponse {
    let asked = match Parameters::read(request.query_string(), read_request) {
        Ok(asked) => asked,
        Err(message) => return unreadable(&message),
    };
    let Ok(place) = PLACES.try_acquire() else {
        let mut busy =
            problem(429, "too_many_exports", "Too many exports at once. Try again shortly.");
        busy.headers_mut().insert(header::RETRY_AFTER, RETRY_SECS.into());
        return busy;
    };
    let format = asked.format;
    let running = Running { export: Export::new(asked), state, _place: place };
    // What fails at once has a status of its own; later an answer can only break off.
    let first = match running.next().await {
        Ok(first) => first,
        Err(refusal) => return refusal,
    };
    let name = format!("attachment; filename=\"portcullis-audit.{}\"", format.extension());
    HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, name))
        .streaming(stream::iter(first).flat_map(|(first, running)| {
            stream::iter([Ok(first)]).chain(stream::try_unfold(running, Running::go_on))
        }))
}

/// An export that is read as fast as its reader takes it.
struct Running {
    export: Export,
    state: Data<AdminState>,
    _place: SemaphorePermit<'static>,
}

impl Running {
    async fn next(self) -> Result<Option<(Bytes, Self)>, HttpResponse> {
        let Self { mut export, state, _place } = self;
        let node = Arc::clone(&state.greeting.node);
        let read = blocking(&state, move |store| {
            let chunk = export.next_chunk(store, &node)?;
            Ok(Some((export, chunk)))
        });
        let (export, chunk) = read.await?;
        Ok(chunk.map(|chunk| (Bytes::from(chunk), Self { export, state, _place })))
    }

    /// Without its last line an export is known to be cut.
    async fn go_on(self) -> io::Result<Option<(Bytes, Self)>> {
        self.next().await.map_err(|_refusal| io::Error::other("the export cannot go on"))
    }
}

fn read_request(query: &mut Parameters) -> Result<ExportRequest, String> {
    let format = query.choice("format", Format::parse, "jsonl, csv, ocsf or cef")?;
    let format = format.unwrap_or(Format::JsonLines);
    Ok(ExportRequest { format, node: query.text("node"), query: query.records()? })
}
