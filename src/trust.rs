//! Trust: what an agent's conduct does to its scores.
//!
//! Owns the arithmetic of trust and risk, which calls are one session where nobody says so, and, per agent, the numbers that both work on. All scores are in hundredths:
//! 0 to 10000 stand for 0 to 100. It must never read a clock, store anything or wait: `now` is an argument, and what
//! survives a restart is handed out as [`ReputationChange`].

mod conduct;
mod pauses;
mod reputation;
mod risk;
mod sessions;

pub use conduct::{Conclusion, Conduct, IdentityStrength, Ledger, Noted};
pub use reputation::{Reputation, ReputationChange, Risk};
pub use risk::{RiskTier, risk_tier};

/// The highest score.
pub const MOST: i64 = 10_000;
