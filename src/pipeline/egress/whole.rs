//! Answers that are read whole before they go on: lists that are filtered, objects whose maker is written
//! down first, and plain answers that a rule may change or stop.
//!
//! Owns the reading of these answers, which are small. It must never pass on a list that it could not read, nor
//! show an object that it could not bind.

use super::{Plan, reader::is_event_stream};
use crate::bus::policy::SelectModels;
use crate::bus::upstream::UpstreamReply;
use crate::openai::{AnswerKind, ObjectIds, filter_list, filter_page, next_after, object_ids};
use crate::pipeline::{
    Gate, Stop, admit::unavailable, budget::Held, forward::refusal_of, objects, pages::Pages,
    record::Exchange, screening,
};
use crate::types::{ObjectKind, Refusal};
use actix_web::http::header;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::once};
use send_wrapper::SendWrapper;
use std::{borrow::Cow, sync::Arc};
use tokio::time::timeout;

/// A longer answer is not a list, nor a file's or batch's description.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// How far a list is searched for an object of the caller's own before it counts as ended.
const MOST_PAGES: usize = 10;

/// What is done with a whole answer.
#[derive(Clone, Copy)]
enum Treatment {
    PermittedModels,
    OwnObjects,
    Bind(ObjectKind),
}

fn most_judged() -> usize {
    usize::try_from(screening::MOST_JUDGED_BYTES).unwrap_or(usize::MAX)
}

/// An answer that may begin.
pub(in crate::pipeline) struct Settled {
    pub(in crate::pipeline) reply: UpstreamReply,
    /// It was read whole and judged.
    pub(in crate::pipeline) is_judged: bool,
}

/// Reads whole and filters, binds or judges the answers that need it; all others pass untouched.
pub(in crate::pipeline) async fn settle(
    gate: &Gate,
    exchange: &mut Exchange,
    mut reply: UpstreamReply,
    plan: &Plan,
    pages: Option<&Pages>,
) -> Result<Settled, Stop> {
    let treatment = treatment(plan).filter(|_| reply.status.is_success());
    let is_judged = screening::holds_answer(
        plan.endpoint,
        &plan.guard,
        &reply,
        is_event_stream(&reply.headers),
    );
    if treatment.is_none() && !is_judged {
        return Ok(Settled { reply, is_judged });
    }
    let (budget, caller) = (&gate.settings.budget, &exchange.principal().agent_id);
    let is_file = plan.endpoint.answer == AnswerKind::Opaque;
    let mut held = if is_file { budget.upload(caller) } else { budget.body(caller) };
    let most = if treatment.is_some() { MOST_BYTES } else { most_judged() };
    let answer = read_whole(gate, &mut reply, &mut held, most).await?;
    let mut settled = match treatment {
        None => answer,
        Some(Treatment::PermittedModels) => permitted_models(gate, exchange, &answer).await?,
        Some(Treatment::OwnObjects) => own_objects(gate, exchange, answer, plan, pages).await?,
        Some(Treatment::Bind(kind)) => {
            let ids = object_ids(&answer).ok_or(Refusal::UpstreamInvalid)?;
            bind(gate, exchange, &ids, kind, plan).await?;
            answer
        }
    };
    if is_judged && !settled.is_empty() {
        let failed = !reply.status.is_success();
        settled = screening::screen_whole(gate, exchange, plan, settled, failed).await?;
    }
    if settled.len() != reply.content_length.map_or(0, |it| usize::try_from(it).unwrap_or(0)) {
        reply.headers.remove(header::ETAG);
    }
    reply.content_length = u64::try_from(settled.len()).ok();
    reply.body = SendWrapper::new(once(std::future::ready(Ok(settled))).boxed_local());
    Ok(Settled { reply, is_judged })
}

fn treatment(plan: &Plan) -> Option<Treatment> {
    let endpoint = plan.endpoint;
    match endpoint.answer {
        AnswerKind::ModelList => Some(Treatment::PermittedModels),
        AnswerKind::ObjectList if plan.account_is_shared => Some(Treatment::OwnObjects),
        AnswerKind::Json => {
            // A batch's output files come to be while it runs: who reads the batch gets them.
            let kind = endpoint.creates.or(endpoint.addresses)?;
            let is_bound_whole = match kind {
                ObjectKind::File => {
                    endpoint.creates.is_some()
                        && (plan.account_is_shared || plan.batch_input.is_some())
                }
                ObjectKind::Batch => plan.account_is_shared,
                _ => false,
            };
            is_bound_whole.then_some(Treatment::Bind(kind))
        }
        _ => None,
    }
}

