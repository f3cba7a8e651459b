//! Sessions that nobody named: an agent's calls without a long pause between them.
//!
//! Owns, per AppContext, the agent's last session and when it was last heard of. It must never grow with what callers
//! choose: the AppContexts of an agent are an administrator's, and the longest silent one goes first.

use crate::types::UnixMillis;
use std::sync::Arc;

/// A pause that ends a session, in seconds.
const PAUSE_SECS: i64 = 30 * 60;

/// AppContexts of one agent that are remembered.
const MOST_SESSIONS: usize = 64;

/// The last sessions of one agent.
#[derive(Debug, Default)]
pub(super) struct Pauses(Vec<Last>);

#[derive(Debug)]
struct Last {
    app_context: Option<Arc<str>>,
    session_id: Arc<str>,
    at: UnixMillis,
}

impl Pauses {
    /// The session of a call that begins now.
    pub(super) fn session(
        &mut self,
        app_context: Option<&Arc<str>>,
        now: UnixMillis,
        name_new: impl FnOnce() -> Arc<str>,
    ) -> Arc<str> {
        self.0.retain(|last| now < last.at.plus_secs(PAUSE_SECS));
        if let Some(last) = self.0.iter_mut().find(|last| last.app_context.as_ref() == app_context)
        {
            last.at = last.at.max(now);
            return Arc::clone(&last.session_id);
        }
        if self.0.len() >= MOST_SESSIONS
            && let Some(oldest) = (0..self.0.len()).min_by_key(|at| self.0.get(*at).map(|it| it.at))
        {
            self.0.swap_remove(oldest);
        }
        let session_id = name_new();
        let (app_context, named) = (app_context.map(Arc::clone), Arc::clone(&session_id));
        self.0.push(Last { app_context, session_id: named, at: now });
        session_id
    }

    /// A call of this session has ended: the pause begins anew.
    pub(super) fn note(&mut self, session_id: &Arc<str>, now: UnixMillis) {
        if let Some(last) = self.0.iter_mut().find(|last| last.session_id == *session_id) {
            last.at = last.at.max(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_000);

    fn minutes(minutes: i64) -> UnixMillis {
        NOW.plus_secs(minutes * 60)
    }

    fn call(pauses: &mut Pauses, context: Option<&str>, at: UnixMillis) -> String {
        let context = context.map(Arc::from);
        pauses.session(context.as_ref(), at, || format!("new at {}", at.0).into()).to_string()
    }

    #[test]
    fn calls_are_one_session_until_half_an_hour_passes_without_any() {
        let mut pauses = Pauses::default();
        let first = call(&mut pauses, None, NOW);
        for at in [0, 29, 58, 87] {
            assert_eq!(call(&mut pauses, None, minutes(at)), first, "after {at} minutes");
        }
        let second = call(&mut pauses, None, minutes(117));
        assert_ne!(second, first);
        assert_eq!(call(&mut pauses, None, minutes(118)), second);
    }

    #[test]
    fn a_call_that_goes_on_for_long_keeps_its_session() {
        let mut pauses = Pauses::default();
        let first = call(&mut pauses, None, NOW);
        pauses.note(&first.as_str().into(), minutes(29));
        pauses.note(&"another".into(), minutes(29));
        assert_eq!(call(&mut pauses, None, minutes(58)), first);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_no_session() {
        let mut pauses = Pauses::default();
        let first = call(&mut pauses, None, NOW);
        assert_eq!(call(&mut pauses, None, minutes(-90)), first);
        assert_eq!(call(&mut pauses, None, minutes(29)), first);
    }

    #[test]
    fn each_app_context_has_sessions_of_its_own_and_their_number_is_bounded() {
        let mut pauses = Pauses::default();
        let of_token = call(&mut pauses, None, NOW);
        let of_key = call(&mut pauses, Some("ac_1"), minutes(1));
        assert_ne!(of_token, of_key);
        assert_eq!(call(&mut pauses, Some("ac_1"), minutes(2)), of_key);
        for context in 0..MOST_SESSIONS {
            call(&mut pauses, Some(&format!("other {context}")), minutes(3));
        }
        assert_eq!(pauses.0.len(), MOST_SESSIONS);
        assert_ne!(call(&mut pauses, None, minutes(4)), of_token);
    }
}
