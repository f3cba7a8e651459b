"""What calls do to their agent: trust, risk, and quarantine by a rule or by the number of violations."""

import json
import re
import time

import pytest

import postgres
from callers import OpenStream, check_refused, create_context, create_key, kill, present, show
from gateway import GATES_KEY, PROMPTLY, chat, eventually
from test_callers import cli_json

RULES = """
[[rule]]
id = "codename"
type = "CUSTOM"
severity = "HIGH"
class = "IP"
keywords = ["project nightjar"]
action = "block"
matches = ["about project nightjar"]
clean = ["about birds"]

[[rule]]
id = "badge"
type = "PII_NATIONAL_ID"
severity = "MEDIUM"
class = "PII"
pattern = 'badge-[0-9]{6}'
action = "redact"
matches = ["badge-123456"]
clean = ["badge-12"]

[[rule]]
id = "canary"
type = "SECRET_GENERIC"
severity = "CRITICAL"
class = "CREDENTIALS"
pattern = 'canary-[a-f0-9]{12}'
action = "quarantine"
matches = ["canary-0123456789ab"]
clean = ["canary-yellow"]

[[rule]]
id = "pass-phrase"
type = "SECRET_GENERIC"
severity = "HIGH"
class = "CREDENTIALS"
keywords = ["open sesame"]
action = "log"
matches = ["open sesame"]
clean = ["open the door"]
"""

# Scores are in hundredths.
BLOCKED, REDACTED, LOGGED, CANARY = "project nightjar", "badge-123456", "open sesame", "canary-0123456789ab"


@pytest.fixture
def gate_with(start_gate):
    """Starts a server with these rules."""

    def start(**settings):
        return start_gate(detections=RULES, UPSTREAM__API_KEY=GATES_KEY, **settings)

    return start


def says(gate, agent, text):
    return gate.call(agent, body=chat(text=text))


def trust(gate, agent):
    return cli_json(gate, "agent", "show", agent.name)


def is_quarantined(gate, agent):
    return present(gate, agent.token).status_code == 403


# Trust and risk


def test_clean_calls_win_trust_and_violations_lose_it(gate_with):
    gate = gate_with()
    agent = gate.create_agent()
    for _ in range(7):
        assert says(gate, agent, "Hello").status_code == 200
    assert [record["trust_score"] for record in gate.records(agent, 7)] == [10, 20, 30, 40, 50, 70, 90]
    assert {record["risk_score"] for record in gate.records(agent, 7)} == {0}
    says(gate, agent, REDACTED)
    record = gate.records(agent, 8)[-1]
    assert record["trust_score"] == 0
    # MEDIUM 30, one violation 2, (100 - 0.9) × 0.3.
    assert (record["risk_score"], record["risk_tier"]) == (3_000 + 200 + 2_973, "high")
    eventually(lambda: trust(gate, agent)["calls"] == 8, what="the saved counts")
    shown = trust(gate, agent)
    assert (shown["violations"], shown["trust_score"], shown["risk_tier"]) == (1, 0, "high")
    assert shown["last_violation_at"]
    assert gate.ask_token(agent).json()["risk_tier"] == "high"


def test_credentials_make_the_rest_of_their_session_riskier_and_no_other(gate_with):
    gate = gate_with()
    agent = gate.create_agent()
    says(gate, agent, LOGGED)
    says(gate, agent, "Hello")
    gate.call(agent, body=chat(text="Hello"), **{"x-session-id": "another"})
    first, second, third = gate.records(agent, 3)
    assert first["risk_score"] == 10_000 and first["risk_tier"] == "critical"
    assert (second["risk_score"], second["risk_tier"], second["findings"]) == (3_000, "medium", [])
    assert (third["risk_score"], third["risk_tier"]) == (0, "low")


def test_a_detection_key_bears_less_trust_than_a_token(gate_with):
    gate = gate_with(TRUST__CLEAN_CALL=40)
    agent = gate.create_agent()
    key = create_key(gate, agent, create_context(gate))["key"]
    for _ in range(2):
        assert show(gate, key).status_code == 200
    assert present(gate, agent.token).status_code == 200
    assert show(gate, key).status_code == 200
    scores = [record["trust_score"] for record in gate.records(agent, 4)]
    assert scores == [2_000, 2_500, 4_500, 2_500]


def test_refused_calls_win_nothing(gate_with):
    gate = gate_with()
    agent = gate.create_agent()
    assert gate.call(agent, body=chat("o3-mini")).status_code == 403
    assert gate.call(agent, body=b"{").status_code == 400
    assert gate.call(agent, script={"status": 500, "body": "{}"}).status_code == 500
    assert {record["trust_score"] for record in gate.records(agent, 3)} <= {None, 0}


# What survives


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_trust_outlives_the_server(gate_with, end):
    gate = gate_with(TRUST__CLEAN_CALL=10)
    agent = gate.create_agent()
    says(gate, agent, "Hello")
    says(gate, agent, BLOCKED)
    says(gate, agent, "Hello")
    gate.records(agent, 3)
    if end == "kill":
        eventually(lambda: trust(gate, agent)["calls"] == 3, what="the saved counts")
        kill(gate)
    else:
        gate.stop()
    before = trust(gate, agent)
    assert (before["trust_score"], before["calls"], before["violations"]) == (900, 3, 1)
    gate.start()
    says(gate, agent, "Hello")
    assert gate.records(agent, 4)[-1]["trust_score"] == 1_400


