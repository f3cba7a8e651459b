"""Uploads: read as they pass, streamed on where the model is known, held where it is not, and never two readings.

What is authorised is every byte of the form that the provider gets whole; a form that turns out to be another is cut.
"""

import hashlib
import json
import os
import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

import rules
import wire
from forms import BOUNDARY, FORM_TYPE, Listener, form, part
from gateway import AGENT_PATH, PROVIDER_KEY, Gateway, eventually

MIB = 1024 * 1024
MODEL = part("model", "gpt-4o-transcribe")
FILE = part("file", b"RIFF" * 100, "Content-Type: audio/wav", filename="a.wav")
PATH = "/audio/transcriptions"
CLIENT = httpx.Client(timeout=30)


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture
def listener():
    listening = Listener()
    yield listening
    listening.stop()


@pytest.fixture(scope="module")
def listened_gate(tmp_path_factory):
    """A server in front of a listening provider, for tests that only need new counts."""
    listening = Listener()
    gate = Gateway(tmp_path_factory.mktemp("listened"), listening.base_url)
    yield gate.start(), listening
    gate.stop()
    listening.stop()


def upload(gate, agent, content, mark=None, path=PATH, content_type=FORM_TYPE, **more):
    headers = gate.headers(agent, mark, **{"Content-Type": content_type, **more})
    return CLIENT.post(gate.url + AGENT_PATH + path, headers=headers, content=content)


def check_400(reply, upstream, mark):
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["code"] == "invalid_request_error"
    assert not upstream.saw(mark)


def open_upload(gate, agent, length, start):
    """Begins an upload of `length` bytes, and sends `start` of it."""
    sock = wire.connect(gate)
    sock.sendall(
        wire.request(agent, b"Content-Length: %d" % length, target=f"{AGENT_PATH}{PATH}".encode()).replace(
            b"Content-Type: application/json", f"Content-Type: {FORM_TYPE}".encode()
        )
        + start
    )
    return sock


# --- as clients send them ---------------------------------------------------------------------------------------------

NODE = """
const [url, token, key, mark, order] = process.argv.slice(1);
const form = new FormData();
if (order === "model first") form.append("model", "gpt-4o-transcribe");
form.append("file", new Blob([new Uint8Array(70000).fill(7)], {type: "audio/wav"}), "naïve.wav");
if (order !== "model first") form.append("model", "gpt-4o-transcribe");
const headers = {Authorization: `Bearer ${token}`, "X-OpenAI-Key": key, "x-mark": mark};
fetch(url, {method: "POST", headers, body: form}).then(async (reply) => console.log(await reply.text()));
"""


def by_curl(gate, agent, mark, file, model_first):
    fields = ["-F", f"file=@{file};type=audio/wav", "-F", "model=gpt-4o-transcribe"]
    lines = [part for name, value in gate.headers(agent, mark).items() for part in ("-H", f"{name}: {value}")]
    command = [
        "curl",
        "-sS",
        gate.url + AGENT_PATH + PATH,
        *lines,
        *(fields[2:] + fields[:2] if model_first else fields),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)


def by_node(gate, agent, mark, _file, model_first):
    arguments = [gate.url + AGENT_PATH + PATH, agent.token, PROVIDER_KEY, mark, "model first" if model_first else ""]
    return json.loads(
        subprocess.run(["node", "-e", NODE, *arguments], check=True, capture_output=True, timeout=20).stdout
    )


def by_httpx(gate, agent, mark, file, model_first):
    fields = [("file", ("a.wav", file.read_bytes(), "audio/wav")), ("model", (None, "gpt-4o-transcribe"))]
    fields = fields[::-1] if model_first else fields
    return CLIENT.post(gate.url + AGENT_PATH + PATH, headers=gate.headers(agent, mark), files=fields).json()


def by_the_sdk(gate, agent, mark, file, model_first):
    headers = {"X-OpenAI-Key": PROVIDER_KEY, "x-mark": mark}
    client = openai.OpenAI(base_url=gate.url + AGENT_PATH, api_key=agent.token, default_headers=headers, max_retries=0)
    with file.open("rb") as opened:
        return client.audio.transcriptions.create(model="gpt-4o-transcribe", file=opened).model_dump()


