//! The rules of detection.

use super::super::{Operation, get};
use crate::bus::policy::DetectionsView;
use crate::http::admin;
use crate::types::Role::Viewer;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/detections", Viewer, "showDetections", admin::show_detections)
            .says("The file of rules in force, and why the file on disk is not, when it is not.")
            .answers_with::<DetectionsView>(200, "The rules' file."),
    ]
}
