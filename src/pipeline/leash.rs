//! What ends an exchange that was let in: its caller's standing changed.
//!
//! Owns the waiting for it. Nothing is asked while nothing changes: whenever the keeper of identities
//! publishes, each open exchange asks its worker's desk once whether its caller still stands.

use super::{Gate, admit::refusal_of};
use crate::bus::auth::{Authenticated, Recheck};
use crate::types::Refusal;
use futures_util::future::LocalBoxFuture;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Ready when the caller may no longer call, with what it is told. Cancel-safe, like every future.
pub(super) struct Leash(LocalBoxFuture<'static, Refusal>);

impl Leash {
    /// Watches over a caller from the very snapshot that let it in.
    pub(super) fn of(gate: &Gate, caller: &Authenticated) -> Self {
        let bus = gate.bus.clone();
        let (principal, mut seen) = (Arc::clone(&caller.principal), caller.version);
        Self(Box::pin(async move {
            let mut standings = bus.standings.clone();
            loop {
                match standings.wait_for(|version| *version != seen).await {
                    Ok(version) => seen = *version,
                    // The keeper of identities ends only with the process.
                    Err(_) => return std::future::pending().await,
                }
                let recheck = Recheck { principal: Arc::clone(&principal) };
                // A desk that does not answer has said nothing against the caller.
                if let Ok(Err(error)) = bus.recheck.ask(recheck).await {
                    return refusal_of(&error);
                }
            }
        }))
    }
}

impl Future for Leash {
    type Output = Refusal;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Refusal> {
        self.0.as_mut().poll(cx)
    }
}
