"""The record for other programs: exports, summaries, sessions, and what the command line shows of them."""

import csv
import io
import json
import subprocess
import uuid

import httpx
import pytest

from auditor import settle_changes
from gateway import BINARY, chat, eventually

FORMATS = ("jsonl", "csv", "ocsf", "cef")
SSN = "My number is 536-90-4399, please keep it."


@pytest.fixture
def three_calls(gate):
    """An agent with an allowed call, one with a finding, and a denied one; and their records."""
    agent = gate.create_agent()
    gate.call(agent)
    gate.call(agent, body=chat(text=SSN))
    gate.call(agent, body=chat("o3-mini"))
    return agent, gate.records(agent, 3)


def export(gate, *arguments):
    return gate.cli("audit", "export", *arguments).stdout


def json_lines(text):
    """The header, the checkpoints, the records and the end."""
    header, *lines, end = [json.loads(line) for line in text.splitlines()]
    checkpoints = [line["checkpoint"] for line in lines if "checkpoint" in line]
    records = [line for line in lines if "checkpoint" not in line]
    return header["export"], checkpoints, records, end["end"]


def test_json_lines_hold_every_field_and_say_what_they_are(gate, three_calls):
    agent, records = three_calls
    header, checkpoints, exported, end = json_lines(export(gate, "--agent", agent.name))
    assert exported == records
    assert (header["version"], header["scope"]) == (1, "picked")
    assert header["filters"] == {"agent": agent.name}
    assert (end["records"], end["checkpoints"]) == (3, len(checkpoints))


