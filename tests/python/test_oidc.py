"""Sign-in at an identity provider: who gets in, with which role, and the attacks that do not."""

import base64
import hashlib
import hmac
import json
import time

import pytest

import rules
from gateway import Gateway
from issuer import Key, encoded
from provider import Browser, Provider, error_of, seconds_ago

ANN = {"subject": "sub-ann", "preferred_username": "Ann", "roles": ["staff", "auditors", "other"]}
BOB = {"subject": "sub-bob", "preferred_username": "bob", "roles": "gate-admins"}
EVE = {"subject": "sub-eve", "preferred_username": "eve", "roles": ["visitors"]}


@pytest.fixture(scope="module")
def provider():
    provider = Provider("RS256")
    provider.users = {"ann": ANN, "bob": BOB, "eve": EVE}
    yield provider
    provider.stop()


@pytest.fixture(autouse=True)
def usual(request):
    """Each test begins with a provider that behaves."""
    if "provider" in request.fixturenames:
        provider = request.getfixturevalue("provider")
        provider.said, provider.tampered, provider.forgets, provider.answers = {}, None, False, {}


def set_up(quick_gate, provider, **more):
    settings = {**provider.oidc_settings(), **more}
    gate = quick_gate(started=False, **settings)
    gate.env["PORTCULLIS_SERVER__PUBLIC_URL"] = gate.url
    return gate.start()


@pytest.fixture(scope="module")
def gate(tmp_path_factory, upstream, provider):
    env = {f"PORTCULLIS_{name}": value for name, value in provider.oidc_settings().items()}
    gate = Gateway(tmp_path_factory.mktemp("oidc"), upstream.base_url, detections=rules.NOTING, **env)
    gate.env["PORTCULLIS_SERVER__PUBLIC_URL"] = gate.url
    yield gate.start()
    gate.stop()


@pytest.fixture
def browser(gate):
    with Browser(gate) as browser:
        yield browser


def error(browser, returned):
    """What the dashboard is told when this browser comes back with this; None: it is signed in."""
    return error_of(browser.come_back(returned))


def users(gate):
    with gate.admin() as admin:
        return {user["username"]: user for user in admin.get("/api/v1/users").json()["users"]}


def test_a_user_of_the_provider_signs_in_with_the_highest_role(gate, provider, browser):
    ways = browser.get("/api/v1/admin/sign-in").json()
    assert ways == {"password": True, "oidc": {"name": "Corp", "url": "/api/v1/admin/oidc/start"}}
    assert browser.sign_in(provider, "ann") is None
    session = browser.session().json()
    assert (session["username"], session["role"], session["source"]) == ("ann", "analyst", "oidc")
    ann = users(gate)["ann"]
    assert (ann["source"], ann["role"], ann["configured"]) == ("oidc", "analyst", False)
    assert ann["last_sign_in_at"] and ann["sessions"] >= 1


def test_the_sign_in_is_bound_to_the_browser_by_a_guarded_short_lived_cookie(gate, provider, browser):
    reply = browser.get("/api/v1/admin/oidc/start")
    (cookie,) = reply.headers.get_list("set-cookie")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert parts >= {"httponly", "samesite=lax", "path=/api/v1/admin/oidc", "max-age=600"}
    assert reply.headers["cache-control"] == "no-store"
    done = browser.come_back(provider.authorize(reply.headers["location"], "ann"))
    assert done.headers["location"] == f"{gate.url}/"
    cookies = {cookie.partition("=")[0]: cookie.lower() for cookie in done.headers.get_list("set-cookie")}
    assert "max-age=0" in cookies["portcullis_oidc"]
    assert "httponly" in cookies["portcullis_session"] and "samesite=strict" in cookies["portcullis_session"]


def test_no_token_code_or_secret_is_in_the_log(gate, provider, browser):
    assert browser.sign_in(provider, "ann") is None
    provider.said = {"nonce": "another"}
    assert browser.sign_in(provider, "ann") == "provider"
    for form in provider.token_requests:
        assert form["code"] not in gate.log and form["code_verifier"] not in gate.log
    assert "odd signs" not in gate.log and "eyJ" not in gate.log


def test_who_has_no_role_here_is_not_let_in_and_not_made(gate, provider, browser):
    assert browser.sign_in(provider, "eve") == "not_allowed"
    assert "eve" not in users(gate)
    assert browser.session().status_code == 401


