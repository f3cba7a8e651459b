//! The order of governance: who → what → may it → screened → forwarded → answered → recorded.
//!
//! Owns the sequence and nothing else: each stage is a file of its own and its result is the proof that
//! the next one asks for. It must never forward anything that is not `Screened`, and never let an
//! authenticated exchange end without its record.

mod admit;
mod budget;
mod drain;
mod egress;
mod encoding;
mod forward;
mod headers;
mod host;
mod ingress;
mod leash;
mod objects;
mod pages;
mod record;
mod screening;
mod session;
mod settings;

pub use budget::Budget;
pub use drain::Drain;
pub use egress::Egress;
pub use headers::{DECISION, RECEIPT, SANDBOX};
pub use settings::GateSettings;

use crate::bus::Bus;
use crate::journal::Written;
use crate::openai::{Blocked, ReadOptions, find};
use crate::types::{ExchangeId, Governed, Lifecycle, Refusal, Surface};
use actix_web::{
    HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderValue},
    },
};
use forward::Outgoing;
use ingress::Incoming;
use leash::Leash;
use pages::Pages;
use record::Exchange;
use std::sync::Arc;

/// What a worker needs to serve calls.
#[derive(Clone)]
pub struct Gate {
    bus: Bus,
    drain: Drain,
    settings: Arc<GateSettings>,
}

impl Gate {
    /// A gate on this worker's bus.
    pub fn new(bus: Bus, drain: Drain, settings: GateSettings) -> Self {
        Self { bus, drain, settings: Arc::new(settings) }
    }

    /// The URL that clients know this gate by, where it is configured.
    pub fn public_url(&self) -> Option<&str> {
        self.settings.public_url.as_deref()
    }

    /// Whether the gate has a provider key of its own, for callers that bring none.
    pub fn has_provider_key(&self) -> bool {
        self.settings.provider_key.is_some()
    }

    /// `iss` of the gate's own tokens.
    pub fn token_issuer(&self) -> &str {
        &self.settings.token_issuer
    }

    /// Whether no new calls are taken.
    pub fn is_stopping(&self) -> bool {
        self.drain.is_stopping()
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
    /// What it gets instead: an answer in the shape of the provider's own content filter.
    pub shape: Option<Box<Blocked>>,
    /// For [`RECEIPT`], where the caller is known.
    pub receipt: Option<Box<HeaderValue>>,
    /// It does not go out before this is safe.
    written: Option<Written>,
}

impl Refused {
    /// The answer is there, but its record could not be written down.
    const fn not_written(id: ExchangeId) -> Self {
        Self { id, refusal: record::NOT_WRITTEN, shape: None, receipt: None, written: None }
    }
}

/// Why a call does not reach its answer.
enum Stop {
    Refused(Refusal),
    /// A rule stops the call or its answer: the refusal, unless the caller gets an answer in its shape.
    Blocked {
        refusal: Refusal,
        shape: Option<Box<Blocked>>,
    },
    ClientGone,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Serves one call. `Err(None)`: the client has gone, nobody reads an answer. A client that goes later drops this
/// future or the answer's body, and with it the provider's call.
pub async fn relay(gate: &Gate, inbound: Inbound<'_>) -> Result<Answer, Option<Refused>> {
    let mut served = serve(gate, inbound).await;
    if let Err(Some(refused)) = &mut served
        && let Some(durable) =
            refused.written.and_then(|it| record::durable(&gate.bus.record.journal, it))
        && durable.await.is_err()
    {
        refused.refusal = record::NOT_WRITTEN;
        refused.shape = None;
    }
    served
}

async fn serve(gate: &Gate, mut inbound: Inbound<'_>) -> Result<Answer, Option<Refused>> {
    let mut exchange = admit::identify(gate, &inbound).await?;
    let mut leash = Leash::of(&gate.bus, exchange.caller());
    let answered = tokio::select! {
        biased;
        answered = answer(gate, &mut exchange, &mut inbound) => answered,
        refusal = leash.pulled() => Err(Stop::Refused(refusal)),
    };
    match answered {
        Ok((settled, plan)) => {
            egress::answer(gate, exchange, settled, plan, leash).await.map_err(Some)
        }
        Err(Stop::Refused(refusal)) => Err(Some(exchange.refuse(refusal))),
        Err(Stop::Blocked { refusal, shape }) => Err(Some(exchange.block(refusal, shape))),
        Err(Stop::ClientGone) => Err(None),
    }
}

async fn answer(
    gate: &Gate,
    exchange: &mut Exchange,
    inbound: &mut Inbound<'_>,
) -> Result<(egress::Settled, egress::Plan), Stop> {
    let request = inbound.request;
    host::check(request.headers())?;
    ingress::refuse_websocket(request.headers())?;
    let route = find(request.method().as_str(), inbound.path, gate.settings.forward_unknown)?;
    exchange.note_endpoint(route.endpoint);
    let key = forward::provider_key(gate, inbound, exchange.principal())?;
    let options = ReadOptions { collect_references: key.is_ours, ..gate.settings.read_options };
    let Incoming { call, tail } =
        ingress::read_call(gate, exchange, inbound, route, options).await?;
    exchange.note_call(&call);
    let call = objects::check(gate, exchange, call, key.is_ours).await?;
    if call.input_file().is_some() {
        // By now a batch's models are known.
        exchange.note_call(&call);
    }
    let (permit, guard) = admit::authorize(gate, exchange, &call).await?;
    if let Some(tail) = tail.as_ref().filter(|_| guard.profile.acts(Lifecycle::Ingress)) {
        tail.refuse_fields();
    }
    let screened = screening::screen_call(gate, exchange, call, permit, &guard).await?;
    if screened.call().facts().stream {
        exchange.open_stream()?;
    }
    exchange.announce(gate)?;
    let plan = egress::Plan::of(screened.call(), key.is_ours, guard);
    let mut headers = headers::to_provider(request.headers(), screened.call().content_type());
    if key.is_ours {
        headers::remove_account(&mut headers);
    }
    let outgoing = Outgoing { headers, key, tail };
    let pages = Pages::of(screened.call(), &outgoing);
    let reply = forward::forward(gate, exchange, screened, outgoing).await?;
    exchange.settled().await?;
    if egress::is_event_stream(&reply.headers) {
        // Whatever the call said: what streams takes a place among the streams.
        exchange.note_stream();
        exchange.open_stream()?;
    }
    let settled = egress::settle(gate, exchange, reply, &plan, pages.as_ref()).await?;
    Ok((settled, plan))
}