/// Room for it is held while it is worked on.
async fn read_whole(
    gate: &Gate,
    reply: &mut UpstreamReply,
    held: &mut Held,
    most: usize,
) -> Result<Bytes, Stop> {
    let mut whole = BytesMut::new();
    let idle_timeout = gate.settings.idle_timeout;
    let late = |_| Stop::Refused(Refusal::UpstreamTimeout);
    while let Some(chunk) = timeout(idle_timeout, reply.body.next()).await.map_err(late)? {
        let chunk = chunk.map_err(refusal_of)?;
        if whole.len() + chunk.len() > most {
            return Err(Refusal::UpstreamInvalid.into());
        }
        if !held.take(chunk.len()) {
            return Err(Refusal::Unavailable { what: "memory" }.into());
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// The models that the caller may use.
async fn permitted_models(gate: &Gate, exchange: &Exchange, list: &[u8]) -> Result<Bytes, Stop> {
    let message =
        SelectModels { principal: Arc::clone(exchange.principal()), models: ids_of(list)? };
    let permitted = gate.bus.select_models.ask(message).await;
    keep(list, permitted.map_err(|error| unavailable("policy", error))?)
}

/// The objects that the caller made. Where a page holds none of them, the pages after it are searched: a client
/// takes an empty page for the end. The output files of its batches become its own.
async fn own_objects(
    gate: &Gate,
    exchange: &mut Exchange,
    mut list: Bytes,
    plan: &Plan,
    pages: Option<&Pages>,
) -> Result<Bytes, Stop> {
    let kind = plan.endpoint.lists.unwrap_or(ObjectKind::Other);
    let mut own = which_are_own(gate, exchange, &list, kind).await?;
    // The first page's room is its reader's.
    let mut held;
    for _ in 1..MOST_PAGES {
        let after = next_after(&list).filter(|_| !own.contains(&true));
        let (Some(pages), Some(after)) = (pages, after) else { break };
        let Some(mut reply) = pages.after(gate, exchange, &after).await? else { break };
        held = gate.settings.budget.body(&exchange.principal().agent_id);
        list = read_whole(gate, &mut reply, &mut held, MOST_BYTES).await?;
        own = which_are_own(gate, exchange, &list, kind).await?;
    }
    if !own.contains(&true) && next_after(&list).is_some() {
        return Err(Stop::Refused(Refusal::Malformed {
            message: Cow::Borrowed(
                "None of your objects is on the pages that were searched. Ask with a larger limit.",
            ),
            param: Some(Cow::Borrowed("limit")),
        }));
    }
    let mut own = own.into_iter();
    let kept = filter_page(&list, |_| own.next() == Some(true));
    let kept = Bytes::from(kept.map_err(|_unreadable| Refusal::UpstreamInvalid)?);
    if plan.endpoint.lists == Some(ObjectKind::Batch) {
        let ids = object_ids(&kept).ok_or(Refusal::UpstreamInvalid)?;
        bind(gate, exchange, &ids, ObjectKind::Batch, plan).await?;
    }
    Ok(kept)
}

async fn which_are_own(
    gate: &Gate,
    exchange: &Exchange,
    list: &[u8],
    kind: ObjectKind,
) -> Result<Vec<bool>, Stop> {
    let named = ids_of(list)?.into_iter().map(|id| (kind, Arc::from(id))).collect();
    let own = objects::own(gate, exchange, named).await?;
    Ok(own.iter().map(Option::is_some).collect())
}

async fn bind(
    gate: &Gate,
    exchange: &Exchange,
    ids: &ObjectIds,
    kind: ObjectKind,
    plan: &Plan,
) -> Result<(), Stop> {
    let principal = exchange.principal();
    let of = |kind, id: &str, input| objects::binding(principal, kind, id, input);
    let made = ids.id.iter().map(|id| of(kind, id, plan.batch_input.as_ref()));
    let outputs = ids.output_files.iter().map(|id| of(ObjectKind::File, id, None));
    let bindings: Vec<_> = made.chain(outputs).collect();
    if bindings.is_empty() { Ok(()) } else { objects::bind(gate, bindings).await }
}

fn ids_of(list: &[u8]) -> Result<Vec<String>, Stop> {
    let mut ids = Vec::new();
    filter_list(list, |id| {
        ids.push(id.to_owned());
        true
    })
    .map_err(|_unreadable| Refusal::UpstreamInvalid)?;
    Ok(ids)
}

fn keep(list: &[u8], kept: Vec<bool>) -> Result<Bytes, Stop> {
    let mut kept = kept.into_iter();
    let filtered = filter_list(list, |_| kept.next() == Some(true));
    Ok(Bytes::from(filtered.map_err(|_unreadable| Refusal::UpstreamInvalid)?))
}
