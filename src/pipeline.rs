//! The order of governance: who → what → may it → screened → forwarded → answered → recorded.
//!
//! Owns the sequence and nothing else: each stage is a file of its own and its result is the proof that
//! the next one asks for. It must never forward anything that is not `Screened`, and never let an
//! authenticated exchange end without its record.

mod admit;
mod budget;
mod drain;
mod egress;
mod forward;
mod headers;
mod ingress;
mod record;

pub use budget::Budget;
pub use drain::Drain;
pub use egress::Egress;
pub use headers::{DECISION, SANDBOX};

use crate::bus::Bus;
use crate::bus::upstream::{Forward, UpstreamReply};
use crate::config::Config;
use crate::openai::{Call, ReadOptions, find};
use crate::types::{ExchangeId, Refusal, Sensitive, Surface};
use actix_web::{
    HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderValue, InvalidHeaderValue},
    },
};
use record::Exchange;
use std::{sync::Arc, time::Duration};

/// What a worker needs to serve calls.
#[derive(Clone)]
pub struct Gate {
    bus: Bus,
    drain: Drain,
    settings: Arc<GateSettings>,
}

/// What serving a call needs of the configuration.
#[derive(Clone, Debug)]
pub struct GateSettings {
    node: Arc<str>,
    sandbox: bool,
    provider_key: Option<Sensitive<HeaderValue>>,
    body_limit: usize,
    budget: Budget,
    body_timeout: Duration,
    ping_every: Duration,
    idle_timeout: Duration,
    read_options: ReadOptions,
}

impl GateSettings {
    /// Fails when the configured provider key cannot stand in a header.
    pub fn of(config: &Config, sandbox: bool) -> Result<Self, InvalidHeaderValue> {
        let provider_key =
            config.upstream.api_key.as_ref().map(|key| headers::bearer(key.expose()));
        Ok(Self {
            node: config.server.node.as_str().into(),
            sandbox,
            provider_key: provider_key.transpose()?.map(Sensitive::new),
            body_limit: config.limits.body_bytes.min(config.limits.held_upload_bytes),
            budget: Budget::new(config.limits.held_upload_bytes),
            body_timeout: Duration::from_secs(config.server.body_timeout_secs),
            ping_every: Duration::from_secs(config.server.ping_every_secs),
            idle_timeout: Duration::from_secs(config.upstream.idle_timeout_secs),
            read_options: ReadOptions {
                request_stream_usage: config.upstream.request_stream_usage,
            },
        })
    }
}

impl Gate {
    /// A gate on this worker's bus.
    pub fn new(bus: Bus, drain: Drain, settings: GateSettings) -> Self {
        Self { bus, drain, settings: Arc::new(settings) }
    }

    /// The worker's bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

/// A request as it stands at one of the two doors.
pub struct Inbound<'a> {
    /// The head.
    pub request: &'a HttpRequest,
    /// What follows the door's base URL, beginning with `/`.
    pub path: &'a str,
    /// Which door.
    pub surface: Surface,
    /// The body, not yet read.
    pub payload: Payload,
}

/// The provider's answer on its way to the client.
pub struct Answer {
    /// The provider's status.
    pub status: StatusCode,
    /// The provider's headers that travel on, and ours.
    pub headers: HeaderMap,
    /// The body; its end, or its drop, closes the exchange.
    pub body: Egress,
}

/// A refusal with the id under which it is recorded.
#[derive(Debug)]
pub struct Refused {
    /// The id of exchange, decision and record.
    pub id: ExchangeId,
    /// What the caller gets.
    pub refusal: Refusal,
}

/// Why a call does not reach its answer.
enum Stop {
    Refused(Refusal),
    ClientGone,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Serves one call. `Err(None)`: the client has gone, nobody reads an answer. A client that goes later drops this
/// future or the answer's body, and with it the provider's call.
pub async fn relay(gate: &Gate, mut inbound: Inbound<'_>) -> Result<Answer, Option<Refused>> {
    let mut exchange = admit::identify(gate, &inbound).await?;
    match answer(gate, &mut exchange, &mut inbound).await {
        Ok((reply, plan)) => Ok(egress::answer(gate, exchange, reply, plan)),
        Err(Stop::Refused(refusal)) => Err(Some(exchange.refuse(refusal))),
        Err(Stop::ClientGone) => Err(None),
    }
}

async fn answer(
    gate: &Gate,
    exchange: &mut Exchange,
    inbound: &mut Inbound<'_>,
) -> Result<(UpstreamReply, egress::Plan), Stop> {
    let request = inbound.request;
    ingress::refuse_websocket(request.headers())?;
    let route = find(request.method().as_str(), inbound.path)?;
    exchange.note_endpoint(route.endpoint);
    let key = forward::provider_key(gate, request.headers())?;
    let body = ingress::read_body(gate, exchange, inbound).await?;
    let query = Some(request.query_string()).filter(|query| !query.is_empty());
    let content_type = ingress::content_type(request.headers())?;
    let call = Call::read(route, query, content_type, body, gate.settings.read_options)?;
    exchange.note_call(&call);
    let permitted = admit::authorize(gate, exchange, call).await?;
    let screened = crate::detect::screen(permitted);
    exchange.note_scan(screened.scan());
    exchange.announce();
    let plan = egress::Plan::of(screened.call());
    let mut headers = headers::to_provider(request.headers(), screened.call().content_type());
    if key.is_ours {
        headers::remove_account(&mut headers);
    }
    let message = Forward { call: screened, headers, provider_key: key.value };
    let reply = forward::forward(gate, exchange, message).await?;
    let reply = egress::filter_models(gate, exchange, reply, &plan).await?;
    Ok((reply, plan))
}
