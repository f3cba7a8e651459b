//! How long sessions last, and who the administrator is.

use super::*;
use crate::admin::{NewUserRequest, UserChangeRequest, change_user, create_user, testing};
use crate::config::{Inputs, resolve};

const NOW: UnixMillis = UnixMillis(1_795_233_600_000);

fn settings(username: &str, password: Option<&str>) -> Admin {
    let mut overrides = vec![("admin.username".to_owned(), username.to_owned())];
    overrides.extend(password.map(|text| ("admin.password".to_owned(), text.to_owned())));
    let inputs = Inputs { file: None, environment: &[], overrides: &overrides, host_name: "h" };
    resolve(&inputs).unwrap().config.admin
}

fn password(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

fn may_sign_in(store: &Store, username: &str, text: &str) -> bool {
    sign_in(store, &settings("root", None), username, &password(text), NOW).is_ok()
}

#[test]
fn the_administrator_is_generated_once_and_a_configured_password_applies_at_every_start() {
    let (_directory, store) = testing::store();
    let generated = ensure_administrator(&store, &settings("root", None), NOW).unwrap().unwrap();
    assert!(may_sign_in(&store, "root", generated.expose()));
    assert!(ensure_administrator(&store, &settings("root", None), NOW).unwrap().is_none());

    let fixed = settings("root", Some("a configured one"));
    assert!(ensure_administrator(&store, &fixed, NOW).unwrap().is_none());
    assert!(!may_sign_in(&store, "root", generated.expose()));
    let changes = store.latest_change().unwrap();
    ensure_administrator(&store, &fixed, NOW).unwrap();
    assert_eq!(store.latest_change().unwrap(), changes, "nothing to do");
    assert!(may_sign_in(&store, "root", "a configured one"));
}

#[test]
fn another_administrator_takes_the_place_of_the_one_before() {
    let (_directory, store) = testing::store();
    let (one, two) =
        (settings("root", Some("password one")), settings("boss", Some("password two")));
    ensure_administrator(&store, &one, NOW).unwrap();
    let session = sign_in(&store, &one, "root", &password("password one"), NOW).unwrap();
    ensure_administrator(&store, &two, NOW).unwrap();
    assert!(!may_sign_in(&store, "root", "password one"));
    assert!(may_sign_in(&store, "boss", "password two"));
    assert!(session_of(&store, &two, &session.access_token, NOW).unwrap().is_none());

    ensure_administrator(&store, &one, NOW).unwrap();
    assert!(may_sign_in(&store, "root", "password one"), "and back");
}

#[test]
fn a_user_whom_the_configuration_names_becomes_its_administrator() {
    let (_directory, store) = testing::store();
    ensure_administrator(&store, &settings("root", None), NOW).unwrap();
    let request = NewUserRequest {
        username: "ann".to_owned(),
        role: Role::Viewer,
        password: Some(password("the password of ann")),
    };
    create_user(&store, request, "root", NOW).unwrap();
    let disable = UserChangeRequest { disabled: Some(true), role: None };
    change_user(&store, &settings("root", None), "ann", disable, "root", NOW).unwrap();
    let generated = ensure_administrator(&store, &settings("ann", None), NOW).unwrap();
    assert!(generated.is_none(), "ann has a password");
    let ann = store.user("ann").unwrap().unwrap();
    assert!(ann.role == Role::Admin && ann.configured && !ann.disabled);
    assert!(may_sign_in(&store, "ann", "the password of ann"));
}

#[test]
fn a_session_lasts_while_it_is_used_and_not_longer_than_it_may() {
    let (_directory, store) = testing::store();
    let settings = settings("root", Some("a password for tests"));
    ensure_administrator(&store, &settings, NOW).unwrap();
    let signed_in =
        sign_in(&store, &settings, "root", &password("a password for tests"), NOW).unwrap();
    let token = signed_in.access_token;
    assert_eq!(signed_in.expires_at, NOW.plus_secs(12 * 3_600));
    let minute = |minutes: i64| NOW.plus_secs(minutes * 60);
    let look = |minutes| look_at_session(&store, &settings, &token, minute(minutes)).unwrap();
    let used = |minutes| session_of(&store, &settings, &token, minute(minutes)).unwrap();

    assert!(look(59).is_some() && look(60).is_none(), "nobody has used it");
    assert!(used(59).is_some() && look(118).is_some() && look(119).is_none());
    for minutes in (80..720).step_by(50) {
        assert!(used(minutes).is_some(), "{minutes}");
    }
    assert!(used(719).is_some() && used(720).is_none());
}

#[test]
fn use_is_written_down_once_a_minute() {
    let (_directory, store) = testing::store();
    let settings = settings("root", Some("a password for tests"));
    ensure_administrator(&store, &settings, NOW).unwrap();
    let token = sign_in(&store, &settings, "root", &password("a password for tests"), NOW)
        .unwrap()
        .access_token;
    let used = |secs| {
        session_of(&store, &settings, &token, NOW.plus_secs(secs)).unwrap().unwrap();
        look_at_session(&store, &settings, &token, NOW.plus_secs(secs)).unwrap().unwrap()
    };
    assert_eq!(used(59).last_used_at, NOW);
    assert_eq!(used(60).last_used_at, NOW.plus_secs(60));
}

#[test]
fn a_browser_is_known_by_its_users_password() {
    let (_directory, store) = testing::store();
    let settings = settings("root", Some("a password for tests"));
    ensure_administrator(&store, &settings, NOW).unwrap();
    let signed_in =
        sign_in(&store, &settings, "root", &password("a password for tests"), NOW).unwrap();
    let mark = signed_in.device.unwrap().reveal();
    assert!(knows_device(&store, "root", &mark).unwrap());
    assert!(!knows_device(&store, "nobody", &mark).unwrap());
    assert!(!knows_device(&store, "root", "made.up").unwrap());
}
