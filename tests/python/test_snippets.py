"""The code that the page and the CLI hand out runs as it stands."""

import os
import re
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from gateway import eventually

PATH = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"


def run(*command, **environment):
    done = subprocess.run(
        command, env={**os.environ, "PATH": PATH, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_snippet(name, code, directory):
    """Python finds nothing but what the snippet's first line installs."""
    if name == "curl":
        return run("bash", "-euo", "pipefail", "-c", code)
    wanted = re.match(r"# pip install (\S+)\n", code).group(1)
    install(distributions(wanted), directory)
    return run(sys.executable, "-S", "-c", code, PYTHONPATH=str(directory))


def distributions(name, extras=("",)):
    """The distributions that pip would install for this name, by name."""
    found = {name: metadata.distribution(name)}
    for text in found[name].requires or ():
        needed = Requirement(text)
        if needed.name not in found and any(needed.marker is None or needed.marker.evaluate({"extra": it}) for it in extras):
            found |= distributions(needed.name, ("", *needed.extras))
    return found


def install(found, directory):
    """Links what these distributions installed."""
    for distribution in found.values():
        tops = {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}
        for top in tops:
            if not (directory / top).exists():
                (directory / top).symlink_to(distribution.locate_file(top))


@pytest.fixture
def gate(start_gate):
    gate = start_gate(started=False)
    gate.start("--sandbox")
    return gate


@pytest.mark.parametrize("name", ["python", "langchain", "curl"])
def test_an_agents_snippet_calls_the_gate(gate, name, tmp_path):
    agent = gate.create_agent()
    with gate.admin() as admin:
        made = admin.get(
            "/api/v1/snippets", params={"client_id": agent.client_id, "model": "gpt-4o"}
        ).json()
        code = {it["id"]: it["code"] for it in made["snippets"]}[name]
        assert made["base_url"] == f"{gate.url}/api/v1/openai/v1"
    assert "sandbox" in run_snippet(name, code.replace("CLIENT_SECRET", agent.client_secret), tmp_path)


@pytest.mark.parametrize("name", ["python", "langchain", "curl"])
def test_a_detection_keys_snippet_calls_the_gate(gate, name, tmp_path):
    agent = gate.create_agent()
    key = gate.create_key(agent)
    with gate.admin() as admin:
        made = admin.get("/api/v1/snippets", params={"surface": "detection_key"}).json()
    code = {it["id"]: it["code"] for it in made["snippets"]}[name]
    assert "sandbox" in run_snippet(name, code.replace("DETECTION_KEY", key.key), tmp_path)


def test_the_command_line_shows_the_same_snippets(gate, tmp_path):
    agent = gate.create_agent()
    name = agent.name
    told = gate.cli("agent", "snippet", name, "--url", gate.url, "--model", "gpt-4o").stdout
    assert agent.client_id in told and told.count("CLIENT_SECRET") == 4
    code = gate.cli("agent", "snippet", name, "--url", gate.url, "--only", "python").stdout
    # The gate of the sandbox has a provider key; the configuration that the CLI reads has none.
    assert "X-OpenAI-Key" in code
    assert "sandbox" in run_snippet("python", code.replace("CLIENT_SECRET", agent.client_secret), tmp_path)


def test_what_would_be_code_itself_is_refused(gate):
    with gate.admin() as admin:
        reply = admin.get("/api/v1/snippets", params={"model": '"); import os; ("'})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid_request_error"


def test_an_agents_trust_is_told_as_its_records_have_it(sqlite_gate):
    agent = sqlite_gate.create_agent()
    for _ in range(3):
        sqlite_gate.call(agent)
    records = sqlite_gate.records(agent, 3)
    with sqlite_gate.admin() as admin:
        told = admin.get(f"/api/v1/agents/{agent.name}/trust").json()
        assert told["complete"] is True
        assert [point["trust_score"] for point in told["points"]] == [it["trust_score"] for it in records]
        assert admin.get(f"/api/v1/agents/{agent.name}/trust?from=2000&to=soon").status_code == 400
        backwards = admin.get(f"/api/v1/agents/{agent.name}/trust?from=2026-02-01&to=2026-01-01")
        assert backwards.status_code == 400 and "later" in backwards.json()["error"]["message"]
        assert admin.get("/api/v1/agents/nobody/trust").status_code == 404
        eventually(lambda: admin.get(f"/api/v1/agents/{agent.name}").json()["last_call_at"], what="the last call")
        listed = {it["name"]: it for it in admin.get("/api/v1/agents").json()["agents"]}
        assert listed[agent.name]["last_call_at"] >= records[0]["started_at"]
