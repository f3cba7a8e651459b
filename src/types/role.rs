//! What a user of the dashboard may do.
//!
//! Owns the roles and their order. Which request needs which role is said in one table, in `http`.

use super::text_enum;

text_enum! {
    /// A user's role; each may do what those before it may.
    Role {
        /// Sees agents, policy, rules, live activity and records.
        Viewer = "viewer",
        /// Also exports and verifies the record, and tries drafts and texts.
        Analyst = "analyst",
        /// Also changes the policy and the rules of detection.
        PolicyAuthor = "policy_author",
        /// Also manages agents, AppContexts, keys and users.
        Admin = "admin",
    }
}

impl Role {
    /// Whether this role may do what `needed` may.
    pub fn includes(self, needed: Self) -> bool {
        let place = |role| Self::ALL.iter().position(|each| *each == role);
        place(self) >= place(needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        for (at, role) in Role::ALL.iter().enumerate() {
            for (other_at, other) in Role::ALL.iter().enumerate() {
                assert_eq!(role.includes(*other), at >= other_at, "{role} {other}");
            }
        }
    }
}
