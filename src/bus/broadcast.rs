//! Events: what happened, for everyone who follows. Metadata only.

use crate::bus::policy::{DetectionsFault, PolicyFault};
use crate::types::Record;
use actix::Message;
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What followers are greeted with.
#[derive(Clone, Debug, Serialize)]
pub struct Greeting {
    /// The gateway's name.
    pub node: Arc<str>,
    /// The program's version.
    pub version: &'static str,
    /// Whether answers come from the built-in sandbox.
    pub sandbox: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// An exchange is in flight.
    ExchangeStarted(Arc<Record>),
    /// An exchange has its record, or an administrator's change: followers see the one as `exchange`, the other as `change`.
    ExchangeFinished(Arc<Record>),
    /// Another policy is in force.
    PolicyReloaded {
        /// Its version.
        version: Arc<str>,
    },
    /// A save was refused; the last good policy stays in force.
    PolicyRefused {
        /// The version that stays.
        version: Arc<str>,
        /// What is wrong with the save.
        fault: PolicyFault,
    },
    /// Other rules of detection are in force.
    DetectionsReloaded {
        /// Their version.
        version: Arc<str>,
    },
    /// A save of the rules of detection was refused; the last good ones stay in force.
    DetectionsRefused {
        /// The version that stays.
        version: Arc<str>,
        /// What is wrong with the save.
        fault: DetectionsFault,
    },
}

/// Tell everyone, in this order. Subscribers that do not keep up lose events and are told how many.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Publish(pub Vec<Event>);

/// Follow what happens as frames of a `text/event-stream`.
#[derive(Debug, Message)]
#[rtype(result = "Subscription")]
pub struct Subscribe {
    /// The last event that the follower has seen, from its `Last-Event-ID`.
    pub last_event_id: Option<String>,
}

/// Frames from now on; the first ones catch up.
#[derive(Debug)]
pub struct Subscription {
    /// What was missed, and the exchanges in flight.
    pub backlog: Vec<Bytes>,
    /// What comes.
    pub frames: mpsc::Receiver<Bytes>,
}
