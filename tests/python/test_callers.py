"""Administering callers, on the command line and over HTTP: AppContexts, detection keys, limits, identities, signing keys."""

import json
import re
import secrets

import httpx
import jwt
import pytest

from gateway import PROMPTLY, PROVIDER_KEY, chat, eventually

COOKIE = "portcullis_session"
CSRF = {"X-Portcullis-CSRF": "1"}
NO_LIMITS = {"requests_per_minute": None, "monthly_requests": None, "concurrent_streams": None}


def fresh(prefix="caller"):
    return f"{prefix}-{secrets.token_hex(4)}"


def cli_json(gate, *arguments):
    return json.loads(gate.cli(*arguments, "--json").stdout)


def refused(gate, *arguments):
    """The one line on standard error of a command that is refused."""
    done = gate.cli(*arguments, check=False)
    assert done.returncode == 1, (arguments, done.stdout)
    assert not done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def problem(reply, status, code):
    """The message of the API's error object."""
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code, error
    assert reply.headers["cache-control"] == "no-store"
    return error["message"]


@pytest.fixture
def caller(gate):
    """An agent and an AppContext of the test's own."""
    agent, context = fresh("agent"), fresh("context")
    gate.cli("agent", "create", agent, "--role", "developer")
    gate.cli("app-context", "create", context)
    return agent, context


# AppContexts on the command line


def test_an_app_context_is_created_shown_changed_and_revoked(gate):
    name = fresh()
    created = cli_json(gate, "app-context", "create", name, "--allow-model", "gpt-4o*", "--monthly-requests", "9")
    assert set(created) == {"id"}
    assert re.fullmatch(r"ac_[0-9a-z]{16}", created["id"])
    shown = cli_json(gate, "app-context", "show", name)
    assert shown == cli_json(gate, "app-context", "show", created["id"])
    assert (shown["name"], shown["allowed_models"], shown["provider_key"]) == (name, ["gpt-4o*"], None)
    assert shown["limits"] == {**NO_LIMITS, "monthly_requests": 9}

    arguments = ["--allow-model", "o3", "--allow-model", "o4-*", "--concurrent-streams", "2"]
    changed = cli_json(gate, "app-context", "set", name, *arguments)
    assert changed["allowed_models"] == ["o3", "o4-*"]
    assert changed["limits"] == {**NO_LIMITS, "monthly_requests": 9, "concurrent_streams": 2}
    lifted = cli_json(gate, "app-context", "set", name, "--monthly-requests", "0")
    assert lifted["limits"] == {**NO_LIMITS, "concurrent_streams": 2}
    assert lifted["allowed_models"] == ["o3", "o4-*"], "what is not named stays"
    bare = cli_json(gate, "app-context", "set", name, "--allow-all-models", "--no-limits")
    assert (bare["allowed_models"], bare["limits"]) == ([], NO_LIMITS)

    assert cli_json(gate, "app-context", "revoke", name)["revoked_at"]
    assert cli_json(gate, "app-context", "revoke", name)["revoked_at"], "once is enough"
    assert "revoked" in refused(gate, "app-context", "set", name, "--allow-all-models")
    listed = cli_json(gate, "app-context", "list")["app_contexts"]
    assert [context for context in listed if context["id"] == created["id"]][0]["revoked_at"]
    assert name in gate.cli("app-context", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "reasons"),
    [
        (["Not-Lower"], ["'N'", "AppContext"]),
        (["ac_something"], ["form of an id"]),
        (["plain", "--allow-model", "gpt-[45]"], ["gpt-[45]", "character 5", "(a|b)"]),
        (["plain", "--allow-model", "gpt-4o,o3"], ["comma"]),
        (["plain", "--allow-model", ""], ["empty"]),
        (["plain", "--provider-key", "nobodys"], ["[provider_keys.nobodys]"]),
    ],
)
def test_what_an_app_context_cannot_be_is_refused_with_the_reason(sqlite_gate, arguments, reasons):
    line = refused(sqlite_gate, "app-context", "create", *arguments)
    assert all(reason in line for reason in reasons), line


def test_an_app_contexts_name_is_taken_once(sqlite_gate):
    name = fresh()
    sqlite_gate.cli("app-context", "create", name)
    assert "taken" in refused(sqlite_gate, "app-context", "create", name)
    assert "nothing" in refused(sqlite_gate, "app-context", "set", name)
    assert "app-context list" in refused(sqlite_gate, "app-context", "show", "no-such-context")


