//! Whether the client is still there.
//!
//! Owns a duplicate of the connection's descriptor. actix-web notices a closed connection only when
//! it next writes, so a pending handler or an idle stream would keep the provider's call running. It
//! must never read from the socket.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    any::Any,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

/// How often a waiting call looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A connection's socket, kept in the connection's data.
#[derive(Clone, Debug)]
pub struct ClientSocket(Arc<OwnedFd>);

impl ClientSocket {
    /// From the connection that actix shows at its start; `None` where it is not a plain TCP one.
    pub fn of(connection: &dyn Any) -> Option<Self> {
        let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>()?;
        stream.as_fd().try_clone_to_owned().ok().map(|fd| Self(Arc::new(fd)))
    }

    /// Whether the peer has closed its side, or the connection is broken.
    fn has_gone(&self) -> bool {
        let closed = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut watched = [PollFd::new(self.0.as_ref(), PollFlags::RDHUP)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = poll(&mut watched, Some(&at_once));
        polled.is_ok() && watched.iter().any(|fd| fd.revents().intersects(closed))
    }
}

/// The watch over one request's client.
#[derive(Clone, Debug)]
pub struct ClientWatch(Option<ClientSocket>);

impl ClientWatch {
    /// A watch over this socket; without one the client counts as present until a write fails.
    pub fn new(socket: Option<ClientSocket>) -> Self {
        Self(socket)
    }

    /// Whether the client has gone.
    pub(super) fn has_gone(&self) -> bool {
        self.0.as_ref().is_some_and(ClientSocket::has_gone)
    }

    /// Ends when the client has gone.
    pub(super) async fn gone(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.has_gone() {
                return;
            }
        }
    }
}
