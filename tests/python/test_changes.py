"""Administrative changes in the record: one record each, whoever makes them and whatever dies."""

import json
import subprocess
import sys
import time

import pytest

import postgres
from auditor import verify
from gateway import ROOT, eventually


def changes(gate, count=0, within=10):
    """The records of changes, oldest first, once there are so many."""
    with gate.admin() as admin:

        def read():
            reply = admin.get("/api/v1/audit/events", params={"limit": 1000, "surface": "admin"})
            assert reply.status_code == 200, reply.text
            found = reply.json()["events"]
            return found if len(found) >= count else None

        return eventually(read, within, what=f"{count} records of changes") or []


def of(records, action):
    return [record for record in records if record["action"] == action]


def test_a_change_is_recorded_with_who_made_it_and_calls_stay_as_they_were(own_gate):
    gate = own_gate()
    agent = gate.create_agent()
    gate.call(agent)
    [call] = gate.records(agent, 1)
    assert "actor" not in call and "detail" not in call
    with gate.admin() as admin:
        assert admin.post(f"/api/v1/agents/{agent.name}/suspend").status_code == 200
        recorded = eventually(lambda: of(changes(gate), "agent.suspended"), what="the record of the change")
        [record] = recorded
        assert (record["surface"], record["endpoint"], record["actor"]) == ("admin", "admin", "admin")
        assert record["target"] == f"agent/{agent.agent_id}" and record["agent_name"] is None
        assert json.loads(record["detail"]) == {"from": "active", "to": "suspended"}
        assert record["outcome"] == "completed" and record["policy_result"] is None
        [created] = of(changes(gate), "agent.created")
        assert created["actor"] == "cli" and json.loads(created["detail"])["name"] == agent.name
        sums = admin.get("/api/v1/audit/summary", params={"group": "endpoint"}).json()["sums"]
        assert [(it["name"], it["calls"]) for it in sums] == [("chat/completions", 1)]
        assert admin.get(f"/api/v1/audit/events/{record['id']}").json() == record
        status = admin.get("/api/v1/audit/status").json()
        assert status["changes_wait"] is False
    told = json.loads(gate.cli("audit", "status", "--json").stdout)
    assert told["changes_waiting"] == 0 and told["chains"][0]["seq"] >= 3
    gate.stop()
    verify(gate)


def test_the_chain_with_changes_is_checked_by_hand_as_the_guide_says(own_gate, tmp_path):
    gate = own_gate()
    gate.call(gate.create_agent())
    changes(gate, 1)
    export, script = tmp_path / "all.jsonl", tmp_path / "chain.py"
    gate.cli("audit", "export", "--out", str(export))
    guide = (ROOT / "docs" / "audit.md").read_text()
    script.write_text(guide.split("```python\n")[1].split("```")[0])
    done = subprocess.run([sys.executable, script, export], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert '"surface":"admin"' in export.read_text()
    refused = gate.cli("audit", "export", "--json", check=False)
    assert refused.returncode == 1 and "--out" in refused.stderr and not refused.stdout


def test_a_kill_between_a_change_and_its_record_loses_and_repeats_nothing(own_gate):
    gate = own_gate()
    agents = []
    for round_number in range(4):
        with gate.admin(fresh=True) as admin:
            name = f"agent-{round_number}"
            made = admin.post("/api/v1/agents", json={"name": name, "roles": ["developer"]})
            assert made.status_code == 201, made.text
            agents.append(made.json()["agent_id"])
            # Sometimes before the next look, sometimes in it, sometimes behind it.
            time.sleep(round_number * 0.35)
        gate.kill()
        off = f"offline-{round_number}"
        agents.append(json.loads(gate.cli("agent", "create", off, "--role", "developer", "--json").stdout)["agent_id"])
        gate.start()
    gate.admin_token = None
    wanted = {f"agent/{agent}" for agent in agents}
    eventually(lambda: wanted <= {it["target"] for it in changes(gate)}, within=10, what="a record of each change")
    targets = [it["target"] for it in of(changes(gate), "agent.created")]
    assert sorted(targets) == sorted(wanted)
    gate.stop()
    verify(gate)


@pytest.mark.timeout(120)
def test_two_gateways_make_one_record_of_each_change(quick_gate):
    if not postgres.URL:
        pytest.skip("PORTCULLIS_TEST_POSTGRES_URL is not set; 'tests/run' sets it")
    database = postgres.create_database()
    gates = [quick_gate(database_url=database, SERVER__NODE=name) for name in ("north", "south")]
    names = []
    for number in range(12):
        with gates[number % 2].admin() as admin:
            made = admin.post("/api/v1/agents", json={"name": f"bot-{number}", "roles": ["developer"]})
            names.append(f"agent/{made.json()['agent_id']}")
        time.sleep(0.2)
    eventually(lambda: len(of(changes(gates[0]), "agent.created")) >= 12, what="the records")
    time.sleep(2.5)
    recorded = of(changes(gates[1]), "agent.created")
    assert [it["target"] for it in recorded] == names
    for gate in gates:
        gate.stop()
        verify(gate)
    postgres.drop_database(database)


def test_live_activity_shows_changes_apart_from_calls(sqlite_gate):
    with sqlite_gate.admin() as admin, admin.stream("GET", "/api/v1/activity/stream", timeout=20) as stream:
        agent = sqlite_gate.create_agent()
        name = None
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: ") and agent.agent_id in line and '"surface":"admin"' in line:
                break
        assert name == "change"
