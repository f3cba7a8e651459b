//! How an agent behaves: its numbers, live, shared by all its callers on all workers.
//!
//! Owns what a call's end does to them. They are behind a lock of the agent's own, which is held for the arithmetic of
//! one call alone: never while anything is waited for.

use super::{
    MOST, Reputation, ReputationChange, Risk, RiskTier,
    pauses::Pauses,
    risk, risk_tier,
    sessions::{Sessions, Sights},
};
use crate::config::Trust;
use crate::types::{Severity, UnixMillis, text_enum};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

text_enum! {
    /// How well is known who a caller is: it bounds the trust that counts.
    IdentityStrength {
        /// It showed a detection key, which does not change from call to call.
        Basic = "BASIC",
        /// It showed a token of the gate's own, for a client secret.
        Standard = "STANDARD",
        /// It showed a token of an external issuer.
        Verified = "VERIFIED",
    }
}

/// One caller's conduct: its agent's ledger, as the caller's identity lets it count.
#[derive(Clone, Debug)]
pub struct Conduct {
    ledger: Arc<Ledger>,
    identity: IdentityStrength,
}

/// What a call came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Conclusion {
    /// Findings that count against the caller.
    pub violations: u32,
    /// The worst finding of any kind.
    pub worst: Option<Severity>,
    /// Whether the call was part of an attack.
    pub adversarial: bool,
    /// Whether keys, tokens or passwords were found.
    pub credentials_seen: bool,
    /// Whether other data was found that may not leave: of any class but `NONE`.
    pub sensitive_seen: bool,
    /// Whether it reached, or would reach, the world outside: it called a tool.
    pub outbound: bool,
    /// Whether it was answered to its end. Calls that were refused or broke off win no trust.
    pub completed: bool,
}

/// What a call's end did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Noted {
    /// The caller's trust now, in hundredths.
    pub trust_score: i64,
    /// The risk of this decision, in hundredths.
    pub risk_score: i64,
    /// Its tier.
    pub risk_tier: RiskTier,
    /// Why the agent must be quarantined: it had too many violations lately.
    pub quarantine: Option<String>,
}

/// The numbers of one agent.
#[derive(Debug)]
pub struct Ledger {
    settings: Arc<Trust>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// As it is now, what is not yet saved included.
    reputation: Reputation,
    unsaved: ReputationChange,
    sessions: Sessions,
    /// The sessions that nobody named.
    pauses: Pauses,
    /// Calls with violations within the window that can quarantine, with how many: never more entries than that takes.
    violations: VecDeque<(UnixMillis, u32)>,
}

impl Ledger {
    /// A ledger that goes on from what was stored.
    pub fn new(settings: Arc<Trust>, reputation: Reputation) -> Self {
        Self { settings, state: Mutex::new(State { reputation, ..State::default() }) }
    }

    /// What is known of the agent now.
    pub fn reputation(&self) -> Reputation {
        self.state().reputation
    }

    /// What is not yet saved, which then counts as saved.
    pub fn take_unsaved(&self) -> Option<ReputationChange> {
        let unsaved = std::mem::take(&mut self.state().unsaved);
        (!unsaved.is_empty()).then_some(unsaved)
    }

    /// Makes a change unsaved again.
    pub fn put_back(&self, change: &ReputationChange) {
        let mut state = self.state();
        state.unsaved = change.and(&state.unsaved);
    }

    /// Goes on from what is stored now, by whomever, with what is not yet saved on top of it.
    pub fn catch_up(&self, stored: &Reputation) {
        let mut state = self.state();
        state.reputation = stored.after(&state.unsaved);
    }

    /// Nobody panics while holding it; if somebody did, the numbers are still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conduct {
    /// The conduct of a caller of this agent.
    pub fn new(ledger: Arc<Ledger>, identity: IdentityStrength) -> Self {
        Self { ledger, identity }
    }

    /// The caller's trust, in hundredths: the agent's, as far as the caller's identity lets it count.
    pub fn trust_score(&self) -> i64 {
        self.ledger.reputation().trust_score.min(self.ceiling())
    }

