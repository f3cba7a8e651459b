"""Users of the dashboard: roles, passwords, sessions, and who cannot be locked out."""

import json
import sqlite3
import threading
from contextlib import closing

import httpx
import pytest

import postgres
import rules
from gateway import ADMIN_PASSWORD, Gateway

PASSWORD = "a passphrase of a user"
CSRF = {"X-Portcullis-CSRF": "1"}


def client(gate, token):
    return httpx.Client(base_url=gate.url, headers={"Authorization": f"Bearer {token}"}, timeout=10)


@pytest.fixture
def own(own_gate):
    """A server of the test's own, on each database."""
    return own_gate()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, upstream):
    """The server of tests that leave nothing behind."""
    gate = Gateway(tmp_path_factory.mktemp("users"), upstream.base_url, detections=rules.NOTING)
    yield gate.start()
    gate.stop()


def create(gate, username, role="viewer", password=PASSWORD):
    with gate.admin() as admin:
        reply = admin.post("/api/v1/users", json={"username": username, "role": role, "password": password})
    assert reply.status_code == 201, reply.text
    return reply.json()


def signed_in(gate, username, password=PASSWORD):
    reply = gate.sign_in(password, username)
    assert reply.status_code == 200, reply.text
    return client(gate, reply.json()["access_token"])


def is_signed_in(session):
    return session.get("/api/v1/admin/session").status_code == 200


def run_sql(gate, statement):
    """Runs a statement on the gate's tables behind its back."""
    if gate.database_url:
        postgres.query(gate.database_url, statement)
        return
    with closing(sqlite3.connect(gate.data_dir / "state.db", timeout=5)) as database, database:
        database.execute(statement)


def test_a_user_is_created_listed_changed_and_removed(own):
    made = create(own, "ann", "analyst", password=None)
    assert len(made.pop("password")) == 23
    assert set(made) == {
        "username", "role", "source", "disabled", "configured", "created_at", "updated_at", "last_sign_in_at", "sessions",
    }  # fmt: skip
    assert (made["username"], made["role"], made["source"]) == ("ann", "analyst", "password")
    assert create(own, "bob")["password"] is None, "a chosen one is not repeated"
    with own.admin() as admin:
        listed = admin.get("/api/v1/users").json()["users"]
        assert [(user["username"], user["configured"]) for user in listed] == [
            ("admin", True), ("ann", False), ("bob", False),
        ]  # fmt: skip
        changed = admin.patch("/api/v1/users/ann", json={"role": "policy_author"})
        assert (changed.status_code, changed.json()["role"]) == (200, "policy_author")
        assert admin.delete("/api/v1/users/ann").status_code == 200
        assert admin.get("/api/v1/users/ann").status_code == 404
        assert admin.delete("/api/v1/users/ann").status_code == 404
        again = admin.post("/api/v1/users", json={"username": "bob", "role": "viewer"})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "already_exists")


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "Ann", "role": "viewer"},
        {"username": "", "role": "viewer"},
        {"username": "a/b", "role": "viewer"},
        {"username": "ann", "role": "root"},
        {"username": "ann", "role": "viewer", "password": "eleven char"},
        {"username": "ann", "role": "viewer", "admin": True},
        {"username": "ann"},
    ],
)
def test_a_request_that_makes_no_user_says_why(shared, wrong):
    with shared.admin() as admin:
        reply = admin.post("/api/v1/users", json=wrong)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


def test_a_viewer_sees_and_changes_nothing(own):
    create(own, "vic")
    with signed_in(own, "vic") as viewer:
        assert viewer.get("/api/v1/agents").status_code == 200
        for reply in (
            viewer.post("/api/v1/agents", json={"name": "x", "roles": ["developer"]}),
            viewer.get("/api/v1/users"),
            viewer.post("/api/v1/users", json={"username": "eve", "role": "admin"}),
            viewer.patch("/api/v1/users/vic", json={"role": "admin"}),
        ):
            assert (reply.status_code, reply.json()["error"]["code"]) == (403, "forbidden")
        assert "role admin" in reply.json()["error"]["message"]


