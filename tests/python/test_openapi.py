"""The administrators' API against its own document: generated requests, good and bad, meet no server error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import jsonschema_rs
import pytest

from gateway import chat

# What would end the run's own session, or would not end.
LEFT_OUT = ["signOut", "streamActivity", "changeOwnPassword"]
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
]
SECONDS = int(os.environ.get("PORTCULLIS_TEST_SCHEMATHESIS_SECONDS", "30"))


@pytest.fixture
def document(sqlite_gate):
    reply = sqlite_gate.admin().get("/api/v1/openapi.json")
    assert reply.status_code == 200
    return reply.json()


def test_the_document_is_open_to_whoever_is_signed_in_and_to_nobody_else(sqlite_gate, document):
    assert document["openapi"].startswith("3.1")
    assert httpx.get(f"{sqlite_gate.url}/api/v1/openapi.json").status_code == 401


def test_every_reference_in_the_document_leads_somewhere(document):
    def references(value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    found = set(references(document["paths"])) | set(references(document["components"]))
    assert found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]


def closed(schema):
    """The same, and an object has no member that is not documented."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(each) for name, each in schema.items()}
    return {**shut, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else shut


# What the last of these requests are answered with.
REFUSALS = [404, 409, 400]


def asks(agent, context, key, record):
    """Requests that succeed, with everything there that they can show; the last ones are refused."""
    own = "/api/v1"
    draft = {"text": "p, developer, gpt-4o*, allow\np2, developer, web:write, allow\n"}
    yield "get", f"{own}/admin/sign-in", None
    yield "get", f"{own}/admin/session", None
    yield "get", f"{own}/users", None
    yield "post", f"{own}/users", {"username": "documented", "role": "viewer"}
    yield "get", f"{own}/users/documented", None
    yield "patch", f"{own}/users/documented", {"role": "analyst"}
    yield "post", f"{own}/users/documented/reset-password", None
    yield "post", f"{own}/users/documented/sign-out", None
    yield "delete", f"{own}/users/documented", None
    yield "get", f"{own}/agents", None
    yield "get", f"{own}/agents/{agent}", None
    yield "get", f"{own}/agents/{agent}/trust", None
    yield "patch", f"{own}/agents/{agent}", {"limits": {"requests_per_minute": 100}}
    yield "post", f"{own}/agents/{agent}/rotate-secret", None
    yield "post", f"{own}/agents/{agent}/suspend", None
    yield "post", f"{own}/agents/{agent}/resume", None
    yield "post", f"{own}/agents/{agent}/quarantine", {"reason": "documented"}
    yield "post", f"{own}/agents/{agent}/lift-quarantine", {"reason": "documented"}
    yield "get", f"{own}/app-contexts", None
    yield "get", f"{own}/app-contexts/{context}", None
    yield "get", f"{own}/keys", None
    yield "post", f"{own}/keys/{key}/expire", {"in": "1h"}
    yield "post", f"{own}/keys/{key}/revoke", None
    yield "post", f"{own}/app-contexts/{context}/revoke", None
    yield "get", f"{own}/snippets", None
    yield "get", f"{own}/policy", None
    yield "post", f"{own}/policy/lint", draft
    yield "post", f"{own}/policy/diff", draft
    yield "post", f"{own}/policy/what-if", draft
    yield "post", f"{own}/policy/explain", {"agent": agent, "model": "gpt-4o"}
    yield "get", f"{own}/policy/versions", None
    yield "get", f"{own}/detections", None
    yield "get", f"{own}/detections/rules", None
    yield "post", f"{own}/detections/try", {"text": "my number is 078-05-1120"}
    yield "get", f"{own}/detections/coverage", None
    yield "get", f"{own}/audit/events", None
    yield "get", f"{own}/audit/events?kind=changes", None
    yield "get", f"{own}/audit/events/{record}", None
    yield "get", f"{own}/audit/summary", None
    yield "get", f"{own}/audit/summary?group=finding", None
    yield "get", f"{own}/audit/sessions", None
    yield "get", f"{own}/audit/status", None
    yield "get", f"{own}/audit/set-aside", None
    yield "get", f"{own}/audit/checkpoints", None
    yield "get", f"{own}/audit/keys", None
    yield "post", f"{own}/audit/verify", {}
    yield "get", f"{own}/audit/verify", None
    # What is wrong has a form too.
    yield "get", f"{own}/agents/nobody-of-this-name", None
    yield "put", f"{own}/policy", {"text": "p, developer\n", "base_version": "another", "reason": "documented"}
    yield "post", f"{own}/policy/lint", {"nothing": "that exists"}


def matches(template, path):
    wanted, parts = template.split("/"), path.partition("?")[0].split("/")
    return len(wanted) == len(parts) and all(one[:1] == "{" or one == two for one, two in zip(wanted, parts))


def test_every_answer_has_the_documented_members_and_no_others(sqlite_gate, document):
    gate, admin = sqlite_gate, sqlite_gate.admin()
    agent = gate.create_agent()
    key = gate.create_key(gate.create_agent())
    assert gate.call(agent, body=chat(text="my number is 078-05-1120")).status_code == 200
    record = gate.record(agent)
    components = closed(document["components"])
    requests = list(asks(agent.agent_id, key.context_id, key.key_id, record["id"]))
    statuses = [None] * (len(requests) - len(REFUSALS)) + REFUSALS
    for (method, path, body), refused in zip(requests, statuses):
        exact = [it for it in document["paths"] if it == path.partition("?")[0]]
        (template, *_) = exact or [it for it in document["paths"] if matches(it, path)]
        operation = document["paths"][template][method]
        reply = admin.request(method.upper(), path, json=body, headers={"X-Portcullis-CSRF": "1"})
        assert reply.status_code == refused if refused else reply.is_success, f"{method} {path}: {reply.text}"
        answer = operation["responses"][str(reply.status_code)]
        schema = {**closed(answer["content"]["application/json"]["schema"]), "components": components}
        wrong = [str(each) for each in jsonschema_rs.validator_for(schema).iter_errors(reply.json())]
        assert not wrong, f"{method} {path}: {reply.status_code} {wrong[:3]}"


@pytest.mark.timeout(SECONDS + 150)
def test_generated_requests_meet_no_server_error_and_answers_as_documented(quick_gate, tmp_path):
    gate = quick_gate()
    gate.create_agent()
    report = tmp_path / "schemathesis.txt"
    token = gate.sign_in().json()["access_token"]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{gate.url}/api/v1/openapi.json",
        "--header",
        f"Authorization: Bearer {token}",
        "--checks",
        ",".join(CHECKS),
        "--phases",
        "examples,coverage,fuzzing,stateful",
        "--max-time",
        str(SECONDS),
        "--max-examples",
        "20",
        "--continue-on-failure",
        "--no-color",
        "--warnings",
        "off",
    ]
    for name in LEFT_OUT:
        command += ["--exclude-operation-id", name]
    with report.open("w") as output:
        run = subprocess.run(command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, check=False)
    text = report.read_text()
    assert run.returncode == 0, text[-6_000:]
    assert "Test cases:" in text, text[-2_000:]


def test_the_command_prints_the_document_that_is_served(sqlite_gate, document):
    assert json.loads(sqlite_gate.cli("openapi").stdout) == document
