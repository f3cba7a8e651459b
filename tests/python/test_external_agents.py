"""What an agent that an issuer outside vouches for is called, and what no name may bring it; and what clients are told.

Which tokens are believed is in test_external_issuers.py.
"""

import httpx
import pytest

from callers import check_refused, create_context, create_key, present, show
from gateway import POLICY, PROMPTLY, eventually
from issuer import Issuer, document, slowly, status

ADMINS = """
p,  corp.admins, o3-*, allow
p,  corp.banned, gpt-4o, deny
"""
TOKEN = "/api/v1/auth/token"
REVOKE = "/api/v1/auth/revoke"
METADATA = "/.well-known/oauth-authorization-server"


@pytest.fixture
def corp():
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def scene(start_gate, corp):
    """A server that registers whomever `corp` vouches for, under a policy that speaks of such names."""
    settings = corp.settings(
        "corp", unknown_agents="create", role_map="dev=developer, ops=corp.ops", agent_type="interactive"
    )
    return start_gate(policy=POLICY + ADMINS, **settings)


def names(gate):
    with gate.admin() as admin:
        return {agent["name"] for agent in admin.get("/api/v1/agents").json()["agents"]}


def name_of(gate, subject):
    """The one agent's name that the subject gave."""
    found = [name for name in names(gate) if name.startswith(f"corp.{subject}")]
    assert len(found) == 1, found
    return found[0]


def test_a_subject_gets_nothing_that_the_policy_grants_to_its_name(scene, corp):
    token = corp.token("admins", roles=["dev"])
    check_refused(present(scene, token, model="o3-mini"), 403, "model_not_allowed")
    assert present(scene, token).status_code == 200
    assert name_of(scene, "admins").startswith("corp.admins-")


def test_a_name_that_is_denied_something_is_no_way_around_it(scene, corp):
    check_refused(present(scene, corp.token("banned", roles=["dev"])), 403, "model_not_allowed")
    assert name_of(scene, "banned") == "corp.banned"


def test_a_subject_gets_no_name_that_is_a_role(scene, corp):
    scene.create_agent("developer", "corp.staff", name="holder")
    for subject in ["staff", "ops"]:
        assert present(scene, corp.token(subject, roles=["dev"])).status_code == 200
        assert name_of(scene, subject).startswith(f"corp.{subject}-")


def test_a_subject_whose_name_is_taken_gets_another_one(scene, corp):
    scene.create_agent(name="corp.alice")
    for _ in range(2):
        assert present(scene, corp.token("alice", roles=["dev"])).status_code == 200
    found = {name for name in names(scene) if name.startswith("corp.alice")}
    assert "corp.alice" in found and len(found) == 2, found


def test_a_server_that_has_neither_keys_nor_agent_yet_gets_both(scene, corp):
    corp.answers = {path: slowly(0.5, document(it)) for path, it in corp.documents().items()}
    scene.stop()
    scene.start()
    assert present(scene, corp.token("newcomer", roles=["dev"])).status_code == 200


def test_a_call_that_the_app_context_refuses_costs_the_agent_nothing(sqlite_gate):
    agent = sqlite_gate.create_agent()
    sqlite_gate.cli("agent", "set-limits", agent.name, "--monthly-requests", "4")
    context = create_context(sqlite_gate, "--monthly-requests", "1")
    key = create_key(sqlite_gate, agent, context)["key"]
    assert [show(sqlite_gate, key).status_code for _ in range(4)] == [200, 429, 429, 429]
    assert [present(sqlite_gate, agent.token).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_metadata_name_the_host_that_was_asked_and_are_not_kept(sqlite_gate):
    forged = {"Host": "gate.example:8080", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    for proto, scheme in [("https", "https"), ("http", "http"), ("gopher", "http"), ("https,http", "http")]:
        headers = {**forged, "X-Forwarded-Proto": proto}
        reply = httpx.get(sqlite_gate.url + METADATA, headers=headers, timeout=5)
        assert reply.json()["token_endpoint"] == f"{scheme}://gate.example:8080{TOKEN}", proto
        assert reply.headers["cache-control"] == "no-store"
        assert "host" in reply.headers["vary"].lower()


def test_metadata_name_the_public_url_where_there_is_one(start_gate):
    gate = start_gate(SERVER__PUBLIC_URL="https://gate.example")
    reply = httpx.get(gate.url + METADATA, headers={"Host": "evil.example"}, timeout=5)
    assert reply.json()["jwks_uri"] == "https://gate.example/.well-known/jwks.json"
    assert "evil" not in reply.text


@pytest.mark.parametrize("path", [TOKEN, REVOKE])
def test_two_authorization_headers_are_400(sqlite_gate, path):
    agent = sqlite_gate.create_agent()
    basic = httpx.BasicAuth(agent.client_id, agent.client_secret)._auth_header
    headers = [("Authorization", basic), ("Authorization", "Basic eDp5")]
    form = {"grant_type": "client_credentials", "token": "x"}
    reply = httpx.post(sqlite_gate.url + path, headers=headers, data=form, timeout=5)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request"), reply.text
    assert reply.headers["cache-control"] == "no-store"


def test_an_issuer_that_does_not_answer_holds_up_no_other(start_gate, corp):
    silent = Issuer()
    silent.answers = dict.fromkeys(silent.documents(), slowly(8, status(503)))
    try:
        # Issuers are kept in the order of their names.
        start_gate(**silent.settings("a"), **corp.settings("b"))
        eventually(lambda: corp.fetches, within=PROMPTLY, what="the fetch of the other issuer's keys")
    finally:
        silent.stop()