def test_a_provider_key_is_named_and_never_shown(start_gate, tmp_path):
    path = tmp_path / "team-a.key"
    path.write_text("sk-the-teams-own-key\n")
    gate = start_gate(started=False, PROVIDER_KEYS__TEAM_A__FILE=str(path))
    gate.cli("app-context", "create", "web", "--provider-key", "team_a")
    shown = gate.cli("app-context", "show", "web", "--json").stdout
    assert json.loads(shown)["provider_key"] == "team_a"
    assert "sk-the-teams-own-key" not in shown
    assert "team_a" in refused(gate, "app-context", "set", "web", "--provider-key", "team_b")
    assert cli_json(gate, "app-context", "set", "web", "--no-provider-key")["provider_key"] is None


# Detection keys on the command line


def test_a_key_is_shown_once_and_listed_by_its_end(gate, caller):
    agent, context = caller
    created = cli_json(gate, "key", "create", "--app-context", context, "--agent", agent)
    assert set(created) == {"id", "key"}
    assert re.fullmatch(r"key_[0-9a-z]{16}", created["id"])
    assert re.fullmatch(r"detect_live_[A-Za-z0-9_-]{43}", created["key"])

    listed = cli_json(gate, "key", "list", "--app-context", context)["keys"]
    assert [key["id"] for key in listed] == [created["id"]]
    shown = listed[0]
    assert (shown["agent"], shown["app_context"], shown["state"]) == (agent, context, "active")
    assert shown["last4"] == created["key"][-4:]
    assert shown["expires_at"] is None
    for arguments in [["key", "list"], ["key", "list", "--json"], ["key", "revoke", created["id"]]]:
        printed = gate.cli(*arguments).stdout
        assert created["id"] in printed
        assert created["key"] not in printed
    assert created["key"] not in gate.log


def test_a_key_can_be_written_into_a_private_file(sqlite_gate):
    agent, context = fresh("agent"), fresh("context")
    sqlite_gate.cli("agent", "create", agent, "--role", "developer")
    sqlite_gate.cli("app-context", "create", context)
    path = sqlite_gate.home / f"{context}.json"
    arguments = ["key", "create", "--app-context", context, "--agent", agent, "--out"]
    printed = sqlite_gate.cli(*arguments, str(path)).stdout
    kept = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(kept) == {"id", "key"}
    assert kept["key"] not in printed and str(path) in printed
    assert "/nowhere" in refused(sqlite_gate, *arguments, "/nowhere/key.json")
    assert len(cli_json(sqlite_gate, "key", "list", "--app-context", context)["keys"]) == 1


def test_a_key_expires_and_is_revoked(gate, caller):
    agent, context = caller
    made = ["key", "create", "--app-context", context, "--agent", agent]
    key_id = cli_json(gate, *made, "--expires-in", "90d")["id"]

    def the_key():
        return cli_json(gate, "key", "list", "--app-context", context)["keys"][0]

    first = the_key()
    assert (first["state"], first["created_at"] < first["expires_at"]) == ("active", True)
    sooner = cli_json(gate, "key", "expire", key_id, "--in", "7d")
    assert sooner["expires_at"] < first["expires_at"] and sooner["state"] == "active"
    assert cli_json(gate, "key", "expire", key_id, "--now")["state"] == "expired"
    assert the_key()["state"] == "expired"
    assert cli_json(gate, "key", "revoke", key_id)["state"] == "revoked"
    assert "revoked" in refused(gate, "key", "expire", key_id, "--in", "7d")
    assert the_key()["state"] == "revoked"


def test_what_is_said_of_a_key_counts_within_a_second(gate, caller):
    agent, context = caller
    created = cli_json(gate, "key", "create", "--app-context", context, "--agent", agent)
    headers = {"X-Detection-Key": created["key"], "Authorization": f"Bearer {PROVIDER_KEY}"}

    def status():
        return httpx.post(f"{gate.url}/v1/chat/completions", headers=headers, json=chat(model="gpt-4o")).status_code

    def becomes(expected, what):
        eventually(lambda: status() == expected, within=PROMPTLY, what=what, may_cut=True)

    becomes(200, "the key")
    gate.cli("key", "expire", created["id"], "--now")
    becomes(401, "its end")
    gate.cli("key", "expire", created["id"], "--in", "1h")
    gate.cli("app-context", "set", context, "--allow-model", "o3")
    becomes(403, "the AppContext's new models")
    gate.cli("app-context", "set", context, "--allow-all-models")
    becomes(200, "the AppContext's old models")
    gate.cli("key", "revoke", created["id"])
    becomes(401, "the revocation")


