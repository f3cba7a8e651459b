//! Users and their sessions on both databases.

use super::*;
use crate::store::{ExternalIdentity, testing::on_both_databases};

const NOW: UnixMillis = UnixMillis(1_000);
const LATER: UnixMillis = UnixMillis(2_000);

on_both_databases!(
    the_administrator_of_the_configuration_stays,
    the_last_administrator_stays,
    a_change_is_made_wholly_or_not_at_all,
    a_change_of_what_a_user_may_do_ends_the_sessions,
    a_user_who_chooses_a_password_keeps_this_session_alone,
    users_of_the_identity_provider_are_known_by_issuer_and_subject,
    a_session_is_good_while_it_is_used_and_not_too_old,
    a_session_needs_a_user_who_may_sign_in,
    a_password_that_was_replaced_while_it_was_checked_is_worth_nothing,
    a_sign_in_at_the_identity_provider_counts_once,
    changes_tell_what_happened_and_no_secret,
);

fn hash(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

fn new_user(username: &str, role: Role) -> NewUser {
    NewUser { username: username.to_owned(), role, password_hash: hash("x"), identity: None }
}

fn create(store: &Store, username: &str, role: Role) -> User {
    store.create_user(&new_user(username, role), "cli", NOW).unwrap()
}

fn sign_in(store: &Store, username: &str, token: u8, expires_at: i64) {
    let session = NewSession {
        token_hash: [token; 32],
        username: username.to_owned(),
        password_hash: store.user(username).unwrap().unwrap().password_hash,
        created_at: NOW,
        expires_at: UnixMillis(expires_at),
        nonce: None,
    };
    store.begin_session(&session).unwrap();
}

fn session(store: &Store, token: u8) -> Option<Session> {
    store.session(&[token; 32], UnixMillis(0), LATER).unwrap()
}

fn is_kept(result: Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::UserStays { .. }))
}

fn the_administrator_of_the_configuration_stays(store: &Store) {
    store.set_administrator("root", &hash("1"), "portcullis", NOW).unwrap();
    create(store, "ann", Role::Admin);
    assert!(is_kept(store.set_user_role("root", Role::Viewer, "ann", LATER)));
    assert!(is_kept(store.set_user_disabled("root", true, "ann", LATER)));
    assert!(is_kept(store.delete_user("root", "ann", LATER)));

    sign_in(store, "root", 1, 9_000);
    store.set_administrator("root", &hash("2"), "portcullis", LATER).unwrap();
    let root = store.user("root").unwrap().unwrap();
    assert_eq!((root.created_at, root.updated_at), (NOW, LATER));
    assert_eq!((root.last_sign_in_at, root.password_hash), (Some(NOW), hash("2")));
    assert_eq!(session(store, 1), None, "another password ends the sessions of the old one");

    store.set_administrator("ann", &hash("3"), "portcullis", LATER).unwrap();
    store.retire_administrator("root", "portcullis", LATER).unwrap();
    let shown = |user: User| (user.username, user.disabled, user.configured);
    let users: Vec<_> = store.users().unwrap().into_iter().map(shown).collect();
    assert_eq!(users, [("ann".to_owned(), false, true), ("root".to_owned(), true, false)]);
    store.delete_user("root", "ann", LATER).unwrap();
}

fn the_last_administrator_stays(store: &Store) {
    create(store, "ann", Role::Admin);
    create(store, "bob", Role::Admin);
    create(store, "vic", Role::Viewer);
    store.set_user_disabled("bob", true, "ann", LATER).unwrap();
    assert!(is_kept(store.set_user_role("ann", Role::Analyst, "ann", LATER)));
    assert!(is_kept(store.set_user_disabled("ann", true, "ann", LATER)));
    assert!(is_kept(store.delete_user("ann", "ann", LATER)));
    store.delete_user("bob", "ann", LATER).unwrap();
    store.delete_user("vic", "ann", LATER).unwrap();
    create(store, "eve", Role::Admin);
    store.delete_user("ann", "eve", LATER).unwrap();
    let gone = store.delete_user("ann", "eve", LATER);
    assert!(matches!(gone, Err(StoreError::NotFound { what: "user" })));
}