def test_whatever_changes_what_a_user_may_do_ends_the_sessions_at_once(own):
    create(own, "ann", "admin")
    with own.admin() as admin:
        for change in (
            lambda: admin.patch("/api/v1/users/ann", json={"role": "viewer"}),
            lambda: admin.post("/api/v1/users/ann/sign-out"),
            lambda: admin.patch("/api/v1/users/ann", json={"disabled": True}),
        ):
            with signed_in(own, "ann") as session:
                assert is_signed_in(session)
                assert change().status_code == 200
                assert not is_signed_in(session)
        assert own.sign_in(PASSWORD, "ann").json() == own.sign_in("wrong", "ann").json()
        assert admin.patch("/api/v1/users/ann", json={"disabled": False}).status_code == 200
        with signed_in(own, "ann") as session:
            reset = admin.post("/api/v1/users/ann/reset-password").json()
            assert not is_signed_in(session)
        assert own.sign_in(PASSWORD, "ann").status_code == 401
        with signed_in(own, "ann", reset["password"]) as session:
            assert admin.delete("/api/v1/users/ann").status_code == 200
            assert not is_signed_in(session)


def test_the_live_activity_of_a_disabled_user_ends(shared):
    create(shared, "watcher")
    with signed_in(shared, "watcher") as session, shared.admin() as admin:
        with session.stream("GET", "/api/v1/activity/stream", timeout=12) as activity:
            lines = activity.iter_lines()
            assert next(lines)
            assert admin.patch("/api/v1/users/watcher", json={"disabled": True}).status_code == 200
            for _ in lines:
                pass  # ends before the first ping, or times out
        admin.delete("/api/v1/users/watcher")


def test_the_administrator_of_the_configuration_and_the_last_one_stay(own):
    create(own, "ann", "admin")
    with signed_in(own, "ann") as ann:
        for reply in (
            ann.patch("/api/v1/users/admin", json={"role": "viewer"}),
            ann.patch("/api/v1/users/admin", json={"disabled": True}),
            ann.delete("/api/v1/users/admin"),
            ann.post("/api/v1/users/admin/reset-password"),
        ):
            assert (reply.status_code, reply.json()["error"]["code"]) == (409, "user_stays")
            assert "configuration" in reply.json()["error"]["message"]
        assert ann.delete("/api/v1/users/ann").status_code == 200, "others may go, oneself too"


def test_a_user_changes_the_own_password_with_the_current_one(own):
    create(own, "ann")
    with signed_in(own, "ann") as this, signed_in(own, "ann") as other:
        body = {"current_password": "wrong", "new_password": "another passphrase"}
        wrong = this.post("/api/v1/admin/password", json=body)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "invalid_credentials")
        body["current_password"] = PASSWORD
        short = this.post("/api/v1/admin/password", json={**body, "new_password": "short"})
        assert short.status_code == 400
        assert this.post("/api/v1/admin/password", json=body).status_code == 204
        assert is_signed_in(this) and not is_signed_in(other)
    assert own.sign_in(PASSWORD, "ann").status_code == 401
    assert own.sign_in("another passphrase", "ann").status_code == 200
    with own.admin() as admin:
        body = {"current_password": ADMIN_PASSWORD, "new_password": "another passphrase"}
        fixed = admin.post("/api/v1/admin/password", json=body)
        assert fixed.status_code == 409 and "admin.password" in fixed.json()["error"]["message"]


def test_an_idle_session_ends_and_one_in_use_does_not(own):
    create(own, "ann")
    with signed_in(own, "ann") as session:
        assert session.get("/api/v1/admin/session").json()["idle_timeout_secs"] == 3_600
        for minutes, lives in ((59, True), (59, True), (61, False)):
            run_sql(own, f"UPDATE sessions SET last_used_at = last_used_at - {minutes * 60_000}")
            assert is_signed_in(session) == lives, minutes
    with signed_in(own, "ann") as session:
        run_sql(own, "UPDATE sessions SET expires_at = created_at")
        assert not is_signed_in(session), "and no use makes it longer than it may last"


def test_following_live_activity_is_no_use_of_a_session(shared):
    create(shared, "sleeper")
    with signed_in(shared, "sleeper") as session:
        with session.stream("GET", "/api/v1/activity/stream", timeout=12) as activity:
            lines = activity.iter_lines()
            assert next(lines)
            run_sql(
                shared,
                "UPDATE sessions SET last_used_at = last_used_at - 3600000 WHERE username = 'sleeper'",
            )
            for _ in lines:
                pass  # ends, or times out
        assert not is_signed_in(session)


