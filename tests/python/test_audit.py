"""One record for every exchange, whatever became of it, with every field and no content."""

import re
import signal
import sqlite3
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

import postgres
from callers import learn_changes
from gateway import chat, eventually

FIELDS = """
    id started_at agent_id agent_name agent_type roles permission session_id token_id app_context surface tool_name mcp_server
    action target endpoint model response_model message_count has_system_prompt has_tools tool_names stream
    policy_result policy_rule policy_version policy_reason findings scan detection_version tools_removed trust_score risk_score
    risk_tier
    status_code error_code finish_reason input_tokens output_tokens cached_tokens reasoning_tokens usage_source latency_ms time_to_first_byte_ms
    gateway_us request_bytes response_bytes outcome receipt_hash node seq previous_hash event_hash
""".split()

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


def test_an_allowed_call_leaves_one_record_with_every_field(gate):
    agent = gate.create_agent("developer", agent_type="interactive")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]
    reply = gate.call(agent, body=chat(messages=messages, tools=[WEATHER]))
    record = gate.record(agent)
    assert sorted(record) == sorted(FIELDS)
    assert record["id"] == reply.headers["x-portcullis-decision"]
    assert uuid.UUID(record["id"]).version == 7
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["started_at"])
    age = datetime.now(UTC) - datetime.fromisoformat(record["started_at"].replace("Z", "+00:00"))
    assert timedelta() <= age < timedelta(seconds=30)
    expected = {
        "agent_id": agent.agent_id,
        "agent_name": agent.name,
        "agent_type": "interactive",
        "roles": ["developer"],
        "permission": "web:write",
        "app_context": None,
        "surface": "agent",
        "tool_name": "openai-api",
        "mcp_server": "openai-proxy",
        "action": "POST",
        "target": "/openai/v1/chat/completions",
        "endpoint": "chat/completions",
        "model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "message_count": 2,
        "has_system_prompt": True,
        "has_tools": True,
        "tool_names": ["get_weather"],
        "stream": False,
        "policy_result": "allow",
        "findings": [],
        "tools_removed": [],
        "status_code": 200,
        "error_code": None,
        "finish_reason": "tool_calls",
        "input_tokens": 11,
        "output_tokens": 7,
        "usage_source": "provider",
        "response_bytes": len(reply.content),
        "outcome": "completed",
    }
    assert {name: record[name] for name in expected} == expected
    assert record["session_id"] and record["node"] and record["policy_version"]
    assert record["policy_rule"].startswith("line 2")
    assert record["scan"] == {"extent": "full", "reason": None}
    assert record["request_bytes"] == len(reply.request.content)
    assert record["latency_ms"] >= record["time_to_first_byte_ms"] >= 0
    assert record["gateway_us"] >= 0


def test_a_streamed_call_has_its_tokens_and_finish_reason_too(gate):
    agent = gate.create_agent()
    reply = gate.call(agent, body=chat(stream=True), script={"pause_ms": 60})
    record = gate.record(agent)
    assert (record["stream"], record["outcome"], record["finish_reason"]) == (True, "completed", "stop")
    assert (record["input_tokens"], record["output_tokens"], record["usage_source"]) == (11, 7, "provider")
    assert record["latency_ms"] - record["time_to_first_byte_ms"] >= 200
    assert record["response_bytes"] == len(reply.content)
    assert record["response_model"] == "gpt-4o-2024-08-06"


