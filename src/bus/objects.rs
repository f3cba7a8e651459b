//! What may be said to the keeper of who made which object of the provider's account.
//!
//! Files, batches and stored responses live with the provider. When the gate's own key pays for all
//! agents, this is what keeps them apart; and a batch is authorised on what its input file was seen to hold.

use crate::store::ObjectBinding;
use actix::Message;
use std::sync::Arc;

/// Which of these ids are known, in order.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Option<Arc<ObjectBinding>>>, ObjectsUnavailable>")]
pub struct FindObjects {
    /// The provider's ids.
    pub ids: Vec<Arc<str>>,
}

/// Remember who made these objects; the first to bind an id keeps it. The reply comes when they are in the
/// store, and whoever asks after this message was sent already finds them, unless the store does not take them.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ObjectsUnavailable>")]
pub struct BindObjects {
    /// What was made.
    pub bindings: Vec<ObjectBinding>,
}

/// The store cannot be asked or written to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the store of objects does not answer")]
pub struct ObjectsUnavailable;
