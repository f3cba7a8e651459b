"""What an auditor asks of the record: everything that happened, once, in order, unaltered."""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from itertools import pairwise

import httpx

import postgres
from gateway import eventually

LARGEST_FRAME = 256 << 10
UNFINISHED = {"interrupted", "cancelled"}


class Book:
    """The record as its readers get it: page by page, in the order in which it was written."""

    def __init__(self, gate):
        self.gate = gate
        self.records = []
        self.after, self.known = "", 0  # the last page's place, and how many records stand before it

    def read(self):
        """Reads on from the last page, which may have grown."""
        del self.records[self.known :]
        with self.gate.admin() as admin:
            while True:
                reply = admin.get("/api/v1/audit/events", params={"limit": 1000, "after": self.after})
                assert reply.status_code == 200, reply.text
                page = reply.json()
                self.records += page["events"]
                if page["next"] is None:
                    return self.records
                self.after, self.known = page["next"], len(self.records)

    def calls(self):
        """The same without administrative changes."""
        return [record for record in self.read() if record["surface"] != "admin"]

    def marks(self):
        return {record["session_id"] for record in self.calls()}


def audit(book, calls, upstream, may_refuse=False, keys=(), within=30):
    """Waits until everything is in the store, and checks that it is what the clients and the provider saw.

    The chain is verified with the gate's own key, and these.
    """
    sent = {call.mark for call in calls}
    forwarded = {mark for call in list(upstream.calls) for mark in call.header("x-mark")} & sent
    due = forwarded | {call.mark for call in calls if call.is_whole and not call.is_unavailable}
    assert due, "there was no load"
    try:
        eventually(lambda: due <= book.marks(), within, every=0.2, what="a record of every call")
    except AssertionError:
        pass  # told below, call by call
    drain(book.gate, within)
    records = book.read()
    found = faults(calls, [record for record in records if record["session_id"] in sent], forwarded, may_refuse)
    ids = Counter(record["id"] for record in records)
    found += [f"the id {name} stands in {count} records" for name, count in ids.items() if count > 1]
    assert not found, f"{len(found)} faults in {len(calls)} calls:\n" + "\n".join(found[:20])
    verify(book.gate, *keys)


def faults(calls, records, forwarded, may_refuse):
    """What is wrong with the records of these calls, in words."""
    found = []
    places = defaultdict(list)
    for place, record in enumerate(records):
        places[record["session_id"]].append(place)
    for call in calls:
        own = [records[place] for place in places[call.mark]]
        why = fault(call, own, call.mark in forwarded, may_refuse)
        if why:
            ends = [(record["outcome"], record["status_code"]) for record in own]
            found.append(f"{call.mark}: {why}; seen: {call.status} {call.error}; recorded: {ends}")
    return found + disorder(calls, places)


def fault(call, records, was_forwarded, may_refuse):
    """What is wrong with the records of one call, or None."""
    if len(records) > 1:
        return "more than one record"
    if call.error and "Timeout" in call.error:
        return "the answer did not end"
    if call.is_unavailable and may_refuse:
        # For want of room there is no record; when the gate stops, there is one.
        ends = [record["outcome"] for record in records]
        return "refused, but forwarded" if was_forwarded or ends not in ([], ["rejected"]) else None
    if call.is_whole and call.status != call.kind.status:
        return "another answer than usual"
    if not records:
        return None if call.status is None and not was_forwarded else "no record"
    [record] = records
    if call.status is not None and record["id"] != call.headers["x-portcullis-decision"]:
        return "another id than in the answer"
    if call.status is not None and record["receipt_hash"] != sha256(call.headers["x-portcullis-receipt"]):
        return "another receipt than in the answer"
    if call.is_whole and (record["outcome"], record["status_code"]) != (call.kind.outcome, call.kind.status):
        return "a wrong outcome"
    # An answer can be cut behind its end in the journal: by a kill, or on its way to a client that leaves.
    cut = UNFINISHED | {call.kind.outcome}
    cut |= {"completed"} if call.kind.leaves else set()
    cut |= {"rejected"} if may_refuse else set()
    return None if call.is_whole or record["outcome"] in cut else "a wrong outcome"


def disorder(calls, places):
    """Clients whose records are not in the order in which their answers ended."""
    clients = defaultdict(list)
    for call in calls:
        if call.is_whole and places[call.mark]:
            clients[call.client].append(call.mark)
    return [
        f"{later} was answered after {earlier}, and recorded before"
        for marks in clients.values()
        for earlier, later in pairwise(marks)
        if places[later][0] < places[earlier][0]
    ]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def status(gate):
    with gate.admin() as admin:
        reply = admin.get("/api/v1/audit/status")
    assert reply.status_code == 200, reply.text
    return reply.json()


def drain(gate, within=30):
    """Waits until the store has everything, and the journal keeps no file but the one that it writes to."""
    segment = int(gate.env.get("PORTCULLIS_AUDIT__SEGMENT_BYTES", 16 << 20)) + LARGEST_FRAME

    def is_empty():
        it = status(gate)
        left = (it["records"]["waiting"], it["journal"]["open_exchanges"], it["store_away_since"])
        return left == (0, 0, None) and it["journal"]["bytes"] <= segment

    eventually(is_empty, within, what="an empty outbox")


def metrics(gate):
    """The numbers of the record, by name; they need no database."""
    reply = httpx.get(f"{gate.url}/metrics", timeout=5)
    assert reply.status_code == 200, reply.text
    lines = (line.split() for line in reply.text.splitlines() if not line.startswith("#"))
    return {name.removeprefix("portcullis_audit_"): float(value) for name, value in lines}


def settle_changes(gate):
    """Waits until every administrative change has its record; returns how many records there are. It signs in itself."""
    gate.admin().close()

    def settled():
        told = json.loads(gate.cli("audit", "status", "--json").stdout)
        return told["changes_waiting"] == 0 and told["chains"] and told["chains"][0]["seq"]

    return eventually(settled, within=15, what="a record of every change")


def verify(gate, *keys):
    """`portcullis audit verify`, which must find nothing; trusts its own key, and these."""
    trusted = [part for key in keys for part in ("--public-key", key)]
    return gate.cli("audit", "verify", *trusted, timeout=60).stdout


def public_key(gate):
    return json.loads(gate.cli("audit", "key", "--json").stdout)["public_key"]


def export(gate):
    """Every line of the export, as objects."""
    lines = gate.cli("audit", "export", "--format", "jsonl", timeout=60).stdout.splitlines()
    return [json.loads(line) for line in lines]


def sql(gate, *statements):
    """Runs SQL where the record is, behind the gate's back; returns the last statement's rows, as texts."""
    if gate.database_url:
        told = postgres.query(gate.database_url, "; ".join(statements))
        return [line.split("|") for line in told.splitlines()]
    with sqlite3.connect(gate.data_dir / "record.db", timeout=20) as database:
        for statement in statements:
            rows = database.execute(statement).fetchall()
    return [["" if value is None else str(value) for value in row] for row in rows]
