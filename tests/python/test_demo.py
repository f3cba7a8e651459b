"""`portcullis demo`, the newcomer's first command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from gateway import ROOT, eventually


def shown_password(told):
    """The administrator's first password: on the terminal, or in a private file where there is none."""
    shown = re.search(r"password +(in )?(\S+)", told)
    assert shown, told
    return Path(shown[2]).read_text().strip() if shown[1] else shown[2]


def test_the_demo_makes_its_calls_prints_what_to_do_next_and_keeps_serving(start_gate):
    gate = start_gate(started=False)
    gate.cwd = ROOT  # the shipped model.conf, policy.csv and detections.toml
    for name in [
        "PORTCULLIS_ADMIN__PASSWORD",
        "PORTCULLIS_UPSTREAM__BASE_URL",
        "PORTCULLIS_POLICY__FILE",
        "PORTCULLIS_POLICY__MODEL",
        "PORTCULLIS_DETECTION__FILE",
    ]:
        del gate.env[name]
    gate.spawn("demo")
    eventually(gate.ready, within=40, what="readiness")
    told = eventually(lambda: "OpenAI(" in gate.log and gate.log, within=40, what="the snippets")
    assert gate.url in told
    assert "sandbox" in told.lower()
    assert re.search(r"\b200\b", told) and re.search(r"\b403 model_not_allowed\b", told)
    calls = "/api/v1/audit/events?kind=calls"
    token = gate.sign_in(shown_password(told)).json()["access_token"]
    with httpx.Client(base_url=gate.url, headers={"Authorization": f"Bearer {token}"}) as admin:
        eventually(lambda: len(admin.get(calls).json()["events"]) >= 2, what="two records")
        events = admin.get(calls).json()["events"]
        assert [(event["policy_result"], event["stream"]) for event in events][:1] == [("allow", True)]
        assert "deny" in [event["policy_result"] for event in events]
        assert admin.get("/api/v1/admin/session").json()["sandbox"] is True
    assert gate.process.poll() is None


def test_the_snippets_that_the_demo_prints_run_as_they_stand(start_gate):
    gate = start_gate(started=False)
    gate.cwd = ROOT
    gate.spawn("demo")
    told = eventually(lambda: "Serving" in gate.log and gate.log, within=40, what="the snippets")
    printed = told[told.index("export OPENAI_BASE_URL") : told.index("Serving")]
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", printed],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert "sandbox" in done.stdout


def test_a_second_demo_in_the_same_place_works_too(start_gate):
    gate = start_gate(started=False)
    gate.cwd = ROOT
    for _ in range(2):
        gate.output.clear()
        gate.spawn("demo")
        eventually(lambda: gate.ready() and "OpenAI(" in gate.log, within=40, what="the demo")
        gate.stop()


def test_the_demo_keeps_off_a_database_of_yours(start_gate):
    gate = start_gate(started=False, database_url="postgres://me@127.0.0.1:1/mine")
    done = gate.cli("demo", check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and "DATABASE_URL" in done.stderr


def test_the_sandbox_names_itself_in_every_answer(start_gate):
    gate = start_gate(started=False)
    gate.start("--sandbox")
    reply = gate.call(gate.create_agent())
    assert reply.status_code == 200
    assert reply.headers["x-portcullis-sandbox"] == "true"
    assert reply.json()["choices"][0]["message"]["content"]
    assert "sandbox" in gate.log.lower()
