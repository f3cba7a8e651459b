"""The keys of external issuers: when they are fetched, and what callers get while their issuer fails.

An issuer's failure is never the caller's fault: 503 with retry-after, until the issuer is well again.
"""

import secrets
import time

import pytest

from callers import check_refused, present, together
from gateway import Gateway, eventually
from issuer import KEYS, METADATA, Issuer, Key, Server, body, document, redirect, slowly, status

# The gate asks an issuer no more often, whatever the tokens say, and after a failure not before.
FETCH_AGAIN_AFTER = 10
RETRY_AFTER = 2

CREATE = {"unknown_agents": "create", "role_map": "corp-dev=developer", "agent_type": "interactive"}


def token(issuer, subject="alice", key=None, **header):
    return issuer.token(subject, key=key, header=header, roles=["corp-dev"])


def check_unavailable(reply):
    """Our fault, or the issuer's: worth a retry."""
    check_refused(reply, 503, "gateway_unavailable")
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.headers.get("x-should-retry") != "false"


def metadata(it, **more):
    return {**it.documents()[METADATA], **more}


MISBEHAVIOUR = {
    "metadata-500": lambda issuer, _: {METADATA: status(500)},
    "metadata-404": lambda issuer, _: {METADATA: status(404)},
    "metadata-redirected": lambda issuer, trap: {METADATA: redirect(trap + METADATA)},
    "metadata-redirected-to-itself": lambda issuer, _: {
        METADATA: redirect("/elsewhere", 307),
        "/elsewhere": document(metadata(issuer)),
    },
    "metadata-of-another-issuer": lambda issuer, _: {METADATA: metadata(issuer, issuer="https://id.example.com")},
    "metadata-with-a-slash-more": lambda issuer, _: {METADATA: metadata(issuer, issuer=issuer.url + "/")},
    "metadata-without-issuer": lambda issuer, _: {METADATA: {"jwks_uri": issuer.url + KEYS}},
    "metadata-without-keys": lambda issuer, _: {METADATA: {"issuer": issuer.url}},
    "keys-in-clear-at-another-host": lambda issuer, trap: {METADATA: metadata(issuer, jwks_uri=trap + KEYS)},
    "keys-in-a-file": lambda issuer, _: {METADATA: metadata(issuer, jwks_uri="file:///etc/passwd")},
    "keys-500": lambda issuer, _: {KEYS: status(500)},
    "keys-204": lambda issuer, _: {KEYS: status(204)},
    "keys-redirected": lambda issuer, trap: {KEYS: redirect(trap + KEYS)},
    "keys-garbage": lambda issuer, _: {KEYS: body(b"\x00\xff<html>")},
    "keys-of-another-shape": lambda issuer, _: {KEYS: [key.jwk() for key in issuer.keys]},
    "keys-twice": lambda issuer, _: {KEYS: body(b'{"keys":[],"keys":[]}')},
    "keys-over-a-mebibyte": lambda issuer, _: {KEYS: body(b'{"keys":[],"x":"' + b"x" * 1_100_000 + b'"}')},
    "keys-without-end": lambda issuer, _: {KEYS: body(b" " * 65_536, times=10_000)},
    "metadata-garbage": lambda issuer, _: {METADATA: body(b"{")},
    "keys-that-never-come": lambda issuer, _: {KEYS: body(b"", pause=30)},
    "keys-that-trickle": lambda issuer, _: {KEYS: body(b" ", pause=0.2, times=150)},
}


def unusable_too(issuer):
    """The issuer's keys among others that nobody can use."""
    good = [key.jwk() for key in issuer.keys]
    weak = {"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"}
    encryption = {**good[1], "kid": "encryption", "use": "enc"}
    return {"keys": [weak, encryption, {"kty": "unknown"}, *good]}


class Scene:
    """One server and its issuers, each for one test: those `running`, `away` from the start, and `bad`."""

    def __init__(self, home, upstream, trap):
        self.running = {name: Issuer("ES256", "EdDSA") for name in ("storm", "rotating", "falling", "mixed")}
        self.running["mixed"].answers[KEYS] = unusable_too(self.running["mixed"])
        self.away = {name: Issuer(running=False) for name in ("crowded", "stranger", "absent")}
        self.bad = {name: Issuer() for name in MISBEHAVIOUR}
        for name, issuer in self.bad.items():
            issuer.answers = MISBEHAVIOUR[name](issuer, f"http://0.0.0.0:{trap.port}")
        self.bad["closing"] = Issuer()
        self.bad["closing"].answers_once = True
        settings = {}
        for number, (name, issuer) in enumerate((self.running | self.away | self.bad).items()):
            issuer.name = name.replace("-", "_") if len(name) < 30 else f"bad_{number}"
            settings |= issuer.settings(issuer.name, **CREATE)
        env = {f"PORTCULLIS_{name}": value for name, value in settings.items()}
        self.gate = Gateway(home, upstream.base_url, **env).start()

    def stop(self):
        self.gate.stop()
        for issuer in (self.running | self.away | self.bad).values():
            issuer.stop()


