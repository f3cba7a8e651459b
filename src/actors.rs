//! Who answers: one long-lived actor per piece of state that outlives a request.
//!
//! Owns the running of the actors; each declares its mailbox, what happens when it is full and what
//! survives its death. No actor names another: they know each other as lines of the bus.

pub mod audit;
pub mod auth;
pub mod broadcast;
pub mod objects;
pub mod policy;
pub mod upstream;

use actix::{Actor, Addr, Context};
use std::time::Duration;

/// How often a keeper looks whether its actor lives.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// Starts an actor on the current thread, seats it on its lines, and replaces it when it dies (a
/// panic in a handler kills the actor, not the thread). Asks in between fail closed.
pub fn keep<A, S, L>(name: &'static str, start: S, seat: L)
where
    A: Actor<Context = Context<A>>,
    S: Fn() -> Addr<A> + 'static,
    L: Fn(&Addr<A>) + 'static,
{
    let mut addr = start();
    seat(&addr);
    actix::spawn(async move {
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            if !addr.connected() {
                tracing::error!(actor = name, "an actor died and is replaced");
                addr = start();
                seat(&addr);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{BusError, Line};
    use actix::{Handler, Message};

    struct Fragile;
    impl Actor for Fragile {
        type Context = Context<Self>;
    }

    #[derive(Message)]
    #[rtype(result = "u8")]
    struct Poke {
        fatal: bool,
    }

    impl Handler<Poke> for Fragile {
        type Result = u8;
        fn handle(&mut self, poke: Poke, _: &mut Self::Context) -> u8 {
            assert!(!poke.fatal, "a handler that panics");
            7
        }
    }

    #[actix_web::test]
    async fn a_dead_actor_is_replaced_and_the_line_answers_again() {
        let line = Line::new(Duration::from_secs(2));
        let seat = line.clone();
        keep("fragile", || Fragile.start(), move |addr| seat.seat(addr.clone().recipient()));
        assert_eq!(line.ask(Poke { fatal: false }).await, Ok(7));
        assert_eq!(line.ask(Poke { fatal: true }).await, Err(BusError::Closed));
        tokio::time::sleep(WATCH_EVERY * 2).await;
        assert_eq!(line.ask(Poke { fatal: false }).await, Ok(7));
    }
}
