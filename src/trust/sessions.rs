//! What an agent's sessions have seen lately: it makes their next calls riskier.
//!
//! Owns a bounded number of sessions per agent, the least recently used going first. Nothing is kept of what was seen
//! but when.

use crate::config::Trust;
use crate::types::UnixMillis;
use lru::LruCache;
use std::sync::Arc;

/// Sessions of one agent that are remembered.
const MOST_SESSIONS: usize = 64;

/// What a call showed its session.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Sights {
    /// Keys, tokens or passwords.
    pub(super) credentials: bool,
    /// Data that may not leave.
    pub(super) sensitive: bool,
    /// It reached, or would reach, the world outside.
    pub(super) outbound: bool,
}

/// The sessions of one agent.
#[derive(Debug)]
pub(super) struct Sessions(LruCache<Arc<str>, Session>);

#[derive(Clone, Copy, Debug, Default)]
struct Session {
    credentials_at: Option<UnixMillis>,
    sensitive_at: Option<UnixMillis>,
    /// Sensitive data first, then outbound.
    carried_out_at: Option<UnixMillis>,
    /// The calls since the window's begin.
    calls: u32,
    window_began: Option<UnixMillis>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self(LruCache::unbounded())
    }
}

impl Sessions {
    /// Notes a call of a session and returns the session's risk with it, in hundredths.
    pub(super) fn note(
        &mut self,
        session_id: &Arc<str>,
        sights: Sights,
        now: UnixMillis,
        settings: &Trust,
    ) -> i64 {
        let session = self.0.get_or_insert_mut(Arc::clone(session_id), Session::default);
        session.note(sights, now, settings);
        let risk = session.risk(now, settings);
        if self.0.len() > MOST_SESSIONS {
            self.0.pop_lru();
        }
        risk
    }
}

impl Session {
    fn note(&mut self, sights: Sights, now: UnixMillis, settings: &Trust) {
        if sights.credentials {
            self.credentials_at = Some(now);
        }
        // In this order: what one call brings in can go out with its own answer.
        if sights.sensitive {
            self.sensitive_at = Some(now);
        }
        if sights.outbound && is_recent(self.sensitive_at, now, settings) {
            self.carried_out_at = Some(now);
        }
        if !is_recent(self.window_began, now, settings) {
            (self.window_began, self.calls) = (Some(now), 0);
        }
        self.calls = self.calls.saturating_add(1);
    }

    fn risk(&self, now: UnixMillis, settings: &Trust) -> i64 {
        let [credentials, carried_out, volume] = settings.session_risk;
        let many = settings.high_volume_calls > 0 && self.calls > settings.high_volume_calls;
        let parts = [
            (is_recent(self.credentials_at, now, settings), credentials),
            (is_recent(self.carried_out_at, now, settings), carried_out),
            (many, volume),
        ];
        let risk: i64 = parts.iter().filter(|(applies, _)| *applies).map(|(_, risk)| risk).sum();
        risk.min(settings.session_risk_most)
    }
}

fn is_recent(at: Option<UnixMillis>, now: UnixMillis, settings: &Trust) -> bool {
    at.is_some_and(|at| now < at.plus_secs(settings.session_secs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::conduct::testing::defaults;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_000);
    const NOTHING: Sights = Sights { credentials: false, sensitive: false, outbound: false };
    const CREDENTIALS: Sights = Sights { credentials: true, ..NOTHING };
    const SENSITIVE: Sights = Sights { sensitive: true, ..NOTHING };
    const OUTBOUND: Sights = Sights { outbound: true, ..NOTHING };

    fn after(calls: &[(i64, Sights)]) -> i64 {
        let (mut sessions, settings) = (Sessions::default(), defaults());
        let mut risk = 0;
        for (secs, sights) in calls {
            risk = sessions.note(&"s".into(), *sights, NOW.plus_secs(*secs), &settings);
        }
        risk
    }

    #[test]
    fn what_a_session_has_seen_counts_for_half_an_hour() {
        for (calls, risk) in [
            (&[(0, NOTHING)][..], 0),
            (&[(0, CREDENTIALS)], 3_000),
            (&[(0, CREDENTIALS), (1_799, NOTHING)], 3_000),
            (&[(0, CREDENTIALS), (1_800, NOTHING)], 0),
            (&[(0, OUTBOUND)], 0),
            (&[(0, OUTBOUND), (1, SENSITIVE)], 0),
            (&[(0, Sights { outbound: true, ..SENSITIVE })], 2_000),
            (&[(0, SENSITIVE), (1, OUTBOUND)], 2_000),
            (&[(0, SENSITIVE), (1_799, OUTBOUND), (3_000, NOTHING)], 2_000),
            (&[(0, SENSITIVE), (1_800, OUTBOUND)], 0),
            (&[(0, CREDENTIALS), (1, SENSITIVE), (2, OUTBOUND)], 5_000),
        ] {
            assert_eq!(after(calls), risk, "{calls:?}");
        }
    }

    #[test]
    fn many_calls_in_one_window_are_a_risk_until_it_ends() {
        let calls: Vec<_> = (0..1_000).map(|_| (0, NOTHING)).collect();
        assert_eq!(after(&calls), 0);
        let many = [&calls[..], &[(1, NOTHING)]].concat();
        assert_eq!(after(&many), 1_000);
        assert_eq!(after(&[&many[..], &[(1_800, NOTHING)]].concat()), 0);
        let all = [&many[..], &[(2, CREDENTIALS), (3, SENSITIVE), (4, OUTBOUND)]].concat();
        assert_eq!(after(&all), 5_000, "a session's risk is bounded");
    }

    #[test]
    fn sessions_are_apart_and_only_the_last_are_remembered() {
        let (mut sessions, settings) = (Sessions::default(), defaults());
        let mut note = |id: &str, sights| sessions.note(&id.into(), sights, NOW, &settings);
        assert_eq!(note("first", CREDENTIALS), 3_000);
        assert_eq!(note("other", NOTHING), 0);
        assert_eq!(note("first", NOTHING), 3_000);
        for number in 0..MOST_SESSIONS {
            note(&number.to_string(), NOTHING);
        }
        assert_eq!(note("first", NOTHING), 0);
        assert_eq!(sessions.0.len(), MOST_SESSIONS);
    }
}