@pytest.mark.parametrize("model_first", [False, True], ids=["file-first", "model-first"])
@pytest.mark.parametrize("send", [by_curl, by_node, by_httpx, by_the_sdk])
def test_an_upload_of_any_client_arrives(sqlite_gate, agent_of, upstream, mark, tmp_path, send, model_first):
    file = tmp_path / "speech.wav"
    file.write_bytes(bytes([7]) * 70_000)
    assert send(sqlite_gate, agent_of(sqlite_gate), mark, file, model_first)["text"]
    call = upstream.call_of(mark)
    assert call.target == "/v1/audio/transcriptions"
    assert call.form()["model"] == "gpt-4o-transcribe"
    assert call.form()["file"][1] == file.read_bytes()


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("order", [[MODEL], []], ids=["model-first", "file-first"])
def test_the_forwarded_bytes_are_the_sent_ones_and_counted(sqlite_gate, upstream, mark, order, chunked):
    agent = sqlite_gate.create_agent()
    file = part("file", os.urandom(3 * MIB), filename="a.bin")
    content = form(*order, file, part("language", "en"), *([] if order else [MODEL]))
    sent = (content[at : at + 100_001] for at in range(0, len(content), 100_001)) if chunked else content
    assert upload(sqlite_gate, agent, sent, mark).status_code == 200
    call = upstream.call_of(mark)
    assert hashlib.sha256(call.body).digest() == hashlib.sha256(content).digest()
    assert call.header("content-type") == [FORM_TYPE]
    record = sqlite_gate.record(agent)
    assert (record["request_bytes"], record["model"], record["outcome"]) == (
        len(content),
        "gpt-4o-transcribe",
        "completed",
    )


# --- streamed on or held ----------------------------------------------------------------------------------------------


def test_a_model_before_the_file_lets_the_upload_stream_on(start_gate, agent_of, listener):
    gate = start_gate(upstream_url=listener.base_url)
    content = form(MODEL, part("file", bytes(MIB), filename="a.bin"))
    step = 50_000
    with open_upload(gate, agent_of(gate), len(content), b"") as sock:
        for start in range(0, len(content), step):
            sock.sendall(content[start : start + step])
            eventually(lambda due=start - 4 * step: listener.received >= due, within=15, what="bytes at the provider")
        assert wire.listen(sock, answers=1).statuses == [200]
    assert (listener.received, listener.whole) == (len(content), 1)


def test_a_hundred_megabytes_pass_without_being_held(start_gate, agent_of, listener, tmp_path):
    # Few rules, and one upload before we look: what searching for rules takes, once, is not to be measured here.
    few = rules.write(tmp_path, rules.NOTING)
    gate = start_gate(upstream_url=listener.base_url, SERVER__WORKERS=1, DETECTION__FILE=few)
    size, block = 100 * MIB, bytes(MIB)
    head, tail = MODEL + part("file", b"", filename="a.bin")[:-2], b"\r\n--" + BOUNDARY.encode() + b"--\r\n"
    assert upload(gate, agent_of(gate), form(MODEL, FILE)).status_code == 200
    before, most = wire.resident_bytes(gate), 0
    with open_upload(gate, agent_of(gate), len(head) + size + len(tail), head) as sock:
        for _ in range(100):
            sock.sendall(block)
            most = max(most, wire.resident_bytes(gate))
        sock.sendall(tail)
        assert wire.listen(sock, answers=1).statuses == [200]
    assert listener.received >= size
    assert most - before < 32 * MIB


def test_uploads_held_at_once_are_bounded_and_the_room_is_given_back(start_gate, agent_of, upstream, mark):
    # Alone, a caller may hold half of it.
    gate = start_gate(LIMITS__HELD_UPLOAD_BYTES="12000000")
    agent = agent_of(gate)
    content = form(part("file", bytes(4_000_000), filename="a.bin"), MODEL)
    before = wire.resident_bytes(gate)
    with open_upload(gate, agent, len(content), content[:-1]) as held:
        eventually(lambda: wire.resident_bytes(gate) > before + 3_000_000, what="the held upload")
        time.sleep(1)  # for what is not yet read of it: the others would take its room
        reply = eventually(lambda: not_200(upload(gate, agent, content, mark)), what="a refusal")
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "gateway_unavailable")
        assert int(reply.headers["retry-after"]) >= 1
        held.sendall(content[-1:])
        assert wire.listen(held, answers=1).statuses == [200]
    with open_upload(gate, agent, len(content), content[:-1]):
        pass
    eventually(lambda: upload(gate, agent, content).status_code == 200, what="room after a client that left")


def not_200(reply):
    return reply if reply.status_code != 200 else None


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize("order", ["held", "streamed"])
def test_an_upload_over_the_limit_is_413(start_gate, agent_of, listener, order, chunked):
    gate = start_gate(upstream_url=listener.base_url, LIMITS__UPLOAD_BYTES="1000000")
    file = part("file", bytes(1_000_000), filename="a.bin")
    content = form(MODEL, file) if order == "streamed" else form(file, MODEL)
    reply = upload(gate, agent_of(gate), iter([content[:600_000], content[600_000:]]) if chunked else content)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")
    eventually(lambda: listener.ended == len(listener.heads), what="the end of the provider's call")
    assert listener.whole == 0


