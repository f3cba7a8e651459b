//! A worker's desk for the policy: each question is decided once per policy version.
//!
//! Owns the memo. It must never answer from a memo of another version.

use super::PublishedPolicy;
use crate::bus::policy::{Authorize, DescribePolicy, SelectModels};
use crate::policy::{Decision, Policy};
use crate::types::Permission;
use actix::{Actor, Context, Handler, MessageResult};
use lru::LruCache;
use std::{num::NonZeroUsize, sync::Arc};

const MAILBOX: usize = 1_024;
const MEMO_QUESTIONS: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

/// One per worker.
pub struct PolicyDesk {
    published: PublishedPolicy,
    policy: Arc<Policy>,
    memo: LruCache<Question, Decision>,
}

/// Everything that a decision depends on within one version.
#[derive(Eq, Hash, PartialEq)]
struct Question {
    subject: Arc<str>,
    permission: Permission,
    model: Option<Arc<str>>,
}

impl PolicyDesk {
    /// A desk that reads what the owner publishes.
    pub fn new(published: PublishedPolicy) -> Self {
        let policy = Arc::clone(&published.load().policy);
        Self { published, policy, memo: LruCache::new(MEMO_QUESTIONS) }
    }

    fn authorize(&mut self, message: Authorize) -> Decision {
        self.renew();
        let question = Question {
            subject: Arc::clone(&message.principal.subject),
            permission: message.permission,
            model: message.model,
        };
        if let Some(decision) = self.memo.get(&question) {
            return decision.clone();
        }
        let decision = self.policy.authorize(
            &message.principal,
            question.permission,
            question.model.as_deref(),
        );
        self.memo.put(question, decision.clone());
        decision
    }

    fn renew(&mut self) {
        let snapshot = self.published.load();
        if !Arc::ptr_eq(&snapshot.policy, &self.policy) {
            self.policy = Arc::clone(&snapshot.policy);
            self.memo.clear();
        }
    }
}

impl Actor for PolicyDesk {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Authorize> for PolicyDesk {
    type Result = MessageResult<Authorize>;

    fn handle(&mut self, message: Authorize, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.authorize(message))
    }
}

impl Handler<SelectModels> for PolicyDesk {
    type Result = Vec<bool>;

    fn handle(&mut self, message: SelectModels, _: &mut Self::Context) -> Self::Result {
        self.renew();
        let permits = |model: &String| self.policy.permits_model(&message.principal, model);
        message.models.iter().map(permits).collect()
    }
}

impl Handler<DescribePolicy> for PolicyDesk {
    type Result = MessageResult<DescribePolicy>;

    fn handle(&mut self, _: DescribePolicy, _: &mut Self::Context) -> Self::Result {
        MessageResult(Arc::clone(&self.published.load().view))
    }
}
