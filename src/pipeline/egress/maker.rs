//! Who made what an answer holds: a stored response or chat completion, and the items inside of it that later calls
//! may name.
//!
//! Owns their bindings. They are acknowledged before the answer's end goes out, so that whoever has read it can go
//! on from there; and the object itself is told of as soon as its id is known, so that an answer that breaks off
//! leaves no object behind that is nobody's. It must never bind what the provider does not keep, nor hold an answer
//! up for longer than a moment.

use super::Plan;
use crate::bus::{Line, objects::BindObjects};
use crate::openai::AnswerFacts;
use crate::pipeline::{Gate, objects, record::Exchange};
use crate::store::ObjectBinding;
use crate::types::{ObjectKind, Principal};
use futures_util::future::LocalBoxFuture;
use std::{sync::Arc, time::Duration};

/// How long an answer's end waits for the store.
const PATIENCE: Duration = Duration::from_secs(2);

/// The bindings of one answer, which are not known yet.
pub(super) struct Maker {
    line: Line<BindObjects>,
    principal: Arc<Principal>,
    /// What the answer itself is, where it is new and kept.
    makes: Option<ObjectKind>,
    is_told: bool,
}

impl Maker {
    /// For an answer out of an account which others share.
    pub(super) fn of(gate: &Gate, exchange: &Exchange, plan: &Plan, failed: bool) -> Option<Self> {
        let endpoint = plan.endpoint;
        // A response that ran in the background shows what it made when it is retrieved.
        let is_asked = matches!(
            endpoint.creates.or(endpoint.addresses),
            Some(ObjectKind::Response | ObjectKind::Completion)
        );
        (plan.account_is_shared && is_asked && !failed).then(|| Self {
            line: gate.bus.bind_objects.clone(),
            principal: Arc::clone(exchange.principal()),
            makes: endpoint.creates.filter(|_| plan.stores),
            is_told: false,
        })
    }

    /// Tells of the object, once its id is known and as long as its answer goes on.
    pub(super) fn note(&mut self, facts: &AnswerFacts) {
        let Some(binding) = self.object(facts).filter(|_| !self.is_told) else { return };
        self.is_told = true;
        if let Err(error) = self.line.tell(BindObjects { bindings: vec![binding] }) {
            tracing::warn!(%error, "who is making an object could not be told");
        }
    }

    /// Has everything written down, now that the answer has said all. What could not be is nobody's.
    pub(super) fn bind(self, facts: &AnswerFacts) -> Option<LocalBoxFuture<'static, ()>> {
        let inner = facts.inner_ids.iter();
        let inner = inner.map(|id| objects::binding(&self.principal, ObjectKind::Other, id, None));
        let bindings: Vec<_> = self.object(facts).into_iter().chain(inner).collect();
        if bindings.is_empty() {
            return None;
        }
        let line = self.line;
        let bound = async move { line.ask(BindObjects { bindings }).await };
        Some(Box::pin(async move {
            if !matches!(tokio::time::timeout(PATIENCE, bound).await, Ok(Ok(Ok(())))) {
                tracing::warn!("who made an object could not be written down");
            }
        }))
    }

    fn object(&self, facts: &AnswerFacts) -> Option<ObjectBinding> {
        let (kind, id) = self.makes.zip(facts.id.as_deref())?;
        Some(objects::binding(&self.principal, kind, id, None))
    }
}
