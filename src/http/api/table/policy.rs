//! The policy.

use super::super::{Operation, get};
use crate::bus::policy::PolicyView;
use crate::http::admin;
use crate::types::Role::Viewer;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/policy", Viewer, "showPolicy", admin::show_policy)
            .says("The policy in force, and why the files on disk are not, when they are not.")
            .answers_with::<PolicyView>(200, "The policy."),
    ]
}
