//! The further pages of a list that is filtered.
//!
//! Owns the calls for them. It must never send one that was not authorised and screened like the caller's own.

use super::{
    Gate, Stop, admit,
    forward::{self, Outgoing, ProviderKey},
    record::Exchange,
    screening,
};
use crate::bus::upstream::UpstreamReply;
use crate::openai::{AnswerKind, Call};
use crate::types::Refusal;
use actix_web::http::header::HeaderMap;

/// What it takes to ask for another page.
pub(super) struct Pages {
    call: Call,
    headers: HeaderMap,
    key: ProviderKey,
}

impl Pages {
    /// Of a list that shows the caller's own objects in an account that others share.
    pub(super) fn of(call: &Call, outgoing: &Outgoing) -> Option<Self> {
        let is_filtered = outgoing.key.is_ours && call.endpoint().answer == AnswerKind::ObjectList;
        is_filtered.then(|| Self {
            call: call.clone(),
            headers: outgoing.headers.clone(),
            key: outgoing.key.clone(),
        })
    }

    /// The page after the one that ends with this id; `None` where nobody can ask for it.
    pub(super) async fn after(
        &self,
        gate: &Gate,
        exchange: &mut Exchange,
        id: &str,
    ) -> Result<Option<UpstreamReply>, Stop> {
        let Some(call) = self.call.after(id) else { return Ok(None) };
        let (permit, guard) = admit::authorize(gate, exchange, &call).await?;
        let screened = screening::screen_call(gate, exchange, call, permit, &guard).await?;
        let outgoing =
            Outgoing { headers: self.headers.clone(), key: self.key.clone(), tail: None };
        let reply = forward::send(gate, screened, outgoing).await?;
        if reply.status.is_success() {
            Ok(Some(reply))
        } else {
            tracing::warn!(
                status = reply.status.as_u16(),
                "a further page of a list was not given"
            );
            Err(Refusal::UpstreamInvalid.into())
        }
    }
}
