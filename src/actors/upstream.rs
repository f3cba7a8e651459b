//! The keeper of the provider's connections: one per worker, so that a call and its stream stay on
//! one thread.
//!
//! Owns the connection pool. It must never retry (the call may have been made), follow a redirect
//! (the key would travel) or log a header. Dropping the reply's future or its body closes the
//! provider's connection.
//!
//! Mailbox: bounded; a full one is waited for until the asker's deadline. A new actor starts with an
//! empty pool; calls under way on the dead one end as cut.

use crate::bus::upstream::{Forward, UpstreamError, UpstreamReply};
use crate::config::Upstream;
use crate::types::Governed;
use actix::{
    Actor, Context, Handler,
    dev::{MessageResponse, OneshotSender},
};
use actix_http::error::PayloadError;
use actix_web::http::{Method, Version, header};
use awc::{
    Client, ClientResponse, Connector,
    error::{ConnectError, SendRequestError},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::LocalBoxFuture};
use send_wrapper::SendWrapper;
use std::time::Duration;

const MAILBOX: usize = 4_096;
const KEEP_IDLE_CONNECTIONS: Duration = Duration::from_secs(60);
const CONNECTION_LIFETIME: Duration = Duration::from_secs(3_600);

/// One per worker.
pub struct UpstreamActor {
    client: Client,
    base_url: String,
}

impl UpstreamActor {
    /// An actor with an empty pool, in the thread that will use it.
    pub fn new(settings: &Upstream) -> Self {
        let connect_timeout = Duration::from_secs(settings.connect_timeout_secs);
        let connector = Connector::new()
            .max_http_version(Version::HTTP_11)
            .timeout(connect_timeout)
            .handshake_timeout(connect_timeout)
            .limit(settings.max_connections)
            .conn_keep_alive(KEEP_IDLE_CONNECTIONS)
            .conn_lifetime(CONNECTION_LIFETIME);
        let client = Client::builder()
            .connector(connector)
            .no_default_headers()
            .disable_redirects()
            .timeout(Duration::from_secs(settings.answer_timeout_secs))
            .finish();
        Self { client, base_url: settings.base_url.trim_end_matches('/').to_owned() }
    }

    fn forward(&self, message: Forward) -> Reply {
        let call = message.call.call();
        let Ok(method) = Method::from_bytes(call.endpoint().method.as_bytes()) else {
            return Box::pin(std::future::ready(Err(UpstreamError::Invalid)));
        };
        let url = format!("{}{}", self.base_url, call.target());
        let mut request = self.client.request(method, url).no_decompress();
        *request.headers_mut() = message.headers;
        let mut provider_key = message.provider_key.reveal();
        provider_key.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, provider_key);
        let has_body = call.facts().permission != crate::types::Permission::WebRead;
        let sent = if has_body { request.send_body(call.outgoing_body()) } else { request.send() };
        Box::pin(async move { sent.await.map(reply).map_err(fault) })
    }
}

type Reply = LocalBoxFuture<'static, Result<UpstreamReply, UpstreamError>>;

fn reply(
    response: ClientResponse<impl Stream<Item = Result<Bytes, PayloadError>> + Unpin + 'static>,
) -> UpstreamReply {
    let headers = response.headers().clone();
    let content_length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    UpstreamReply {
        status: response.status(),
        headers,
        content_length,
        body: SendWrapper::new(whole(response, content_length).boxed_local()),
    }
}

/// The body with an early end as an error: awc ends a body cleanly when the provider closes the
/// connection before the announced length.
fn whole(
    body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin + 'static,
    content_length: Option<u64>,
) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
    let missing = content_length.unwrap_or(0);
    futures_util::stream::unfold((body, missing, false), |(mut body, missing, ended)| async move {
        if ended {
            return None;
        }
        match body.next().await {
            Some(Ok(chunk)) => {
                let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                Some((Ok(chunk), (body, missing.saturating_sub(length), false)))
            }
            Some(Err(_)) => Some((Err(UpstreamError::Cut), (body, missing, true))),
            None if missing > 0 => Some((Err(UpstreamError::Cut), (body, missing, true))),
            None => None,
        }
    })
}

fn fault(error: SendRequestError) -> UpstreamError {
    match error {
        SendRequestError::Connect(ConnectError::Timeout) | SendRequestError::Timeout => {
            UpstreamError::Timeout
        }
        SendRequestError::Connect(ConnectError::Disconnected) | SendRequestError::Send(_) => {
            UpstreamError::Disconnected
        }
        SendRequestError::Response(_) => UpstreamError::Invalid,
        _ => UpstreamError::Unreachable,
    }
}

/// A reply that is given up when nobody waits for it any more: actix spawns a handler's future
/// detached, so dropping the request alone would let the call run on.
pub struct UntilDropped(Reply);

impl MessageResponse<UpstreamActor, Forward> for UntilDropped {
    fn handle(
        self,
        _: &mut Context<UpstreamActor>,
        asker: Option<OneshotSender<Result<UpstreamReply, UpstreamError>>>,
    ) {
        let Some(mut asker) = asker else { return };
        actix::spawn(async move {
            let reply = tokio::select! {
                biased;
                () = asker.closed() => return,
                reply = self.0 => reply,
            };
            // The asker may have left between the reply and here; the reply is dropped with it.
            drop(asker.send(reply));
        });
    }
}

impl Actor for UpstreamActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Forward> for UpstreamActor {
    type Result = UntilDropped;

    fn handle(&mut self, message: Forward, _: &mut Self::Context) -> Self::Result {
        UntilDropped(self.forward(message))
    }
}
