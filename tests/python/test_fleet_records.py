"""Several gateways on one Postgres: each has a chain of its own, or shares one under a shared name."""

import pytest

import postgres
from auditor import Book, audit, public_key, verify
from gateway import eventually
from load import Load

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def database():
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.mark.parametrize("names", [("north", "south"), ("twin", "twin")], ids=" ".join)
def test_two_gateways_write_at_the_same_time_and_every_chain_verifies(database, quick_gate, upstream, names):
    gates = [quick_gate(database_url=database, SERVER__NODE=name) for name in names]
    agent = gates[0].create_agent()
    eventually(lambda: gates[1].call(agent).status_code == 200, what="the agent at the second gateway")
    with Load(gates[0], agent, "first") as first, Load(gates[1], agent, "second") as second:
        first.keep_going(2)
    # What the database says of keys under its own name, a gateway does not believe.
    keys = [public_key(gate) for gate in gates] if names[0] == names[1] else []
    book = Book(gates[0])
    audit(book, first.calls + second.calls, upstream, keys=keys)
    chains = {name: [] for name in names}
    for record in book.read():
        chains[record["node"]].append(record)
    for records in chains.values():
        assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    for gate in gates:
        gate.stop()
        verify(gate, *keys)
