//! Whom the gate lets in on the provider's word.

use super::*;
use crate::admin::{ensure_administrator, session_of, testing};
use crate::config::{Inputs, resolve};
use crate::store::UserSource;

const NOW: UnixMillis = UnixMillis(1_795_233_600_000);
const ISSUER: &str = "https://id.example";

fn settings() -> Admin {
    let inputs = Inputs { file: None, environment: &[], overrides: &[], host_name: "h" };
    resolve(&inputs).unwrap().config.admin
}

fn claims(subject: &str, username: &str, role: Option<Role>) -> IdClaims {
    IdClaims { subject: subject.to_owned(), username: Some(username.to_owned()), role }
}

fn sign_in(store: &Store, claims: &IdClaims, nonce: &str) -> ExternalSignIn {
    sign_in_external(store, &settings(), ISSUER, claims, nonce, NOW).unwrap()
}

fn signed_in(result: ExternalSignIn) -> SignedIn {
    match result {
        ExternalSignIn::SignedIn(signed_in) => signed_in,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_is_made_once_and_has_the_role_of_the_last_sign_in() {
    let (_directory, store) = testing::store();
    let viewer = claims("1", "Ann@Example.com", Some(Role::Viewer));
    let first = signed_in(sign_in(&store, &viewer, "n1"));
    assert_eq!((first.username.as_str(), first.role), ("ann@example.com", Role::Viewer));
    assert_eq!(store.user("ann@example.com").unwrap().unwrap().source, UserSource::Oidc);

    let renamed = claims("1", "ann.lee", Some(Role::Admin));
    let second = signed_in(sign_in(&store, &renamed, "n2"));
    assert_eq!((second.username.as_str(), second.role), ("ann@example.com", Role::Admin));
    assert_eq!(store.users().unwrap().len(), 1);
    let still = |token| session_of(&store, &settings(), token, NOW).unwrap().is_some();
    assert!(!still(&first.access_token), "another role ends the sessions before");
    assert!(still(&second.access_token));

    let nobody = claims("1", "ann.lee", None);
    assert!(matches!(sign_in(&store, &nobody, "n3"), ExternalSignIn::NotAllowed(_)));
    assert!(!still(&second.access_token), "without a role there is no session");
}

#[test]
fn nobody_is_taken_over_and_the_disabled_stay_out() {
    let (_directory, store) = testing::store();
    ensure_administrator(&store, &settings(), NOW).unwrap();
    let is_refused =
        |claims: &IdClaims| matches!(sign_in(&store, claims, "n"), ExternalSignIn::NotAllowed(_));
    assert!(is_refused(&claims("1", "admin", Some(Role::Admin))));
    assert!(is_refused(&claims("1", "ann lee", Some(Role::Admin))));
    assert!(is_refused(&IdClaims { username: None, ..claims("1", "", Some(Role::Admin)) }));
    assert!(is_refused(&claims("1", "ann", None)));
    assert_eq!(store.users().unwrap().len(), 1, "no refused user was made");

    signed_in(sign_in(&store, &claims("1", "ann", Some(Role::Viewer)), "n1"));
    assert!(is_refused(&claims("2", "ann", Some(Role::Viewer))));
    store.set_user_disabled("ann", true, "admin", NOW).unwrap();
    assert!(is_refused(&claims("1", "ann", Some(Role::Viewer))));
    let guess = Sensitive::new(String::new());
    store.set_user_disabled("ann", false, "admin", NOW).unwrap();
    let refused = crate::admin::sign_in(&store, &settings(), "ann", &guess, NOW);
    assert!(matches!(refused, Err(AdminError::InvalidCredentials)));
}

#[test]
fn a_sign_in_is_completed_once() {
    let (_directory, store) = testing::store();
    let ann = claims("1", "ann", Some(Role::Viewer));
    signed_in(sign_in(&store, &ann, "n1"));
    assert!(matches!(sign_in(&store, &ann, "n1"), ExternalSignIn::Replayed));
    signed_in(sign_in(&store, &ann, "n2"));
}
