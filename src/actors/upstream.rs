//! The keeper of the provider's connections: one per worker, so that a call and its stream stay on
//! one thread.
//!
//! Owns the connection pool. It must never retry (the call may have been made), follow a redirect
//! (the key would travel) or log a header. Dropping the reply's future or its body closes the
//! provider's connection.
//!
//! Mailbox: bounded; a full one is waited for until the asker's deadline. A new actor starts with an
//! empty pool; calls under way on the dead one end as cut.

mod head;
mod provider;
mod transport;
mod turn;

pub use provider::Provider;

use crate::bus::upstream::{Forward, Rest, UpstreamError, UpstreamReply};
use crate::config::Upstream;
use actix::{
    Actor, Context, Handler,
    dev::{MessageResponse, OneshotSender},
};
use actix_http::error::{ParseError, PayloadError};
use actix_tls::connect::{Connector as TcpConnector, Resolver};
use actix_web::http::{Method, Version, header};
use awc::{
    Client, ClientRequest, ClientResponse, Connector, SendClientRequest,
    body::SizedStream,
    error::{ConnectError, SendRequestError},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::LocalBoxFuture};
use send_wrapper::SendWrapper;
use std::{io::ErrorKind, time::Duration};
use transport::Dial;
use turn::Turn;

const MAILBOX: usize = 4_096;
const KEEP_IDLE_CONNECTIONS: Duration = Duration::from_secs(60);
const CONNECTION_LIFETIME: Duration = Duration::from_secs(3_600);

/// One per worker.
pub struct UpstreamActor {
    client: Client,
    base_url: String,
    answer_timeout: Duration,
}

impl UpstreamActor {
    /// An actor with an empty pool, in the thread that will use it.
    pub fn new(settings: &Upstream, provider: Provider) -> Self {
        let connect_timeout = Duration::from_secs(settings.connect_timeout_secs);
        let tcp = TcpConnector::new(Resolver::default()).service();
        let connector = Connector::new()
            .max_http_version(Version::HTTP_11)
            .connector(Dial { tcp, tls: provider.tls })
            .timeout(connect_timeout)
            .handshake_timeout(connect_timeout)
            .limit(settings.max_connections)
            .conn_keep_alive(KEEP_IDLE_CONNECTIONS)
            .conn_lifetime(CONNECTION_LIFETIME);
        let client = Client::builder()
            .connector(connector)
            .no_default_headers()
            .disable_redirects()
            // Its timeout would run while a client's upload is waited for.
            .disable_timeout()
            .finish();
        let answer_timeout = Duration::from_secs(settings.answer_timeout_secs);
        Self { client, base_url: provider.base_url, answer_timeout }
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
        let head = call.outgoing_body();
        let turn = Turn::of_provider();
        let sent = match message.rest {
            Some(rest) => send_upload(request, head, rest, &turn),
            // A POST without a body says so; a GET says nothing.
            None if head.is_empty() && call.endpoint().method == "GET" => request.send(),
            None => request.send_body(head),
        };
        let answer_timeout = self.answer_timeout;
        Box::pin(async move {
            let answered = tokio::select! {
                biased;
                answered = sent => answered,
                () = turn.overstayed(answer_timeout) => Err(SendRequestError::Timeout),
            };
            answered.map(reply).map_err(fault)
        })
    }
}

/// The bytes that the call was read from, then the rest as it comes.
fn send_upload(request: ClientRequest, head: Bytes, rest: Rest, turn: &Turn) -> SendClientRequest {
    let head = futures_util::stream::once(std::future::ready(Ok(head)));
    let body = turn.follow(head.chain(rest.body.take()));
    match rest.length {
        Some(length) => request.send_body(SizedStream::new(length, body)),
        None => request.send_stream(body),
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
    // RFC 9112 §6.3: without a length and a transfer coding the close ends the body.
    let ends_by_close =
        content_length.is_none() && !headers.contains_key(header::TRANSFER_ENCODING);
    UpstreamReply {
        status: response.status(),
        headers,
        content_length,
        body: SendWrapper::new(body(response, ends_by_close).boxed_local()),
    }
}

/// The body as it comes. On our transport an early end is an error, and so is the close that ends a body
/// without a length.
fn body(
    body: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
    ends_by_close: bool,
) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
    let checked = body.map(move |chunk| match chunk {
        Ok(chunk) => Some(Ok(chunk)),
        Err(PayloadError::Incomplete(Some(error)) | PayloadError::Io(error))
            if ends_by_close && error.kind() == ErrorKind::UnexpectedEof =>
        {
            None
        }
        Err(_) => Some(Err(UpstreamError::Cut)),
    });
    // The first `None` ends the stream; the transport would go on failing.
    checked.scan((), |(), chunk| std::future::ready(chunk))
}

/// The cause is logged here, once; the asker learns only whose fault it was.
fn fault(error: SendRequestError) -> UpstreamError {
    tracing::warn!(%error, "the provider failed");
    match error {
        SendRequestError::Connect(ConnectError::Timeout) | SendRequestError::Timeout => {
            UpstreamError::Timeout
        }
        SendRequestError::Connect(ConnectError::Disconnected) | SendRequestError::Send(_) => {
            UpstreamError::Disconnected
        }
        SendRequestError::Response(ParseError::Io(_)) => UpstreamError::Disconnected,
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
