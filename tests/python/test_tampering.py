"""Whoever alters the record behind the gate's back is found, and the first bad record is named.

The tests alter the database directly, as somebody with all rights to it could. What they cannot alter is the file of
checkpoints, which stands for every copy that an auditor keeps elsewhere.
"""

import copy
import hashlib
import json
import re
import shutil
import time

import pytest

import postgres
import rules
from auditor import export, settle_changes, sql, verify
from gateway import Gateway, chat

pytestmark = pytest.mark.timeout(120)

COUNT = 12
CHECKPOINT_RECORDS = 5
HASHES = ("previous_hash", "event_hash")


@pytest.fixture(scope="module")
def stopped_gates(tmp_path_factory, upstream):
    """A stopped server with a short record on each backend, made at its first use."""
    gates = {}

    def gate_on(backend):
        if backend not in gates:
            url = postgres.create_database() if backend == "postgres" else None
            # Each call is a batch of its own, so that there is room between two rows.
            settings = {"FLUSH_EVERY_MS": "1", "CHECKPOINT_RECORDS": str(CHECKPOINT_RECORDS)}
            env = {f"PORTCULLIS_AUDIT__{name}": value for name, value in settings.items()}
            home = tmp_path_factory.mktemp(backend)
            gate = Gateway(home, upstream.base_url, url, detections=rules.NOTING, **env).start()
            try:
                fill(gate)
            finally:
                gate.stop()
            gates[backend] = gate
        return gates[backend]

    yield gate_on
    for gate in gates.values():
        if gate.database_url:
            postgres.drop_database(gate.database_url)


def fill(gate):
    agent = gate.create_agent()
    # The first records are of changes; from the fifth on they are of calls.
    assert settle_changes(gate) == 4
    for number in range(COUNT):
        gate.call(agent, body=chat("o3-mini" if number % 4 == 3 else "gpt-4o", text="Grüße"))
        time.sleep(0.02)
    assert len(gate.records(agent, COUNT)) == COUNT


@pytest.fixture
def record(backend, stopped_gates, tmp_path):
    """A copy of that server's record, which a test may alter."""
    yield from copies(stopped_gates(backend), tmp_path)


def copies(gate, directory):
    made = copy.copy(gate)
    made.data_dir = directory / "data"
    shutil.copytree(gate.data_dir, made.data_dir)
    made.env = {**gate.env, "PORTCULLIS_DATA_DIR": str(made.data_dir)}
    if gate.database_url:
        made.database_url = made.env["DATABASE_URL"] = postgres.create_database(template=gate.database_url)
    yield made
    if gate.database_url:
        postgres.drop_database(made.database_url)


def record_of(seq, column):
    return f"(SELECT {column} FROM audit_records WHERE seq = {seq})"


def columns_of(record):
    if record.database_url:
        of_it = "table_name = 'audit_records' AND table_schema = 'public'"
        rows = sql(record, f"SELECT column_name, data_type FROM information_schema.columns WHERE {of_it}")
    else:
        rows = sql(record, "SELECT name, type FROM pragma_table_info('audit_records')")
    return dict(rows)


def copy_row(record, **changes):
    """Inserts a copy of record 6 with some columns changed; values are SQL."""
    columns = list(columns_of(record))
    values = [changes.get(name, name) for name in columns]
    columns, values = ", ".join(columns), ", ".join(values)
    sql(record, f"INSERT INTO audit_records ({columns}) SELECT {values} FROM audit_records WHERE seq = 6")


def change(record):
    sql(record, "UPDATE audit_records SET model = 'gpt-3.5-turbo' WHERE seq = 6")


def delete(record):
    sql(record, "DELETE FROM audit_records WHERE seq = 6")


def delete_the_first(record):
    sql(record, "DELETE FROM audit_records WHERE seq <= 2")


def insert(record):
    copy_row(record, position=f"{record_of(7, 'position')} - 1", id="'0193fffa-0000-7000-8000-000000000000'")


def insert_and_renumber(record):
    sql(record, "UPDATE audit_records SET seq = seq + 1 WHERE seq >= 7")
    place = f"{record_of(8, 'position')} - 1"
    copy_row(record, position=place, seq="7", id="'0193fffa-0000-7000-8000-000000000000'")


