//! What can go wrong in the store, and whether trying again may help.
//!
//! Owns the sorting of driver errors. An error of this type must never contain the database's
//! address with its password: connection failures come scrubbed from `connection`.

use crate::types::AgentStatus;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

/// The driver's own error, for the log.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the store, as one line that says what to do.
#[derive(Debug, Error)]
pub enum StoreError {
    /// `DATABASE_URL` or the data directory cannot be used as it is written.
    #[error("the database address cannot be used: {reason}")]
    Address {
        /// What is wrong and what to write instead.
        reason: &'static str,
    },
    /// The database is away, busy, full or starting.
    #[error("the database is not available: {reason}")]
    Unavailable {
        /// What happened and what to check.
        reason: String,
        /// The driver's error, where there is one.
        source: Option<Cause>,
    },
    /// The tables are not ours, or newer than this program.
    #[error("the database cannot be used: {reason}")]
    Schema {
        /// What is wrong and what to do.
        reason: String,
        /// The driver's error, where there is one.
        source: Option<Cause>,
    },
    /// A name or id that must be unique is in use.
    #[error("this {what} is already taken")]
    Taken {
        /// Which one.
        what: &'static str,
    },
    /// There is no such thing.
    #[error("no such {what}")]
    NotFound {
        /// Of which kind.
        what: &'static str,
    },
    /// What is revoked stays as it is.
    #[error("this {what} is revoked, which is for good: create a new one")]
    Revoked {
        /// Of which kind.
        what: &'static str,
    },
    /// An agent in quarantine is let out by nothing else than a review.
    #[error(
        "the agent is in quarantine: review it, then `portcullis agent lift-quarantine NAME --reason TEXT`"
    )]
    Quarantined,
    /// Only what is in quarantine can be let out of it.
    #[error("the agent is not in quarantine: its status is {0}")]
    NotQuarantined(AgentStatus),
    /// Some things about a user cannot be changed here.
    #[error("{why}")]
    UserStays {
        /// Who must stay as it is, and what to do instead.
        why: &'static str,
    },
    /// A row holds what this program did not write.
    #[error("the database holds a value that cannot be read: {what}")]
    Corrupt {
        /// Table and column.
        what: &'static str,
    },
    /// The database refused a statement, and will refuse it again.
    #[error("the database refused a statement: {reason}")]
    Refused {
        /// What it said; drivers keep the row's values out of this.
        reason: String,
        /// The driver's error.
        source: Cause,
    },
}

impl StoreError {
    /// Whether the values of one row are at fault, so that other rows may well be taken. A table that is
    /// missing, read-only or damaged is not the row's fault.
    pub fn concerns_the_row(&self) -> bool {
        let Self::Refused { source, .. } = self else { return false };
        match source.downcast_ref::<DieselError>() {
            Some(DieselError::SerializationError(_)) => true,
            // Postgres calls a partition that is not there a failed check.
            Some(DieselError::DatabaseError(_, information))
                if information.message().contains("no partition of relation") =>
            {
                false
            }
            Some(DieselError::DatabaseError(kind, information)) => match kind {
                DatabaseErrorKind::NotNullViolation | DatabaseErrorKind::CheckViolation => true,
                _ => OF_THE_ROW.iter().any(|text| information.message().contains(text)),
            },
            _ => false,
        }
    }

