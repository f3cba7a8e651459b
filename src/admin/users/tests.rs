//! Rules for users that the store does not have.

use super::*;
use crate::admin::{ensure_administrator, session_of, sign_in, testing};
use crate::config::{Inputs, resolve};

const NOW: UnixMillis = UnixMillis(1_795_233_600_000);

fn settings(overrides: &[(&str, &str)]) -> Admin {
    let overrides: Vec<_> =
        overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let inputs = Inputs { file: None, environment: &[], overrides: &overrides, host_name: "h" };
    resolve(&inputs).unwrap().config.admin
}

fn request(username: &str, password: Option<&str>) -> NewUserRequest {
    let password = password.map(|text| Sensitive::new(text.to_owned()));
    NewUserRequest { username: username.to_owned(), role: Role::Viewer, password }
}

#[test]
fn names_are_lower_case_and_need_no_escape() {
    for good in ["a", "ann", "9lives", "ann.lee+x@example.com", &"a".repeat(128)] {
        assert!(is_user_name(good), "{good}");
    }
    for bad in ["", "Ann", ".", "..", "@ann", "ann lee", "ann/lee", "änn", &"a".repeat(129)] {
        assert!(!is_user_name(bad), "{bad}");
    }
}

#[test]
fn nobody_is_called_like_whoever_makes_changes_without_being_a_user() {
    let (_directory, store) = testing::store();
    for name in actor::ALL {
        let refused = create_user(&store, request(name, None), "root", NOW).unwrap_err();
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn a_chosen_password_is_long_and_may_be_anything_else() {
    let password = |text: &str| Sensitive::new(text.to_owned());
    for good in ["twelve chars", "aaaaaaaaaaaa", "ünïcödé 密码 ok!", &"x".repeat(256)] {
        assert!(check_password("ann", &password(good)).is_ok(), "{good}");
    }
    for bad in ["", "eleven char", "a line\nand another", &"x".repeat(257)] {
        assert!(check_password("ann", &password(bad)).is_err(), "{bad}");
    }
    assert!(check_password("ann@example.com", &password("Ann@Example.com")).is_err());
}

#[test]
fn a_generated_password_is_returned_and_a_chosen_one_is_not() {
    let (_directory, store) = testing::store();
    let settings = settings(&[]);
    let (user, password) = create_user(&store, request("ann", None), "root", NOW).unwrap();
    assert_eq!((user.user.source, user.sessions), (UserSource::Password, 0));
    let signed_in = sign_in(&store, &settings, "ann", &password.unwrap(), NOW).unwrap();
    assert_eq!((signed_in.username.as_str(), signed_in.role), ("ann", Role::Viewer));
    assert_eq!(find_user(&store, &settings, "ann", NOW).unwrap().sessions, 1);

    let chosen = create_user(&store, request("bob", Some("a long passphrase")), "root", NOW);
    assert!(chosen.unwrap().1.is_none());
    let twice = create_user(&store, request("bob", None), "root", NOW);
    assert!(matches!(twice, Err(AdminError::Store(StoreError::Taken { .. }))));
    for wrong in [request("Bob", None), request("eve", Some("short"))] {
        let refused = create_user(&store, wrong, "root", NOW);
        assert!(matches!(refused, Err(AdminError::Invalid(_))));
    }
}

#[test]
fn a_role_counts_at_once() {
    let (_directory, store) = testing::store();
    let settings = settings(&[]);
    ensure_administrator(&store, &settings, NOW).unwrap();
    let (_, password) = create_user(&store, request("ann", None), "root", NOW).unwrap();
    let password = password.unwrap();
    let token = sign_in(&store, &settings, "ann", &password, NOW).unwrap().access_token;
    let change = |role, disabled| {
        let request = UserChangeRequest { role, disabled };
        change_user(&store, &settings, "ann", request, "root", NOW)
    };
    assert!(matches!(
        change(None, None),
        Err(AdminError::Invalid(InvalidRequest::NothingToChange))
    ));
    let changed = change(Some(Role::Analyst), None).unwrap();
    assert_eq!((changed.user.role, changed.sessions), (Role::Analyst, 0));
    assert!(session_of(&store, &settings, &token, NOW).unwrap().is_none());
    change(None, Some(true)).unwrap();
    let refused = sign_in(&store, &settings, "ann", &password, NOW);
    assert!(matches!(refused, Err(AdminError::InvalidCredentials)));
}

#[test]
fn own_passwords_need_the_current_one() {
    let (_directory, store) = testing::store();
    let settings = settings(&[]);
    let (_, password) = create_user(&store, request("ann", None), "root", NOW).unwrap();
    let password = password.unwrap();
    let [kept, other] =
        [(); 2].map(|()| sign_in(&store, &settings, "ann", &password, NOW).unwrap().access_token);
    let change = |current: &str, new: &str| {
        let request = PasswordRequest {
            current_password: Sensitive::new(current.to_owned()),
            new_password: Sensitive::new(new.to_owned()),
        };
        change_own_password(&store, &settings, "ann", &kept, &request, NOW)
    };
    let wrong = change("wrong", "another long one");
    assert!(matches!(wrong, Err(AdminError::InvalidCredentials)));
    assert!(matches!(change(password.expose(), "short"), Err(AdminError::Invalid(_))));
    change(password.expose(), "another long one").unwrap();
    assert!(session_of(&store, &settings, &kept, NOW).unwrap().is_some());
    assert!(session_of(&store, &settings, &other, NOW).unwrap().is_none());
    assert!(sign_in(&store, &settings, "ann", &password, NOW).is_err());
}

#[test]
fn a_password_of_the_configuration_is_changed_there() {
    let (_directory, store) = testing::store();
    let fixed = settings(&[("admin.password", "a password for tests")]);
    ensure_administrator(&store, &fixed, NOW).unwrap();
    let refused = reset_password(&store, &fixed, "admin", "cli", NOW).unwrap_err();
    assert!(refused.to_string().contains("admin.password"), "{refused}");
    let generated = settings(&[]);
    let new = reset_password(&store, &generated, "admin", "cli", NOW).unwrap();
    sign_in(&store, &generated, "admin", &new, NOW).unwrap();
}
