//! Who made the object that an answer is: a stored response or chat completion.
//!
//! Owns one binding, which is sent as soon as the answer tells its id: long before the answer's end, and without
//! holding it up. It must never bind what the provider does not keep.

use super::Plan;
use crate::bus::{Line, objects::BindObjects};
use crate::openai::AnswerFacts;
use crate::pipeline::{Gate, objects, record::Exchange};
use crate::types::{ObjectKind, Principal};
use futures_util::future::LocalBoxFuture;
use std::{sync::Arc, time::Duration};

/// How long an answer's end waits for the store.
const PATIENCE: Duration = Duration::from_secs(2);

/// A binding without its id.
pub(super) struct Maker {
    line: Line<BindObjects>,
    principal: Arc<Principal>,
    kind: ObjectKind,
}

impl Maker {
    /// For an answer that is kept in an account which others share.
    pub(super) fn of(gate: &Gate, exchange: &Exchange, plan: &Plan, failed: bool) -> Option<Self> {
        let kind = plan
            .endpoint
            .creates
            .filter(|kind| matches!(kind, ObjectKind::Response | ObjectKind::Completion))?;
        (plan.account_is_shared && plan.stores && !failed).then(|| Self {
            line: gate.bus.bind_objects.clone(),
            principal: Arc::clone(exchange.principal()),
            kind,
        })
    }

    /// Whether the answer has told its id.
    pub(super) fn knows(&self, facts: &AnswerFacts) -> bool {
        facts.id.is_some()
    }

    /// Has it written down; an id that could not be is nobody's.
    pub(super) fn bind(self, facts: &AnswerFacts) -> LocalBoxFuture<'static, ()> {
        let id = facts.id.as_deref().unwrap_or_default();
        let bindings = vec![objects::binding(&self.principal, self.kind, id, None)];
        let bound = async move { self.line.ask(BindObjects { bindings }).await };
        Box::pin(async move {
            if !matches!(tokio::time::timeout(PATIENCE, bound).await, Ok(Ok(Ok(())))) {
                tracing::warn!("who made an object could not be written down");
            }
        })
    }
}
