"""Provisioning an agent and fetching its token: the reference page's steps 1 and 2."""

import json
import secrets
import statistics
import time
import uuid

import httpx
import jwt
import pytest

from gateway import PROMPTLY, eventually

TOKEN_PATH = "/api/v1/auth/token"


def published_key(gate, token):
    """The key of the server's key set that signed a token."""
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{gate.url}/.well-known/jwks.json").json())
    return keys[jwt.get_unverified_header(token)["kid"]]


def test_agent_create_writes_the_credentials_into_a_private_file(gate):
    path = gate.home / "credentials" / f"{secrets.token_hex(4)}.json"
    path.parent.mkdir(exist_ok=True)
    gate.cli("agent", "create", f"filed-{path.stem}", "--role", "developer", "--out", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    credentials = json.loads(path.read_text())
    assert set(credentials) >= {"client_id", "client_secret"}
    body = {**credentials, "grant_type": "client_credentials"}
    time.sleep(1)
    assert httpx.post(gate.url + TOKEN_PATH, json=body).status_code == 200


def test_a_file_that_existed_becomes_private_too(sqlite_gate):
    path = sqlite_gate.home / "existing.json"
    path.write_text("old")
    path.chmod(0o644)
    sqlite_gate.cli("agent", "create", f"again-{secrets.token_hex(4)}", "--role", "developer", "--out", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert "client_secret" in json.loads(path.read_text())


def test_credentials_that_cannot_be_written_leave_no_agent_behind(sqlite_gate):
    name = f"lost-{secrets.token_hex(4)}"
    done = sqlite_gate.cli("agent", "create", name, "--role", "developer", "--out", "/nowhere/at/all.json", check=False)
    assert done.returncode == 1
    assert sqlite_gate.cli("agent", "show", name, check=False).returncode == 1


def test_a_folder_is_no_file_for_credentials(sqlite_gate):
    for folder in [str(sqlite_gate.home), f"{sqlite_gate.home}/missing/"]:
        name = f"lost-{secrets.token_hex(4)}"
        done = sqlite_gate.cli("agent", "create", name, "--role", "developer", "--out", folder, check=False)
        assert done.returncode == 1
        assert folder in done.stderr
        assert sqlite_gate.cli("agent", "show", name, check=False).returncode == 1


def test_agent_create_json_prints_one_object_with_ids_and_secret(gate):
    done = gate.cli("agent", "create", f"json-{secrets.token_hex(4)}", "--role", "developer", "--json")
    created = json.loads(done.stdout)
    assert set(created) == {"agent_id", "client_id", "client_secret"}
    assert uuid.UUID(created["agent_id"])
    assert len(created["client_secret"]) >= 43, "256 random bits need at least 43 characters"


def test_an_agents_name_is_taken_once_and_is_no_role(sqlite_gate):
    agent = sqlite_gate.create_agent()
    for name in [agent.name, "developer", "Not A Name", "-x"]:
        done = sqlite_gate.cli("agent", "create", "--role", "developer", "--", name, check=False)
        assert done.returncode in (1, 2), name
        assert done.stderr.strip(), name


def test_the_pages_json_body_gets_the_pages_reply(gate, agent_of):
    agent = agent_of(gate)
    reply = gate.ask_token(agent)
    assert reply.status_code == 200
    body = reply.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 3600
    assert body["agent_id"] == agent.agent_id
    assert body["risk_tier"] in ("low", "medium", "high", "critical")
    assert "no-store" in reply.headers["cache-control"]


def test_a_form_and_basic_client_authentication_get_a_token_too(gate, agent_of):
    agent = agent_of(gate)
    form = {"grant_type": "client_credentials", "client_id": agent.client_id, "client_secret": agent.client_secret}
    assert httpx.post(gate.url + TOKEN_PATH, data=form).status_code == 200
    basic = httpx.post(
        gate.url + TOKEN_PATH,
        data={"grant_type": "client_credentials"},
        auth=(agent.client_id, agent.client_secret),
    )
    assert basic.status_code == 200
    assert basic.json()["access_token"]


def test_a_token_verifies_against_the_published_keys_and_says_who_it_is(gate, agent_of):
    agent = agent_of(gate)
    token = gate.fetch_token(agent)
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "RS256"
    assert header["typ"] == "at+jwt"
    claims = jwt.decode(token, published_key(gate, token).key, algorithms=["RS256"], audience="portcullis")
    assert claims["sub"] == agent.agent_id
    assert claims["client_id"] == agent.client_id
    assert claims["roles"] == ["developer"]
    assert set(claims["permissions"]) == {"web:read", "web:write"}
    assert claims["risk_tier"] in ("low", "medium", "high", "critical")
    assert claims["jti"] and claims["iss"]
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - time.time()) < 60


def test_every_token_is_a_session_of_its_own(gate, agent_of):
    agent = agent_of(gate)
    ids = {jwt.decode(gate.fetch_token(agent), options={"verify_signature": False})["jti"] for _ in range(3)}
    assert len(ids) == 3


def test_the_key_set_holds_no_private_part(sqlite_gate):
    keys = httpx.get(f"{sqlite_gate.url}/.well-known/jwks.json").json()["keys"]
    assert keys
    for key in keys:
        assert key["kty"] == "RSA" and key["use"] == "sig" and key["kid"]
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


def test_wrong_credentials_are_invalid_client_whoever_asks(gate, agent_of):
    agent = agent_of(gate)
    wrong = {"client_id": agent.client_id, "client_secret": "wrong", "grant_type": "client_credentials"}
    unknown = {**wrong, "client_id": "nobody"}
    replies = [httpx.post(gate.url + TOKEN_PATH, json=body) for body in (wrong, unknown)]
    for reply in replies:
        assert reply.status_code == 401
        assert reply.json()["error"] == "invalid_client"
        assert "no-store" in reply.headers["cache-control"]
    assert replies[0].json() == replies[1].json(), "the answer must not tell whether the client exists"


def test_a_failed_basic_authentication_names_the_scheme(sqlite_gate, agent_of):
    agent = agent_of(sqlite_gate)
    form = {"grant_type": "client_credentials"}
    reply = httpx.post(sqlite_gate.url + TOKEN_PATH, data=form, auth=(agent.client_id, "wrong"))
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].lower().startswith("basic")