# (body of the call, script of the upstream, expected fields of the record)
ENDINGS = {
    "completed": (chat(), {}, {"outcome": "completed", "status_code": 200, "policy_result": "allow"}),
    "denied": (
        chat("o3-mini"),
        {},
        {"outcome": "denied", "status_code": 403, "policy_result": "deny", "error_code": "model_not_allowed"},
    ),
    "malformed": (
        b"{",
        {},
        {"outcome": "rejected", "status_code": 400, "error_code": "invalid_request_error", "model": None},
    ),
    "too-large": (chat(text="x" * 1_000_001), {}, {"outcome": "rejected", "status_code": 413}),
    "provider-429": (
        chat(),
        {"status": 429},
        {"outcome": "upstream_error", "status_code": 429, "error_code": "scripted"},
    ),
    "provider-500": (chat(), {"status": 500}, {"outcome": "upstream_error", "status_code": 500}),
    "provider-resets": (chat(), {"do": "reset_head"}, {"outcome": "upstream_error", "status_code": 502}),
    "error-event": (chat(stream=True), {"do": "sse_error"}, {"outcome": "upstream_error", "status_code": 200}),
    "cut-stream": (chat(stream=True), {"do": "cut"}, {"outcome": "upstream_error", "status_code": 200}),
    "early-end": (chat(stream=True), {"do": "early_end"}, {"outcome": "upstream_error", "status_code": 200}),
    "cut-whole": (chat(), {"do": "cut", "size": 50}, {"outcome": "upstream_error"}),
}


@pytest.mark.parametrize(("body", "script", "expected"), ENDINGS.values(), ids=ENDINGS.keys())
def test_every_ending_leaves_exactly_one_record(gate, body, script, expected):
    agent = gate.create_agent()
    try:
        gate.call(agent, body=body, script=script)
    except httpx.TransportError:
        assert expected["outcome"] == "upstream_error"
    record = gate.record(agent)
    assert sorted(record) == sorted(FIELDS)
    assert {name: record[name] for name in expected} == expected


def test_a_call_without_a_provider_key_or_permission_is_recorded_as_denied(sqlite_gate):
    agent = sqlite_gate.create_agent("reader")
    sqlite_gate.call(agent)
    record = sqlite_gate.record(agent)
    assert (record["outcome"], record["error_code"]) == ("denied", "permission_denied")
    assert record["policy_result"] == "deny"
    keyless = sqlite_gate.create_agent()
    headers = {"Authorization": f"Bearer {keyless.token}"}
    httpx.post(f"{sqlite_gate.url}/api/v1/openai/v1/chat/completions", headers=headers, json=chat())
    record = sqlite_gate.record(keyless)
    assert (record["outcome"], record["status_code"], record["error_code"]) == ("denied", 401, "provider_key_missing")


