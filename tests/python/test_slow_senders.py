"""Clients that say nothing, or a byte now and then: they are given up in time and in nobody's way."""

import secrets
import time

import pytest

import wire
from gateway import PROMPTLY
from wire import CHAT, request


@pytest.fixture
def mark():
    return secrets.token_hex(8)


def test_connections_that_say_nothing_are_in_nobodys_way(sqlite_gate, agent_of):
    agent = agent_of(sqlite_gate)
    silent = [wire.connect(sqlite_gate) for _ in range(500)]
    started = time.monotonic()
    assert sqlite_gate.call(agent).status_code == 200
    assert time.monotonic() - started < PROMPTLY
    for sock in silent:
        sock.close()


def trickle(sock, data, every, within):
    """Sends a byte at a time until the gate answers or closes, and says what it said."""
    deadline = time.monotonic() + within
    for byte in data:
        assert time.monotonic() < deadline, "the gate waits for ever"
        try:
            sock.sendall(bytes([byte]))
            sock.settimeout(every)
            return sock.recv(65536)
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return b""
    raise AssertionError("the gate took everything")


def test_a_head_that_trickles_in_is_given_up(sqlite_gate):
    with wire.connect(sqlite_gate) as sock:
        answer = trickle(sock, b"POST / HTTP/1.1\r\nX-Long: " + b"a" * 1000, every=0.5, within=25)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408")


FORM = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + b"a" * 1000
SLOW = {
    "plain": [b"Content-Length: 1000"],
    "chunks": [b"Transfer-Encoding: chunked"],
    "a-chunks-extension": [b"Transfer-Encoding: chunked"],
    "gzip": [b"Content-Encoding: gzip", b"Content-Length: 1000"],
}
SENT_SLOWLY = {
    "chunks": b"fffff\r\n" + b" " * 99,
    "a-chunks-extension": b"1;" + b"a" * 99,
    "gzip": wire.gzipped(b" " * 99),
    "form": FORM,
}


@pytest.mark.parametrize("kind", [*SLOW, "form"])
def test_a_body_that_trickles_in_is_408(start_gate, agent_of, upstream, mark, kind):
    gate = start_gate(SERVER__BODY_TIMEOUT_SECS=1)
    head = request(agent_of(gate), *SLOW.get(kind, [b"Content-Length: 2000"]), mark=mark)
    data = SENT_SLOWLY.get(kind, b" " * 99)
    if kind == "form":
        head = head.replace(CHAT, CHAT.replace(b"chat/completions", b"audio/transcriptions"))
        head = head.replace(b"application/json", b"multipart/form-data; boundary=b")
    with wire.connect(gate) as sock:
        sock.sendall(head)
        answer = trickle(sock, data, every=0.2, within=6)
    assert answer.startswith(b"HTTP/1.1 408"), answer[:200]
    assert not upstream.saw(mark)
    assert gate.call(agent_of(gate)).status_code == 200