def test_a_wrong_secret_and_an_unknown_client_take_the_same_time(sqlite_gate, agent_of):
    agent = agent_of(sqlite_gate)

    def seconds(client_id, client):
        body = {"client_id": client_id, "client_secret": "wrong", "grant_type": "client_credentials"}
        started = time.perf_counter()
        client.post(sqlite_gate.url + TOKEN_PATH, json=body)
        return time.perf_counter() - started

    wrong, unknown = [], []
    with httpx.Client() as client:
        for _ in range(25):
            wrong.append(seconds(agent.client_id, client))
            unknown.append(seconds("nobody-at-all", client))
    difference = abs(statistics.median(wrong) - statistics.median(unknown))
    assert difference < 0.02, f"medians differ by {difference * 1000:.1f} ms"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"client_id": None}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
    ],
)
@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_wrong_request_gets_the_error_of_rfc_6749(sqlite_gate, agent_of, change, error, kind):
    agent = agent_of(sqlite_gate)
    body = {
        "grant_type": "client_credentials",
        "client_id": agent.client_id,
        "client_secret": agent.client_secret,
        **change,
    }
    body = {name: value for name, value in body.items() if value is not None}
    reply = httpx.post(sqlite_gate.url + TOKEN_PATH, **{kind: body})
    # A missing half of the credentials may be called either way.
    assert reply.json()["error"] in {error, "invalid_request"} if error == "invalid_client" else {error}
    assert reply.status_code == (401 if reply.json()["error"] == "invalid_client" else 400)
    assert agent.client_secret not in reply.text


def test_a_body_that_is_no_token_request_is_invalid_request(sqlite_gate):
    for content, content_type in [(b"{", "application/json"), (b"hello", "text/plain"), (b"[]", "application/json")]:
        reply = httpx.post(sqlite_gate.url + TOKEN_PATH, content=content, headers={"content-type": content_type})
        assert reply.status_code in (400, 415), content
        assert reply.json()["error"] == "invalid_request", content


def test_a_token_request_that_is_too_long_is_invalid_request(sqlite_gate):
    reply = httpx.post(sqlite_gate.url + TOKEN_PATH, data={"grant_type": "x" * 20_000})
    assert reply.status_code == 413
    assert reply.json()["error"] == "invalid_request"
    assert "no-store" in reply.headers["cache-control"]


def test_a_suspended_agent_gets_no_token_and_its_token_no_answer_within_a_second(gate):
    agent = gate.create_agent()
    assert gate.call(agent).status_code == 200
    gate.cli("agent", "suspend", agent.name)
    eventually(lambda: gate.call(agent).status_code == 403, within=PROMPTLY, what="the suspension", may_cut=True)
    refused = gate.call(agent)
    assert refused.json()["error"]["code"] == "agent_suspended"
    assert refused.headers["x-should-retry"] == "false"
    assert gate.ask_token(agent).status_code == 403
    gate.cli("agent", "resume", agent.name)
    eventually(lambda: gate.call(agent).status_code == 200, within=PROMPTLY, what="the agent's return")


def test_a_rotated_secret_replaces_the_old_one(sqlite_gate):
    agent = sqlite_gate.create_agent()
    rotated = json.loads(sqlite_gate.cli("agent", "rotate-secret", agent.name, "--json").stdout)
    eventually(lambda: sqlite_gate.ask_token(agent).status_code == 401, within=PROMPTLY, what="the old secret's end")
    agent.client_secret = rotated["client_secret"]
    assert sqlite_gate.ask_token(agent).status_code == 200


def test_a_revoked_agent_is_refused_for_good(sqlite_gate):
    agent = sqlite_gate.create_agent()
    sqlite_gate.cli("agent", "revoke", agent.name)
    eventually(lambda: sqlite_gate.call(agent).status_code == 403, within=PROMPTLY, what="the revocation", may_cut=True)
    assert sqlite_gate.call(agent).json()["error"]["code"] == "agent_revoked"
    assert sqlite_gate.cli("agent", "resume", agent.name, check=False).returncode == 1
