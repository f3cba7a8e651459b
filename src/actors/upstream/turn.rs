//! Whose turn it is while a call is sent: the provider's, or that of the client whose upload streams through.
//!
//! Owns the time that the provider has to answer. It must never count the waiting for a client against the provider.

use futures_util::{Stream, StreamExt, stream::poll_fn};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// Since when the provider has been waited for; nothing while the client is.
#[derive(Clone)]
pub(super) struct Turn(Rc<Cell<Option<Instant>>>);

impl Turn {
    /// The provider's, from now on.
    pub(super) fn of_provider() -> Self {
        Self(Rc::new(Cell::new(Some(Instant::now()))))
    }

    /// Follows an upload: the turn is the client's while a chunk is awaited.
    pub(super) fn follow<S: Stream + Unpin>(
        &self,
        mut upload: S,
    ) -> impl Stream<Item = S::Item> + use<S> {
        let Self(since) = self.clone();
        poll_fn(move |cx| {
            since.set(None);
            let polled = upload.poll_next_unpin(cx);
            if polled.is_ready() {
                since.set(Some(Instant::now()));
            }
            polled
        })
    }

    /// Ends once the provider has been waited for so long without a break.
    pub(super) async fn overstayed(self, patience: Duration) {
        loop {
            let due = self.0.get().unwrap_or_else(Instant::now) + patience;
            sleep_until(due).await;
            if self.0.get().is_some_and(|since| since + patience <= Instant::now()) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use tokio::time::{sleep, timeout};

    const PATIENCE: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn the_provider_has_its_time_from_the_end_of_a_slow_upload() {
        let turn = Turn::of_provider();
        let slow = stream::unfold(0, |sent| async move {
            sleep(PATIENCE * 2).await;
            (sent < 2).then_some(((), sent + 1))
        });
        let uploaded = turn.follow(Box::pin(slow)).count();
        tokio::select! {
            count = uploaded => assert_eq!(count, 2),
            () = turn.clone().overstayed(PATIENCE) => panic!("the client was waited for"),
        }
        let ended = Instant::now();
        turn.overstayed(PATIENCE).await;
        assert!(ended.elapsed() >= PATIENCE);
    }

    #[tokio::test]
    async fn a_provider_that_takes_no_more_of_an_upload_is_not_waited_for_longer() {
        let turn = Turn::of_provider();
        let mut upload = Box::pin(turn.follow(stream::repeat(())));
        upload.next().await;
        timeout(PATIENCE * 20, turn.overstayed(PATIENCE)).await.unwrap();
    }
}
