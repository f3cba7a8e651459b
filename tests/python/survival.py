"""What the record has to survive, as scenes: the tests play short ones, `tests/proofs/survive` long ones.

Each scene puts load on a gateway, does it harm, audits what its record says, and returns how many records there are.
"""

import random
import time
from dataclasses import replace

from auditor import Book, audit, drain, metrics, status
from gateway import eventually
from load import STREAMED, Load


def silent(_text):
    """Takes progress that nobody wants to see."""


def starts_quickly(gate):
    """Signs in once and for all: hashing the password again would take most of each start."""
    gate.admin().close()
    gate.env.pop("PORTCULLIS_ADMIN__PASSWORD", None)


def kills(gate, upstream, rounds, clients=12, tell=silent):
    """kill -9 under load, again and again; every other time once more while it recovers."""
    starts_quickly(gate)
    agent, book = gate.create_agent(), Book(gate)
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: {len(book.records)} records")
        with Load(gate, agent, f"kill{number}", clients) as load:
            time.sleep(random.uniform(0.3, 1.5))
            gate.kill()
            if number % 2:
                gate.spawn("serve")
                time.sleep(random.uniform(0, 0.3))
                gate.kill()
            gate.start()
            load.keep_going(0.5)
        audit(book, load.calls, upstream)
        upstream.calls.clear()
    count = len(book.calls())
    assert any(record["outcome"] == "interrupted" for record in book.records), "no kill met an exchange under way"
    gate.stop()
    gate.start()
    drain(gate)
    assert len(Book(gate).calls()) == count, "a start after a proper end adds nothing"
    return count


def stops(gate, upstream, rounds, clients=12, tell=silent):
    """SIGTERM under load: what is under way ends as usual, the exit code is 0, and everything is stored."""
    starts_quickly(gate)
    agent, book = gate.create_agent(), Book(gate)
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: {len(book.records)} records")
        with Load(gate, agent, f"stop{number}", clients) as load:
            time.sleep(random.uniform(0.3, 1))
            gate.stop()
            gate.start()
            load.keep_going(0.3)
        begun = [call for call in load.calls if call.status or upstream.saw(call.mark)]
        cut = [call for call in begun if not call.is_whole and not call.kind.leaves]
        assert not cut, f"{len(cut)} answers were cut: {cut[:3]}"
        # On connections that are still open, new calls are refused.
        audit(book, load.calls, upstream, may_refuse=True)
        upstream.calls.clear()
    return len(book.records)


def outage(gate, upstream, server, seconds, clients=12, tell=silent):
    """The database dies under load and comes back: a few times at once, in the midst of batches, then after a while."""
    agent, book = gate.create_agent(), Book(gate)
    with Load(gate, agent, "outage", clients) as load:
        for _ in range(3):
            load.keep_going(random.uniform(0.3, 1))
            server.kill()
            server.start()
        load.keep_going(1)
        server.kill()
        waiting = []
        for _ in range(4):
            load.keep_going(seconds / 4)
            waiting.append(metrics(gate)["waiting_records"])
            tell(f"{waiting[-1]:.0f} records wait for the database")
        assert metrics(gate)["store_away"] == 1
        assert waiting == sorted(set(waiting)), f"the gauge does not rise: {waiting}"
        server.start()
        eventually(lambda: metrics(gate)["store_away"] == 0, within=20, what="the database's return")
        load.keep_going(1)
    audit(book, load.calls, upstream)
    assert status(gate)["records"]["lost"] == 0
    assert metrics(gate)["waiting_records"] == 0
    return len(book.records)


def full_disk(gate, upstream, disk, rounds, clients=12, tell=silent):
    """The disk fills up under load, and gets room again."""
    agent, book = gate.create_agent(), Book(gate)
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: {len(book.records)} records")
        streams = [replace(STREAMED, script={"pause_ms": 400, "chunks": 12})]
        slow = Load(gate, agent, f"slow{number}", clients=4, mix=streams)
        with slow, Load(gate, agent, f"full{number}", clients) as load:
            load.keep_going(1)
            fill_up(gate, disk / "filler", slow, load)
            before = len(load.calls)
            served = lambda: any(call.is_whole and call.status == 200 for call in load.calls[before:])  # noqa: E731
            eventually(served, within=15, what="service without hand work")
            load.keep_going(1)
        audit(book, slow.calls + load.calls, upstream, may_refuse=True)
        upstream.calls.clear()
        cut = [call for call in slow.calls if not call.is_whole]
        assert not cut, f"streams that were open when the disk was full: {cut}"
    return len(book.records)


def fill_up(gate, filler, slow, load):
    """Leaves no room on the disk until the slow streams have ended, then all of it."""
    with filler.open("wb", buffering=0) as file:
        eventually(lambda: fill(file) or any(call.is_unavailable for call in load.calls), 20, what="a 503")
        eventually(lambda: fill(file) or metrics(gate)["journal_disk_full"], what="the gauge of a full disk")
        refused = next(call for call in load.calls if call.is_unavailable)
        assert int(refused.headers["retry-after"]) >= 1
        slow.stop()
    filler.unlink()


def fill(file):
    """Writes until the disk is full."""
    for size in (1 << 20, 1 << 12):
        try:
            while True:
                file.write(bytes(size))
        except OSError:
            pass
