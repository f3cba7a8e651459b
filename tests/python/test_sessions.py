"""Which calls are one session: what they say themselves, or else an agent's calls without a long pause between them."""

import uuid

import pytest

from callers import create_context, create_key, show
from gateway import chat

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = f"00-{TRACE_ID}-b7ad6b7169203331-01"
FRAMEWORKS = [
    "helicone-session-id", "session-id", "session_id", "x-session-affinity", "x-opencode-session", "x-dynamo-session-id",
]  # fmt: skip


def sessions(gate, agent, *calls):
    """The session of each call, of which each is its headers."""
    for headers in calls:
        assert gate.call(agent, body=chat(), **headers).status_code == 200
    return [record["session_id"] for record in gate.records(agent, len(calls))]


def test_a_call_belongs_to_the_session_that_it_names(gate):
    named = {"x-session-id": "support:4711", "traceparent": TRACE, "helicone-session-id": "h-1"}
    traced = {name: named[name] for name in ("traceparent", "helicone-session-id")}
    framework = {"helicone-session-id": "h-1"}
    found = sessions(gate, gate.create_agent(), named, traced, framework)
    assert found == ["support:4711", TRACE_ID, "h-1"]


@pytest.mark.parametrize("header", FRAMEWORKS)
def test_a_frameworks_own_header_names_the_session(sqlite_gate, header):
    assert sessions(sqlite_gate, sqlite_gate.create_agent(), {header: "thread_1"}) == ["thread_1"]


@pytest.mark.parametrize("name", ["", "two words", "x" * 129, "ü"])
def test_what_cannot_be_a_name_is_passed_over(sqlite_gate, name):
    headers = {"x-session-id": name.encode(), "traceparent": TRACE}
    assert sessions(sqlite_gate, sqlite_gate.create_agent(), headers) == [TRACE_ID]


def test_calls_that_name_none_are_one_session_named_after_the_first(gate):
    agent, other = gate.create_agent(), gate.create_agent()
    found = sessions(gate, agent, {}, {"x-session-id": "apart"}, {}, {"traceparent": "00-nonsense"})
    first = gate.records(agent, 4)[0]["id"]
    assert found == [first, "apart", first, first]
    assert uuid.UUID(first).version == 7
    assert sessions(gate, other, {}) != [first]


def test_a_session_goes_on_with_another_token_on_any_worker_and_ends_at_no_denied_call(gate):
    agent = gate.create_agent()
    tokens = [agent.token, *(gate.fetch_token(agent) for _ in range(3))]
    for token in tokens:
        agent.token = token
        gate.call(agent)
        assert gate.call(agent, body=chat(model="o3-mini")).status_code == 403
    records = gate.records(agent, 2 * len(tokens))
    assert len({record["session_id"] for record in records}) == 1


def test_a_record_says_which_token_or_key_was_shown(gate):
    agent = gate.create_agent()
    key = create_key(gate, agent, create_context(gate))
    gate.call(agent)
    agent.token = gate.fetch_token(agent)
    gate.call(agent)
    show(gate, key["key"])
    shown = [record["token_id"] for record in gate.records(agent, 3)]
    assert all(shown) and len(set(shown)) == 3 and shown[2] == key["id"]


def test_each_app_context_has_sessions_of_its_own(gate):
    agent = gate.create_agent()
    keys = [create_key(gate, agent, create_context(gate)) for _ in range(2)]
    for _ in range(2):
        assert gate.call(agent).status_code == 200
        for key in keys:
            assert show(gate, key["key"]).status_code == 200
    records = gate.records(agent, 6)
    found = {(record["app_context"], record["session_id"]) for record in records}
    assert len(found) == 3 and len({session for _, session in found}) == 3


def test_the_provider_gets_the_headers_as_they_came(sqlite_gate, upstream):
    agent = sqlite_gate.create_agent()
    headers = {"x-session-id": "support:4711", "traceparent": TRACE, "helicone-session-id": "h-1"}
    sqlite_gate.call(agent, mark="session-headers", **headers)
    call = upstream.call_of("session-headers")
    assert {name: call.header(name) for name in headers} == {name: [value] for name, value in headers.items()}
