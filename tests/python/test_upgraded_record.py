"""A database of the release before: its records move into the chain, unchanged, while the gate serves."""

import json
import sqlite3
import time
import uuid

import pytest

import postgres
from auditor import Book, drain, sql, verify
from gateway import ROOT, eventually

LAST_OF_THEN = "2026-11-22-000005_screened"
COUNT = 1_200
KEPT = "id agent_name node session_id roles tool_names findings model stream outcome status_code trust_score".split()


@pytest.fixture
def old_gate(backend, quick_gate):
    """A server that was not started yet, on a database as the release before left it."""
    url = postgres.create_database() if backend == "postgres" else None
    gate = quick_gate(started=False, database_url=url, SERVER__NODE="here", AUDIT__CHECKPOINT_RECORDS=100)
    if url:
        postgres.run("psql", "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", schema("postgres"))
    else:
        gate.data_dir.mkdir(mode=0o700)
        (gate.data_dir / "portcullis.lock").touch()  # by which the gate knows its own
        for name in ("state", "record"):
            with sqlite3.connect(gate.data_dir / f"{name}.db") as database:
                database.executescript(schema(f"sqlite_{name}"))
    yield gate
    gate.stop()
    if url:
        postgres.drop_database(url)


def schema(kind):
    """The migrations of then, and the note that they were made."""
    made = [path for path in sorted((ROOT / "migrations" / kind).iterdir()) if path.name <= LAST_OF_THEN]
    notes = [f"('{path.name.partition('_')[0].replace('-', '')}')" for path in made]
    return f"""
        CREATE TABLE __diesel_schema_migrations (
            version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO __diesel_schema_migrations (version) VALUES {", ".join(notes)};
        {" ".join((path / "up.sql").read_text() for path in made)}
    """


def old_record(number):
    """A record as a row of then and as its reader saw it."""
    at = int(time.time() * 1000) - 86_400_000 + number
    finding = {
        "rule": "email", "type": "PII_EMAIL", "class": "PII", "severity": "MEDIUM", "lifecycle": "INGRESS",
        "surface": "user", "action": "log", "count": 2, "hmac": None,
    }  # fmt: skip
    return {
        "id": str(uuid.UUID(f"{at:012x}7000800000000000{number:04x}")),
        "started_at": at,
        "agent_name": f"agent-{number % 7}",
        "roles": json.dumps(["developer", "reader"]),
        "session_id": f"s-{number % 50}" if number % 3 else None,
        "surface": "agent",
        "tool_name": "openai-api",
        "mcp_server": "openai-proxy",
        "action": "POST",
        "target": "/openai/v1/chat/completions",
        "endpoint": "chat/completions",
        "model": "gpt-4o" if number % 5 else "modèle's",
        "stream": bool(number % 2),
        "tool_names": json.dumps(["get_weather"] if number % 4 == 0 else []),
        "policy_result": "allow",
        "findings": json.dumps([finding] if number % 11 == 0 else []),
        "scan_extent": "full",
        "tools_removed": "[]",
        "trust_score": 1234,
        "risk_score": 0,
        "status_code": 200,
        "outcome": "completed",
        "node": "there" if number % 10 == 0 else "here",
    }


def literal(value):
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def insert(gate, rows):
    values = ", ".join(f"({', '.join(map(literal, row.values()))})" for row in rows)
    sql(gate, f"INSERT INTO records ({', '.join(rows[0])}) VALUES {values}")


def test_the_records_of_the_release_before_are_moved_and_verify(old_gate):
    rows = [old_record(number) for number in range(COUNT)]
    for at in range(0, COUNT, 100):
        insert(old_gate, rows[at : at + 100])
    old_gate.start()
    agent = old_gate.create_agent()
    assert old_gate.call(agent).status_code == 200, "it serves meanwhile"
    book = Book(old_gate)
    eventually(lambda: len(book.calls()) > COUNT, within=30, what="all the records")
    drain(old_gate)
    moved = [record for record in book.calls() if record["agent_name"] != agent.name]
    assert [told(record) for record in moved] == [expected(row) for row in rows]
    for node in ("here", "there"):
        chain = [record["seq"] for record in book.records if record["node"] == node]
        assert chain == list(range(1, len(chain) + 1))
    assert sql(old_gate, "SELECT count(*) FROM records") == [["0"]]
    verify(old_gate)
    old_gate.stop()
    verify(old_gate)
    old_gate.start()
    assert len(Book(old_gate).calls()) == COUNT + 1


def test_a_record_that_a_gateway_of_the_release_before_still_writes_is_moved_too(old_gate):
    old_gate.start()
    insert(old_gate, [old_record(1)])
    old_gate.stop()
    old_gate.start()
    book = Book(old_gate)
    eventually(lambda: book.calls(), within=15, what="the record")
    verify(old_gate)


def told(record):
    return {name: record[name] for name in KEPT}


def expected(row):
    listed = {name: json.loads(row[name]) for name in ("roles", "tool_names", "findings")}
    return {name: row[name] for name in KEPT} | listed