def test_each_sign_in_says_the_role_anew_and_without_one_the_sessions_end(quick_gate, provider):
    gate = set_up(quick_gate, provider)
    with Browser(gate) as first, Browser(gate) as second:
        assert first.sign_in(provider, "ann") is None
        provider.said = {"roles": ["gate-authors"]}
        assert second.sign_in(provider, "ann") is None
        assert second.session().json()["role"] == "policy_author"
        assert first.session().status_code == 401, "another role ends the sessions before"
        provider.said = {"roles": []}
        assert first.sign_in(provider, "ann") == "not_allowed"
        assert second.session().status_code == 401


def test_the_provider_takes_nobody_over(gate, provider, browser):
    provider.said = {"preferred_username": "admin"}
    assert browser.sign_in(provider, "bob") == "not_allowed"
    provider.said = {}
    assert browser.sign_in(provider, "ann") is None
    provider.said = {"sub": "somebody-else"}
    assert browser.sign_in(provider, "ann") == "not_allowed", "a name belongs to who came first"
    provider.said = {"preferred_username": "renamed"}
    assert browser.sign_in(provider, "ann") is None
    assert browser.session().json()["username"] == "ann"


def test_a_disabled_user_stays_out_and_has_no_password(gate, provider, browser):
    assert browser.sign_in(provider, "bob") is None
    with gate.admin() as admin:
        assert admin.patch("/api/v1/users/bob", json={"role": "viewer"}).status_code == 409
        assert admin.post("/api/v1/users/bob/reset-password").status_code == 409
        assert admin.patch("/api/v1/users/bob", json={"disabled": True}).status_code == 200
        assert browser.session().status_code == 401
        assert browser.sign_in(provider, "bob") == "not_allowed"
        assert admin.delete("/api/v1/users/bob").status_code == 200
    assert browser.sign_in(provider, "bob") is None, "removed, and made anew by the next sign-in"
    assert gate.sign_in("", "bob").status_code == 401


# Attacks


def test_a_wrong_or_missing_state_is_refused_before_the_provider_is_asked(gate, provider, browser):
    asked = len(provider.token_requests)
    returned = provider.authorize(browser.start(), "ann")
    for state in ["", "x", returned["state"][:-1], returned["state"] + "A"]:
        assert error(browser, {**returned, "state": state}) == "expired"
        returned = provider.authorize(browser.start(), "ann")
    without = {name: value for name, value in returned.items() if name != "state"}
    assert error(browser, without) == "expired"
    assert len(provider.token_requests) == asked


def test_a_code_of_one_browser_is_worth_nothing_in_another(gate, provider, browser):
    with Browser(gate) as attacker:
        returned = provider.authorize(attacker.start(), "bob")
        assert error(browser, returned) == "expired", "no cookie"
        own = provider.authorize(browser.start(), "ann")
        assert error(browser, returned) == "expired", "another's state"
        browser.start()
        own = provider.authorize(browser.start(), "ann")
        assert error(browser, {**own, "code": returned["code"]}) == "expired", "another's code: PKCE"
        assert browser.session().status_code == 401


def test_a_sign_in_is_completed_once(gate, provider, browser):
    provider.forgets = True  # a provider that takes codes twice
    returned = provider.authorize(browser.start(), "ann")
    kept = browser.cookies.get("portcullis_oidc")
    assert error(browser, returned) is None
    assert error(browser, returned) == "expired", "the cookie is gone"
    with Browser(gate) as replaying:
        replaying.cookies.set("portcullis_oidc", kept, path="/api/v1/admin/oidc")
        assert error(replaying, returned) == "expired", "and was good once"
        assert replaying.session().status_code == 401


@pytest.mark.parametrize(
    "said",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["the gate", "another"]},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": seconds_ago(1)},
        {"exp": None},
        {"iat": None},
        {"iat": seconds_ago(-86_400)},
        {"sub": None},
        {"roles": {"gate-admins": True}},
    ],
    ids=lambda claims: "-".join(claims),  # a test's name must not change with the clock
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(gate, provider, said):
    provider.said = said
    with Browser(gate) as browser:
        assert browser.sign_in(provider, "bob") == "provider"
        assert browser.session().status_code == 401
        provider.said = {}  # so that failures do not add up
        assert browser.sign_in(provider, "ann") is None


def unsigned(token):
    _, claims, _ = token.split(".")
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}."


def with_the_secret(token):
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{token.split('.')[1]}"
    return f"{signed}.{encoded(hmac.digest(b'a secret: with & odd signs', signed.encode(), hashlib.sha256))}"


def with_the_public_key(token):
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{token.split('.')[1]}"
    return f"{signed}.{encoded(hmac.digest(kid.encode(), signed.encode(), hashlib.sha256))}"


def altered(token):
    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{header}.{encoded({**said, 'roles': ['gate-admins']})}.{signature}"


def by_another_key(token):
    said = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return Key("ES256", kid="evil").sign(said)


