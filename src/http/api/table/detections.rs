//! The rules of detection.

use super::super::parameter::{FROM, Form, Parameter, TO};
use super::super::{Operation, delete, get, patch, post};
use crate::admin::detections::{
    RuleChangeRequest, RuleRequest, RulesView, TrialRequest, TrialView,
};
use crate::detect::Coverage;
use crate::http::detections::{self, ChangedRule, ChangedVersion, DetectionsPage};
use crate::types::Role::{Analyst, PolicyAuthor, Viewer};

const BASE_VERSION: Parameter = Parameter::new(
    "base_version",
    Form::Text,
    "The version of the rules that the change starts from; without it, whatever is in the file.",
);
const REASON: Parameter = Parameter::new("reason", Form::Text, "Why.");

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/detections", Viewer, "showDetections", detections::show)
            .says("The file of rules in force, and why the file on disk is not, when it is not.")
            .answers::<DetectionsPage>(200, "The rules' file."),
        get("/api/v1/detections/rules", Viewer, "listRules", detections::list_rules)
            .says("Every rule in force: what it does, for whom, and how often it found something.")
            .query(&[FROM, TO])
            .answers::<RulesView>(200, "The rules; findings of the last day unless told."),
        post("/api/v1/detections/rules", PolicyAuthor, "addRule", detections::create)
            .says("Adds a rule of your own; it is tried on its examples first.")
            .takes::<RuleRequest>()
            .answers::<ChangedRule>(201, "The rule, in force."),
        patch("/api/v1/detections/rules/{id}", PolicyAuthor, "changeRule", detections::change)
            .says("Changes what a rule does, for everyone or in one AppContext.")
            .takes::<RuleChangeRequest>()
            .answers::<ChangedRule>(200, "The rule as it is in force now."),
        delete("/api/v1/detections/rules/{id}", PolicyAuthor, "removeRule", detections::remove)
            .says("Removes a rule of your own.")
            .query(&[BASE_VERSION, REASON])
            .answers::<ChangedVersion>(200, "The version in force now."),
        post("/api/v1/detections/try", Analyst, "tryText", detections::attempt)
            .says("What the rules find in a text, which is neither stored nor logged.")
            .takes::<TrialRequest>()
            // The longest text, should every character of it be written as an escape.
            .takes_at_most(512 * 1024)
            .answers::<TrialView>(200, "What was found, and what would go on."),
        get("/api/v1/detections/coverage", Viewer, "showCoverage", detections::show_coverage)
            .says("What is scanned on which endpoint, and what is not.")
            .answers::<Coverage>(200, "One entry for each endpoint."),
    ]
}