def test_no_key_is_made_for_what_is_unknown_or_revoked(gate, caller):
    agent, context = caller
    assert "no-such" in refused(gate, "key", "create", "--app-context", "no-such", "--agent", agent)
    assert "no-such" in refused(gate, "key", "create", "--app-context", context, "--agent", "no-such")
    assert "key list" in refused(gate, "key", "revoke", "key_0000000000000000")
    gate.cli("app-context", "revoke", context)
    assert "revoked" in refused(gate, "key", "create", "--app-context", context, "--agent", agent)
    other = fresh()
    gate.cli("app-context", "create", other)
    gate.cli("agent", "revoke", agent)
    assert "revoked" in refused(gate, "key", "create", "--app-context", other, "--agent", agent)


@pytest.mark.parametrize("time_", ["90", "0d", "-1d", "1.5h", "1y", "d", "", "3651d", "1h30m"])
def test_a_length_of_time_that_cannot_be_read_is_wrong_usage(sqlite_gate, time_):
    for arguments in [
        ["key", "create", "--app-context", "x", "--agent", "y", f"--expires-in={time_}"],
        ["key", "expire", "key_0000000000000000", f"--in={time_}"],
    ]:
        done = sqlite_gate.cli(*arguments, check=False)
        assert done.returncode == 2
        assert "such as 90d" in done.stderr


def test_a_key_ends_now_or_later_but_one_of_the_two(sqlite_gate):
    for arguments in [[], ["--now", "--in", "7d"]]:
        assert sqlite_gate.cli("key", "expire", "key_0", *arguments, check=False).returncode == 2


# Agents' limits, identities and sessions


def test_an_agents_limits_are_set_shown_and_lifted(gate):
    name = fresh()
    gate.cli("agent", "create", name, "--role", "developer", "--requests-per-minute", "60")
    assert cli_json(gate, "agent", "show", name)["limits"] == {**NO_LIMITS, "requests_per_minute": 60}
    assert "60 requests per minute" in gate.cli("agent", "show", name).stdout
    arguments = ["--no-limits", "--concurrent-streams", "3"]
    changed = cli_json(gate, "agent", "set-limits", name, *arguments)
    assert changed["limits"] == {**NO_LIMITS, "concurrent_streams": 3}
    assert "nothing" in refused(gate, "agent", "set-limits", name)
    for wrong in ["-1", "many", "4294967296"]:
        done = gate.cli("agent", "set-limits", name, f"--requests-per-minute={wrong}", check=False)
        assert done.returncode == 2


def test_an_external_identity_belongs_to_one_agent_of_a_known_issuer(start_gate):
    gate = start_gate(
        started=False,
        ISSUERS__CORP__ISSUER="https://login.example.com",
        ISSUERS__CORP__AUDIENCE="portcullis",
    )
    known = ["--issuer", "corp", "--subject", "alice@example.com"]
    gate.cli("agent", "create", "alice", "--role", "developer", *known)
    shown = cli_json(gate, "agent", "show", "alice")
    assert shown["identity"] == {"issuer": "corp", "subject": "alice@example.com"}
    assert "alice@example.com at corp" in gate.cli("agent", "show", "alice").stdout
    assert "taken" in refused(gate, "agent", "create", "bob", "--role", "developer", *known)
    unknown = ["--issuer", "partner", "--subject", "bob"]
    line = refused(gate, "agent", "create", "bob", "--role", "developer", *unknown)
    assert "[issuers.partner]" in line and "corp" in line
    done = gate.cli("agent", "create", "bob", "--role", "developer", "--issuer", "corp", check=False)
    assert done.returncode == 2, "an issuer without a subject"


def test_a_revoked_sessions_token_stops_working_within_a_second(gate):
    agent = gate.create_agent()
    other = gate.fetch_token(agent)
    session = jwt.decode(agent.token, options={"verify_signature": False})["jti"]
    assert gate.call(agent).status_code == 200
    done = cli_json(gate, "agent", "revoke-session", agent.name, session)
    assert done["session_id"] == session and done["revoked_until"]
    eventually(lambda: gate.call(agent).status_code == 401, within=PROMPTLY, what="the session's end", may_cut=True)
    agent.token = other
    assert gate.call(agent).status_code == 200, "the agent's other sessions go on"


def test_the_session_of_a_key_is_ended_by_revoking_the_key(gate, caller):
    agent, context = caller
    key_id = cli_json(gate, "key", "create", "--app-context", context, "--agent", agent)["id"]
    assert f"key revoke {key_id}" in refused(gate, "agent", "revoke-session", agent, key_id)


# Signing keys