# --- forms with two readings ------------------------------------------------------------------------------------------

END = f"--{BOUNDARY}--\r\n".encode()
OTHER = part("model", "o3-mini")
TWO_READINGS = {
    "model-twice": form(MODEL, OTHER, FILE),
    "model-twice-the-same": form(MODEL, MODEL, FILE),
    "model-behind-the-file-too": form(MODEL, FILE, OTHER),
    "model-twice-behind-the-file": form(FILE, MODEL, OTHER),
    "other-case": form(FILE, MODEL, part("Model", "o3-mini")),
    "other-case-alone": form(FILE, part("MODEL", "gpt-4o-transcribe")),
    "list": form(FILE, MODEL, part("model[]", "o3-mini")),
    "index": form(FILE, MODEL, part("model[0]", "o3-mini")),
    "blank-behind-the-name": form(FILE, MODEL, part("model ", "o3-mini")),
    "name-encoded": form(FILE, MODEL, part("mode%6c", "o3-mini")),
    "name-unquoted": form(FILE, MODEL, OTHER.replace(b'"model"', b"model")),
    "name-extended": form(FILE, MODEL, OTHER.replace(b'name="model"', b"name*=utf-8''model")),
    "names-twice": form(FILE, MODEL, OTHER.replace(b'name="model"', b'name="x"; name="model"')),
    "name-in-a-filename": form(FILE.replace(b'"a.wav"', b'"a\\"; name=\\"model"'), MODEL),
    "header-in-a-filename": form(FILE.replace(b"a.wav", b"a\r\nX-Evil: 1\r\n"), MODEL),
    "line-feed-in-a-filename": form(FILE.replace(b"a.wav", b"a\nX-Evil: 1"), MODEL),
    "nul-in-a-filename": form(FILE.replace(b"a.wav", b"a\0.wav"), MODEL),
    "disposition-twice": form(
        FILE, OTHER.replace(b"\r\n\r\n", b'\r\nContent-Disposition: form-data; name="x"\r\n\r\n'), MODEL
    ),
    "field-twice": form(part("language", "en"), part("language", "de"), FILE, MODEL),
    "file-twice": form(FILE, FILE, MODEL),
    "no-model": form(FILE),
    "empty-model": form(FILE, part("model", "")),
    "blank-model": form(FILE, part("model", " gpt-4o-transcribe")),
    "line-end-in-a-model": form(FILE, part("model", "gpt-4o\r\nX-Evil: 1")),
    "model-as-a-file": form(FILE, part("model", "gpt-4o-transcribe", filename="m.txt")),
    "model-as-json": form(FILE, part("model", "gpt-4o-transcribe", "Content-Type: application/json")),
    "model-in-utf-16": form(FILE, part("model", "gpt-4o", "Content-Type: text/plain; charset=utf-16")),
    "model-in-base64": form(FILE, part("model", "Z3B0LTRv", "Content-Transfer-Encoding: base64")),
    "charset-field": form(part("_charset_", "utf-16"), FILE, MODEL),
    "file-as-a-field": form(part("file", "x"), MODEL),
    "nested": form(part("x", "--i\r\n\r\n--i--", "Content-Type: multipart/mixed; boundary=i"), FILE, MODEL),
    "garbage-behind-the-end": form(FILE, MODEL) + b"garbage",
    "form-behind-the-end": form(FILE, MODEL) + form(OTHER),
    "form-before-the-start": b"preamble\r\n" + form(FILE, MODEL),
    "no-end": FILE + MODEL,
    "cut-end": form(FILE, MODEL)[:-6],
    "other-boundary": form(part("file", "x", filename="a", boundary="other"), boundary="other"),
    "line-feeds": form(part("file", "x", filename="a"), MODEL).replace(b"\r\n", b"\n"),
    "line-feeds-in-a-head": form(FILE, MODEL.replace(b"\r\n\r\n", b"\n\n")),
    "folded-head": form(FILE, MODEL.replace(b"form-data;", b"form-data;\r\n")),
    "blank-behind-the-delimiter": form(FILE, MODEL).replace(
        BOUNDARY.encode() + b"\r\n", BOUNDARY.encode() + b" \r\n", 1
    ),
    "wrong-length-of-a-part": form(FILE, part("model", "gpt-4o-transcribe", "Content-Length: 6")),
    "too-many-parts": form(*(part(f"x{number}", "y") for number in range(100)), FILE, MODEL),
    "empty": b"",
    "end-alone": END,
}


@pytest.mark.parametrize("content", TWO_READINGS.values(), ids=TWO_READINGS.keys())
def test_a_form_with_two_readings_is_400(sqlite_gate, agent_of, upstream, mark, content):
    check_400(upload(sqlite_gate, agent_of(sqlite_gate), content, mark), upstream, mark)


