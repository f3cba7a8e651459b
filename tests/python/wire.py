"""HTTP as bytes: what no polite client sends, and what comes back."""

import gzip
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from gateway import AGENT_PATH, PROVIDER_KEY, chat

CHAT = f"{AGENT_PATH}/chat/completions".encode()
MODELS = f"{AGENT_PATH}/models".encode()
BODY = json.dumps(chat()).encode()


@dataclass
class Reply:
    """One answer as it stood on the wire."""

    status: int
    headers: dict  # the last value of each, by lowercase name
    body: bytes

    def json(self):
        return json.loads(self.body)


@dataclass
class Heard:
    """Everything that came back on one connection."""

    replies: list
    closed: bool
    raw: bytes

    @property
    def statuses(self):
        return [reply.status for reply in self.replies]


def credentials(agent):
    """Header lines that make a call an agent's."""
    return [f"Authorization: Bearer {agent.token}".encode(), f"X-OpenAI-Key: {PROVIDER_KEY}".encode()]


def request(agent, *lines, method=b"POST", target=CHAT, version=b"HTTP/1.1", host=b"Host: gate", mark=None, body=b""):
    """A request with these header lines, each as it is, and nothing that would frame its body."""
    every = [b"%b %b %b" % (method, target, version), *([host] if host else []), *credentials(agent)]
    every += [b"Content-Type: application/json", *([b"x-mark: " + mark.encode()] if mark else []), *lines]
    return b"\r\n".join(every) + b"\r\n\r\n" + body


def framed(agent, *lines, body=BODY, **how):
    """A request whose body is announced properly."""
    return request(agent, *lines, b"Content-Length: %d" % len(body), body=body, **how)


def smuggled(agent, mark):
    """A request that stands where only a misled reader takes it for one."""
    return request(agent, method=b"GET", target=MODELS, mark=f"smuggled-{mark}")


def check_refused(heard, upstream, mark, statuses=(400,)):
    """One 4xx or none, then the end of the connection, and nothing for the provider."""
    assert heard.statuses in [[], *([status] for status in statuses)], heard.raw[:300]
    assert heard.closed, "what follows on this connection cannot be read any more"
    assert not upstream.saw(mark)
    assert not upstream.saw(f"smuggled-{mark}")


def check_forwarded(heard, upstream, mark, target="/v1/chat/completions"):
    """One answer, and one well-formed call at the provider."""
    assert heard.statuses == [200], heard.raw[:300]
    [call] = [call for call in upstream.calls if call.header("x-mark") == [mark]]
    assert (call.method, call.target, call.body) == ("POST", target, BODY)
    assert call.header("host") == [f"127.0.0.1:{upstream.port}"]
    assert call.header("content-length") == [str(len(BODY))]
    assert call.header("transfer-encoding") == []
    assert call.header("authorization") == [f"Bearer {PROVIDER_KEY}"]
    return call


def connect(gate, timeout=20):
    return socket.create_connection(("127.0.0.1", gate.port), timeout=timeout)


def send(sock, data):
    """Sends, or as much as the gate takes before it closes."""
    try:
        sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def listen(sock, answers=None, within=20.0, quiet=0.15):
    """Reads until the gate closes, `answers` have come, or nothing more comes behind an answer for `quiet` seconds."""
    raw, closed, deadline = b"", False, time.monotonic() + within
    while True:
        replies, rest = parse(raw)
        patience = quiet if replies and not rest and answers is None else deadline - time.monotonic()
        if answers is not None and len(replies) >= answers:
            break
        assert time.monotonic() < deadline, f"no answer and no close within {within} s: {raw[:300]!r}"
        sock.settimeout(max(patience, 0.01))
        try:
            piece = sock.recv(65536)
        except TimeoutError:
            if replies and not rest:
                break
            continue
        except ConnectionResetError:
            piece = b""
        if not piece:
            closed = True
            break
        raw += piece
    return Heard(parse(raw, at_end=closed)[0], closed, raw)


def converse(gate, data, **how):
    """Sends bytes on a connection of their own and hears what comes back."""
    with connect(gate) as sock:
        send(sock, data)
        return listen(sock, **how)


def parse(raw, at_end=False):
    """The complete answers in `raw`, and what is left of it."""
    replies = []
    while b"\r\n\r\n" in raw:
        head, rest = raw.split(b"\r\n\r\n", 1)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        assert status_line.startswith("HTTP/1."), raw[:200]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(status_line.split()[1])
        if headers.get("transfer-encoding") == "chunked":
            body, rest = unchunk(rest)
        elif "content-length" in headers:
            length = int(headers["content-length"])
            body, rest = (rest[:length], rest[length:]) if len(rest) >= length else (None, rest)
        elif status < 200 or status in (204, 304):
            body = b""
        else:
            body, rest = (rest, b"") if at_end else (None, rest)
        if body is None:
            break
        replies.append(Reply(status, headers, body))
        raw = rest
    return replies, raw


def unchunk(raw):
    body = b""
    while b"\r\n" in raw:
        size, rest = raw.split(b"\r\n", 1)
        size = int(size, 16)
        if len(rest) < size + 2:
            break
        body, raw = body + rest[:size], rest[size + 2 :]
        if size == 0:
            return body, raw
    return None, raw


def chunk(data, extension=b""):
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


def gzipped(data):
    """The same bytes each time."""
    return gzip.compress(data, mtime=0)


def resident_bytes(gate):
    """The memory that the gate's process holds now."""
    status = Path(f"/proc/{gate.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024