def test_gateways_with_one_database_add_to_one_trust(gate_with):
    if not postgres.URL:
        pytest.skip("PORTCULLIS_TEST_POSTGRES_URL is not set; 'tests/run' sets it")
    url = postgres.create_database()
    gates = [gate_with(database_url=url, TRUST__CLEAN_CALL=1) for _ in range(2)]
    try:
        agent = gates[0].create_agent()
        eventually(lambda: says(gates[1], agent, "Hello").status_code == 200, what="the agent at the other gateway")
        for _ in range(10):
            assert {says(gate, agent, "Hello").status_code for gate in gates} == {200}
        eventually(lambda: trust(gates[0], agent)["calls"] >= 21, what="the saved counts")
        assert trust(gates[0], agent)["trust_score"] >= 21 * 50
    finally:
        for gate in gates:
            gate.stop()
        postgres.drop_database(url)


# Quarantine


def test_a_rule_quarantines_its_agent_at_once(gate_with, upstream):
    gate = gate_with(SERVER__WORKERS=4)
    agent, other = gate.create_agent(), gate.create_agent()
    key = create_key(gate, agent, create_context(gate))["key"]
    with OpenStream(gate, gate.headers(agent)) as stream:
        says(gate, agent, f"my key is {CANARY}")
        found_at = time.monotonic()
        in_force = lambda: all(is_quarantined(gate, agent) for _ in range(16))  # noqa: E731
        eventually(in_force, within=PROMPTLY, what="the quarantine", may_cut=True)
        eventually(lambda: not stream.is_open, within=PROMPTLY, what="the end of the stream")
        assert time.monotonic() - found_at < 2 * PROMPTLY
        assert stream.error()["code"] == "agent_quarantined"
    check_refused(present(gate, agent.token), 403, "agent_quarantined")
    assert show(gate, key).status_code == 403
    assert says(gate, other, "Hello").status_code == 200
    shown = eventually(lambda: (it := trust(gate, agent))["quarantine"] and it, what="the quarantine's row")
    assert "canary" in shown["quarantine"]["reason"] and CANARY not in json.dumps(shown)
    assert CANARY not in gate.log

    gate.stop()
    gate.start()
    check_refused(present(gate, agent.token), 403, "agent_quarantined")
    gate.cli("agent", "lift-quarantine", agent.name, "--reason", "a test key", "--approve")
    eventually(lambda: says(gate, agent, "Hello").status_code == 200, within=PROMPTLY, what="the lifting")
    eventually(lambda: last_record(gate, agent)["trust_score"] == 5_000, what="the score on record")


def last_record(gate, agent):
    """The agent's last finished record, once it has one."""

    def found():
        with gate.admin() as admin:
            reply = admin.get("/api/v1/audit/events", params={"limit": 1000, "agent": agent.name})
        return [record for record in reply.json()["events"] if record["outcome"] is not None]

    return eventually(found, what=f"a record of {agent.name}")[-1]


def test_explained_by_its_id_a_call_that_the_policy_allowed_says_what_stopped_it(gate_with):
    gate = gate_with()
    agent = gate.create_agent()
    says(gate, agent, BLOCKED)
    told = gate.cli("policy", "explain", gate.record(agent)["id"]).stdout
    assert ": allow by policy" in told and "outcome blocked" in told
    assert re.search(r"found   block: \S+ \(\w+\), 1 in user, INGRESS\n", told), told


def test_too_many_violations_quarantine(gate_with):
    gate = gate_with(TRUST__QUARANTINE_VIOLATIONS=3, TRUST__QUARANTINE_WINDOW_SECS=60)
    agent = gate.create_agent()
    for _ in range(2):
        assert says(gate, agent, REDACTED).status_code == 200
    assert says(gate, agent, "Hello").status_code == 200
    says(gate, agent, BLOCKED)
    eventually(lambda: is_quarantined(gate, agent), within=PROMPTLY, what="the quarantine", may_cut=True)
    shown = eventually(lambda: (it := trust(gate, agent))["quarantine"] and it, what="the quarantine's row")
    assert shown["quarantine"]["reason"] == "3 violations within 60 seconds"


def test_callers_under_a_score_are_blocked_where_others_are_redacted(gate_with):
    gate = gate_with(TRUST__BLOCK_BELOW=30)
    stranger, trusted = gate.create_agent(), gate.create_agent()
    gate.cli("agent", "quarantine", trusted.name, "--reason", "a test")
    gate.cli("agent", "lift-quarantine", trusted.name, "--reason", "a test", "--approve")
    approved = lambda: says(gate, trusted, "Hello") and last_record(gate, trusted)["trust_score"] >= 5000
    eventually(approved, what="the approval")
    says(gate, trusted, REDACTED)
    says(gate, stranger, REDACTED)
    assert gate.record(stranger)["outcome"] == "blocked"
    eventually(lambda: last_record(gate, trusted)["findings"], what="the finding on record")
    assert last_record(gate, trusted)["outcome"] == "completed"
    assert last_record(gate, trusted)["findings"][0]["action"] == "redact"