TYPES = [
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=a; boundary=" + BOUNDARY,
]
TYPES += [
    FORM_TYPE + "; charset=utf-16",
    f"multipart/form-data; boundary*=utf-8''{BOUNDARY}",
    "multipart/form-data; boundary=" + "b" * 71,
]


@pytest.mark.parametrize("content_type", TYPES)
def test_a_form_has_one_boundary(sqlite_gate, agent_of, upstream, mark, content_type):
    check_400(
        upload(sqlite_gate, agent_of(sqlite_gate), form(FILE, MODEL), mark, content_type=content_type), upstream, mark
    )


@pytest.mark.parametrize(
    "content_type",
    ["multipart/mixed; boundary=" + BOUNDARY, "application/json", "text/plain", "application/x-www-form-urlencoded"],
)
def test_what_is_no_form_is_415(sqlite_gate, agent_of, upstream, mark, content_type):
    reply = upload(sqlite_gate, agent_of(sqlite_gate), form(FILE, MODEL), mark, content_type=content_type)
    assert reply.status_code == 415
    assert not upstream.saw(mark)


LARGE = part("file", bytes(3 * MIB), filename="a.bin")
TURNED = ["model-behind-the-file-too", "other-case", "list", "garbage-behind-the-end", "no-end"]
TAILS = dict(
    zip(
        TURNED,
        [OTHER + END, part("Model", "o3-mini") + END, part("model[]", "x") + END, END + b"garbage", b""],
        strict=True,
    )
)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS.keys())
def test_an_upload_that_turns_out_to_be_another_is_cut(listened_gate, tail, announced):
    """It was already streaming, so the provider got a part; but never the whole."""
    gate, listener = listened_gate
    listener.forget()
    agent = gate.create_agent()

    def pieces():
        yield MODEL + LARGE
        eventually(lambda: listener.received > 0, within=15, what="the first bytes at the provider")
        yield tail

    length = len(MODEL + LARGE + tail)
    reply = upload(gate, agent, pieces(), **({"Content-Length": str(length)} if announced else {}))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request_error")
    eventually(lambda: listener.ended == 1, what="the end of the provider's call")
    assert listener.whole == 0
    assert listener.received < length
    assert gate.record(agent)["outcome"] == "rejected"


# --- clients that are denied, stop or disappear -----------------------------------------------------------------------


@pytest.mark.parametrize("parts", [[OTHER, LARGE], [LARGE, OTHER]], ids=["model-first", "file-first"])
def test_a_denied_model_is_403_and_nothing_is_forwarded(sqlite_gate, upstream, mark, parts):
    agent = sqlite_gate.create_agent()
    reply = upload(sqlite_gate, agent, form(*parts), mark)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "model_not_allowed")
    assert not upstream.saw(mark)
    record = sqlite_gate.record(agent)
    assert (record["outcome"], record["model"]) == ("denied", "o3-mini")


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "held"])
def test_a_client_that_disappears_ends_the_providers_call(listened_gate, streams):
    gate, listener = listened_gate
    listener.forget()
    agent = gate.create_agent()
    start = (MODEL if streams else b"") + LARGE[:MIB]
    with open_upload(gate, agent, 4 * MIB, start):
        if streams:
            eventually(lambda: listener.received > 100_000, within=15, what="the first bytes at the provider")
    assert gate.record(agent)["outcome"] in ("cancelled", "rejected")
    assert len(listener.heads) == (1 if streams else 0)
    eventually(lambda: listener.ended == len(listener.heads), what="the end of the provider's call")


def test_a_client_that_stops_is_408_and_the_providers_call_ends(start_gate, listener):
    gate = start_gate(upstream_url=listener.base_url, SERVER__BODY_TIMEOUT_SECS=1)
    agent = gate.create_agent()
    with open_upload(gate, agent, 4 * MIB, MODEL + LARGE[:MIB]) as sock:
        assert wire.listen(sock, answers=1).statuses == [408]
    eventually(lambda: listener.ended == 1, what="the end of the provider's call")
    assert gate.record(agent)["outcome"] == "rejected"


def test_uploads_at_once_do_not_mix(sqlite_gate, agent_of, upstream):
    def one(number):
        content = form(
            *([MODEL] if number % 2 else []),
            part("file", bytes([number]) * 300_000, filename="a"),
            *([] if number % 2 else [MODEL]),
        )
        name = f"at-once-{number}-{secrets.token_hex(4)}"
        return upload(sqlite_gate, agent_of(sqlite_gate), content, name).status_code, upstream.call_of(
            name
        ).body == content

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(16))) == {(200, True)}