def test_a_whole_export_holds_the_chain_from_its_beginning(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    for _ in range(3):
        gate.call(agent)
    gate.records(agent, 3)
    header, _, exported, _ = json_lines(export(gate))
    assert (header["scope"], header["filters"]) == ("whole", {})
    assert [record["seq"] for record in exported] == list(range(1, len(exported) + 1))
    assert len([record for record in exported if record["surface"] == "agent"]) == 3
    assert exported[0]["previous_hash"] == "0" * 64
    assert [record["previous_hash"] for record in exported[1:]] == [record["event_hash"] for record in exported[:-1]]
    header, _, exported, _ = json_lines(export(gate, "--from", "2020-01-01", "--to", "2021-01-01"))
    assert (header["scope"], exported) == ("part", [])


def test_csv_has_a_column_per_field_and_a_row_per_record(gate, three_calls):
    agent, records = three_calls
    rows = list(csv.DictReader(io.StringIO(export(gate, "--format", "csv", "--agent", agent.name), newline="")))
    assert sorted(rows[0]) == sorted([*records[0], "actor", "detail"]), "calls have no actor"
    assert [row["id"] for row in rows] == [record["id"] for record in records]
    for row, record in zip(rows, records, strict=True):
        assert json.loads(row["findings"]) == record["findings"]
        assert row["status_code"] == str(record["status_code"])
        assert row["error_code"] == (record["error_code"] or "")


def test_csv_holds_no_formula_of_a_caller(gate):
    agent = gate.create_agent()
    gate.call(agent, body=chat("=HYPERLINK(1)"))
    gate.records(agent, 1)
    [row] = csv.DictReader(io.StringIO(export(gate, "--format", "csv", "--agent", agent.name), newline=""))
    assert row["model"] == "'=HYPERLINK(1)"


def test_ocsf_events_are_api_activity(gate, three_calls):
    agent, records = three_calls
    events = [json.loads(line) for line in export(gate, "--format", "ocsf", "--agent", agent.name).splitlines()]
    assert [event["metadata"]["uid"] for event in events] == [record["id"] for record in records]
    for event in events:
        assert (event["class_uid"], event["category_uid"], event["type_uid"]) == (6003, 6, 600301)
        assert event["metadata"]["version"] == "1.9.0"
        assert event["actor"]["user"]["name"] == agent.name
        assert event["api"]["operation"] == "chat/completions"
        assert event["unmapped"]["event_hash"]
    allowed, found, denied = events
    assert (allowed["status_id"], allowed["action_id"], allowed["severity_id"]) == (1, 1, 1)
    assert found["unmapped"]["findings"] == records[1]["findings"]
    assert (denied["status_id"], denied["action_id"], denied["disposition_id"]) == (2, 2, 26)
    assert allowed["message_context"]["total_tokens"] == 18


def test_cef_is_a_line_per_record(gate, three_calls):
    agent, records = three_calls
    lines = export(gate, "--format", "cef", "--agent", agent.name).splitlines()
    assert len(lines) == 3
    for line, record in zip(lines, records, strict=True):
        version, vendor, _, _, signature, name, severity, extension = line.split("|", 7)
        assert (version, vendor, signature) == ("CEF:0", "Portcullis", record["outcome"])
        assert name.startswith("LLM API call") and 0 <= int(severity) <= 10
        assert f"externalId={record['id']} " in extension
        assert f" suser={agent.name} " in extension


@pytest.mark.parametrize("name", FORMATS)
def test_http_streams_what_the_command_line_writes(gate, three_calls, name):
    agent, _ = three_calls
    query = {"format": name, "agent": agent.name}
    with gate.admin() as admin, admin.stream("GET", "/api/v1/audit/export", params=query) as reply:
        assert reply.status_code == 200
        assert reply.headers["transfer-encoding"] == "chunked"
        assert "portcullis-audit." in reply.headers["content-disposition"]
        text = reply.read().decode()
    told = export(gate, "--format", name, "--agent", agent.name)
    if name == "jsonl":
        assert json_lines(text)[2] == json_lines(told)[2]
    else:
        assert text.splitlines() == told.splitlines()


def test_a_file_appears_whole_and_for_its_owner_alone(gate, three_calls, tmp_path):
    agent, _ = three_calls
    path = tmp_path / "records.jsonl"
    done = gate.cli("audit", "export", "--agent", agent.name, "--out", str(path), "--json")
    assert json.loads(done.stdout) == {"records": 3, "file": str(path)}
    assert done.stderr == "", "progress is for terminals"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(json_lines(path.read_text())[2]) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["records.jsonl"]
    refused = gate.cli("audit", "export", "--out", str(tmp_path / "no" / "such.jsonl"), check=False)
    assert refused.returncode == 1 and "such.jsonl" in refused.stderr


def test_a_reader_that_goes_away_is_no_failure(gate, three_calls):
    command = [BINARY, "audit", "export", "--format", "ocsf"]
    with subprocess.Popen(command, env=gate.env, cwd=gate.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait(20) == 0


@pytest.mark.parametrize("command", ["tail", "export", "sessions"])
def test_an_agent_that_does_not_exist_is_an_error_not_an_empty_list(sqlite_gate, command):
    done = sqlite_gate.cli("audit", command, "--agent", "nobody-of-that-name", check=False)
    assert done.returncode == 1
    assert "nobody-of-that-name" in done.stderr and not done.stdout


def test_tail_has_a_header_and_shows_what_was_found(gate, three_calls):
    agent, records = three_calls
    header, *lines = gate.cli("audit", "tail", "--agent", agent.name).stdout.splitlines()
    for name in ("TIME", "AGENT", "MODEL", "STATUS", "OUTCOME", "FINDINGS"):
        assert name in header
    assert len(lines) == 3
    where = header.index("FINDINGS")
    assert [line[where:] == "-" for line in lines] == [not record["findings"] for record in records]
    assert records[1]["findings"][0]["type"] in lines[1]
    denied = gate.cli("audit", "tail", "--agent", agent.name, "--outcome", "denied", "--json").stdout
    assert [event["id"] for event in json.loads(denied)["events"]] == [records[2]["id"]]


def test_tail_says_who_changed_what(gate):
    agent = gate.create_agent()
    change = f"cli                   agent.created agent/{agent.agent_id}"
    shown = lambda: gate.cli("audit", "tail", "--kind", "changes", "-n", "100").stdout  # noqa: E731
    eventually(lambda: change in shown(), what="the change's record")
    header, *lines = shown().splitlines()
    line = next(line for line in lines if change in line)
    assert line.index("cli") == header.index("AGENT") and line.index("completed") == header.index("OUTCOME")


@pytest.mark.parametrize("command", ["tail", "export", "verify", "sessions", "set-aside", "key"])
def test_help_has_an_example(sqlite_gate, command):
    assert "Example: portcullis audit" in sqlite_gate.cli("audit", command, "--help").stdout


def test_events_are_filtered_by_time_endpoint_finding_and_session(gate):
    agent = gate.create_agent()
    session = f"thread/{uuid.uuid4()}"
    gate.call(agent, body=chat(text=SSN), **{"x-session-id": session})
    gate.call(agent, "/embeddings", {"model": "text-embedding-3-small", "input": "x"})
    first, second = gate.records(agent, 2)
    kind = first["findings"][0]["type"]
    with gate.admin() as admin:

        def ids(**query):
            reply = admin.get("/api/v1/audit/events", params={"agent": agent.name, **query})
            assert reply.status_code == 200, reply.text
            return [event["id"] for event in reply.json()["events"]]

        assert ids(session=session) == [first["id"]]
        assert ids(endpoint="embeddings") == [second["id"]]
        assert ids(finding=kind) == [first["id"]]
        assert ids(finding="NO_SUCH_TYPE") == []
        assert ids(finding_rule=first["findings"][0]["rule"]) == [first["id"]]
        assert ids(finding_rule=kind) == []
        assert ids(**{"from": second["started_at"]}) == [second["id"]]
        assert ids(to=second["started_at"]) == [first["id"]]
        for wrong in ({"from": "yesterday"}, {"to": "x"}, {"colour": "red"}):
            reply = admin.get("/api/v1/audit/events", params=wrong)
            assert reply.status_code == 400 and next(iter(wrong)) in reply.text


def test_a_session_is_summed_up(gate):
    agent = gate.create_agent()
    session = f"thread-{uuid.uuid4()}"
    for body in (chat(), chat(text=SSN), chat("o3-mini")):
        gate.call(agent, body=body, **{"x-session-id": session})
    gate.records(agent, 3)
    with gate.admin() as admin:
        shown = admin.get(f"/api/v1/audit/sessions/{session}").json()
        listed, page = [], {"next": ""}
        while page["next"] is not None:  # a page is also short when it took long
            page = admin.get("/api/v1/audit/sessions", params={"agent": agent.name, "after": page["next"]}).json()
            listed += page["sessions"]
        assert admin.get("/api/v1/audit/sessions/no-such-session").status_code == 404
    assert listed == [shown]
    assert (shown["session_id"], shown["agent_name"]) == (session, agent.name)
    assert (shown["calls"], shown["denied"], shown["findings"]) == (3, 1, 1)
    assert (shown["input_tokens"], shown["output_tokens"]) == (22, 14)
    table = gate.cli("audit", "sessions", "--agent", agent.name).stdout
    assert session in table and "SESSION" in table
    assert json.loads(gate.cli("audit", "sessions", session, "--json").stdout) == shown


def test_calls_are_summed_up_by_time_agent_model_and_finding(gate, three_calls):
    agent, records = three_calls
    with gate.admin() as admin:

        def sums(**query):
            reply = admin.get("/api/v1/audit/summary", params=query)
            assert reply.status_code == 200, reply.text
            return reply.json()["sums"]

        hours = sums(agent=agent.name)
        assert 1 <= len(hours) <= 2, "an hour may end between two calls"
        figures = ("calls", "denied", "input_tokens", "output_tokens")
        assert [sum(hour[name] for hour in hours) for name in figures] == [3, 1, 22, 14]
        assert [row for row in sums(group="agent") if row["name"] == agent.name][0]["calls"] == 3
        by_model = {row["name"]: row["calls"] for row in sums(group="model", agent=agent.name)}
        assert by_model == {"gpt-4o": 2, "o3-mini": 1}
        kinds = {row["type"] for row in sums(group="finding")}
        assert records[1]["findings"][0]["type"] in kinds
        for wrong in ({"group": "colour"}, {"width": "week"}, {"every": "0"},
                      {"group": "agent", "every": "2"}, {"from": "x"}, {"limit": "1"}):
            assert admin.get("/api/v1/audit/summary", params=wrong).status_code == 400


def test_percentiles_of_latency_are_close_to_the_records_and_a_replay_changes_none(own_gate):
    gate = own_gate()
    agent, other = gate.create_agent(), gate.create_agent()
    for delay in (0, 40, 80, 120, 160, 200, 240, 280, 320, 600):
        gate.call(agent, script={"delay_ms": delay})
    gate.call(agent, body=chat("o3-mini"))  # denied: it took no time of the gate's before it went on, for it did not
    gate.call(other, script={"delay_ms": 300})
    calls = gate.records(agent, 11) + gate.records(other, 1)

    def summary(**query):
        with gate.admin() as admin:
            reply = admin.get("/api/v1/audit/summary", params=query)
            assert reply.status_code == 200, reply.text
            return reply.json()

    def check(told, records):
        for member, name in (("latency_ms", "latency_p{}_ms"), ("gateway_us", "gateway_p{}_us")):
            taken = sorted(record[member] for record in records if record[member] is not None)
            for percent in (50, 95, 99):
                exact = taken[-(-len(taken) * percent // 100) - 1]
                assert abs(told[name.format(percent)] - exact) <= exact / 20, (name, percent, exact, told)

    def of(**fields):
        return [record for record in calls if fields.items() <= record.items()]

    whole = summary(group="agent", width="minute")
    assert (whole["group"], whole["width"], whole["every"]) == ("agent", "minute", 1)
    assert (whole["total"]["calls"], whole["total"]["denied"]) == (12, 1)
    check(whole["total"], calls)
    for row in whole["sums"]:
        check(row, of(agent_name=row["name"]))
    [allowed] = [row for row in summary(group="model", agent=agent.name)["sums"] if row["name"] == "gpt-4o"]
    check(allowed, of(agent_name=agent.name, model="gpt-4o"))
    [denied] = summary(model="o3-mini")["sums"]
    assert denied["gateway_p95_us"] is None and denied["latency_p95_ms"] is not None
    # Steps of a thousand days, from hours; the sum of no call knows nothing.
    [all_of_it] = summary(width="day", every=1000)["sums"]
    check(all_of_it, calls)
    nothing = summary(agent="nobody")
    assert nothing["sums"] == [] and nothing["total"]["calls"] == 0 and nothing["total"]["latency_p50_ms"] is None

    gate.kill()
    gate.start()
    gate.admin_token = None
    assert summary(group="agent", width="minute")["total"] == whole["total"]
    # What the journal gave again stands in the store before what came after it.
    assert gate.call(agent).status_code == 200
    later = eventually(lambda: (it := summary()["total"])["calls"] != 12 and it, within=20, what="the next call")
    assert later["calls"] == 13


def test_nothing_was_set_aside(gate):
    with gate.admin() as admin:
        assert admin.get("/api/v1/audit/set-aside").json() == {"set_aside": [], "next": None}
    assert json.loads(gate.cli("audit", "set-aside", "--json").stdout) == {"set_aside": []}
    assert "No records" in gate.cli("audit", "set-aside").stdout


def test_checkpoints_and_keys_are_public_to_administrators(start_gate):
    gate = start_gate(AUDIT__CHECKPOINT_EVERY_SECS=1)
    agent = gate.create_agent()
    settle_changes(gate)
    gate.call(agent)
    with gate.admin() as admin:

        def signed():
            checkpoints = admin.get("/api/v1/audit/checkpoints").json()["checkpoints"]
            return [it for it in checkpoints if it["seq"] == record["seq"]]

        record = gate.record(agent)
        [checkpoint] = eventually(signed, within=20, what="a checkpoint")
        [key] = admin.get("/api/v1/audit/keys").json()["keys"]
        assert checkpoint["key_id"] == key["key_id"]
        assert key["public_key"] == gate.cli("audit", "key").stdout.strip()
        assert admin.get("/api/v1/audit/checkpoints", params={"node": "another"}).json()["checkpoints"] == []
        assert (checkpoint["node"], checkpoint["event_hash"]) == (record["node"], record["event_hash"])


@pytest.mark.parametrize(
    "path", ["export", "summary", "sessions", "sessions/x", "set-aside", "checkpoints", "keys", "events"]
)
def test_the_record_is_for_administrators_only(sqlite_gate, agent_of, path):
    url = f"{sqlite_gate.url}/api/v1/audit/{path}"
    assert httpx.get(url).status_code == 401
    agents = {"Authorization": f"Bearer {agent_of(sqlite_gate).token}"}
    assert httpx.get(url, headers=agents).status_code == 401
