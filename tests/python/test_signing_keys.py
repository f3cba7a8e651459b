"""The gate's own signing keys: rotated while it serves, checked by every gateway, and gone when their time is over."""

import json
import sqlite3
import time
from datetime import datetime

import httpx
import jwt
import pytest

import postgres
from callers import check_refused, present
from gateway import PROMPTLY, Gateway, eventually

# How long a retired key goes on verifying after its last token may have ended.
MARGIN_SECS = 60


def rotate(gate):
    return json.loads(gate.cli("keys", "rotate", "--json").stdout)


def published(gate):
    """The ids of the keys in the server's key set."""
    return [key["kid"] for key in httpx.get(f"{gate.url}/.well-known/jwks.json", timeout=5).json()["keys"]]


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


def signs_with(gate, agent, kid):
    """A token of the new key, which a running server takes up within a second."""

    def ask():
        token = gate.fetch_token(agent)
        return token if kid_of(token) == kid else None

    return eventually(ask, within=PROMPTLY, what="a token of the new key")


def test_a_rotated_key_signs_and_the_old_one_goes_on_verifying(start_gate):
    gate = start_gate(AUTH__TOKEN_TTL_SECS=600)
    agent = gate.create_agent()
    known, unseen = agent.token, gate.fetch_token(agent)
    assert present(gate, known).status_code == 200
    first = kid_of(known)
    assert published(gate) == [first]

    rotated = rotate(gate)
    assert rotated["retired"] == [first]
    until = datetime.fromisoformat(rotated["verify_until"]).timestamp()
    assert abs(until - time.time() - 600 - MARGIN_SECS) < 10
    new = signs_with(gate, agent, rotated["kid"])
    assert published(gate) == [rotated["kid"], first]
    for token in [known, unseen, new]:
        assert present(gate, token).status_code == 200

    # A restart in between changes nothing.
    gate.stop()
    gate.start()
    assert published(gate) == [rotated["kid"], first]
    for token in [known, unseen, new]:
        assert present(gate, token).status_code == 200
    assert kid_of(gate.fetch_token(agent)) == rotated["kid"]


def test_a_key_whose_time_is_over_verifies_nothing_and_is_not_published(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    old = agent.token
    rotated = rotate(gate)
    signs_with(gate, agent, rotated["kid"])
    assert kid_of(old) in published(gate)
    with sqlite3.connect(gate.data_dir / "state.db", timeout=5) as database:
        database.execute("UPDATE verifying_keys SET verify_until = 1 WHERE verify_until IS NOT NULL")
    gate.create_agent()  # any change makes the server look again
    eventually(lambda: published(gate) == [rotated["kid"]], within=PROMPTLY, what="the old key's end")
    check_refused(present(gate, old), 401, "invalid_agent_token")
    assert present(gate, gate.fetch_token(agent)).status_code == 200


def test_keys_rotate_again_and_again_and_only_the_newest_private_half_is_kept(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    tokens, kids = [agent.token], [kid_of(agent.token)]
    for _ in range(3):
        kids.append(rotate(gate)["kid"])
        tokens.append(signs_with(gate, agent, kids[-1]))
    assert len(set(kids)) == 4
    assert set(published(gate)) == set(kids)
    assert [present(gate, token).status_code for token in tokens] == [200] * 4
    files = list((gate.data_dir / "keys").iterdir())
    assert [kids[-1] in file.name for file in files] == [True]
    assert files[0].stat().st_mode & 0o777 == 0o600
    listed = json.loads(gate.cli("keys", "list", "--json").stdout)["keys"]
    assert {key["kid"] for key in listed} == set(kids)
    private = files[0].read_text().splitlines()[1]
    assert private not in gate.log + gate.cli("keys", "list").stdout


@pytest.fixture
def pair(tmp_path, upstream):
    """Two gateways on one Postgres."""
    if not postgres.URL:
        pytest.skip("PORTCULLIS_TEST_POSTGRES_URL is not set; 'tests/run' sets it")
    url = postgres.create_database()
    gates = [Gateway(tmp_path / name, upstream.base_url, url, PORTCULLIS_SERVER__NODE=name) for name in ("one", "two")]
    yield [gate.start() for gate in gates]
    for gate in gates:
        gate.stop()
    postgres.drop_database(url)


def test_two_gateways_on_one_database_accept_each_others_tokens(pair):
    one, two = pair
    agent = one.create_agent()
    tokens = [agent.token, two.fetch_token(agent)]
    assert len({kid_of(token) for token in tokens}) == 2, "each signs with a key of its own"
    for gate in pair:
        eventually(lambda gate=gate: len(published(gate)) == 2, within=PROMPTLY, what="both keys")
        assert [present(gate, token).status_code for token in tokens] == [200, 200]
    assert published(one)[0] == kid_of(tokens[0]) and published(two)[0] == kid_of(tokens[1])

    rotated = rotate(one)
    tokens.append(signs_with(one, agent, rotated["kid"]))
    eventually(lambda: present(two, tokens[-1]).status_code == 200, within=PROMPTLY, what="the other's new key")
    for gate in pair:
        assert [present(gate, token).status_code for token in tokens] == [200] * 3

    one.cli("agent", "suspend", agent.name)
    for gate in pair:
        ask = lambda gate=gate: (reply := present(gate, tokens[1])).status_code == 403 and reply  # noqa: E731
        refused = eventually(ask, within=PROMPTLY, may_cut=True)
        check_refused(refused, 403, "agent_suspended")