def test_a_rotated_key_signs_and_the_old_one_still_verifies(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    old = jwt.get_unverified_header(agent.token)["kid"]
    rotated = cli_json(gate, "keys", "rotate")
    assert rotated["retired"] == [old] and rotated["kid"] != old

    def published():
        return {key["kid"] for key in httpx.get(f"{gate.url}/.well-known/jwks.json").json()["keys"]}

    eventually(lambda: published() == {old, rotated["kid"]}, within=PROMPTLY, what="both keys in the key set")
    assert gate.call(agent).status_code == 200, "a token of the old key is still good"
    fresh_token = gate.fetch_token(agent)
    assert jwt.get_unverified_header(fresh_token)["kid"] == rotated["kid"]
    listed = {key["kid"]: key for key in cli_json(gate, "keys", "list")["keys"]}
    assert listed[rotated["kid"]]["signs"] and listed[rotated["kid"]]["verify_until"] is None
    assert not listed[old]["signs"] and listed[old]["verify_until"] == rotated["verify_until"]
    files = list((gate.data_dir / "keys").iterdir())
    assert len(files) == 1 and files[0].stat().st_mode & 0o777 == 0o600

    gate.stop()
    gate.start()
    assert gate.call(agent).status_code == 200, "after a restart too"
    assert jwt.get_unverified_header(gate.fetch_token(agent))["kid"] == rotated["kid"]


def test_a_rotation_where_no_gateway_has_run_is_warned_of(start_gate):
    gate = start_gate(started=False)
    done = gate.cli("keys", "rotate", "--json")
    assert json.loads(done.stdout)["retired"] == []
    assert str(gate.data_dir) in done.stderr
    assert gate.cli("keys", "rotate", "--json").stderr == ""
    assert len(list((gate.data_dir / "keys").iterdir())) == 1


# The same over HTTP


def test_agents_are_administered_over_http(gate):
    name = fresh()
    with gate.admin() as admin:
        body = {"name": name, "roles": ["developer"], "limits": {"requests_per_minute": 5}}
        created = admin.post("/api/v1/agents", json=body)
        assert created.status_code == 201, created.text
        assert created.headers["cache-control"] == "no-store"
        assert set(created.json()) == {"agent_id", "client_id", "client_secret"}
        path = f"/api/v1/agents/{created.json()['agent_id']}"
        shown = admin.get(path).json()
        assert shown == cli_json(gate, "agent", "show", name)
        assert (shown["agent_type"], shown["limits"]["requests_per_minute"]) == ("interactive", 5)
        changed = admin.patch(path, json={"roles": ["reader"], "limits": {"requests_per_minute": None}}).json()
        assert (changed["roles"], changed["limits"]) == (["reader"], NO_LIMITS)
        rotated = admin.post(f"{path}/rotate-secret").json()
        assert rotated["client_secret"] != created.json()["client_secret"]
        assert admin.post(f"{path}/suspend").json()["status"] == "suspended"
        assert admin.post(f"{path}/resume").json()["status"] == "active"
        assert admin.post(f"{path}/revoke").json()["status"] == "revoked"
        problem(admin.post(f"{path}/resume"), 409, "revoked")
        listed = admin.get("/api/v1/agents")
        assert name in listed.text
        for secret in (created.json()["client_secret"], rotated["client_secret"]):
            assert secret not in listed.text and secret not in admin.get(path).text


def test_app_contexts_and_keys_are_administered_over_http(gate, caller):
    agent, _ = caller
    name = fresh()
    with gate.admin() as admin:
        created = admin.post("/api/v1/app-contexts", json={"name": name, "allowed_models": ["gpt-4o*"]})
        assert created.status_code == 201, created.text
        assert created.json() == cli_json(gate, "app-context", "show", name)
        path = f"/api/v1/app-contexts/{created.json()['id']}"
        changed = admin.patch(path, json={"allowed_models": [], "limits": {"monthly_requests": 7}}).json()
        assert (changed["allowed_models"], changed["limits"]["monthly_requests"]) == ([], 7)
        assert admin.get(path).json() == changed == admin.get(f"/api/v1/app-contexts/{name}").json()

        made = admin.post("/api/v1/keys", json={"app_context": name, "agent": agent, "expires_in": "90d"})
        assert made.status_code == 201 and set(made.json()) == {"id", "key"}
        assert made.headers["cache-control"] == "no-store"
        key = f"/api/v1/keys/{made.json()['id']}"
        listed = admin.get("/api/v1/keys", params={"app_context": name})
        assert [it["state"] for it in listed.json()["keys"]] == ["active"]
        assert made.json()["key"] not in admin.get("/api/v1/keys").text
        assert admin.post(f"{key}/expire", json={"in": "7d"}).json()["state"] == "active"
        assert admin.post(f"{key}/expire", json={"now": True}).json()["state"] == "expired"
        problem(admin.post(f"{key}/expire", json={}), 400, "invalid_request_error")
        assert admin.post(f"{key}/revoke").json()["state"] == "revoked"
        problem(admin.post(f"{key}/expire", json={"now": True}), 409, "revoked")
        assert admin.post(f"{path}/revoke").json()["revoked_at"]
        problem(admin.post("/api/v1/keys", json={"app_context": name, "agent": agent}), 409, "revoked")


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "reason"),
    [
        ("/api/v1/app-contexts", {"name": "x", "colour": "red"}, 400, "invalid_request_error", "colour"),
        ("/api/v1/app-contexts", {}, 400, "invalid_request_error", "name"),
        ("/api/v1/app-contexts", {"name": "X"}, 400, "invalid_request_error", "'X'"),
        ("/api/v1/app-contexts", {"name": "ac_x"}, 409, "name_conflict", "id"),
        (
            "/api/v1/app-contexts",
            {"name": "x", "allowed_models": ["a|b"]},
            400, "invalid_request_error", "character 2",
        ),
        (
            "/api/v1/app-contexts",
            {"name": "x", "limits": {"requests_per_hour": 1}},
            400, "invalid_request_error", "requests_per_hour",
        ),
        (
            "/api/v1/app-contexts",
            {"name": "x", "provider_key": "nobodys"},
            400, "invalid_request_error", "provider_keys.nobodys",
        ),
        ("/api/v1/agents", {"name": "x"}, 400, "invalid_request_error", "roles"),
        ("/api/v1/agents", {"name": "developer", "roles": []}, 409, "name_conflict", "role"),
        (
            "/api/v1/agents",
            {"name": "x", "roles": [], "identity": {"issuer": "nobody", "subject": "x"}},
            400, "invalid_request_error", "issuers.nobody",
        ),
        ("/api/v1/keys", {"app_context": "nothing", "agent": "nobody"}, 404, "not_found", "nothing"),
        (
            "/api/v1/keys",
            {"app_context": "x", "agent": "x", "expires_in": "1y"},
            400, "invalid_request_error", "such as 90d",
        ),
        ("/api/v1/keys", {"app_context": "x", "agent": "x", "expires_in": 90}, 400, "invalid_request_error", "90"),
        ("/api/v1/keys/key_0/expire", {"now": True}, 404, "not_found", "key_0"),
    ],
)
def test_a_wrong_request_names_what_is_wrong(sqlite_gate, path, body, status, code, reason):
    with sqlite_gate.admin() as admin:
        assert reason in problem(admin.post(path, json=body), status, code)