fn a_change_is_made_wholly_or_not_at_all(store: &Store) {
    create(store, "ann", Role::Viewer);
    let before = store.latest_change().unwrap();
    // The role alone would be fine; nobody else would be left to let others in.
    assert!(is_kept(store.change_user("ann", Some(Role::Admin), Some(true), "cli", LATER)));
    assert_eq!(store.user("ann").unwrap().unwrap().role, Role::Viewer);
    assert_eq!(store.latest_change().unwrap(), before);
    store.change_user("ann", Some(Role::Analyst), Some(true), "cli", LATER).unwrap();
    let changes = store.changes_after(before, 9).unwrap();
    let kinds: Vec<_> = changes.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["user.role_changed", "user.disabled"]);
}

fn a_change_of_what_a_user_may_do_ends_the_sessions(store: &Store) {
    create(store, "ann", Role::Viewer);
    create(store, "bob", Role::Viewer);
    sign_in(store, "bob", 9, 9_000);
    type Change = fn(&Store) -> Result<(), StoreError>;
    let changes: [Change; 3] = [
        |store| store.set_user_role("ann", Role::Analyst, "cli", LATER),
        |store| store.set_password("ann", &hash("y"), PasswordChange::Reset, "cli", LATER),
        |store| store.end_sessions_of("ann", "cli", LATER).map(drop),
    ];
    for (token, change) in (1_u8..).zip(changes) {
        sign_in(store, "ann", token, 9_000);
        assert!(session(store, token).is_some());
        change(store).unwrap();
        assert_eq!(session(store, token), None);
    }
    let counted = store.latest_change().unwrap();
    store.set_user_role("ann", Role::Analyst, "cli", LATER).unwrap();
    assert_eq!(store.latest_change().unwrap(), counted, "nothing has changed");

    sign_in(store, "ann", 4, 9_000);
    assert_eq!(session(store, 4).unwrap().role, Role::Analyst);
    store.set_user_disabled("ann", true, "cli", LATER).unwrap();
    assert_eq!(session(store, 4), None);
    store.set_user_disabled("ann", false, "cli", LATER).unwrap();
    assert_eq!(session(store, 4), None, "what has ended does not come back");
    sign_in(store, "ann", 5, 9_000);
    store.delete_user("ann", "cli", LATER).unwrap();
    assert_eq!(session(store, 5), None);
    assert!(session(store, 9).is_some(), "nobody else's session ends");
}

fn a_user_who_chooses_a_password_keeps_this_session_alone(store: &Store) {
    create(store, "ann", Role::Viewer);
    sign_in(store, "ann", 1, 9_000);
    sign_in(store, "ann", 2, 9_000);
    let own = PasswordChange::Own { verified: &hash("x"), kept: &[2; 32] };
    store.set_password("ann", &hash("y"), own, "ann", LATER).unwrap();
    assert!(session(store, 1).is_none() && session(store, 2).is_some());
    assert_eq!(store.user("ann").unwrap().unwrap().password_hash, hash("y"));
}

fn users_of_the_identity_provider_are_known_by_issuer_and_subject(store: &Store) {
    let identity = |subject: &str| {
        Some(ExternalIdentity { issuer: "https://id".into(), subject: subject.into() })
    };
    let new = |name: &str, subject: &str| NewUser {
        identity: identity(subject),
        ..new_user(name, Role::Viewer)
    };
    let ann = store.create_user(&new("ann", "1"), "oidc", NOW).unwrap();
    assert_eq!((ann.source, ann.identity.clone()), (UserSource::Oidc, identity("1")));
    assert_eq!(store.user_of("https://id", "1").unwrap(), Some(ann));
    assert_eq!(store.user_of("https://id", "2").unwrap(), None);
    assert_eq!(store.user_of("https://other", "1").unwrap(), None);
    for taken in [new("ann", "2"), new("bob", "1")] {
        let refused = store.create_user(&taken, "oidc", NOW);
        assert!(matches!(refused, Err(StoreError::Taken { .. })));
    }
    assert!(is_kept(store.set_password("ann", &hash("y"), PasswordChange::Reset, "cli", NOW)));
}