@pytest.fixture(scope="module")
def trap():
    """A server that nobody should ever ask."""
    trap = Server("0.0.0.0")
    yield trap
    trap.stop()


@pytest.fixture(scope="module")
def scene(tmp_path_factory, upstream, trap):
    scene = Scene(tmp_path_factory.mktemp("keys"), upstream, trap)
    yield scene
    scene.stop()


# When they are fetched


def test_two_hundred_unknown_keys_cause_no_more_than_two_fetches(scene):
    gate, issuer = scene.gate, scene.running["storm"]
    assert present(gate, token(issuer)).status_code == 200
    before = issuer.fetches
    unknown = [token(issuer, kid=secrets.token_hex(8)) for _ in range(200)]
    for start in range(0, len(unknown), 20):
        replies = together([lambda one=one: present(gate, one) for one in unknown[start : start + 20]])
        assert {reply.status_code for reply in replies} == {401}
    assert issuer.fetches - before <= 2
    assert present(gate, token(issuer)).status_code == 200


def test_many_first_tokens_at_once_cause_one_fetch(scene):
    gate, issuer = scene.gate, scene.away["crowded"]
    gate.cli("agent", "create", "alice", "--role", "developer", "--issuer", "crowded", "--subject", "alice")
    issuer.answers[KEYS] = slowly(0.5, document(issuer.documents()[KEYS]))
    issuer.up()

    def crowd():
        statuses = {reply.status_code for reply in together([lambda: present(gate, token(issuer))] * 20)}
        return None if 503 in statuses else statuses

    assert eventually(crowd, what="the issuer") == {200}
    assert issuer.asked == [METADATA, KEYS]


def test_a_new_key_is_fetched_with_its_first_token_and_a_removed_one_vouches_for_nobody(scene):
    gate, issuer = scene.gate, scene.running["rotating"]
    old, new = issuer.keys[0], Key("ES256")
    assert present(gate, token(issuer, key=old)).status_code == 200
    time.sleep(FETCH_AGAIN_AFTER)
    issuer.keys = [new]
    assert present(gate, token(issuer, key=new)).status_code == 200
    check_refused(present(gate, token(issuer, key=old)), 401, "invalid_agent_token")
    assert issuer.fetches == 2


def test_a_new_subject_is_let_in_with_the_token_that_brings_a_new_key(scene):
    gate, issuer = scene.gate, scene.away["stranger"]
    issuer.up()
    new = token(issuer, secrets.token_hex(4))
    first = eventually(lambda: (reply := present(gate, new)).status_code != 503 and reply, what="the issuer")
    assert first.status_code == 200


# While the issuer is away


def test_known_keys_go_on_working_while_the_issuer_is_down(scene):
    gate, issuer = scene.gate, scene.running["falling"]
    known = token(issuer)
    assert present(gate, known).status_code == 200
    issuer.down()
    assert present(gate, known).status_code == 200
    assert present(gate, token(issuer)).status_code == 200


def test_an_issuer_that_is_down_from_the_start_is_503_until_it_comes(scene):
    gate, issuer = scene.gate, scene.away["absent"]
    # Whether a token is forged cannot be known yet.
    for key in [issuer.keys[0], Key("ES256", kid=issuer.keys[0].kid)]:
        check_unavailable(present(gate, token(issuer, key=key)))
    assert gate.ready(), "the gate's own agents need no issuer"
    assert present(gate, gate.create_agent().token).status_code == 200
    issuer.up()
    eventually(lambda: present(gate, token(issuer)).status_code == 200, within=RETRY_AFTER + 1, what="the issuer")


# Issuers that misbehave


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_an_issuer_that_misbehaves_is_503_until_it_behaves(scene, trap, name):
    gate, issuer = scene.gate, scene.bad[name]
    asked_at = time.monotonic()
    check_unavailable(present(gate, token(issuer)))
    assert time.monotonic() - asked_at < 7, "an issuer that takes its time is given up"
    assert issuer.asked, "it was asked"
    assert trap.asked == [], "and nobody else"
    assert "/elsewhere" not in issuer.asked
    issuer.answers = {}
    eventually(lambda: present(gate, token(issuer)).status_code == 200, within=RETRY_AFTER + 1, what="better keys")


def test_an_issuer_that_closes_its_connections_is_asked_on_a_new_one(scene):
    assert present(scene.gate, token(scene.bad["closing"])).status_code == 200


def test_a_key_that_cannot_be_used_spoils_no_other(scene):
    gate, issuer = scene.gate, scene.running["mixed"]
    for key in issuer.keys:
        assert present(gate, token(issuer, key=key)).status_code == 200
    check_refused(present(gate, token(issuer, key=issuer.keys[1], kid="encryption")), 401, "invalid_agent_token")
