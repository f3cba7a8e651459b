//! What ends an exchange that was let in: its caller's standing changed.
//!
//! Owns the waiting for it. Nothing is asked while nothing changes: whenever the keeper of identities
//! publishes, each open exchange asks its worker's desk once whether its caller still stands.

use super::admit::refusal_of;
use crate::bus::Line;
use crate::bus::auth::{Authenticated, Recheck};
use crate::types::{Principal, Refusal};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A desk that does not answer is asked again after this long,
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// and at most so often: a caller of whom nothing is known any more may not stay.
const ASK_AT_MOST: u32 = 20;

/// Watches over one caller, from the very snapshot that let it in.
pub(super) struct Leash {
    recheck: Line<Recheck>,
    standings: watch::Receiver<u64>,
    principal: Arc<Principal>,
    /// The version that was looked at last.
    seen: u64,
}

impl Leash {
    /// On these lines, for this caller.
    pub(super) fn of(bus: &crate::bus::Bus, caller: &Authenticated) -> Self {
        Self {
            recheck: bus.recheck.clone(),
            standings: bus.standings.clone(),
            principal: Arc::clone(&caller.principal),
            seen: caller.version,
        }
    }

    /// Ends when the caller may no longer call, with what it is told. May be dropped and begun again: nothing is
    /// missed.
    pub(super) async fn pulled(&mut self) -> Refusal {
        loop {
            let seen = self.seen;
            let version = match self.standings.wait_for(|version| *version != seen).await {
                Ok(version) => *version,
                // The keeper of identities ends only with the process.
                Err(_) => return std::future::pending().await,
            };
            if let Err(refusal) = self.recheck().await {
                return refusal;
            }
            self.seen = version;
        }
    }

    async fn recheck(&self) -> Result<(), Refusal> {
        for _ in 0..ASK_AT_MOST {
            let recheck = Recheck { principal: Arc::clone(&self.principal) };
            match self.recheck.ask(recheck).await {
                Ok(answer) => return answer.map_err(|error| refusal_of(&error)),
                // A dead desk is replaced within half a second.
                Err(_) => tokio::time::sleep(ASK_AGAIN_AFTER).await,
            }
        }
        Err(Refusal::Unavailable { what: "authentication" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::auth::AuthError;
    use crate::types::Surface;
    use actix::{Actor, Context, Handler};
    use tokio::time::timeout;

    /// A desk that lets the caller stay until the version is 3.
    struct Desk(watch::Receiver<u64>);

    impl Actor for Desk {
        type Context = Context<Self>;
    }

    impl Handler<Recheck> for Desk {
        type Result = Result<(), AuthError>;

        fn handle(&mut self, _: Recheck, _: &mut Self::Context) -> Self::Result {
            if *self.0.borrow() < 3 { Ok(()) } else { Err(AuthError::Invalid) }
        }
    }

    fn principal() -> Arc<Principal> {
        Arc::new(Principal {
            agent_id: "id".into(),
            agent_name: "bot".into(),
            agent_type: "interactive".into(),
            roles: Arc::new([]),
            session_id: "session".into(),
            app_context: None,
            surface: Surface::Agent,
            subject: "bot".into(),
        })
    }

    #[actix_web::test]
    async fn a_leash_is_pulled_by_the_first_change_that_takes_the_callers_standing() {
        let versions = watch::Sender::new(1);
        let recheck = Line::new(Duration::from_secs(1));
        recheck.seat(Desk(versions.subscribe()).start().recipient());
        let standings = versions.subscribe();
        let mut leash = Leash { recheck, standings, principal: principal(), seen: 1 };
        let patience = Duration::from_millis(50);
        assert!(timeout(patience, leash.pulled()).await.is_err(), "nothing changed");
        versions.send_replace(2);
        assert!(timeout(patience, leash.pulled()).await.is_err(), "something else changed");
        versions.send_replace(3);
        assert_eq!(timeout(patience, leash.pulled()).await.unwrap(), Refusal::InvalidIdentity);
    }

    #[actix_web::test]
    async fn a_change_that_came_before_the_leash_is_seen_and_a_dead_desk_pulls_it() {
        let versions = watch::Sender::new(2);
        let mut leash = Leash {
            recheck: Line::new(Duration::from_millis(1)),
            standings: versions.subscribe(),
            principal: principal(),
            seen: 1,
        };
        let refusal = timeout(ASK_AGAIN_AFTER * (ASK_AT_MOST + 5), leash.pulled());
        assert_eq!(refusal.await.unwrap().status(), 503);
    }
}
