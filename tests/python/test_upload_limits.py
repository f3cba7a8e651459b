"""What slow, huge and early-ended uploads may cost: the one who sends them, never the others."""

import gzip
import json
import secrets
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import AGENT_PATH, PROVIDER_KEY, chat, eventually

TRANSCRIBE = "/audio/transcriptions"
BOUNDARY = "----limits"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


def field(name, value):
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file_head(name="a.wav"):
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()


MODEL = field("model", "gpt-4o-transcribe")
# Behind its file the gate knows the model last, and holds all of the form.
MODEL_BEHIND = b"\r\n" + MODEL.removesuffix(b"\r\n") + TAIL


class Upload:
    """A form that is sent piece by piece on a socket of its own."""

    def __init__(self, gate, agent, length, mark=None):
        self.socket = socket.create_connection(("127.0.0.1", gate.port), timeout=20)
        head = [
            f"POST {AGENT_PATH}{TRANSCRIBE} HTTP/1.1",
            f"Host: 127.0.0.1:{gate.port}",
            f"Authorization: Bearer {agent.token}",
            f"X-OpenAI-Key: {PROVIDER_KEY}",
            f"Content-Type: {FORM}",
            f"Content-Length: {length}",
            *([f"x-mark: {mark}"] if mark else []),
        ]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *pieces):
        for piece in pieces:
            self.socket.sendall(piece)

    def drip(self, seconds, piece=b"x", every=0.2):
        """Sends on slowly until there is an answer; returns its status line."""
        deadline = time.monotonic() + seconds
        self.socket.settimeout(every)
        while time.monotonic() < deadline:
            try:
                return self.status()
            except TimeoutError:
                try:
                    self.socket.sendall(piece)
                except OSError:
                    return self.status()
        return "still waiting"

    def status(self, within=None):
        if within:
            self.socket.settimeout(within)
        received = self.socket.recv(65536)
        while received and b"\r\n\r\n" not in received:
            received += self.socket.recv(65536)
        return int(received.split(b" ", 2)[1]) if received else "closed"


@pytest.fixture
def mark():
    """A name by which the upstream finds this test's call."""
    return secrets.token_hex(8)


def test_a_form_that_is_held_must_not_drip(start_gate):
    gate = start_gate(SERVER__BODY_TIMEOUT_SECS=1)
    agent = gate.create_agent("writer")
    # The file comes first: the model is not known, so the form is held.
    with Upload(gate, agent, 10_000_000) as upload:
        upload.send(file_head(), b"x" * 100_000)
        assert upload.drip(4) == 408


def test_a_form_that_streams_through_must_not_drip(start_gate):
    gate = start_gate(SERVER__BODY_TIMEOUT_SECS=1)
    agent = gate.create_agent("writer")
    with Upload(gate, agent, 10_000_000) as upload:
        upload.send(MODEL, file_head(), b"x" * 100_000)
        assert upload.drip(4) == 408


def test_a_steady_upload_may_take_longer_than_the_body_timeout(start_gate, upstream, mark):
    gate = start_gate(SERVER__BODY_TIMEOUT_SECS=2)
    agent = gate.create_agent("writer")
    pieces = [file_head(), *[b"x" * 20_000] * 5, MODEL_BEHIND]
    with Upload(gate, agent, sum(map(len, pieces)), mark=mark) as upload:
        for piece in pieces:
            upload.send(piece)
            time.sleep(0.6)
        assert upload.status() == 200
    assert upstream.call_of(mark).form()["model"] == "gpt-4o-transcribe"


def is_refused(gate, agent):
    """Whether an upload that comes now is refused; one that is held hangs up after a second."""
    with Upload(gate, agent, 1_000_000) as upload:
        upload.send(file_head(), b"x" * 240_000)
        try:
            return upload.status(within=1) == 503
        except TimeoutError:
            return False


