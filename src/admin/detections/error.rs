//! Why the rules of detection were not changed.
//!
//! Owns the wording, and which field of a request a mistake in the file comes from.

use crate::admin::{AdminError, InvalidRequest, SourceFileError};
use crate::detect::{AmendError, DetectionError, NewRule};
use crate::policy::SourceFile;
use crate::store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

/// Why the rules were not changed.
#[derive(Debug, thiserror::Error)]
pub enum DetectionsError {
    /// The request is wrong, or what is needed to serve it failed.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The file says something else than what the change started from.
    #[error(
        "the rules were changed meanwhile (now {current}); look at them again, then repeat the change"
    )]
    Changed {
        /// The version of the file now.
        current: String,
    },
    /// The change cannot be made in this file.
    #[error(transparent)]
    Amend(AmendError),
    /// With the change, the rules would not be good.
    #[error("the rules would not be good: {}", first_of(.0))]
    Invalid(Vec<FieldError>),
    /// A rule that comes with Portcullis.
    #[error(
        "{0} comes with Portcullis and would come back with the next version; switch it off instead"
    )]
    Shipped(String),
}

/// A mistake in the file of rules, and the field of the request that it comes from.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct FieldError {
    /// The mistake: file, line, column, reason and remedy.
    #[serde(flatten)]
    pub error: DetectionError,
    /// The field of the new rule that is to be mended; null where it is none of them.
    pub field: Option<String>,
}

impl From<InvalidRequest> for DetectionsError {
    fn from(error: InvalidRequest) -> Self {
        Self::Admin(error.into())
    }
}

impl From<SourceFileError> for DetectionsError {
    fn from(error: SourceFileError) -> Self {
        Self::Admin(error.into())
    }
}

impl From<StoreError> for DetectionsError {
    fn from(error: StoreError) -> Self {
        Self::Admin(error.into())
    }
}

impl From<AmendError> for DetectionsError {
    fn from(error: AmendError) -> Self {
        match error {
            AmendError::Invalid(errors) => {
                let whole = |error| FieldError { error, field: None };
                Self::Invalid(errors.into_iter().map(whole).collect())
            }
            error => Self::Amend(error),
        }
    }
}

impl FieldError {
    /// Mistakes of a draft, of which everything from `first_line` on is a new rule.
    pub(super) fn of_new_rule(
        errors: Vec<DetectionError>,
        draft: &SourceFile,
        first_line: usize,
    ) -> Vec<Self> {
        let field = |error: &DetectionError| {
            let line = usize::try_from(error.line?).ok().filter(|line| *line >= first_line)?;
            let text = draft.text.lines().nth(line.checked_sub(1)?)?;
            let key = match text.split_once(" = ") {
                Some((key, _)) => key,
                // What is said of the rule as a whole names what it means.
                None => ["matches", "clean"]
                    .into_iter()
                    .find(|key| error.reason.contains(&format!("'{key}'")))
                    .unwrap_or("pattern"),
            };
            Some(NewRule::field_of(key).to_owned())
        };
        errors.into_iter().map(|error| Self { field: field(&error), error }).collect()
    }
}

fn first_of(errors: &[FieldError]) -> String {
    errors.first().map(|it| it.error.to_string()).unwrap_or_default()
}