@pytest.mark.parametrize("attack", [unsigned, with_the_secret, with_the_public_key, altered, by_another_key, lambda _: "x"])
def test_an_id_token_that_the_provider_did_not_sign_is_refused(gate, provider, attack):
    provider.tampered = attack
    with Browser(gate) as browser:
        assert browser.sign_in(provider, "ann") == "provider"
        assert browser.session().status_code == 401
        provider.tampered = None
        assert browser.sign_in(provider, "ann") is None


def test_what_the_provider_refuses_and_who_answers_in_its_place(gate, provider, browser):
    returned = provider.authorize(browser.start(), "ann")
    assert error(browser, {"error": "access_denied", "state": returned["state"]}) == "denied"
    returned = provider.authorize(browser.start(), "ann")
    assert error(browser, {"error": "server_error", "state": returned["state"]}) == "provider"
    returned = provider.authorize(browser.start(), "ann")
    assert error(browser, {**returned, "iss": "https://evil.example"}) == "provider"
    returned = provider.authorize(browser.start(), "ann")
    assert error(browser, {**returned, "iss": provider.url}) is None
    assert error(browser, {"error": "access_denied", "state": "made up"}) == "expired"


def test_failures_are_slowed_down_before_the_provider_is_asked(quick_gate, provider):
    gate = set_up(quick_gate, provider)
    asked = len(provider.token_requests)
    with Browser(gate) as browser:
        for _ in range(62):
            returned = provider.authorize(browser.start(), "ann")
            told = error(browser, {**returned, "code": "guessed"})
            assert told in ("expired", "provider", "busy")
    assert told == "busy"
    assert len(provider.token_requests) - asked == 60


# The provider's side


def test_a_public_client_and_new_keys_and_claims_of_keycloak(quick_gate):
    provider = Provider("ES256", public=True)
    provider.users = {"ann": {"subject": "1", "preferred_username": "ann", "realm_access": {"roles": ["staff"]}}}
    gate = set_up(quick_gate, provider, ADMIN__OIDC__ROLE_CLAIM="realm_access.roles")
    try:
        with Browser(gate) as browser:
            assert browser.sign_in(provider, "ann") is None
            assert browser.session().json()["role"] == "viewer"
            assert "client_secret" not in provider.token_requests[-1]
    finally:
        provider.stop()


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(quick_gate, tmp_path):
    provider = Provider()
    provider.more_metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    provider.public = True  # so it looks at the form alone
    file = tmp_path / "secret"
    file.write_text("in-the-form\n")
    provider.users = {"ann": ANN}
    gate = set_up(quick_gate, provider, ADMIN__OIDC__CLIENT_SECRET_FILE=file)
    try:
        with Browser(gate) as browser:
            assert browser.sign_in(provider, "ann") is None
        assert provider.token_requests[-1]["client_secret"] == "in-the-form"
    finally:
        provider.stop()


def test_a_provider_that_is_away_is_told_and_comes_back(quick_gate):
    provider = Provider(running=False)
    provider.users = {"ann": ANN}
    gate = set_up(quick_gate, provider)
    try:
        with Browser(gate) as browser:
            assert browser.start().endswith("/#/?sign_in_error=provider")
            assert gate.sign_in().status_code == 200, "passwords do not need it"
            provider.up()
            time.sleep(2.1)  # until it is asked again
            assert browser.sign_in(provider, "ann") is None
            for answer in [(500, {}), (200, {}), (302, {}), (401, {"error": "invalid_client"})]:
                returned = provider.authorize(browser.start(), "ann")
                provider.redeem = lambda *_, answer=answer: answer
                assert error(browser, returned) == "provider"
    finally:
        provider.stop()


def test_metadata_of_another_issuer_or_of_unsafe_places_are_refused(quick_gate):
    for wrong in [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ]:
        provider = Provider()
        provider.more_metadata = wrong
        try:
            with Browser(set_up(quick_gate, provider)) as browser:
                assert browser.start().endswith("/#/?sign_in_error=provider"), wrong
        finally:
            provider.stop()


def test_half_a_configuration_stops_the_start(quick_gate, provider):
    gate = quick_gate(started=False, **provider.oidc_settings())
    done = gate.cli("serve", check=False)
    assert done.returncode == 1
    assert "server.public_url is missing" in done.stderr


def test_without_a_provider_there_is_no_such_sign_in(quick_gate):
    with Browser(quick_gate()) as browser:
        assert browser.get("/api/v1/admin/sign-in").json() == {"password": True, "oidc": None}
        assert browser.get("/api/v1/admin/oidc/start").status_code == 404
        assert browser.get("/api/v1/admin/oidc/callback").status_code == 404