def reorder(record):
    [[sixth]] = sql(record, f"SELECT {record_of(6, 'position')}")
    [[seventh]] = sql(record, f"SELECT {record_of(7, 'position')}")
    sql(
        record,
        f"UPDATE audit_records SET position = {seventh} + 500000 WHERE seq = 6",
        f"UPDATE audit_records SET position = {sixth} WHERE seq = 7",
        f"UPDATE audit_records SET position = {seventh} WHERE seq = 6",
    )


def exchange(record):
    """Two records change places and numbers."""
    reorder(record)
    sql(record, "UPDATE audit_records SET seq = 13 - seq WHERE seq IN (6, 7)")


def truncate(record):
    """The end is gone, and everything in the database that knew of it."""
    sql(
        record,
        "DELETE FROM audit_records WHERE seq > 8",
        "DELETE FROM audit_checkpoints WHERE seq > 8",
        f"UPDATE audit_chains SET seq = 8, event_hash = {record_of(8, 'event_hash')}",
    )


def empty(record):
    sql(record, *(f"DELETE FROM audit_{table}" for table in ("records", "checkpoints", "chains", "sums")))


def rewrite(record):
    """A record is changed by somebody who knows how the chain is made, and makes it anew from there on."""
    sql(record, "UPDATE audit_records SET model = 'gpt-3.5-turbo' WHERE seq = 6")
    previous, statements = bytes(32), []
    for line in records_in(export(record)):
        event = link(previous, line)
        hashes = zip(HASHES, (previous, event), strict=True)
        values = ", ".join(f"{name} = {literal(record, value)}" for name, value in hashes)
        statements.append(f"UPDATE audit_records SET {values} WHERE seq = {line['seq']}")
        previous = event
    sql(
        record,
        *statements,
        f"UPDATE audit_chains SET event_hash = {literal(record, previous)}",
        "DELETE FROM audit_checkpoints",
    )


def literal(record, value):
    return f"'\\x{value.hex()}'" if record.database_url else f"X'{value.hex()}'"


# What somebody does, and how the first thing that is wrong must be called.
ALTERATIONS = {
    change: "record 6 .* altered",
    delete: r"missing.*\b6\b",
    delete_the_first: r"\b[123]\b",
    insert: "record 6 ",
    insert_and_renumber: "record [78] ",
    reorder: "record [67] ",
    exchange: "record [67] ",
    truncate: r"missing at the end.*\b9\b",
    empty: r"missing at the end.*\b1\b",
    rewrite: "record 10 ",  # there is the first checkpoint behind the change
}


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_an_alteration_is_found_and_named(record, alter):
    verify(record)
    alter(record)
    done = record.cli("audit", "verify", "--json", check=False)
    assert done.returncode == 1, done.stdout
    report = json.loads(done.stdout)
    first = report["problems"][0]
    assert not report["sound"] and re.search(ALTERATIONS[alter], first["message"]), first
    assert first["message"] in done.stderr
    if first["id"]:
        assert first["id"] in first["message"]
        assert sql(record, f"SELECT seq FROM audit_records WHERE id = '{first['id']}'") == [[str(first["seq"])]]


def test_no_column_of_a_record_can_be_changed(stopped_gates, tmp_path):
    gate = stopped_gates("sqlite")
    [record] = copies(gate, tmp_path)
    original = (record.data_dir / "record.db").read_bytes()
    unnoticed = []
    # Where a row stands is no part of it: its order is, see above.
    for name, kind in columns_of(record).items():
        if name == "position":
            continue
        other = {"INTEGER": f"coalesce({name}, 0) + 1", "BOOLEAN": f"NOT coalesce({name}, 0)", "BLOB": "X'00'"}
        value = other.get(kind, f"coalesce({name}, '') || 'x'")
        sql(record, f"UPDATE audit_records SET {name} = {value} WHERE seq = 6")
        if record.cli("audit", "verify", check=False).returncode != 1:
            unnoticed.append(name)
        for left in record.data_dir.glob("record.db*"):
            left.unlink()
        (record.data_dir / "record.db").write_bytes(original)
    assert unnoticed == []


def records_in(lines):
    return [line for line in lines if "event_hash" in line]


def link(previous, line):
    """The hash of a record, from the one before and its own fields: RFC 8785 is this easy without fractions."""
    fields = {name: value for name, value in line.items() if name not in HASHES}
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + hashlib.sha256(canonical.encode()).digest()).digest()
