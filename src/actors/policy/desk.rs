//! A worker's desk for the policy: each question is decided once per policy version.
//!
//! Owns the memo. It must never answer from a memo of another version.

use super::PublishedPolicy;
use crate::bus::policy::{
    Authorize, Authorized, DescribeDetections, DescribePolicy, InForce, SelectModels, ShowInForce,
};
use crate::detect::{Audience, Detections, Profile};
use crate::policy::{Decision, Pattern, Policy};
use crate::types::{Permission, Principal};
use actix::{Actor, Context, Handler, MessageResult};
use lru::LruCache;
use std::{num::NonZeroUsize, sync::Arc};

const MAILBOX: usize = 1_024;
const MEMO_QUESTIONS: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
const MEMO_LISTS: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();
const MAX_REMEMBERED: usize = 16;
/// Models beyond this many in one list are not permitted, so that a list cannot hold up the worker.
const MAX_LISTED: usize = 10_000;

/// One per worker.
pub struct PolicyDesk {
    published: PublishedPolicy,
    policy: Arc<Policy>,
    detections: Arc<Detections>,
    memo: LruCache<Question, Decision>,
    /// Whether a subject may use a model, whatever its permissions: lists are filtered by that.
    models: LruCache<(Asker, String), bool>,
    /// What the detection rules do for an asker.
    profiles: LruCache<(Asker, bool), Arc<Profile>>,
    /// The AppContexts' lists of models, compiled.
    lists: LruCache<Arc<str>, Arc<[Pattern]>>,
}

/// Whom a decision depends on.
#[derive(Clone, Eq, Hash, PartialEq)]
struct Asker {
    subject: Arc<str>,
    /// The AppContext's policy key.
    context: Option<Arc<str>>,
}

/// Everything that a decision depends on within one version.
#[derive(Eq, Hash, PartialEq)]
struct Question {
    asker: Asker,
    permission: Permission,
    model: Option<Arc<str>>,
    implied_models: Vec<Arc<str>>,
}

impl Asker {
    fn of(principal: &Principal) -> Self {
        let context = principal.app_context.as_ref();
        Self {
            subject: Arc::clone(&principal.subject),
            context: context.map(|context| Arc::clone(&context.policy_key)),
        }
    }
}

impl PolicyDesk {
    /// A desk that reads what the owner publishes.
    pub fn new(published: PublishedPolicy) -> Self {
        let snapshot = published.load_full();
        Self {
            published,
            policy: Arc::clone(&snapshot.policy),
            detections: Arc::clone(&snapshot.detections),
            memo: LruCache::new(MEMO_QUESTIONS),
            models: LruCache::new(MEMO_QUESTIONS),
            profiles: LruCache::new(MEMO_QUESTIONS),
            lists: LruCache::new(MEMO_LISTS),
        }
    }

    fn authorize(&mut self, message: Authorize) -> Authorized {
        self.renew();
        let asker = Asker::of(&message.principal);
        let profile = self.profile_of(&asker, &message);
        Authorized { decision: self.decide(asker, message), profile }
    }

    fn decide(&mut self, asker: Asker, message: Authorize) -> Decision {
        let Authorize { principal, permission, model, implied_models, .. } = message;
        let question = Question { asker, permission, model, implied_models };
        if let Some(decision) = self.memo.get(&question) {
            return decision.clone();
        }
        let allowed = self.list_of(&principal);
        let Question { model, implied_models, .. } = &question;
        let decision = self.policy.authorize_call(
            &principal,
            permission,
            model.as_deref(),
            implied_models,
            allowed.as_deref(),
        );
        // A batch may use thousands of models: such a question is not worth its room.
        if question.implied_models.len() <= MAX_REMEMBERED {
            self.memo.put(question, decision.clone());
        }
        decision
    }

    fn profile_of(&mut self, asker: &Asker, message: &Authorize) -> Arc<Profile> {
        let key = (asker.clone(), message.steps_up);
        if let Some(profile) = self.profiles.get(&key) {
            return Arc::clone(profile);
        }
        let roles = self.policy.roles_of(&message.principal.subject);
        let context = message.principal.app_context.as_deref();
        let profile = self.detections.profile(&Audience {
            roles: &roles,
            app_context: context.map(|context| &*context.id),
            detectors: context.map_or(&[], |context| &context.detectors),
            steps_up: message.steps_up,
        });
        self.profiles.put(key, Arc::clone(&profile));
        profile
    }