def test_a_body_that_is_no_json_and_a_query_that_is_unknown_are_refused(sqlite_gate):
    with sqlite_gate.admin() as admin:
        problem(admin.post("/api/v1/keys", content=b"{", headers={"content-type": "application/json"}), 400,
                "invalid_request_error")
        problem(admin.post("/api/v1/keys", content=b"{}"), 415, "unsupported_media_type")
        problem(admin.post("/api/v1/keys", json={"agent": "x" * 70_000}), 413, "request_too_large")
        problem(admin.get("/api/v1/keys", params={"colour": "red"}), 400, "invalid_request_error")
        problem(admin.get("/api/v1/agents/nobody"), 404, "not_found")
        problem(admin.patch("/api/v1/agents/nobody", json={"limits": {"monthly_requests": 1}}), 404, "not_found")


def test_nothing_is_administered_without_a_session_nor_by_a_foreign_page(sqlite_gate):
    name = fresh()
    body = {"name": name}
    contexts = f"{sqlite_gate.url}/api/v1/app-contexts"
    for reply in [httpx.get(contexts), httpx.post(contexts, json=body), httpx.post(contexts, content=b"{")]:
        problem(reply, 401, "unauthorized")
    cookies = {COOKIE: sqlite_gate.sign_in().cookies[COOKIE]}
    problem(httpx.post(contexts, json=body, cookies=cookies), 403, "csrf_header_missing")
    assert httpx.post(contexts, json=body, cookies=cookies, headers=CSRF).status_code == 201
    assert httpx.get(contexts, cookies=cookies).status_code == 200


def test_help_shows_an_example_for_every_command(sqlite_gate):
    commands = {
        "app-context": ["create", "list", "show", "set", "revoke"],
        "key": ["create", "list", "revoke", "expire"],
        "keys": ["list", "rotate"],
        "agent": ["set-limits", "revoke-session"],
    }
    for group, names in commands.items():
        for name in names:
            assert "example" in sqlite_gate.cli(group, name, "--help").stdout.lower(), (group, name)
