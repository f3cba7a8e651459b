//! The policy.

use super::super::parameter::{AFTER, LIMIT};
use super::super::{Operation, get, post, put};
use crate::admin::policy::{
    DiffRequest, DraftRequest, ExplainRequest, KeptVersion, KeptVersions, RestoreRequest,
    SaveRequest, WhatIf, WhatIfRequest,
};
use crate::http::policy::{self, PolicyShown};
use crate::policy::{Diff, Explanation, Review};
use crate::types::Role::{Analyst, PolicyAuthor, Viewer};

pub(super) fn operations() -> Vec<Operation> {
    let mut all = in_force();
    all.extend(drafts());
    all.extend(versions());
    all
}

fn in_force() -> Vec<Operation> {
    vec![
        get("/api/v1/policy", Viewer, "showPolicy", policy::show)
            .says("The policy in force, and why the files on disk are not, when they are not.")
            .answers::<PolicyShown>(200, "The policy."),
        put("/api/v1/policy", PolicyAuthor, "savePolicy", policy::save)
            .says("Puts a draft in force, provided that nothing changed since it was begun.")
            .takes::<SaveRequest>()
            .takes_a_text()
            .answers::<PolicyShown>(200, "The policy as it is in force now."),
        post("/api/v1/policy/explain", Viewer, "explainPolicy", policy::explain)
            .says("Says why an agent may or may not make a call.")
            .takes::<ExplainRequest>()
            .answers::<Explanation>(200, "The decision and every rule that led to it."),
    ]
}

fn drafts() -> Vec<Operation> {
    vec![
        post("/api/v1/policy/lint", Analyst, "lintPolicy", policy::lint)
            .says("Says what is wrong with a draft, and what in it would never do anything.")
            .takes::<DraftRequest>()
            .takes_a_text()
            .answers::<Review>(200, "All problems and warnings."),
        post("/api/v1/policy/diff", Analyst, "diffPolicy", policy::diff)
            .says("Compares a draft with the policy in force, or with a kept version.")
            .takes::<DiffRequest>()
            .takes_a_text()
            .answers::<Diff>(200, "All lines of both texts."),
        post("/api/v1/policy/what-if", Analyst, "replayPolicy", policy::what_if)
            .says("Replays a draft on the calls that are on record, for at most 20 seconds.")
            .takes::<WhatIfRequest>()
            .takes_a_text()
            .answers::<WhatIf>(200, "What the draft would have decided otherwise."),
    ]
}

fn versions() -> Vec<Operation> {
    vec![
        get("/api/v1/policy/versions", Viewer, "listPolicyVersions", policy::versions)
            .says("The versions of the policy that were in force.")
            .query(&[LIMIT, AFTER])
            .answers::<KeptVersions>(200, "The versions, the newest first."),
        get("/api/v1/policy/versions/{id}", Viewer, "showPolicyVersion", policy::version)
            .says("A version of the policy with its text.")
            .answers::<KeptVersion>(200, "The version."),
        post(
            "/api/v1/policy/versions/{id}/restore",
            PolicyAuthor,
            "restorePolicyVersion",
            policy::restore,
        )
        .says("Puts a version that was in force before in force again.")
        .takes::<RestoreRequest>()
        .answers::<PolicyShown>(200, "The policy as it is in force now."),
    ]
}
