"""Trust and quarantine as an administrator handles them, and what of them outlives a server.

What detection does to trust is in `test_conduct.py`.
"""

import time

import pytest

import postgres
from callers import OpenStream, check_refused, create_context, create_key, present, show
from gateway import PROMPTLY, eventually
from test_callers import cli_json, fresh, problem, refused
from test_conduct import RULES

NEW = {
    "status": "active", "quarantine": None, "trust_score": 0, "risk_score": 0, "risk_tier": "low", "calls": 0,
    "violations": 0, "last_violation_at": None,
}  # fmt: skip


def quarantine(gate, agent, reason="calls at night"):
    gate.cli("agent", "quarantine", agent.name, "--reason", reason)


def is_quarantined(gate, agent):
    return present(gate, agent.token).status_code == 403


# By hand


def test_an_agent_begins_without_trust(gate):
    name = fresh("agent")
    gate.cli("agent", "create", name, "--role", "developer")
    shown = cli_json(gate, "agent", "show", name)
    assert {member: shown[member] for member in NEW} == NEW
    text = gate.cli("agent", "show", name).stdout
    assert "trust      0.00" in text and "risk       low" in text
    listed = gate.cli("agent", "list").stdout.splitlines()
    assert listed[0].split() == ["NAME", "STATUS", "TRUST", "RISK", "TYPE", "ROLES"]


def test_quarantine_refuses_calls_and_tokens_and_ends_streams_until_it_is_lifted(gate):
    agent = gate.create_agent()
    key = create_key(gate, agent, create_context(gate))["key"]
    assert present(gate, agent.token).status_code == 200
    with OpenStream(gate, gate.headers(agent)) as stream:
        quarantine(gate, agent)
        asked_at = time.monotonic()
        eventually(lambda: is_quarantined(gate, agent), within=PROMPTLY, what="the quarantine", may_cut=True)
        eventually(lambda: not stream.is_open, within=PROMPTLY, what="the end of the stream")
        assert time.monotonic() - asked_at < 2 * PROMPTLY
        assert stream.error()["code"] == "agent_quarantined"
    check_refused(present(gate, agent.token), 403, "agent_quarantined")
    assert show(gate, key).status_code == 403
    assert gate.ask_token(agent).status_code == 403

    shown = cli_json(gate, "agent", "show", agent.name)
    assert (shown["status"], shown["quarantine"]["reason"]) == ("quarantined", "calls at night")
    assert shown["quarantine"]["at"]
    assert "calls at night" in gate.cli("agent", "show", agent.name).stdout
    assert "quarantined" in gate.cli("agent", "list").stdout

    lifted = cli_json(gate, "agent", "lift-quarantine", agent.name, "--reason", "a scheduled report")
    assert (lifted["status"], lifted["quarantine"]) == ("active", None)
    # The one call's gain may have been saved after the lifting.
    assert lifted["trust_score"] in (0, 10)
    eventually(lambda: not is_quarantined(gate, agent), within=PROMPTLY, what="the lifting")
    assert show(gate, key).status_code == 200
    assert gate.ask_token(agent).status_code == 200


@pytest.mark.parametrize("how", ["resume", "suspend"])
def test_only_a_review_or_a_revocation_leads_out_of_quarantine(gate, how):
    agent = gate.create_agent()
    quarantine(gate, agent)
    quarantine(gate, agent, reason="once is enough")
    assert "lift-quarantine" in refused(gate, "agent", how, agent.name)
    shown = cli_json(gate, "agent", "show", agent.name)
    assert (shown["status"], shown["quarantine"]["reason"]) == ("quarantined", "calls at night")
    gate.cli("agent", "revoke", agent.name)
    assert "revoked" in refused(gate, "agent", "lift-quarantine", agent.name, "--reason", "too late")


def test_an_approval_is_worth_what_the_settings_say_and_the_identity_bears(start_gate):
    for settings, worth in [({}, 5_000), ({"TRUST__APPROVAL": "12.5"}, 1_250), ({"TRUST__CEILINGS": "5, 7.5, 80"}, 750)]:
        gate = start_gate(started=False, **settings)
        gate.cli("agent", "create", "bot", "--role", "developer")
        gate.cli("agent", "quarantine", "bot", "--reason", "a test")
        lifted = cli_json(gate, "agent", "lift-quarantine", "bot", "--reason", "a test", "--approve")
        assert lifted["trust_score"] == worth
        gate.cli("agent", "quarantine", "bot", "--reason", "a test again")
        assert cli_json(gate, "agent", "show", "bot")["trust_score"] == 0


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 257])
def test_a_reason_is_one_short_line(sqlite_gate, reason):
    name = fresh("agent")
    sqlite_gate.cli("agent", "create", name, "--role", "developer")
    for command in ["quarantine", "lift-quarantine"]:
        assert "reason" in refused(sqlite_gate, "agent", command, name, "--reason", reason)
    line = refused(sqlite_gate, "agent", "lift-quarantine", name, "--reason", "was it?")
    assert "not in quarantine" in line and "active" in line