fn a_session_is_good_while_it_is_used_and_not_too_old(store: &Store) {
    create(store, "ann", Role::Analyst);
    sign_in(store, "ann", 1, 5_000);
    let at = |idle_since: i64, now: i64| {
        store.session(&[1; 32], UnixMillis(idle_since), UnixMillis(now)).unwrap()
    };
    assert!(at(999, 4_999).is_some());
    assert_eq!((at(999, 5_000), at(1_000, 1_001)), (None, None));
    store.touch_session(&[1; 32], UnixMillis(3_000)).unwrap();
    store.touch_session(&[1; 32], UnixMillis(2_000)).unwrap();
    assert_eq!(at(2_999, 3_000).unwrap().last_used_at, UnixMillis(3_000));
    assert_eq!(at(3_000, 3_001), None);

    sign_in(store, "ann", 2, 9_000);
    assert_eq!(store.session_counts(UnixMillis(0), LATER).unwrap()["ann"], 2);
    assert!(store.session_counts(UnixMillis(0), UnixMillis(9_000)).unwrap().is_empty());
    assert_eq!(store.forget_sessions(UnixMillis(1_000), UnixMillis(4_999)).unwrap(), 1, "idle");
    assert_eq!(store.forget_sessions(UnixMillis(0), UnixMillis(5_000)).unwrap(), 1, "too old");

    sign_in(store, "ann", 3, 9_000);
    store.end_session(&[3; 32], LATER).unwrap();
    store.end_session(&[3; 32], LATER).unwrap();
    assert_eq!(session(store, 3), None);
}

fn a_session_needs_a_user_who_may_sign_in(store: &Store) {
    let new = NewSession {
        token_hash: [1; 32],
        username: "ann".to_owned(),
        password_hash: hash("x"),
        created_at: NOW,
        expires_at: LATER,
        nonce: None,
    };
    assert!(matches!(store.begin_session(&new), Err(StoreError::NotFound { what: "user" })));
    create(store, "ann", Role::Viewer);
    store.set_user_disabled("ann", true, "cli", NOW).unwrap();
    assert!(matches!(store.begin_session(&new), Err(StoreError::NotFound { what: "user" })));
    store.set_user_disabled("ann", false, "cli", NOW).unwrap();
    store.begin_session(&new).unwrap();
}

fn a_password_that_was_replaced_while_it_was_checked_is_worth_nothing(store: &Store) {
    create(store, "ann", Role::Viewer);
    sign_in(store, "ann", 1, 9_000);
    store.set_password("ann", &hash("y"), PasswordChange::Reset, "cli", NOW).unwrap();
    let late = NewSession {
        token_hash: [2; 32],
        username: "ann".to_owned(),
        password_hash: hash("x"),
        created_at: NOW,
        expires_at: LATER,
        nonce: None,
    };
    assert!(matches!(store.begin_session(&late), Err(StoreError::NotFound { what: "user" })));
    let own = PasswordChange::Own { verified: &hash("x"), kept: &[1; 32] };
    let refused = store.set_password("ann", &hash("z"), own, "ann", LATER);
    assert!(matches!(refused, Err(StoreError::NotFound { what: "user" })));
    assert_eq!(store.user("ann").unwrap().unwrap().password_hash, hash("y"));
}

fn a_sign_in_at_the_identity_provider_counts_once(store: &Store) {
    create(store, "ann", Role::Viewer);
    let begin = |token: u8, nonce: u8, now: i64| {
        store.begin_session(&NewSession {
            token_hash: [token; 32],
            username: "ann".to_owned(),
            password_hash: hash("x"),
            created_at: UnixMillis(now),
            expires_at: UnixMillis(9_000),
            nonce: Some(([nonce; 32], UnixMillis(now + 100))),
        })
    };
    begin(1, 1, 1_000).unwrap();
    assert!(matches!(begin(2, 1, 1_099), Err(StoreError::Taken { what: "sign-in" })));
    assert_eq!(session(store, 2), None);
    begin(3, 2, 1_099).unwrap();
    begin(4, 1, 1_100).unwrap();
}

fn changes_tell_what_happened_and_no_secret(store: &Store) {
    let canary = NewUser { password_hash: hash("canary"), ..new_user("ann", Role::Viewer) };
    let ann = store.create_user(&canary, "root", NOW).unwrap();
    sign_in(store, "ann", 1, 9_000);
    store.end_session(&[1; 32], LATER).unwrap();
    store.set_user_role("ann", Role::Analyst, "root", LATER).unwrap();
    store.set_user_disabled("ann", true, "root", LATER).unwrap();
    store.delete_user("ann", "root", LATER).unwrap();
    let changes = store.changes_after(0, 20).unwrap();
    let kinds: Vec<_> = changes.iter().map(|it| (it.kind.as_str(), it.actor.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("user.created", "root"),
            ("user.signed_in", "ann"),
            ("user.signed_out", "ann"),
            ("user.role_changed", "root"),
            ("user.disabled", "root"),
            ("user.deleted", "root"),
        ]
    );
    assert!(changes.iter().all(|change| change.subject == "ann"));
    assert_eq!(changes[3].detail, json!({ "role": "analyst", "before": "viewer" }));
    assert!(!format!("{changes:?} {ann:?}").contains("canary"));
}
