//! The provider's list of models, as far as the caller may use them.
//!
//! Owns the reading of the list, which is small and read whole. It must never pass on a list that it could not
//! read.

use super::Plan;
use crate::bus::policy::SelectModels;
use crate::bus::upstream::UpstreamReply;
use crate::openai::{AnswerKind, filter_models as filter};
use crate::pipeline::{Gate, Stop, admit::unavailable, forward::refusal_of, record::Exchange};
use crate::types::Refusal;
use actix_web::http::{StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::once};
use send_wrapper::SendWrapper;
use std::sync::Arc;
use tokio::time::timeout;

/// A longer list is not one.
const MODELS_LIST_BYTES: usize = 8 * 1024 * 1024;

/// Takes out of a models list what the caller may not use.
pub(in crate::pipeline) async fn filter_models(
    gate: &Gate,
    exchange: &Exchange,
    mut reply: UpstreamReply,
    plan: &Plan,
) -> Result<UpstreamReply, Stop> {
    if plan.endpoint.answer != AnswerKind::ModelList || reply.status != StatusCode::OK {
        return Ok(reply);
    }
    let mut list = BytesMut::new();
    let idle_timeout = gate.settings.idle_timeout;
    let late = |_| Stop::Refused(Refusal::UpstreamTimeout);
    while let Some(chunk) = timeout(idle_timeout, reply.body.next()).await.map_err(late)? {
        let chunk = chunk.map_err(refusal_of)?;
        if list.len() + chunk.len() > MODELS_LIST_BYTES {
            return Err(Refusal::UpstreamInvalid.into());
        }
        list.extend_from_slice(&chunk);
    }
    let unreadable = |_| Stop::Refused(Refusal::UpstreamInvalid);
    let mut models = Vec::new();
    filter(&list, |model| {
        models.push(model.to_owned());
        true
    })
    .map_err(unreadable)?;
    let message = SelectModels { principal: Arc::clone(exchange.principal()), models };
    let permitted = gate.bus.select_models.ask(message).await;
    let mut permitted = permitted.map_err(|error| unavailable("policy", error))?.into_iter();
    let list = filter(&list, |_| permitted.next() == Some(true)).map_err(unreadable)?;
    reply.content_length = u64::try_from(list.len()).ok();
    reply.headers.remove(header::ETAG);
    reply.body = SendWrapper::new(once(std::future::ready(Ok(Bytes::from(list)))).boxed_local());
    Ok(reply)
}