def test_an_administrator_quarantines_and_reviews_over_http(gate):
    agent = gate.create_agent()
    path = f"/api/v1/agents/{agent.name}"
    with gate.admin() as admin:
        held = admin.post(f"{path}/quarantine", json={"reason": "calls at night"})
        assert (held.status_code, held.json()["status"]) == (200, "quarantined")
        assert held.json()["quarantine"]["reason"] == "calls at night"
        for change in ["resume", "suspend"]:
            problem(admin.post(f"{path}/{change}"), 409, "quarantined")
        problem(admin.post(f"{path}/lift-quarantine", json={"approve": True}), 400, "invalid_request_error")
        problem(admin.post(f"{path}/lift-quarantine", json={"reason": ""}), 400, "invalid_request_error")
        review = {"reason": "a scheduled report", "approve": True}
        lifted = admin.post(f"{path}/lift-quarantine", json=review)
        assert (lifted.status_code, lifted.json()["status"], lifted.json()["trust_score"]) == (200, "active", 5_000)
        assert lifted.json() == cli_json(gate, "agent", "show", agent.name)
        problem(admin.post(f"{path}/lift-quarantine", json=review), 409, "not_quarantined")
        problem(admin.post("/api/v1/agents/nobody/quarantine", json={"reason": "x"}), 404, "not_found")


# What outlives a server, and what several share


def test_quarantine_and_approved_trust_outlive_the_server(start_gate):
    gate = start_gate()
    held, approved = gate.create_agent(), gate.create_agent()
    quarantine(gate, held)
    quarantine(gate, approved)
    gate.cli("agent", "lift-quarantine", approved.name, "--reason", "a test", "--approve")
    gate.stop()
    gate.start()
    check_refused(present(gate, held.token), 403, "agent_quarantined")
    assert present(gate, approved.token).status_code == 200
    assert cli_json(gate, "agent", "show", approved.name)["trust_score"] >= 5_000


def test_another_gateway_learns_of_a_quarantine_within_a_second(start_gate):
    if not postgres.URL:
        pytest.skip("PORTCULLIS_TEST_POSTGRES_URL is not set; 'tests/run' sets it")
    url = postgres.create_database()
    one, other = start_gate(database_url=url), start_gate(database_url=url)
    try:
        agent = one.create_agent()
        eventually(lambda: present(other, agent.token).status_code == 200, what="the agent at the other gateway")
        quarantine(one, agent)
        for gate in (one, other):
            in_force = lambda gate=gate: is_quarantined(gate, agent)  # noqa: E731
            eventually(in_force, within=PROMPTLY, what="the quarantine", may_cut=True)
        one.cli("agent", "lift-quarantine", agent.name, "--reason", "a test")
        for gate in (one, other):
            eventually(lambda gate=gate: not is_quarantined(gate, agent), within=PROMPTLY, what="the lifting")
    finally:
        for gate in (one, other):
            gate.stop()
        postgres.drop_database(url)


# Settings


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("clean_call = 0.255", "at most two decimals"),
        ("clean_call = -1", "from 0 to 100"),
        ("ceilings = '25, 50'", "3 numbers"),
        ("severity_risk = '10, 30, 60, 101'", "4 numbers from 0 to 100"),
        ("quarantine_violation = 3", "did you mean trust.quarantine_violations?"),
    ],
)
def test_a_wrong_score_in_the_settings_is_refused_with_what_would_be_right(start_gate, line, expected):
    gate = start_gate(started=False)
    (gate.home / "portcullis.toml").write_text(f"[trust]\n{line}\n")
    error = refused(gate, "config")
    assert "portcullis.toml:2" in error and expected in error, error


def test_scores_are_written_as_people_write_them(start_gate):
    gate = start_gate(started=False)
    (gate.home / "portcullis.toml").write_text("[trust]\nclean_call = 0.25\nviolation = 2\ndistrust_risk = '0.5'\n")
    shown = gate.cli("config").stdout
    assert "0.25" in shown


# AppContexts' detectors


def test_an_app_context_names_its_detectors(gate):
    name = fresh("context")
    selectors = ["type:PII_*", "class:CREDENTIALS", "openai-key"]
    arguments = [part for selector in selectors for part in ("--detector", selector)]
    gate.cli("app-context", "create", name, *arguments)
    assert cli_json(gate, "app-context", "show", name)["detectors"] == selectors
    assert "type:PII_*, class:CREDENTIALS, openai-key" in gate.cli("app-context", "show", name).stdout
    assert cli_json(gate, "app-context", "set", name, "--monthly-requests", "5")["detectors"] == selectors
    assert cli_json(gate, "app-context", "set", name, "--detector", "class:PHI")["detectors"] == ["class:PHI"]
    assert cli_json(gate, "app-context", "set", name, "--all-detectors")["detectors"] == []
    for wrong in ["type:PII[A]", "", "class:"]:
        assert "detector" in refused(gate, "app-context", "set", name, "--detector", wrong)
    with gate.admin() as admin:
        path = f"/api/v1/app-contexts/{name}"
        assert admin.patch(path, json={"detectors": ["type:*"]}).json()["detectors"] == ["type:*"]
        problem(admin.patch(path, json={"detectors": ["type:["]}), 400, "invalid_request_error")
        made = admin.post("/api/v1/app-contexts", json={"name": fresh("context"), "detectors": ["class:PII"]})
        assert made.json()["detectors"] == ["class:PII"]


def test_a_detector_that_is_no_rules_is_warned_of(start_gate):
    gate = start_gate(started=False, detections=RULES)
    made = gate.cli("app-context", "create", "web", "--detector", "codename", "--detector", "type:PII_*")
    assert "warning" not in made.stderr
    changed = gate.cli("app-context", "set", "web", "--detector", "code-name", "--detector", "class:IP")
    assert "code-name" in changed.stderr and "class:IP" not in changed.stderr
    assert cli_json(gate, "app-context", "show", "web")["detectors"] == ["code-name", "class:IP"]