    /// Whether a row of this id was there already.
    pub(super) fn is_a_duplicate(&self) -> bool {
        let Self::Refused { source, .. } = self else { return false };
        matches!(
            source.downcast_ref::<DieselError>(),
            Some(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
        )
    }

    /// Everything that led to it, in one line for the log.
    pub fn with_causes(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = one_line(&error.to_string());
            if !line.contains(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            cause = error.source();
        }
        line
    }
}

/// Texts of errors that only a row's own values can cause.
const OF_THE_ROW: &[&str] = &[
    // SQLite
    "string or blob too big",
    // Postgres
    "value too long",
    "invalid byte sequence",
    "out of range",
    "index row size",
    "index row requires",
    "row is too big",
];

/// Texts of errors that pass: Diesel gives SQLite's result codes and most SQLSTATEs as
/// [`DatabaseErrorKind::Unknown`] with a message only.
const PASSING: &[&str] = &[
    // SQLite
    "database is locked",
    "database table is locked",
    "disk I/O error",
    "database or disk is full",
    "unable to open database file",
    "unable to open the database file",
    // Postgres
    "deadlock detected",
    "due to lock timeout",
    "due to statement timeout",
    "No space left on device",
    "remaining connection slots",
    "sorry, too many clients",
    "terminating connection",
    "the database system is",
];

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let passes = match &error {
            DieselError::DatabaseError(kind, information) => match kind {
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::ReadOnlyTransaction
                | DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::UnableToSendCommand => true,
                _ => PASSING.iter().any(|text| information.message().contains(text)),
            },
            DieselError::AlreadyInTransaction
            | DieselError::BrokenTransactionManager
            | DieselError::NotInTransaction
            | DieselError::RollbackErrorOnCommit { .. }
            | DieselError::RollbackTransaction => true,
            DieselError::DeserializationError(_) => {
                return Self::Corrupt { what: "a column of another type" };
            }
            _ => false,
        };
        let reason = one_line(&error.to_string());
        if passes {
            Self::Unavailable { reason, source: Some(error.into()) }
        } else {
            Self::Refused { reason, source: error.into() }
        }
    }
}

/// The first line of a driver's message: the rest repeats it for other addresses, or quotes.
pub(super) fn one_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: DatabaseErrorKind, message: &str) -> StoreError {
        DieselError::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    #[test]
    fn only_what_passes_by_itself_is_told_as_unavailable() {
        assert!(matches!(
            refused(DatabaseErrorKind::Unknown, "database is locked"),
            StoreError::Unavailable { .. }
        ));
        assert!(matches!(
            refused(DatabaseErrorKind::ClosedConnection, "gone"),
            StoreError::Unavailable { .. }
        ));
        assert!(!matches!(
            refused(DatabaseErrorKind::NotNullViolation, "null"),
            StoreError::Unavailable { .. }
        ));
        assert!(!matches!(
            refused(DatabaseErrorKind::Unknown, "no such table: x"),
            StoreError::Unavailable { .. }
        ));
        assert!(!matches!(StoreError::NotFound { what: "agent" }, StoreError::Unavailable { .. }));
    }

    #[test]
    fn only_what_the_values_cause_concerns_the_row() {
        for message in [
            "value too long for type character varying(8)",
            "invalid byte sequence for encoding \"UTF8\": 0x00",
            "bigint out of range",
        ] {
            assert!(refused(DatabaseErrorKind::Unknown, message).concerns_the_row(), "{message}");
        }
        assert!(refused(DatabaseErrorKind::NotNullViolation, "null").concerns_the_row());
        assert!(refused(DatabaseErrorKind::CheckViolation, "check").concerns_the_row());
        for message in [
            "no such table: records",
            "attempt to write a readonly database",
            "database disk image is malformed",
            "permission denied for table records",
            "database is locked",
        ] {
            assert!(!refused(DatabaseErrorKind::Unknown, message).concerns_the_row(), "{message}");
        }
        assert!(!refused(DatabaseErrorKind::ReadOnlyTransaction, "read-only").concerns_the_row());
    }

    #[test]
    fn a_line_with_its_causes_says_nothing_twice() {
        let source = Some(Cause::from("disk on fire"));
        let error = StoreError::Unavailable { reason: "away".into(), source };
        assert_eq!(error.with_causes(), "the database is not available: away: disk on fire");
        let same = refused(DatabaseErrorKind::Unknown, "no such table: x");
        assert_eq!(same.with_causes(), "the database refused a statement: no such table: x");
    }
}
