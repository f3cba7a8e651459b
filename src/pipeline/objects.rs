//! Whose the provider's objects are that a call names, and who made those that it makes.
//!
//! Owns two rules. A batch is made only from a file that its caller uploaded through the gate, and is authorised
//! on what that file was seen to hold. With the gate's own provider key, whose account all callers share, an
//! object is its maker's alone: to everybody else it does not exist.

use super::{Gate, Stop, record::Exchange};
use crate::bus::objects::{BindObjects, FindObjects};
use crate::openai::{BatchInput, Call};
use crate::store::ObjectBinding;
use crate::types::{ObjectKind, Principal, Refusal};
use std::sync::Arc;

/// Checks every object that the call names. A batch's models come from its input file's binding.
pub(super) async fn check(
    gate: &Gate,
    exchange: &Exchange,
    call: Call,
    account_is_shared: bool,
) -> Result<Call, Stop> {
    let input_file = call.input_file().cloned();
    if !account_is_shared && input_file.is_none() {
        return Ok(call);
    }
    let principal = exchange.principal();
    let mut ids: Vec<Arc<str>> = input_file.iter().cloned().collect();
    if account_is_shared {
        ids.extend(call.references().iter().map(|reference| Arc::clone(&reference.id)));
    }
    if ids.is_empty() {
        return Ok(call);
    }
    let found = find(gate, ids).await?;
    let is_own = |binding: &Arc<ObjectBinding>| *binding.agent_id == *principal.agent_id;
    let mut found = found.into_iter().map(|binding| binding.filter(is_own));
    if input_file.is_none() {
        return if found.all(|it| it.is_some()) { Ok(call) } else { Err(not_found()) };
    }
    let input = found.next().flatten();
    let models = input.as_ref().filter(|input| input.endpoint.as_deref() == call.batch_endpoint());
    let Some(models) = models.and_then(|input| input.models.as_ref()) else {
        return Err(Refusal::InputFileNotAllowed.into());
    };
    if found.any(|binding| binding.is_none()) {
        return Err(not_found());
    }
    let models = models.iter().map(|model| Arc::from(model.as_str())).collect();
    Ok(call.with_batch_models(models))
}

/// Which of these are the caller's own, in order.
pub(super) async fn own(
    gate: &Gate,
    exchange: &Exchange,
    ids: Vec<Arc<str>>,
) -> Result<Vec<bool>, Stop> {
    let agent_id = &*exchange.principal().agent_id;
    let found = find(gate, ids).await?.into_iter();
    Ok(found.map(|binding| binding.is_some_and(|it| *it.agent_id == *agent_id)).collect())
}

/// Writes down that the caller made these, before it learns of them.
pub(super) async fn bind(gate: &Gate, bindings: Vec<ObjectBinding>) -> Result<(), Stop> {
    let unavailable = Refusal::Unavailable { what: "objects" };
    match gate.bus.bind_objects.ask(BindObjects { bindings }).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(unavailable.into()),
    }
}

/// What is remembered of an object that the principal makes.
pub(super) fn binding(
    principal: &Principal,
    kind: ObjectKind,
    id: &str,
    input: Option<&BatchInput>,
) -> ObjectBinding {
    let models = |input: &BatchInput| input.models.iter().map(ToString::to_string).collect();
    ObjectBinding {
        id: id.to_owned(),
        kind,
        agent_id: principal.agent_id.to_string(),
        app_context: principal.app_context.as_ref().map(|context| context.id.to_string()),
        created_at: crate::clock::now(),
        models: input.map(models),
        requests: input.map(|input| input.requests),
        endpoint: input.and_then(|input| input.endpoint).map(ToOwned::to_owned),
    }
}

async fn find(gate: &Gate, ids: Vec<Arc<str>>) -> Result<Vec<Option<Arc<ObjectBinding>>>, Stop> {
    match gate.bus.find_objects.ask(FindObjects { ids }).await {
        Ok(Ok(found)) => Ok(found),
        _ => Err(Refusal::Unavailable { what: "objects" }.into()),
    }
}

fn not_found() -> Stop {
    Refusal::ObjectNotFound.into()
}
