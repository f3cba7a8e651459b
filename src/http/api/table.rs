//! The table of operations: method × path × role, one file per subject.

mod audit;
mod callers;
mod detections;
mod policy;
mod users;

use super::{JSON, Operation, get, show_document};
use crate::types::Role;

/// Every operation of the administrators' API.
pub(super) fn operations() -> Vec<Operation> {
    let mut all = vec![
        get("/api/v1/openapi.json", Role::Viewer, "showDocument", show_document)
            .says("This document.")
            .answers_as(200, &[JSON], "OpenAPI 3.1."),
    ];
    all.extend(users::operations());
    all.extend(callers::operations());
    all.extend(policy::operations());
    all.extend(detections::operations());
    all.extend(audit::operations());
    all
}
