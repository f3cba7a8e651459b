//! Whose the provider's objects are that a call names, and who made those that it makes.
//!
//! Owns two rules. A batch is made only from a file that its caller uploaded through the gate, and is authorised
//! on what that file was seen to hold. With the gate's own provider key, whose account all callers share, an
//! object is its maker's alone: to everybody else it does not exist. Its maker is an agent in the AppContext through
//! which it came, or in none.

use super::{Gate, Stop, record::Exchange};
use crate::bus::objects::{BindObjects, FindObjects};
use crate::openai::{BatchInput, Call};
use crate::store::ObjectBinding;
use crate::types::{ObjectKind, Principal, Refusal};
use std::sync::Arc;

/// An object as a call or a list names it.
pub(super) type Named = (ObjectKind, Arc<str>);

/// Checks every object that the call names. A batch's models come from its input file's binding.
pub(super) async fn check(
    gate: &Gate,
    exchange: &Exchange,
    call: Call,
    account_is_shared: bool,
) -> Result<Call, Stop> {
    let input_file = call.input_file().cloned();
    let is_input =
        |(kind, id): &Named| *kind == ObjectKind::File && Some(id) == input_file.as_ref();
    let references = call.references().iter();
    let named: Vec<Named> = references
        .map(|reference| (reference.kind, Arc::clone(&reference.id)))
        .filter(|named| account_is_shared || is_input(named))
        .collect();
    if named.is_empty() {
        return Ok(call);
    }
    let place = named.iter().position(is_input);
    let own = own(gate, exchange, named).await?;
    let Some(place) = place else {
        return if own.iter().all(Option::is_some) { Ok(call) } else { Err(not_found()) };
    };
    let input = own.get(place).and_then(Option::as_ref);
    let input = input.filter(|input| input.endpoint.as_deref() == call.batch_endpoint());
    let Some(models) = input.and_then(|input| input.models.as_ref()) else {
        return Err(Refusal::InputFileNotAllowed.into());
    };
    if own.iter().any(Option::is_none) {
        return Err(not_found());
    }
    let models = models.iter().map(|model| Arc::from(model.as_str())).collect();
    Ok(call.with_batch_models(models))
}

/// What is known of those of these objects that the caller made, in order: the same agent, through the same
/// AppContext, and as what they are named.
pub(super) async fn own(
    gate: &Gate,
    exchange: &Exchange,
    named: Vec<Named>,
) -> Result<Vec<Option<Arc<ObjectBinding>>>, Stop> {
    let principal = exchange.principal();
    let (kinds, ids): (Vec<ObjectKind>, Vec<Arc<str>>) = named.into_iter().unzip();
    let found = find(gate, ids).await?.into_iter().zip(kinds);
    Ok(found.map(|(found, kind)| found.filter(|it| is_own(it, kind, principal))).collect())
}

fn is_own(binding: &ObjectBinding, kind: ObjectKind, principal: &Principal) -> bool {
    let context = principal.app_context.as_ref().map(|context| &*context.id);
    binding.kind == kind
        && *binding.agent_id == *principal.agent_id
        && binding.app_context.as_deref() == context
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
