"""Tokens revoked by their own clients (RFC 7009), the metadata that says where (RFC 8414), and what ends open streams.

Whatever takes a caller's right to call does so within a second, on every worker, and for calls that are under way.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from callers import (
    OpenStream,
    check_refused,
    client,
    create_context,
    create_key,
    key_headers,
    present,
    show,
)
from gateway import AGENT_PATH, PROMPTLY, Gateway, chat, eventually

REVOKE = "/api/v1/auth/revoke"

# A provider that never ends its answer: events as fast as they are taken, or one now and then, or none any more.
ENDLESS = {"do": "endless"}
SLOW = {"pause_ms": 100, "chunks": 10_000, "text": "x" * 10_000}
SILENT = {"do": "stall", "after": 3}


@pytest.fixture(scope="module")
def wide(tmp_path_factory, upstream):
    """A server with four workers."""
    gate = Gateway(tmp_path_factory.mktemp("wide"), upstream.base_url, PORTCULLIS_SERVER__WORKERS="4")
    yield gate.start()
    gate.stop()


def revoke(gate, agent, token=None, **more):
    """The token's own client revokes it."""
    fields = {"client_id": agent.client_id, "client_secret": agent.client_secret, "token": token or agent.token}
    return httpx.post(gate.url + REVOKE, data={**fields, **more}, timeout=10)


# Revocation


def in_a_form(gate, agent):
    return revoke(gate, agent, token_type_hint="access_token")


def in_json(gate, agent):
    fields = {"client_id": agent.client_id, "client_secret": agent.client_secret, "token": agent.token}
    return httpx.post(gate.url + REVOKE, json=fields, timeout=10)


def with_basic(gate, agent):
    auth = (agent.client_id, agent.client_secret)
    return httpx.post(gate.url + REVOKE, data={"token": agent.token}, auth=auth, timeout=10)


@pytest.mark.parametrize("way", [in_a_form, in_json, with_basic], ids=lambda way: way.__name__)
def test_a_revoked_token_is_refused_on_every_connection(wide, way):
    agent = wide.create_agent()
    other = wide.fetch_token(agent)
    clients = [client() for _ in range(16)]

    def call(http, token=agent.token):
        headers = {**wide.headers(agent), "Authorization": f"Bearer {token}"}
        return http.post(f"{wide.url}{AGENT_PATH}/chat/completions", headers=headers, json=chat()).status_code

    with ThreadPoolExecutor(len(clients)) as pool:
        # Every worker has verified the token, and remembers it.
        assert set(pool.map(call, clients)) == {200}
        revoked = way(wide, agent)
        assert (revoked.status_code, revoked.content) == (200, b""), revoked.text
        assert "no-store" in revoked.headers["cache-control"]
        eventually(lambda: set(pool.map(call, clients)) == {401}, within=PROMPTLY, what="the revocation", may_cut=True)
    check_refused(present(wide, agent.token), 401, "invalid_agent_token")
    assert call(clients[0], other) == 200, "another session of the same agent goes on"
    for http in clients:
        http.close()


def test_a_revocation_outlives_the_server(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    assert revoke(gate, agent).status_code == 200
    gate.stop()
    gate.start()
    check_refused(present(gate, agent.token), 401, "invalid_agent_token")
    assert present(gate, gate.fetch_token(agent)).status_code == 200


def test_a_client_cannot_revoke_anothers_token(wide):
    agent, other = wide.create_agent(), wide.create_agent()
    refused = revoke(wide, other, agent.token)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert present(wide, agent.token).status_code == 200


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "x" * 5_000, "detect_live_x"], ids=lambda token: token[:15])
def test_a_token_that_is_none_is_as_good_as_revoked(wide, token):
    assert revoke(wide, wide.create_agent(), token).status_code == 200


def test_a_revoked_token_may_be_revoked_again(wide):
    agent = wide.create_agent()
    assert [revoke(wide, agent).status_code for _ in range(3)] == [200] * 3


def test_a_revocation_with_a_wrong_secret_is_401_and_revokes_nothing(wide):
    agent = wide.create_agent()
    for wrong in [{"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_id": "", "client_secret": ""}]:
        refused = revoke(wide, agent, **wrong)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert refused.headers["www-authenticate"].lower().startswith("basic")
    unnamed = httpx.post(wide.url + REVOKE, data={"token": agent.token}, timeout=10)
    assert (unnamed.status_code, unnamed.json()["error"]) == (401, "invalid_client")
    assert present(wide, agent.token).status_code == 200


def test_a_revocation_without_a_token_is_invalid_request(wide):
    agent = wide.create_agent()
    auth = (agent.client_id, agent.client_secret)
    for fields in [{}, {"token_type_hint": "access_token"}]:
        refused = httpx.post(wide.url + REVOKE, data=fields, auth=auth, timeout=10)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert httpx.get(wide.url + REVOKE, timeout=10).status_code in (404, 405)


# Metadata


@pytest.mark.parametrize("public_url", [None, "https://gate.example.com/"])
def test_the_metadata_says_where_everything_is(wide, start_gate, public_url):
    gate = start_gate(SERVER__PUBLIC_URL=public_url) if public_url else wide
    base = "https://gate.example.com" if public_url else gate.url
    reply = httpx.get(f"{gate.url}/.well-known/oauth-authorization-server", timeout=10)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("application/json")
    told = reply.json()
    assert told["issuer"] == "portcullis"
    assert told["token_endpoint"] == f"{base}/api/v1/auth/token"
    assert told["revocation_endpoint"] == f"{base}{REVOKE}"
    assert told["jwks_uri"] == f"{base}/.well-known/jwks.json"
    assert told["grant_types_supported"] == ["client_credentials"]
    for endpoint in ["token", "revocation"]:
        ways = told[f"{endpoint}_endpoint_auth_methods_supported"]
        assert set(ways) == {"client_secret_basic", "client_secret_post"}
    assert told["response_types_supported"] == []


