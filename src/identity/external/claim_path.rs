//! Where a claim stands: `sub`, `realm_access.roles`, `https://claims.example/roles`.
//!
//! Owns the walk through nested claims. A name that exists whole must never be taken apart.

use serde_json::{Map, Value};

/// The name of a claim, or names of nested ones with dots between them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// Any text but an empty one.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The claim at this path.
    pub(super) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (mut members, mut path) = (claims, &*self.0);
        loop {
            if let Some(value) = members.get(path) {
                return Some(value);
            }
            let (outer, inner) = path.split_once('.')?;
            members = members.get(outer)?.as_object()?;
            path = inner;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_name_wins_over_a_walk() {
        let claims = json!({
            "sub": "a",
            "realm_access": {"roles": "b", "app.x": {"roles": "c"}},
            "https://claims.example/roles": "d",
            "org.id": "e", "org": {"id": "f", "name": "g"},
        });
        let table = [
            ("sub", Some("a")),
            ("realm_access.roles", Some("b")),
            ("realm_access.app.x.roles", None),
            ("realm_access.app.x", Some("")),
            ("https://claims.example/roles", Some("d")),
            ("org.id", Some("e")),
            ("org.name", Some("g")),
            ("sub.x", None),
            (".", None),
            ("org.", None),
            ("missing", None),
        ];
        for (path, expected) in table {
            let path = ClaimPath::parse(path).unwrap();
            let found = path.find(claims.as_object().unwrap());
            assert_eq!(found.map(|it| it.as_str().unwrap_or_default()), expected, "{path:?}");
        }
        assert_eq!(ClaimPath::parse(""), None);
    }
}
