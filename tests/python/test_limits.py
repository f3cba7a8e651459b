"""Limits: requests in a minute and in a month, open streams, and the size of a head.

A limit is the agent's own, its AppContext's, or the configuration's; what was counted survives a restart.
"""

import json
import sqlite3
import time

import httpx
import openai
import pytest

from callers import (
    OpenStream,
    check_refused,
    create_context,
    create_key,
    learn_changes,
    key_headers,
    kill,
    present,
    show,
    together,
)
from gateway import AGENT_PATH, PROMPTLY, PROVIDER_KEY, chat, eventually

SLOW = {"pause_ms": 100, "chunks": 10_000, "text": "x" * 10_000}


def limited(gate, **limits):
    """An agent with limits of its own."""
    agent = gate.create_agent()
    set_limits(gate, agent, **limits)
    learn_changes(gate)
    return agent


def set_limits(gate, agent, *arguments, **limits):
    flags = [part for name, value in limits.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    gate.cli("agent", "set-limits", agent.name, *arguments, *flags)


def statuses(gate, agent, count):
    return [present(gate, agent.token).status_code for _ in range(count)]


def outcomes(gate, agent, count):
    return sorted((record["outcome"], record["error_code"]) for record in gate.records(agent, count))


# Requests per minute


def test_one_request_too_many_in_a_minute_is_429_and_says_when_to_come_back(sqlite_gate, upstream):
    agent, other = limited(sqlite_gate, requests_per_minute=3), sqlite_gate.create_agent()
    assert statuses(sqlite_gate, agent, 3) == [200] * 3
    refused = sqlite_gate.call(agent, mark="over-the-minute")
    check_refused(refused, 429, "rate_limit_exceeded")
    error = refused.json()["error"]
    assert error["type"] == "rate_limit_error" and error["param"] is None
    assert 1 <= int(refused.headers["retry-after"]) <= 20, "one of three comes free every 20 s"
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.headers["x-ratelimit-reset-requests"] == f"{refused.headers['retry-after']}s"
    assert refused.headers.get("x-should-retry") != "false", "a retry helps"
    assert not upstream.saw("over-the-minute")
    assert statuses(sqlite_gate, other, 5) == [200] * 5, "nobody else is touched"
    assert outcomes(sqlite_gate, agent, 4) == [("completed", None)] * 3 + [("rejected", "rate_limit_exceeded")]


def test_a_request_comes_free_after_its_part_of_the_minute(sqlite_gate):
    agent = limited(sqlite_gate, requests_per_minute=60)
    assert set(status for status in statuses(sqlite_gate, agent, 60)) <= {200, 429}
    refused = eventually(lambda: (reply := present(sqlite_gate, agent.token)).status_code == 429 and reply, every=0)
    assert int(refused.headers["retry-after"]) == 1
    time.sleep(1.1)
    assert present(sqlite_gate, agent.token).status_code == 200


def test_all_workers_count_together(gate):
    agent = limited(gate, requests_per_minute=10)
    replies = together([lambda: present(gate, agent.token) for _ in range(20)])
    assert sorted(reply.status_code for reply in replies) == [200] * 10 + [429] * 10


def test_denied_and_malformed_requests_count_too(sqlite_gate):
    agent = limited(sqlite_gate, requests_per_minute=3)
    check_refused(present(sqlite_gate, agent.token, "o3-mini"), 403, "model_not_allowed")
    assert sqlite_gate.call(agent, body=b"{").status_code == 400
    assert sqlite_gate.call(agent, "/unknown").status_code == 404
    assert present(sqlite_gate, agent.token).status_code == 429


def test_other_tokens_and_keys_of_the_agent_count_together(sqlite_gate):
    agent = limited(sqlite_gate, requests_per_minute=3)
    key = create_key(sqlite_gate, agent, create_context(sqlite_gate))["key"]
    for call in [
        lambda: present(sqlite_gate, agent.token),
        lambda: present(sqlite_gate, sqlite_gate.fetch_token(agent)),
        lambda: show(sqlite_gate, key),
    ]:
        assert call().status_code == 200
    assert present(sqlite_gate, agent.token).status_code == 429
    assert show(sqlite_gate, key).status_code == 429


def test_an_app_contexts_limit_is_shared_by_its_keys_and_told_in_the_references_shape(sqlite_gate):
    context = create_context(sqlite_gate, "--requests-per-minute", "2")
    agents = [sqlite_gate.create_agent() for _ in range(2)]
    keys = [create_key(sqlite_gate, agent, context)["key"] for agent in agents]
    assert [show(sqlite_gate, key).status_code for key in keys] == [200, 200]
    for key in keys:
        refused = show(sqlite_gate, key)
        assert refused.status_code == 429
        assert set(refused.json()) == {"error"} and "requests per minute" in refused.json()["error"]
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert refused.headers["x-ratelimit-limit-requests"] == "2"
        assert refused.headers["x-portcullis-decision"]
    assert [present(sqlite_gate, agent.token).status_code for agent in agents] == [200, 200], "the agents go on"


def test_the_sdk_raises_its_own_rate_limit_error(sqlite_gate):
    agent = limited(sqlite_gate, requests_per_minute=1)
    base_url = sqlite_gate.url + AGENT_PATH
    sdk = openai.OpenAI(
        api_key=agent.token, base_url=base_url, max_retries=0, default_headers={"X-OpenAI-Key": PROVIDER_KEY}
    )
    sdk.chat.completions.create(**chat())
    with pytest.raises(openai.RateLimitError) as raised:
        sdk.chat.completions.create(**chat())
    assert raised.value.code == "rate_limit_exceeded"


# Whose limit it is


def test_the_configurations_limits_are_for_agents_without_their_own(start_gate):
    gate = start_gate(LIMITS__REQUESTS_PER_MINUTE=2)
    agent, larger = gate.create_agent(), limited(gate, requests_per_minute=4)
    assert statuses(gate, agent, 3) == [200, 200, 429]
    assert statuses(gate, larger, 5) == [200] * 4 + [429]


def test_other_limits_are_in_force_within_a_second_and_keep_what_was_counted(sqlite_gate):
    agent = sqlite_gate.create_agent()
    assert statuses(sqlite_gate, agent, 3) == [200] * 3
    set_limits(sqlite_gate, agent, monthly_requests=2)
    eventually(lambda: present(sqlite_gate, agent.token).status_code == 429, within=PROMPTLY, every=0.2)
    set_limits(sqlite_gate, agent, "--no-limits")
    eventually(lambda: present(sqlite_gate, agent.token).status_code == 200, within=PROMPTLY, what="no limit")
    assert statuses(sqlite_gate, agent, 3) == [200] * 3


def test_limits_are_part_of_what_the_command_line_shows(sqlite_gate):
    agent = limited(sqlite_gate, requests_per_minute=7, monthly_requests=70, concurrent_streams=2)
    shown = json.loads(sqlite_gate.cli("agent", "show", agent.name, "--json").stdout)
    assert {7, 70, 2} <= set(all_numbers(shown))


def all_numbers(value):
    if isinstance(value, dict):
        return [number for part in value.values() for number in all_numbers(part)]
    return [value] if isinstance(value, int) else []


# The month's quota


def saved(gate):
    """How many calls the one agent with a quota has made, as a restart would read it."""
    with sqlite3.connect(gate.data_dir / "state.db", timeout=20) as database:
        return database.execute("SELECT max(requests) FROM usage_counts").fetchone()[0]


def test_a_months_quota_is_429_without_hope_and_survives_restarts(start_gate):
    gate = start_gate()
    agent = limited(gate, monthly_requests=4)
    assert statuses(gate, agent, 2) == [200, 200]
    gate.stop()
    gate.start()
    assert present(gate, agent.token).status_code == 200
    eventually(lambda: saved(gate) == 3, what="the saving of what is counted")
    kill(gate)
    gate.start()
    assert statuses(gate, agent, 2) == [200, 429]
    refused = present(gate, agent.token)
    check_refused(refused, 429, "quota_exceeded")
    assert refused.headers["x-should-retry"] == "false"
    assert 0 < int(refused.headers["retry-after"]) <= 31 * 86_400
    assert refused.headers["x-ratelimit-limit-requests"] == "4"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert gate.records(agent, 6)[-1]["outcome"] == "rejected"


def test_a_restart_gives_no_fresh_minute(start_gate):
    gate = start_gate()
    agent = limited(gate, requests_per_minute=2)
    assert statuses(gate, agent, 3) == [200, 200, 429]
    gate.stop()
    gate.start()
    assert present(gate, agent.token).status_code == 429


def test_an_app_contexts_quota_is_counted_apart(sqlite_gate):
    agent = sqlite_gate.create_agent()
    small, large = (
        create_key(sqlite_gate, agent, create_context(sqlite_gate, "--monthly-requests", limit))["key"]
        for limit in ("1", "5")
    )
    assert [show(sqlite_gate, small).status_code for _ in range(2)] == [200, 429]
    refused = show(sqlite_gate, small)
    assert set(refused.json()) == {"error"} and refused.headers["x-should-retry"] == "false"
    assert show(sqlite_gate, large).status_code == 200


# Open streams


def stream_status(gate, headers, path=AGENT_PATH):
    with OpenStream(gate, headers, {"chunks": 1}, path=path) as stream:
        eventually(lambda: not stream.is_open)
        return stream.reply.status_code


def leave(stream):
    stream.close()


def end_by_provider(stream):
    """This one's script is short."""
    eventually(lambda: not stream.is_open)


@pytest.mark.parametrize(
    ("script", "free"),
    [(SLOW, leave), ({"pause_ms": 150, "chunks": 12}, end_by_provider)],
    ids=["client-left", "ended"],
)
def test_streams_beyond_the_limit_are_429_until_one_ends(sqlite_gate, script, free):
    agent = limited(sqlite_gate, concurrent_streams=2)
    headers = sqlite_gate.headers(agent)
    with OpenStream(sqlite_gate, headers, SLOW), OpenStream(sqlite_gate, headers, script) as second:
        refused = sqlite_gate.call(agent, body=chat(stream=True))
        check_refused(refused, 429, "too_many_streams")
        assert int(refused.headers["retry-after"]) >= 1
        assert "x-ratelimit-limit-requests" not in refused.headers, "that is for requests"
        assert present(sqlite_gate, agent.token).status_code == 200, "whole answers are no streams"
        free(second)
        eventually(lambda: stream_status(sqlite_gate, headers) == 200, within=PROMPTLY, what="a free place")

    def is_on_record():
        with sqlite_gate.admin() as admin:
            found = admin.get("/api/v1/audit/events", params={"limit": 1000, "agent": agent.name}).json()["events"]
        return "rejected" in {record["outcome"] for record in found if record["error_code"] == "too_many_streams"}

    eventually(is_on_record, what="the refusal on record")


@pytest.mark.parametrize("script", [{"do": "cut"}, {"do": "reset_head"}, {"status": 500}], ids=["cut", "reset", "500"])
def test_a_stream_that_fails_frees_its_place(sqlite_gate, script):
    agent = limited(sqlite_gate, concurrent_streams=1)
    headers = sqlite_gate.headers(agent)
    for _ in range(3):
        with OpenStream(sqlite_gate, headers, script) as stream:
            eventually(lambda stream=stream: not stream.is_open)
            assert stream.reply.status_code != 429
    eventually(lambda: stream_status(sqlite_gate, headers) == 200, within=PROMPTLY, what="a free place")


def test_an_app_contexts_streams_are_limited_too(sqlite_gate):
    context = create_context(sqlite_gate, "--concurrent-streams", "1")
    first, second = (
        key_headers(create_key(sqlite_gate, sqlite_gate.create_agent(), context)["key"]) for _ in range(2)
    )
    with OpenStream(sqlite_gate, first, SLOW, path="/v1"):
        with OpenStream(sqlite_gate, second, path="/v1") as refused:
            eventually(lambda: not refused.is_open)
            assert refused.reply.status_code == 429
            assert set(json.loads(refused.text)) == {"error"}
    eventually(lambda: stream_status(sqlite_gate, second, "/v1") == 200, within=PROMPTLY, what="a free place")


# The head


def test_a_head_over_the_limit_is_431_in_the_callers_own_format(start_gate):
    gate = start_gate(LIMITS__HEADER_BYTES=4_096)
    agent = gate.create_agent()
    key = create_key(gate, agent, create_context(gate))["key"]

    def call(path, headers, size, query=""):
        url = f"{gate.url}{path}/chat/completions{query}"
        return httpx.post(url, headers={**headers, "x-large": "x" * size}, json=chat(), timeout=10)

    for path, headers in [(AGENT_PATH, gate.headers(agent)), ("/v1", key_headers(key))]:
        assert call(path, headers, 1_000).status_code == 200
        for refused in [call(path, headers, 5_000), call(path, headers, 1, "?q=" + "x" * 5_000)]:
            assert refused.status_code == 431
            assert refused.headers["x-portcullis-decision"]
            error = refused.json()["error"]
            if path == "/v1":
                assert "4096 bytes" in error
            else:
                assert error["code"] == "request_head_too_large"
    assert outcomes(gate, agent, 6) == [("completed", None)] * 2 + [("rejected", "request_head_too_large")] * 4
