"""The record survives: kills, stops, a database that dies and a disk that fills up, all of it under load."""

import time
from dataclasses import replace

import pytest

from auditor import Book, audit, drain, faults, metrics, status
from gateway import Gateway, eventually
from load import PLAIN, Load, body_of
from survival import full_disk, kills, outage, stops

# Slow machines run these beside others.
pytestmark = pytest.mark.timeout(180)

TOOLS = [{"type": "function", "function": {"name": f"{number:03}" + "x" * 61}} for number in range(128)]
# Its record is large, so that few of them fill a journal.
LONG_RECORD = replace(PLAIN, body=body_of(tools=TOOLS))
SMALLEST_JOURNAL = 16 << 20


def test_kill_9_under_load_loses_nothing_and_doubles_nothing(own_gate, upstream):
    kills(own_gate(), upstream, rounds=5)


def test_a_record_that_is_synced_survives_likewise(own_gate, upstream):
    kills(own_gate(AUDIT__DURABILITY="disk"), upstream, rounds=1)


def test_sigterm_under_load_cuts_no_answer_and_loses_nothing(own_gate, upstream):
    stops(own_gate(), upstream, rounds=2)


def test_a_database_that_dies_and_comes_back_costs_nothing_but_patience(mortal_postgres, quick_gate, upstream):
    outage(quick_gate(database_url=mortal_postgres.url), upstream, mortal_postgres, seconds=8)


@pytest.mark.parametrize("end", [lambda gate: gate.stop(within=30), Gateway.kill], ids=["sigterm", "kill-9"])
def test_an_end_while_the_database_is_away_leaves_all_to_the_next_start(mortal_postgres, quick_gate, upstream, end):
    gate = quick_gate(database_url=mortal_postgres.url)
    agent, book = gate.create_agent(), Book(gate)
    with Load(gate, agent, "away") as load:
        load.keep_going(0.5)
        mortal_postgres.kill()
        load.keep_going(1)
        end(gate)
        mortal_postgres.start()
        gate.start()
        load.keep_going(0.5)
    audit(book, load.calls, upstream, may_refuse=True)


def test_a_full_disk_refuses_calls_and_corrupts_nothing(disk, quick_gate, upstream):
    full_disk(quick_gate(DATA_DIR=disk / "data"), upstream, disk, rounds=1)


def test_a_journal_at_its_cap_refuses_calls_until_the_database_is_back(mortal_postgres, quick_gate, upstream):
    gate = at_the_cap(quick_gate, mortal_postgres)
    agent, book = gate.create_agent(), Book(gate)
    mortal_postgres.kill()
    with Load(gate, agent, "cap", mix=[LONG_RECORD], pause_ms=0) as load:
        refused = eventually(lambda: [call for call in load.calls if call.is_unavailable], 60, what="a refusal")
        assert int(refused[0].headers["retry-after"]) >= 1
        assert SMALLEST_JOURNAL / 2 < metrics(gate)["journal_bytes"] <= SMALLEST_JOURNAL
        mortal_postgres.start()
        before = len(load.calls)
        eventually(lambda: any(call.status == 200 for call in load.calls[before:]), 20, what="service")
    audit(book, load.calls, upstream, may_refuse=True)
    assert status(gate)["records"]["lost"] == 0


def test_a_journal_at_its_cap_serves_and_counts_what_is_lost_if_told_so(mortal_postgres, quick_gate, upstream):
    gate = at_the_cap(quick_gate, mortal_postgres, AUDIT__WHEN_FULL="serve")
    agent, book = gate.create_agent(), Book(gate)
    mortal_postgres.kill()
    with Load(gate, agent, "cap", mix=[LONG_RECORD], pause_ms=0) as load:
        eventually(lambda: metrics(gate)["lost_exchanges_total"] >= 20, 60, what="lost exchanges")
        mortal_postgres.start()
        time.sleep(2)
    assert {call.status for call in load.calls} == {200}
    drain(gate)
    lost = status(gate)["records"]["lost"]
    records = eventually(lambda: complete(book, len(load.calls) - lost), within=10, what="the other records")
    marks = {record["session_id"] for record in records}
    recorded = [call for call in load.calls if call.mark in marks]
    assert faults(recorded, records, marks, may_refuse=False) == []
    assert len(records) + lost == len(load.calls)


def at_the_cap(quick_gate, server, **settings):
    return quick_gate(database_url=server.url, AUDIT__JOURNAL_BYTES=SMALLEST_JOURNAL, **settings)


def complete(book, count):
    return book.calls() if len(book.calls()) >= count else None
