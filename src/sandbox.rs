//! The sandbox: a built-in upstream in the shape of the OpenAI API, so that a newcomer sees the whole
//! gate work without a provider's key.
//!
//! Owns its own listener on the loopback, its own thread and runtime. It must never call anything,
//! keep anything beyond its own end, or pass for a real model: every answer and every header says
//! where it comes from.

mod answer;
mod batches;
mod chat;
mod completions;
mod embeddings;
mod files;
mod form;
mod images;
mod models;
mod moderations;
mod page;
mod problem;
mod request;
mod responses;
mod routes;
mod shelf;
mod speech;
mod stored;
mod stream;
mod transcripts;

use crate::types::Sensitive;
use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{Server, ServerHandle, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::{Next, from_fn},
    rt::System,
    web::Data,
};
use problem::Problem;
use shelf::Shelves;
use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::mpsc::{Sender, channel},
    thread,
    time::Duration,
};
use uuid::Uuid;

/// Longer than the gate keeps its idle connections, so that it never meets a closing one.
const KEEP_ALIVE: Duration = Duration::from_secs(300);
const SANDBOX: HeaderName = HeaderName::from_static("x-portcullis-sandbox");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A running sandbox; it stops when this is dropped.
pub struct Sandbox {
    /// What `upstream.base_url` is set to.
    pub base_url: String,
    handle: ServerHandle,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // The command is sent here; its future only tells when the server has obeyed.
        drop(self.handle.stop(false));
    }
}

/// Starts a sandbox on a free port of the loopback.
pub fn start() -> io::Result<Sandbox> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let (started, start) = channel();
    thread::Builder::new().name("sandbox".to_owned()).spawn(move || serve(listener, &started))?;
    let handle = start.recv().map_err(|_ended| io::Error::other("the sandbox did not start"))?;
    Ok(Sandbox { base_url, handle })
}

/// A provider key for callers that have none: the sandbox takes any.
pub fn provider_key() -> Sensitive<String> {
    Sensitive::new("sk-portcullis-sandbox".to_owned())
}

fn serve(listener: TcpListener, started: &Sender<ServerHandle>) {
    let served = System::new().block_on(async {
        let server = server(listener)?;
        // Nobody waits for it only when the starting thread is gone.
        drop(started.send(server.handle()));
        server.await
    });
    if let Err(error) = served {
        tracing::error!(%error, "the sandbox has stopped");
    }
}

fn server(listener: TcpListener) -> io::Result<Server> {
    let shelves = Data::new(Shelves::new());
    let app = move || {
        let app = App::new().app_data(Data::clone(&shelves));
        app.wrap(from_fn(speak_like_openai)).configure(routes::add)
    };
    let server = HttpServer::new(app).workers(1).keep_alive(KEEP_ALIVE).disable_signals();
    Ok(server.shutdown_timeout(0).listen(listener)?.run())
}

/// Asks for a key as the real one does, and marks every answer.
async fn speak_like_openai(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let has_key = authorization.is_some_and(|value| value.as_bytes().starts_with(b"Bearer "));
    let mut response = if has_key {
        next.call(request).await?.map_into_left_body()
    } else {
        request.error_response(Problem::NoKey).map_into_right_body()
    };
    let request_id = format!("req_{}", Uuid::now_v7().simple());
    let headers = response.headers_mut();
    headers.insert(SANDBOX, HeaderValue::from_static("true"));
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
