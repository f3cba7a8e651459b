//! The internal message bus: what may be said, to whom, and what the sender may expect.
//!
//! Owns the messages, their replies and the lines that carry them; every edge of the running system
//! is a field of [`Bus`] or [`RecordLines`]. It must never do the work of an actor.
//!
//! Commands go to one actor and have a reply ([`Line::ask`]) or are told ([`Line::tell`]); events
//! ([`broadcast::Event`]) go to everyone who subscribed. A full mailbox, a dead actor and a deadline
//! that passes are errors of the sender, which fails closed.

pub mod audit;
pub mod auth;
pub mod broadcast;
pub mod objects;
pub mod policy;
pub mod upstream;

use crate::journal::Journal;
use actix::{MailboxError, Message, Recipient};
use arc_swap::ArcSwapOption;
use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// Why a message got no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BusError {
    /// The mailbox has no room.
    #[error("the mailbox is full")]
    Full,
    /// The actor is dead or not yet started; its keeper replaces it.
    #[error("the actor is not running")]
    Closed,
    /// The deadline passed.
    #[error("the actor did not answer in time")]
    Late,
}

/// The way to whoever keeps the contract of `M`. The keeper can be replaced while the line stays:
/// that is how a dead actor is succeeded by a new one.
pub struct Line<M>
where
    M: Message + Send,
    M::Result: Send,
{
    keeper: Arc<ArcSwapOption<Recipient<M>>>,
    /// `None`: the keeper's own.
    deadline: Option<Duration>,
}

impl<M> Clone for Line<M>
where
    M: Message + Send,
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self { keeper: Arc::clone(&self.keeper), deadline: self.deadline }
    }
}

impl<M> Line<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    /// A line to nobody yet; asks wait at most `deadline`.
    pub fn new(deadline: Duration) -> Self {
        Self { keeper: Arc::new(ArcSwapOption::empty()), deadline: Some(deadline) }
    }

    /// A line to nobody yet, whose keeper bounds the time of its answers itself: asks end with them, or with the
    /// keeper's death.
    pub fn unhurried() -> Self {
        Self { keeper: Arc::new(ArcSwapOption::empty()), deadline: None }
    }

    /// Seats the actor that answers from now on.
    pub fn seat(&self, recipient: Recipient<M>) {
        self.keeper.store(Some(Arc::new(recipient)));
    }

    /// Sends a command and waits for its reply, at most until the deadline. A full mailbox is waited
    /// for within the same deadline.
    pub async fn ask(&self, message: M) -> Result<M::Result, BusError> {
        let keeper = self.keeper.load_full().ok_or(BusError::Closed)?;
        let mut reply = std::pin::pin!(keeper.send(message));
        let Some(deadline) = self.deadline else { return reply.await.map_err(unanswered) };
        // Who sits on this thread answers before its asker is polled again: no timer is set up for that.
        let mut is_first = true;
        let at_once = poll_fn(|cx| match reply.as_mut().poll(cx) {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending if std::mem::take(&mut is_first) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Ready(None),
        });
        let reply = match at_once.await {
            Some(reply) => reply,
            None => timeout(deadline, reply).await.map_err(|_elapsed| BusError::Late)?,
        };
        reply.map_err(unanswered)
    }

    /// Tells without waiting for a reply.
    pub fn tell(&self, message: M) -> Result<(), BusError> {
        let keeper = self.keeper.load();
        let keeper = keeper.as_ref().ok_or(BusError::Closed)?;
        keeper.try_send(message).map_err(|error| match error {
            actix::dev::SendError::Full(_) => BusError::Full,
            actix::dev::SendError::Closed(_) => BusError::Closed,
        })
    }
}

fn unanswered(error: MailboxError) -> BusError {
    match error {
        MailboxError::Closed => BusError::Closed,
        MailboxError::Timeout => BusError::Late,
    }
}

/// Everything that a request of one worker may ask: the desks and the upstream actor live on the
/// worker's own thread, the owners and the record's actors on theirs.
#[derive(Clone)]
pub struct Bus {
    /// Who is calling? (this worker's `AuthDesk`)
    pub authenticate: Line<auth::Authenticate>,
    /// May this caller still call? (this worker's `AuthDesk`)
    pub recheck: Line<auth::Recheck>,
    /// Fetch what a desk lacks to answer. (`AuthActor`)
    pub complete: Line<auth::Complete>,
    /// The version of what the desks answer from: whoever keeps a caller's stream open follows it.
    pub standings: watch::Receiver<u64>,
    /// A token for an agent's credentials. (`AuthActor`)
    pub issue_token: Line<auth::IssueToken>,
    /// The end of a token. (`AuthActor`)
    pub revoke_token: Line<auth::RevokeToken>,
    /// Switch an agent off. (`AuthActor`)
    pub quarantine: Line<auth::QuarantineAgent>,
    /// The public keys. (this worker's `AuthDesk`)
    pub list_keys: Line<auth::ListKeys>,
    /// May this principal do this? (this worker's `PolicyDesk`)
    pub authorize: Line<policy::Authorize>,
    /// Which of these models may this principal use? (this worker's `PolicyDesk`)
    pub select_models: Line<policy::SelectModels>,
    /// Look at the files of policy and detection now. (`PolicyActor`)
    pub reload_policy: Line<policy::Reload>,
    /// The policy and the rules of detection in force. (this worker's `PolicyDesk`)
    pub show_in_force: Line<policy::ShowInForce>,
    /// The current policy and its last error. (this worker's `PolicyDesk`)
    pub describe_policy: Line<policy::DescribePolicy>,
    /// The current rules of detection and their last errors. (this worker's `PolicyDesk`)
    pub describe_detections: Line<policy::DescribeDetections>,
    /// Who made these objects of the provider's account? (`ObjectActor`)
    pub find_objects: Line<objects::FindObjects>,
    /// This principal made these. (`ObjectActor`)
    pub bind_objects: Line<objects::BindObjects>,
    /// Send a screened call to the provider. (this worker's `UpstreamActor`)
    pub forward: Line<upstream::Forward>,
    /// The record's actors.
    pub record: RecordLines,
}

/// The lines to the actors that are told what happened.
#[derive(Clone)]
pub struct RecordLines {
    /// An exchange began or ended; a call had no identity. (`AuditActor`)
    pub audit: audit::Inbox,
    /// Write everything now. (`AuditActor`)
    pub flush: Line<audit::Flush>,
    /// Something happened. (`BroadcastActor`)
    pub publish: Line<broadcast::Publish>,
    /// Follow what happens. (`BroadcastActor`)
    pub subscribe: Line<broadcast::Subscribe>,
    /// The room for open exchanges.
    pub places: audit::Places,
    /// What survives the process: written before an answer goes on, on the worker's own thread.
    pub journal: Journal,
    /// How the record fares.
    pub gauge: audit::Gauge,
}