def test_strangers_wear_out_a_name_but_the_users_own_browser_still_signs_in(quick_gate):
    gate = quick_gate()
    create(gate, "ann")
    with httpx.Client(base_url=gate.url, timeout=20) as own_browser:
        body = {"username": "ann", "password": PASSWORD}
        assert own_browser.post("/api/v1/admin/login", json=body).status_code == 200
        device = own_browser.cookies["portcullis_device"]

        def attack(last):
            # Every address of 127.0.0.0/8 is this machine's.
            transport = httpx.HTTPTransport(local_address=f"127.0.0.{last}")
            with httpx.Client(base_url=gate.url, transport=transport, timeout=20) as stranger:
                wrong = {"username": "ann", "password": "a guess of a stranger"}
                return [stranger.post("/api/v1/admin/login", json=wrong).status_code for _ in range(5)]

        codes = [code for last in range(10, 17) for code in attack(last)]
        assert codes[:30] == [401] * 30 and set(codes[30:]) == {429}, codes
        assert gate.sign_in(PASSWORD, "ann").status_code == 429, "to an unknown browser the name is worn out"
        assert own_browser.post("/api/v1/admin/login", json=body).status_code == 200
        assert gate.sign_in().status_code == 200, "and other names are not"

        forged = {"portcullis_device": device[:-2] + "AA"}
        assert httpx.post(f"{gate.url}/api/v1/admin/login", json=body, cookies=forged).status_code == 429
        wrong = {**body, "password": "a guess with a stolen mark"}
        guesses = [own_browser.post("/api/v1/admin/login", json=wrong).status_code for _ in range(7)]
        assert guesses == [401] * 5 + [429] * 2, "a known browser has few guesses too"


def test_every_change_of_users_is_written_down(own):
    create(own, "ann", "analyst")
    with signed_in(own, "ann") as session:
        session.post("/api/v1/admin/logout")
    own.sign_in("wrong", "ann")
    own.cli("user", "disable", "ann")
    own.cli("user", "delete", "ann")
    sql = "SELECT kind, actor FROM changes WHERE subject = 'ann' ORDER BY seq"
    if own.database_url:
        rows = [tuple(line.split("|")) for line in postgres.query(own.database_url, sql).splitlines()]
    else:
        with closing(sqlite3.connect(own.data_dir / "state.db")) as database:
            rows = database.execute(sql).fetchall()
    assert rows == [
        ("user.created", "admin"),
        ("user.signed_in", "ann"),
        ("user.signed_out", "ann"),
        ("user.disabled", "cli"),
        ("user.deleted", "cli"),
    ]


def test_the_command_line_does_all_of_it(own):
    made = json.loads(own.cli("user", "create", "ann", "--role", "viewer", "--json").stdout)
    with signed_in(own, "ann", made["password"]) as session:
        assert json.loads(own.cli("user", "show", "ann", "--json").stdout)["sessions"] == 1
        assert "1" in own.cli("user", "sign-out", "ann").stdout
        assert not is_signed_in(session)
    own.cli("user", "set-role", "ann", "--role", "admin")
    assert [line.split()[:2] for line in own.cli("user", "list").stdout.splitlines()[1:]] == [
        ["admin", "admin"], ["ann", "admin"],
    ]  # fmt: skip
    own.cli("user", "disable", "ann")
    assert own.sign_in(made["password"], "ann").status_code == 401
    own.cli("user", "enable", "ann")
    out = own.home / "password.json"
    own.cli("user", "reset-password", "ann", "--out", str(out))
    assert out.stat().st_mode & 0o777 == 0o600
    assert own.sign_in(json.loads(out.read_text())["password"], "ann").status_code == 200
    own.cli("user", "create", "bob", "--role", "analyst", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert own.sign_in(PASSWORD, "bob").status_code == 200
    own.cli("user", "delete", "bob")

    for arguments in (["delete", "admin"], ["show", "nobody"], ["create", "Bob", "--role", "viewer"]):
        refused = own.cli("user", *arguments, check=False)
        assert refused.returncode == 1 and refused.stderr.startswith("portcullis: "), arguments
    wrong = own.cli("user", "set-role", "ann", "--role", "root", check=False)
    assert wrong.returncode == 2 and "viewer, analyst, policy_author, admin" in wrong.stderr
    for command in ["create", "list", "show", "set-role", "disable", "enable", "reset-password", "delete", "sign-out"]:
        assert "Example" in own.cli("user", command, "--help").stdout, command


def test_sign_ins_at_once_make_as_many_sessions(own):
    create(own, "ann")
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(own.sign_in(PASSWORD, "ann").status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # More than five at once look like guesses until one has succeeded.
    assert codes.count(200) >= 5 and set(codes) <= {200, 429}, codes
    with own.admin() as admin:
        assert admin.get("/api/v1/users/ann").json()["sessions"] == codes.count(200)
