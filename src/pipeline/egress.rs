//! The provider's answer on its way out: chunk by chunk, as it comes.
//!
//! Owns the body that the connection asks for chunks, and the watch over an answer that goes on: it ends when its
//! caller may no longer call, also while its client reads nothing. It must never hold back a byte that the flow has
//! released.

mod counted;
mod flow;
mod maker;
mod plan;
mod reader;
mod screen;
mod whole;

pub(super) use plan::Plan;
pub(super) use reader::is_event_stream;
pub(super) use whole::{Settled, settle};

use super::{Answer, Gate, Refused, headers, leash::Leash, record::Exchange};
use actix_web::{
    body::{BodySize, MessageBody},
    http::StatusCode,
};
use bytes::Bytes;
use flow::{Flow, Head};
use maker::Maker;
use reader::Reader;
use screen::Screen;
use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use tokio::task::JoinHandle;

/// So many chunks may leave before an answer counts as one that goes on.
const CHUNKS_UNWATCHED: u32 = 16;

/// Begins the answer. `Err`: it has no body that could wait for its record, and that could not be written.
pub(super) async fn answer(
    gate: &Gate,
    mut exchange: Exchange,
    settled: Settled,
    plan: Plan,
    leash: Leash,
) -> Result<Answer, Refused> {
    let Settled { reply, is_judged } = settled;
    exchange.note_status(reply.status.as_u16());
    let failed_status = reply.status.as_u16() >= 400;
    let reader = Reader::for_answer(&reply.headers, failed_status, &plan);
    let is_text = reader::is_text(&reply.headers);
    let screen = Screen::of(gate, &plan, &reader, is_text, is_judged);
    // A stream has another length than announced once a ping or an edit has changed it.
    let length = reply.content_length.filter(|_| !reader.is_event_stream() && !screen.may_edit());
    let size = match (reply.status, length) {
        (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _) => BodySize::None,
        (_, Some(length)) => BodySize::Sized(length),
        (_, None) => BodySize::Stream,
    };
    let receipt = exchange.receipt();
    let headers = headers::to_client(&reply.headers, exchange.id(), receipt, gate.settings.sandbox);
    let maker = Maker::of(gate, &exchange, &plan, failed_status);
    let screening = (plan, screen);
    let body = reply.body.take();
    let head = Head { failed_status, length };
    let not_written = Refused::not_written(exchange.id());
    let mut flow = Flow::new(gate, exchange, reader, screening, maker, body, head);
    if matches!(size, BodySize::None | BodySize::Sized(0)) {
        // The connection never asks for a body that is not there.
        flow.end_bodiless().await.map_err(|_failed| not_written)?;
    }
    let flow = Rc::new(RefCell::new(flow));
    let body = Egress { size, flow, leash: Some(leash), watch: None, polls: 0 };
    Ok(Answer { status: reply.status, headers, body })
}

/// The body of an answer.
pub struct Egress {
    size: BodySize,
    flow: Rc<RefCell<Flow>>,
    /// Until the answer is watched over.
    leash: Option<Leash>,
    watch: Option<JoinHandle<()>>,
    polls: u32,
}

/// The answer was cut: actix closes the connection without the ending chunk.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut")]
pub struct Cut;

impl MessageBody for Egress {
    type Error = Cut;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let polled = this.flow.borrow_mut().poll(cx);
        this.polls = this.polls.saturating_add(1);
        if polled.is_pending() || this.polls > CHUNKS_UNWATCHED {
            this.watch_over();
        }
        polled
    }
}

impl Egress {
    /// From now on the answer ends with its caller's standing. Most answers are over before it comes to this.
    fn watch_over(&mut self) {
        let Some(mut leash) = self.leash.take() else { return };
        let flow = Rc::downgrade(&self.flow);
        self.watch = Some(actix_web::rt::spawn(async move {
            let refusal = leash.pulled().await;
            if let Some(flow) = flow.upgrade() {
                flow.borrow_mut().stop(refusal);
            }
        }));
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}