    /// One answer per model, in order.
    fn select(&mut self, message: SelectModels) -> Vec<bool> {
        self.renew();
        let count = message.models.len();
        let allowed = self.list_of(&message.principal);
        let asker = Asker::of(&message.principal);
        let judge = |model| {
            let question = (asker.clone(), model);
            if let Some(permitted) = self.models.get(&question) {
                return *permitted;
            }
            let permitted =
                self.policy.permits_model(&message.principal, &question.1, allowed.as_deref());
            self.models.put(question, permitted);
            permitted
        };
        let mut permitted: Vec<_> =
            message.models.into_iter().take(MAX_LISTED).map(judge).collect();
        permitted.resize(count, false);
        permitted
    }

    /// The list of models of the principal's AppContext. Patterns are checked when they are written
    /// down; one that cannot be read all the same allows nothing.
    fn list_of(&mut self, principal: &Principal) -> Option<Arc<[Pattern]>> {
        let context = principal.app_context.as_ref()?;
        let compile = || {
            let patterns = context.allowed_models.iter();
            let compiled: Result<Arc<[Pattern]>, _> =
                patterns.map(|pattern| Pattern::parse(pattern)).collect();
            compiled.unwrap_or_else(|error| {
                tracing::error!(%error, app_context = %context.id, "a list of models cannot be read");
                Arc::new([Pattern::nothing()])
            })
        };
        Some(Arc::clone(self.lists.get_or_insert(Arc::clone(&context.policy_key), compile)))
    }

    fn renew(&mut self) {
        let snapshot = self.published.load();
        if !Arc::ptr_eq(&snapshot.policy, &self.policy) {
            self.policy = Arc::clone(&snapshot.policy);
            self.memo.clear();
            self.models.clear();
            self.profiles.clear();
        }
        if !Arc::ptr_eq(&snapshot.detections, &self.detections) {
            self.detections = Arc::clone(&snapshot.detections);
            self.profiles.clear();
        }
    }
}

impl Actor for PolicyDesk {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let anybody = Audience { roles: &[], app_context: None, detectors: &[], steps_up: false };
        self.detections.profile(&anybody).warm_up();
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

impl Handler<ShowInForce> for PolicyDesk {
    type Result = MessageResult<ShowInForce>;

    fn handle(&mut self, _: ShowInForce, _: &mut Self::Context) -> Self::Result {
        let snapshot = self.published.load();
        MessageResult(InForce {
            policy: Arc::clone(&snapshot.policy),
            policy_view: Arc::clone(&snapshot.view),
            detections: Arc::clone(&snapshot.detections),
            detections_view: Arc::clone(&snapshot.detections_view),
        })
    }
}

impl Handler<DescribePolicy> for PolicyDesk {
    type Result = MessageResult<DescribePolicy>;

    fn handle(&mut self, _: DescribePolicy, _: &mut Self::Context) -> Self::Result {
        MessageResult(Arc::clone(&self.published.load().view))
    }
}

impl Handler<DescribeDetections> for PolicyDesk {
    type Result = MessageResult<DescribeDetections>;

    fn handle(&mut self, _: DescribeDetections, _: &mut Self::Context) -> Self::Result {
        MessageResult(Arc::clone(&self.published.load().detections_view))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::policy::{DetectionsFile, PolicyPaths, PolicySnapshot};
    use crate::types::Surface;
    use arc_swap::ArcSwap;

    fn desk() -> PolicyDesk {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("policy.csv");
        std::fs::write(&file, "p, developer, gpt-4o*, allow\np2, developer, web:read, allow\n")
            .unwrap();
        let model = concat!(env!("CARGO_MANIFEST_DIR"), "/model.conf").into();
        let policy = PolicyPaths { model, file }.load().unwrap();
        let path = directory.path().join("detections.toml");
        let rule = "[[rule]]\nid = 'owl'\ntype = 'CUSTOM'\nseverity = 'LOW'\npattern = 'owl'\n";
        std::fs::write(&path, format!("{rule}matches = ['owl']\nclean = ['a bird']\n")).unwrap();
        let detections = DetectionsFile { path, key: None }.load().unwrap();
        let snapshot = PolicySnapshot::of(policy, detections);
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