def test_the_other_endpoints_are_recorded_too(sqlite_gate):
    agent = sqlite_gate.create_agent()
    sqlite_gate.call(agent, "/models", method="GET")
    sqlite_gate.call(agent, "/embeddings", {"model": "text-embedding-3-small", "input": ["a", "b", "c"]})
    sqlite_gate.call(agent, "/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "x"})
    sqlite_gate.call(agent, "/nothing/here", {})
    models, embeddings, completions, unknown = sqlite_gate.records(agent, 4)
    assert (models["action"], models["endpoint"], models["permission"]) == ("GET", "models", "web:read")
    assert models["model"] is None
    assert (embeddings["target"], embeddings["message_count"]) == ("/openai/v1/embeddings", 3)
    assert embeddings["input_tokens"] == 5
    assert (completions["endpoint"], completions["finish_reason"]) == ("completions", "stop")
    assert (unknown["endpoint"], unknown["status_code"], unknown["outcome"]) == (None, 404, "rejected")


def test_a_suspended_agents_call_is_recorded_as_denied(sqlite_gate):
    agent = sqlite_gate.create_agent()
    sqlite_gate.cli("agent", "suspend", agent.name)
    learn_changes(sqlite_gate)
    sqlite_gate.call(agent)
    assert sqlite_gate.record(agent)["error_code"] == "agent_suspended"


def test_a_stream_in_flight_is_not_yet_a_finished_record(sqlite_gate):
    agent = sqlite_gate.create_agent()
    with sqlite_gate.admin() as admin, sqlite_gate.stream(agent, script={"do": "stall"}) as reply:
        lines = reply.iter_lines()
        next(lines)
        listed = admin.get("/api/v1/audit/events", params={"agent": agent.name}).json()["events"]
        assert [record for record in listed if record["outcome"] is not None] == []
    assert sqlite_gate.record(agent)["outcome"] == "cancelled"


def test_one_record_is_found_by_its_id(gate):
    agent = gate.create_agent()
    decision = gate.call(agent).headers["x-portcullis-decision"]
    record = gate.record(agent)
    with gate.admin() as admin:
        assert admin.get(f"/api/v1/audit/events/{decision}").json() == record
        assert admin.get(f"/api/v1/audit/events/{uuid.uuid4()}").status_code == 404
        assert admin.get("/api/v1/audit/events/nonsense").status_code in (400, 404)


def pages(admin, **params):
    """The ids of all pages, page by page."""
    after = ""
    while after is not None:
        reply = admin.get("/api/v1/audit/events", params={**params, "after": after})
        assert reply.status_code == 200, reply.text
        yield [record["id"] for record in reply.json()["events"]]
        after = reply.json()["next"]


def test_events_are_paged_oldest_first_or_newest_first(gate):
    agent = gate.create_agent()
    sent = [gate.call(agent).headers["x-portcullis-decision"] for _ in range(5)]
    gate.records(agent, 5)
    with gate.admin() as admin:
        forward = list(pages(admin, agent=agent.name, limit=2))
        assert [record for page in forward for record in page] == sent
        assert [len(page) for page in forward if page] == [2, 2, 1]
        backward = [record for page in pages(admin, agent=agent.name, limit=2, order="desc") for record in page]
        assert backward == sent[::-1]
        exact = list(pages(admin, agent=agent.name, limit=5))
        assert [record for page in exact for record in page] == sent


def test_events_are_filtered_by_agent_model_result_and_outcome(gate):
    agent = gate.create_agent()
    for model, script in [("gpt-4o", {}), ("gpt-4o-mini", {"status": 500}), ("o3-mini", {})]:
        gate.call(agent, body=chat(model), script=script)
    gate.records(agent, 3)
    with gate.admin() as admin:

        def models(**params):
            reply = admin.get("/api/v1/audit/events", params={"agent": agent.name, **params})
            return [record["model"] for record in reply.json()["events"]]

        assert models() == ["gpt-4o", "gpt-4o-mini", "o3-mini"]
        assert models(model="gpt-4o-mini") == ["gpt-4o-mini"]
        assert models(policy_result="deny") == ["o3-mini"]
        assert models(policy_result="allow") == ["gpt-4o", "gpt-4o-mini"]
        assert models(outcome="upstream_error") == ["gpt-4o-mini"]
        assert models(outcome="cancelled") == []
        assert models(agent="nobody") == []


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "x"},
        {"order": "sideways"},
        {"outcome": "fine"},
        {"policy_result": "no"},
        {"after": "x"},
    ],
    ids=str,
)
def test_a_wrong_parameter_is_400_and_says_which(sqlite_gate, params):
    with sqlite_gate.admin() as admin:
        reply = admin.get("/api/v1/audit/events", params=params)
    assert reply.status_code == 400
    assert next(iter(params)) in reply.text


def test_events_are_for_administrators_only(sqlite_gate, agent_of):
    url = f"{sqlite_gate.url}/api/v1/audit/events"
    assert httpx.get(url).status_code == 401
    agent_token = {"Authorization": f"Bearer {agent_of(sqlite_gate).token}"}
    assert httpx.get(url, headers=agent_token).status_code == 401


def test_calls_without_an_identity_leave_no_exchange_record(sqlite_gate):
    with sqlite_gate.admin() as admin:
        reply = httpx.post(f"{sqlite_gate.url}/api/v1/openai/v1/chat/completions", json=chat())
        time.sleep(0.5)
        decision = reply.headers["x-portcullis-decision"]
        assert admin.get(f"/api/v1/audit/events/{decision}").status_code == 404