def test_one_caller_cannot_hold_the_room_of_the_others(start_gate):
    gate = start_gate(LIMITS__HELD_UPLOAD_BYTES=1_000_000, LIMITS__BODY_BYTES=200_000)
    greedy, other = gate.create_agent("writer"), gate.create_agent("writer")
    uploads = [Upload(gate, greedy, 1_000_000) for _ in range(4)]
    try:
        for upload in uploads[:2]:
            upload.send(file_head(), b"x" * 240_000)
        time.sleep(0.5)  # else the question takes the room that is asked about
        eventually(lambda: is_refused(gate, greedy), what="the end of the caller's room")
        for upload in uploads[2:]:
            upload.send(file_head(), b"x" * 240_000)
            assert upload.status() == 503, "half of the room is all that one may take"
        big = chat(text="y" * 150_000)
        assert gate.call(other, body=big).status_code == 200, "plain bodies have a room of their own"
        assert gate.call(greedy, body=big).status_code == 200
        form = [file_head(), b"x" * 220_000, MODEL_BEHIND]
        with Upload(gate, other, sum(map(len, form))) as upload:
            upload.send(*form)
            assert upload.status() == 200, "another has a quarter at least"
    finally:
        for upload in uploads:
            upload.socket.close()
    # All of the room is there again.
    with Upload(gate, greedy, sum(map(len, form))) as upload:
        upload.send(*form)
        assert upload.status() == 200


def longest_wait_while(send, gate, agent):
    """What `send` returns, and for how much of its time the slowest small call waited meanwhile."""
    slowest, started = 0, time.monotonic()
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(send)
        while not sending.done():
            began = time.monotonic()
            assert gate.call(agent).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        return sending.result(), slowest / (time.monotonic() - started)


def test_a_body_that_unfolds_leaves_the_worker_free(start_gate):
    gate = start_gate(SERVER__WORKERS=1, LIMITS__UPLOAD_BYTES=100_000_000)
    agent = gate.create_agent("writer")
    bomb = gzip.compress(file_head() + b"\0" * 80_000_000 + MODEL_BEHIND)
    types = {"Content-Type": FORM, "Content-Encoding": "gzip"}
    reply, waited = longest_wait_while(lambda: gate.call(agent, TRANSCRIBE, bomb, **types), gate, agent)
    assert reply.status_code == 200
    assert waited < 0.8, "another's body was decoded in one go"


def test_a_large_batch_file_leaves_the_worker_free(start_gate):
    gate = start_gate(SERVER__WORKERS=1)
    agent = gate.create_agent("writer")
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "z"}] * 100}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    lines = "\n".join(json.dumps({"custom_id": f"r-{at}", **line}) for at in range(1_000)).encode()
    form = field("purpose", "batch") + file_head("in.jsonl") + lines + TAIL
    types = {"Content-Type": FORM}
    reply, waited = longest_wait_while(lambda: gate.call(agent, "/files", form, **types), gate, agent)
    assert reply.status_code == 200
    assert waited < 0.3, "another's file was read in one go"


def test_the_time_to_answer_begins_when_a_slow_upload_has_ended(start_gate, upstream, mark):
    gate = start_gate(UPSTREAM__ANSWER_TIMEOUT_SECS=1)
    agent = gate.create_agent("writer")
    pieces = [MODEL, file_head(), *[b"x" * 30_000] * 6, TAIL]
    with Upload(gate, agent, sum(map(len, pieces)), mark=mark) as upload:
        for piece in pieces:
            upload.send(piece)
            time.sleep(0.3)
        assert upload.status() == 200


def test_a_provider_that_does_not_answer_an_upload_is_given_up(start_gate):
    gate = start_gate(UPSTREAM__ANSWER_TIMEOUT_SECS=1)
    agent = gate.create_agent("writer")
    form = [MODEL, file_head(), b"x" * 30_000, TAIL]
    reply = gate.call(agent, TRANSCRIBE, b"".join(form), script={"do": "stall_head"}, **{"Content-Type": FORM})
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "upstream_timeout")


@pytest.fixture
def deaf_provider():
    """A provider that answers each request's head with 401 and closes, whatever comes behind it."""
    listening = socket.create_server(("127.0.0.1", 0))
    body = b'{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}'

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                head = f"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
                connection.sendall(head.encode() + b"\r\n\r\n" + body)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    listening.close()


def test_an_answer_in_the_middle_of_an_upload_reaches_the_caller(start_gate, deaf_provider):
    gate = start_gate(upstream_url=deaf_provider)
    agent = gate.create_agent("writer")
    pieces = [MODEL, file_head(), *[b"x" * 400_000] * 10, TAIL]
    for _ in range(2):
        with Upload(gate, agent, sum(map(len, pieces))) as upload:
            for piece in pieces:
                upload.send(piece)
                time.sleep(0.05)
            assert upload.status() == 401