# Open streams


class Caller:
    """Somebody with an open stream, and what may befall it."""

    def __init__(self, gate, surface="agent"):
        self.gate = gate
        self.agent = gate.create_agent()
        self.surface = surface
        if surface == "agent":
            self.headers = gate.headers(self.agent)
        else:
            self.context = create_context(gate)
            self.key = create_key(gate, self.agent, self.context)
            self.headers = key_headers(self.key["key"])

    def open(self, script, mark=None):
        path = AGENT_PATH if self.surface == "agent" else "/v1"
        return OpenStream(self.gate, self.headers, script, mark, path)

    def call(self):
        if self.surface == "agent":
            return present(self.gate, self.agent.token)
        return show(self.gate, self.key["key"])


ENDS = {
    "suspended": ("agent", "agent_suspended", lambda it: it.gate.cli("agent", "suspend", it.agent.name)),
    "revoked": ("agent", "agent_revoked", lambda it: it.gate.cli("agent", "revoke", it.agent.name)),
    "token-revoked": ("agent", "invalid_agent_token", lambda it: revoke(it.gate, it.agent)),
    "key-revoked": ("key", "invalid_agent_token", lambda it: it.gate.cli("key", "revoke", it.key["id"])),
    "context-revoked": ("key", "invalid_agent_token", lambda it: it.gate.cli("app-context", "revoke", it.context)),
    "key's-agent-suspended": ("key", "agent_suspended", lambda it: it.gate.cli("agent", "suspend", it.agent.name)),
}


def check_ended(stream, upstream, code):
    """One error event with this code, soon; the provider's connection is closed as well."""
    # A debug build under load searches what an endless stream has brought for seconds.
    eventually(lambda: not stream.is_open, within=8, what="the stream's end")
    error = stream.error()
    assert error and error["code"] == code, stream.text[-300:]
    assert set(error) == {"message", "type", "param", "code"}
    assert "[DONE]" not in stream.text
    eventually(lambda: upstream.call_of(stream.mark).hung_up_at, within=PROMPTLY, what="the provider's hang-up")


@pytest.mark.parametrize(
    ("end", "script"),
    [(end, SLOW) for end in ENDS]
    + [(end, script) for end in ("suspended", "token-revoked", "key-revoked") for script in (SILENT, ENDLESS)],
    ids=str,
)
def test_what_ends_a_callers_right_ends_its_stream(wide, upstream, end, script):
    surface, code, befall = ENDS[end]
    caller, bystander = Caller(wide, surface), Caller(wide)
    with caller.open(script) as stream, bystander.open(SLOW) as other:
        befall(caller)
        check_ended(stream, upstream, code)
        seen = len(other.text)
        eventually(lambda: other.is_open and len(other.text) > seen, what="the bystander's next event")
        assert not upstream.call_of(other.mark).hung_up_at
        record = wide.record(caller.agent)
    assert (record["outcome"], record["error_code"]) == ("denied", code)
    assert record["stream"] is True
    assert record["status_code"] == 200, "the head had gone"
    status = 403 if code.startswith("agent_") else 401
    assert caller.call().status_code == status


def test_every_stream_of_a_suspended_agent_ends_and_resuming_lets_the_next_one_in(wide, upstream):
    caller = Caller(wide)
    streams = [caller.open(SLOW).__enter__() for _ in range(12)]
    wide.cli("agent", "suspend", caller.agent.name)
    for stream in streams:
        check_ended(stream, upstream, "agent_suspended")
        stream.close()
    wide.cli("agent", "resume", caller.agent.name)
    eventually(lambda: caller.call().status_code == 200, within=PROMPTLY, what="the resumption")
    with caller.open({"pause_ms": 10}) as stream:
        eventually(lambda: not stream.is_open)
        assert "[DONE]" in stream.text


@pytest.mark.parametrize("end", ["suspended", "token-revoked"])
def test_a_call_that_waits_for_the_provider_ends_too(wide, upstream, end):
    _, code, befall = ENDS[end]
    caller = Caller(wide)
    mark = f"waiting-{end}"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wide.call, caller.agent, mark=mark, script={"do": "stall_head"})
        upstream.call_of(mark)
        befall(caller)
        since = time.monotonic()
        reply = waiting.result(5)
    assert time.monotonic() - since < PROMPTLY
    check_refused(reply, 403 if code == "agent_suspended" else 401, code)
    eventually(lambda: upstream.call_of(mark).hung_up_at, within=PROMPTLY, what="the provider's hang-up")
    assert wide.record(caller.agent)["outcome"] == "denied"


def test_another_session_of_the_agent_keeps_its_stream(wide):
    caller = Caller(wide)
    first = caller.agent.token
    second = wide.fetch_token(caller.agent)
    with OpenStream(wide, {**caller.headers, "Authorization": f"Bearer {second}"}, SLOW) as kept:
        with caller.open(SLOW) as ended:
            assert revoke(wide, caller.agent, first).status_code == 200
            eventually(lambda: not ended.is_open, within=PROMPTLY)
        seen = len(kept.text)
        eventually(lambda: kept.is_open and len(kept.text) > seen, what="the other session's next event")


def test_the_end_of_a_keys_or_a_tokens_time_ends_no_stream(start_gate):
    gate = start_gate(AUTH__TOKEN_TTL_SECS=4)
    caller = Caller(gate)
    with caller.open(SLOW) as stream:
        eventually(lambda: caller.call().status_code == 401, within=8, what="the token's end", may_cut=True)
        seen = len(stream.text)
        eventually(lambda: stream.is_open and len(stream.text) > seen, what="the next event")