def test_many_calls_at_once_leave_as_many_records(gate):
    agent = gate.create_agent()
    ids = []

    def some():
        with httpx.Client(timeout=20) as client:
            for _ in range(25):
                url = f"{gate.url}/api/v1/openai/v1/chat/completions"
                ids.append(client.post(url, headers=gate.headers(agent), json=chat()).headers["x-portcullis-decision"])

    threads = [threading.Thread(target=some) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    records = gate.records(agent, 200, within=10)
    assert {record["id"] for record in records} == set(ids)


def test_the_postgres_connection_is_encrypted(gate):
    if not gate.database_url:
        assert (gate.data_dir / "record.db").exists()
        return
    name = gate.database_url.rsplit("/", 1)[1].split("?")[0]
    sql = f"SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = '{name}'"
    assert eventually(lambda: postgres.query(gate.database_url, sql), what="a connection") == "t"


@pytest.mark.parametrize(("status", "outcome"), [(200, "completed"), (500, "upstream_error")])
def test_an_answer_without_a_body_is_not_taken_for_a_client_that_left(gate, status, outcome):
    agent = gate.create_agent("developer")
    reply = gate.call(agent, script={"status": status, "body": ""})
    assert (reply.status_code, reply.content) == (status, b"")
    record = gate.record(agent)
    assert (record["outcome"], record["status_code"], record["response_bytes"]) == (outcome, status, 0)


def rename_table(gate, old, new):
    with sqlite3.connect(gate.data_dir / "record.db", timeout=10) as database:
        database.execute(f"ALTER TABLE {old} RENAME TO {new}")


def status(gate):
    with gate.admin() as admin:
        return admin.get("/api/v1/audit/status").json()


def test_calls_are_served_while_the_store_takes_no_record_and_all_are_stored_in_order_when_it_does(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    rename_table(gate, "audit_records", "elsewhere")
    replies = [gate.call(agent) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 5
    waiting = eventually(lambda: status(gate)["store_away_since"] and status(gate), what="a store that is away")
    assert waiting["records"]["waiting"] == 5 and waiting["journal"]["bytes"] > 0
    metrics = httpx.get(gate.url + "/metrics").text
    assert "\nportcullis_audit_waiting_records 5\n" in metrics and "\nportcullis_audit_store_away 1\n" in metrics
    rename_table(gate, "elsewhere", "audit_records")
    stored = gate.records(agent, 5)
    assert [record["id"] for record in stored] == [reply.headers["x-portcullis-decision"] for reply in replies]
    after = eventually(lambda: not status(gate)["store_away_since"] and status(gate), what="a store that is back")
    assert after["records"]["waiting"] == 0


def test_more_exchanges_than_may_be_open_are_refused_and_counted(start_gate):
    gate = start_gate(AUDIT__MAX_OPEN_EXCHANGES="1")
    agent = gate.create_agent()
    stalled = {"do": "stall", "after": 1}
    with gate.stream(agent, script=stalled) as stream:
        assert stream.status_code == 200
        refused = gate.call(agent)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gateway_unavailable")
        assert "retry-after" in refused.headers

    def counted():
        with sqlite3.connect(gate.data_dir / "record.db", timeout=10) as database:
            return database.execute("SELECT sum(count) FROM anonymous_counts WHERE code = 'record_full'").fetchone()[0]

    assert eventually(counted, what="a count of refused calls") >= 1
    assert eventually(lambda: gate.call(agent).status_code == 200, what="a free place")


def test_what_the_store_does_not_take_before_the_end_is_stored_at_the_next_start(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    rename_table(gate, "audit_records", "elsewhere")
    reply = gate.call(agent)
    gate.process.send_signal(signal.SIGTERM)
    assert gate.process.wait(30) == 0
    gate.reader.join(2)
    assert "records wait in the journal" in gate.log
    gate.process = None
    rename_table(gate, "elsewhere", "audit_records")
    gate.start()
    assert gate.record(agent)["id"] == reply.headers["x-portcullis-decision"]


def test_metrics_are_for_this_machine_or_an_administrator(gate):
    plain = httpx.get(gate.url + "/metrics")
    assert plain.status_code == 200 and plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE portcullis_audit_journal_bytes gauge" in plain.text
    assert httpx.get(gate.url + "/api/v1/audit/status").status_code == 401


def test_a_call_with_many_long_tool_names_leaves_a_small_record(gate):
    agent = gate.create_agent()
    tools = [{"type": "function", "function": {"name": f"{number:03}" + "x" * 253}} for number in range(512)]
    gate.call(agent, body=chat(tools=tools))
    names = gate.record(agent)["tool_names"]
    assert len(names) == 129 and names[-1] == "…and 384 more"
    assert names[0] == "000" + "x" * 61
