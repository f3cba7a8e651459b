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
/// Models beyond this many in one list are not permitted, so that a list cannot hold up the worker.
const MAX_LISTED: usize = 10_000;

/// One per worker.
pub struct PolicyDesk {
    published: PublishedPolicy,
    policy: Arc<Policy>,
    memo: LruCache<Question, Decision>,
    /// Whether a subject may use a model, whatever its permissions: lists are filtered by that.
    models: LruCache<(Arc<str>, String), bool>,
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
        Self {
            published,
            policy,
            memo: LruCache::new(MEMO_QUESTIONS),
            models: LruCache::new(MEMO_QUESTIONS),
        }
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

    /// One answer per model, in order.
    fn select(&mut self, message: SelectModels) -> Vec<bool> {
        self.renew();
        let count = message.models.len();
        let judge = |model| {
            let question = (Arc::clone(&message.principal.subject), model);
            if let Some(permitted) = self.models.get(&question) {
                return *permitted;
            }
            let permitted = self.policy.permits_model(&message.principal, &question.1);
            self.models.put(question, permitted);
            permitted
        };
        let mut permitted: Vec<_> =
            message.models.into_iter().take(MAX_LISTED).map(judge).collect();
        permitted.resize(count, false);
        permitted
    }

    fn renew(&mut self) {
        let snapshot = self.published.load();
        if !Arc::ptr_eq(&snapshot.policy, &self.policy) {
            self.policy = Arc::clone(&snapshot.policy);
            self.memo.clear();
            self.models.clear();
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
        self.select(message)
    }
}

impl Handler<DescribePolicy> for PolicyDesk {
    type Result = MessageResult<DescribePolicy>;

    fn handle(&mut self, _: DescribePolicy, _: &mut Self::Context) -> Self::Result {
        MessageResult(Arc::clone(&self.published.load().view))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::policy::PolicyPaths;
    use crate::types::{Principal, Surface};
    use arc_swap::ArcSwap;

    fn desk() -> PolicyDesk {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("policy.csv");
        std::fs::write(&file, "p, developer, gpt-4o*, allow\np2, developer, web:read, allow\n")
            .unwrap();
        let model = concat!(env!("CARGO_MANIFEST_DIR"), "/model.conf").into();
        let snapshot = PolicyPaths { model, file }.load().unwrap();
        PolicyDesk::new(Arc::new(ArcSwap::from_pointee(snapshot)))
    }

    fn principal() -> Arc<Principal> {
        let roles: Arc<[Arc<str>]> = Arc::new(["developer".into()]);
        Arc::new(Principal {
            agent_id: "id".into(),
            agent_name: "nightly".into(),
            agent_type: "autonomous".into(),
            subject: Principal::subject_of("nightly", "autonomous", &roles),
            roles,
            session_id: "session".into(),
            app_context: None,
            surface: Surface::Agent,
        })
    }

    #[test]
    fn a_list_is_answered_in_order_from_the_memo_and_bounded() {
        let mut desk = desk();
        let ask = |models: Vec<String>| SelectModels { principal: principal(), models };
        let models = vec!["gpt-4o".to_owned(), "o3".to_owned(), "gpt-4o".to_owned()];
        for _ in 0..2 {
            assert_eq!(desk.select(ask(models.clone())), [true, false, true]);
            assert_eq!(desk.models.len(), 2);
        }
        let answers = desk.select(ask(vec!["gpt-4o".to_owned(); MAX_LISTED + 1]));
        assert_eq!(answers.len(), MAX_LISTED + 1);
        assert_eq!((answers.first(), answers.last()), (Some(&true), Some(&false)));
    }
}