    /// Whether the caller has so little trust that what would be logged or redacted is blocked.
    pub fn steps_up(&self) -> bool {
        let block_below = self.ledger.settings.block_below;
        block_below > 0 && self.trust_score() < block_below
    }

    /// The session of a call that names none: the agent's last one in this AppContext, unless half an hour has passed
    /// since a call of it began or ended; then a new one, by the name that `name_new` gives it.
    pub fn session(
        &self,
        app_context: Option<&Arc<str>>,
        now: UnixMillis,
        name_new: impl FnOnce() -> Arc<str>,
    ) -> Arc<str> {
        self.ledger.state().pauses.session(app_context, now, name_new)
    }

    /// Notes the end of a call in its session.
    pub fn note(&self, session_id: &Arc<str>, what: &Conclusion, now: UnixMillis) -> Noted {
        let settings = &*self.ledger.settings;
        let sights = Sights {
            credentials: what.credentials_seen,
            sensitive: what.sensitive_seen || what.credentials_seen,
            outbound: what.outbound,
        };
        let mut state = self.ledger.state();
        let before = state.reputation.trust_score.min(self.ceiling());
        state.pauses.note(session_id, now);
        let session_risk = state.sessions.note(session_id, sights, now, settings);
        let risk_score =
            risk::of_decision(what.worst, what.violations, before, session_risk, settings);
        let change = ReputationChange {
            trust: self.trust_of(what, &state.reputation),
            calls: 1,
            violations: what.violations.into(),
            last_violation_at: (what.violations > 0).then_some(now),
            risk: (risk_score > state.reputation.risk.score_at(now))
                .then_some(Risk { score: risk_score, at: now }),
        };
        state.reputation = state.reputation.after(&change);
        state.unsaved = state.unsaved.and(&change);
        Noted {
            trust_score: state.reputation.trust_score.min(self.ceiling()),
            risk_score,
            risk_tier: risk_tier(risk_score),
            quarantine: state.quarantine(what.violations, now, settings),
        }
    }

    /// The trust that a call wins or loses. What is lost is never more than there is, so that changes add up.
    fn trust_of(&self, what: &Conclusion, reputation: &Reputation) -> i64 {
        let settings = &*self.ledger.settings;
        if what.violations > 0 {
            let counted = i64::from(what.violations.min(settings.violations_per_call));
            return -(counted * settings.violation).min(reputation.trust_score);
        }
        if what.adversarial || !what.completed {
            return 0;
        }
        let on_probation = reputation.calls < settings.probation_calls;
        let gain = if on_probation { settings.clean_call / 2 } else { settings.clean_call };
        gain.min(self.ceiling() - reputation.trust_score).max(0)
    }

    fn ceiling(&self) -> i64 {
        self.identity.ceiling(&self.ledger.settings)
    }
}

impl IdentityStrength {
    /// The trust that counts at most, in hundredths.
    pub fn ceiling(self, settings: &Trust) -> i64 {
        let [basic, standard, verified] = settings.ceilings;
        let ceiling = match self {
            Self::Basic => basic,
            Self::Standard => standard,
            Self::Verified => verified,
        };
        ceiling.clamp(0, MOST)
    }
}

impl State {
    /// Counts violations, and says why they quarantine when there are too many; then they are counted anew.
    fn quarantine(&mut self, violations: u32, now: UnixMillis, settings: &Trust) -> Option<String> {
        let (most, secs) = (settings.quarantine_violations, settings.quarantine_window_secs);
        if most == 0 || violations == 0 {
            return None;
        }
        self.violations.push_back((now, violations));
        self.violations.retain(|(at, _)| now < at.plus_secs(secs));
        let count =
            self.violations.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
        if count < most {
            return None;
        }
        self.violations.clear();
        Some(format!("{count} violations within {secs} seconds"))
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::Trust;
    use crate::config::{Inputs, resolve};

    /// The settings that nobody changed.
    pub(in super::super) fn defaults() -> Trust {
        let inputs = Inputs { file: None, environment: &[], overrides: &[], host_name: "h" };
        resolve(&inputs).unwrap().config.trust
    }
}

#[cfg(test)]
mod tests;
