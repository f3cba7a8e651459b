"""The administrators' API against its own document: generated requests, good and bad, meet no server error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

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
