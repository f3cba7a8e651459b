//! What a refused change of the rules looks like.

use crate::admin::detections::DetectionsError;
use crate::detect::AmendError;
use crate::http::{
    administer,
    problem::{Mistakes, Problem, problem},
};
use actix_web::HttpResponse;

pub(super) fn refused(error: &DetectionsError) -> HttpResponse {
    let (status, code) = match error {
        DetectionsError::Admin(error) => return administer::refused(error),
        DetectionsError::Changed { current } => {
            return Problem::new(409, "detections_changed", error.to_string())
                .with_current_version(current);
        }
        DetectionsError::Invalid(errors) => {
            return Problem::new(400, "detections_invalid", error.to_string())
                .with_errors(Mistakes::Rule(errors.clone()));
        }
        DetectionsError::Amend(AmendError::NoSuchRule(_)) => (404, "not_found"),
        DetectionsError::Amend(AmendError::Taken(_)) => (409, "already_exists"),
        DetectionsError::Amend(_) => (400, "invalid_request_error"),
        DetectionsError::Shipped(_) => (409, "rule_is_shipped"),
    };
    problem(status, code, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::SourceFileError;

    #[test]
    fn whose_fault_it_is_decides_the_status() {
        let gone = std::io::ErrorKind::ReadOnlyFilesystem.into();
        for (error, status) in [
            (DetectionsError::Changed { current: "a".to_owned() }, 409),
            (DetectionsError::Invalid(Vec::new()), 400),
            (AmendError::NoSuchRule("a".to_owned()).into(), 404),
            (AmendError::Taken("a".to_owned()).into(), 409),
            (AmendError::Already("a".to_owned()).into(), 400),
            (DetectionsError::Shipped("a".to_owned()), 409),
            (SourceFileError::Io { path: "a".to_owned(), error: gone }.into(), 409),
        ] {
            assert_eq!(refused(&error).status().as_u16(), status, "{error}");
        }
    }
}
