"""Request bodies that come compressed: read within bounds and sent on plain, or refused.

The provider never sees a Content-Encoding of the caller's, and what it gets is what was read.
"""

import gzip
import io
import json
import secrets
import time
import zlib

import httpx
import pytest
import zstandard

from gateway import AGENT_PATH, chat
from wire import gzipped, resident_bytes

MIB = 1024 * 1024
# One for all: making a client is dearer than a call.
CLIENT = httpx.Client(timeout=30)
BODY = json.dumps(chat(text="Hello! " * 50)).encode()


def zstd(data):
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture(scope="module")
def keys():
    """One detection key per server."""
    return {}


@pytest.fixture
def surface(request, sqlite_gate, agent_of, keys):
    """Base URL and headers of either surface."""
    agent = agent_of(sqlite_gate)
    if request.param == "agent":
        return sqlite_gate.url + AGENT_PATH, sqlite_gate.headers(agent)
    if sqlite_gate not in keys:
        keys[sqlite_gate] = sqlite_gate.create_key(agent).key
    return f"{sqlite_gate.url}/v1", {"X-Detection-Key": keys[sqlite_gate], "Authorization": "Bearer sk-test"}


both = pytest.mark.parametrize("surface", ["agent", "detection-key"], indirect=True)


def post(surface, content, *codings, mark=None, path="/chat/completions", content_type="application/json"):
    base, headers = surface
    lines = [*headers.items(), ("Content-Type", content_type), *([("x-mark", mark)] if mark else [])]
    lines += [("Content-Encoding", coding) for coding in codings]
    return CLIENT.post(base + path, headers=lines, content=content)


def check_refused(reply, status, upstream, mark):
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert isinstance(error, str) == ("/api/" not in str(reply.request.url))
    assert reply.headers["x-portcullis-decision"]
    assert not upstream.saw(mark)


def check_plain(upstream, mark, body):
    """One call as if it had never been compressed."""
    [call] = [call for call in upstream.calls if call.header("x-mark") == [mark]]
    assert call.body == body
    assert call.header("content-encoding") == call.header("transfer-encoding") == []
    assert call.header("content-length") == [str(len(body))]


HALVES = [BODY[:31], BODY[31:]]
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0note"
READ = {
    "gzip": (gzipped(BODY), ["gzip"]),
    "x-gzip": (gzipped(BODY), ["x-gzip"]),
    "GZIP": (gzipped(BODY), ["GZIP"]),
    "gzip-members": (b"".join(map(gzipped, HALVES)), ["gzip"]),
    "gzip-stored": (gzip.compress(BODY, 0), ["gzip"]),
    "gzip-and-identity": (gzipped(BODY), ["identity", "gzip"]),
    "zstd": (zstd(BODY), ["zstd"]),
    "zstd-with-a-size": (zstandard.compress(BODY), ["zstd"]),
    "zstd-frames": (b"".join(map(zstd, HALVES)), ["zstd"]),
    "zstd-skippable-frame": (SKIPPABLE + zstd(BODY), ["zstd"]),
    "identity": (BODY, ["identity"]),
}


@both
@pytest.mark.parametrize(("content", "codings"), READ.values(), ids=READ.keys())
def test_gzip_and_zstd_are_read_and_go_on_plain(surface, upstream, mark, content, codings):
    assert post(surface, content, *codings, mark=mark).status_code == 200
    check_plain(upstream, mark, BODY)


@pytest.mark.parametrize("surface", ["agent"], indirect=True)
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_compressed_body_may_come_in_any_pieces(surface, upstream, mark, coding):
    content = READ[coding][0]
    assert post(surface, (content[at : at + 1] for at in range(len(content))), coding, mark=mark).status_code == 200
    check_plain(upstream, mark, BODY)


DEFLATED = zlib.compress(BODY)
UNREAD = [
    ["deflate"],
    ["br"],
    ["compress"],
    ["snappy"],
    ["gzip, gzip"],
    ["gzip, identity"],
    ["gzip", "gzip"],
    ["gzip", "zstd"],
]
UNREAD += [["gzip;q=1"], ["gzip zstd"], ["*"], [""], ["aws-chunked"], ["utf-8"]]


@both
@pytest.mark.parametrize("codings", UNREAD, ids=["+".join(codings) or "empty" for codings in UNREAD])
def test_any_other_coding_is_415(surface, upstream, mark, codings):
    content = DEFLATED if codings == ["deflate"] else gzipped(BODY)
    check_refused(post(surface, content, *codings, mark=mark), 415, upstream, mark)


CHECKSUM_BROKEN = gzipped(BODY)[:-8] + bytes(4) + gzipped(BODY)[-4:]
NOT_WHOLE = {
    "gzip-truncated": (gzipped(BODY)[:-5], "gzip"),
    "gzip-without-its-trailer": (gzipped(BODY)[:-8], "gzip"),
    "gzip-header-alone": (gzipped(BODY)[:10], "gzip"),
    "gzip-garbage-behind": (gzipped(BODY) + b"garbage", "gzip"),
    "gzip-zeros-behind": (gzipped(BODY) + bytes(512), "gzip"),
    "gzip-wrong-checksum": (CHECKSUM_BROKEN, "gzip"),
    "gzip-second-member-truncated": (gzipped(BODY) + gzipped(b" " * 99)[:-4], "gzip"),
    "gzip-is-plain": (BODY, "gzip"),
    "gzip-is-deflate": (DEFLATED, "gzip"),
    "gzip-is-zstd": (zstd(BODY), "gzip"),
    "gzip-twice": (gzipped(gzipped(BODY)), "gzip"),
    "zstd-truncated": (zstd(BODY)[:-3], "zstd"),
    "zstd-magic-alone": (zstd(BODY)[:4], "zstd"),
    "zstd-garbage-behind": (zstd(BODY) + b"garbage", "zstd"),
    "zstd-plain-behind": (zstd(BODY) + BODY, "zstd"),
    "zstd-second-frame-truncated": (zstd(BODY) + zstd(b" " * 99)[:-2], "zstd"),
    "zstd-is-plain": (BODY, "zstd"),
    "zstd-is-gzip": (gzipped(BODY), "zstd"),
}


@both
@pytest.mark.parametrize(("content", "coding"), NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
def test_what_is_not_what_its_coding_says_is_400(surface, upstream, mark, content, coding):
    check_refused(post(surface, content, coding, mark=mark), 400, upstream, mark)


@pytest.mark.parametrize("surface", ["agent"], indirect=True)
def test_a_second_reading_is_not_found_inside(surface, upstream, mark):
    """Two members make one body: what is authorised is both."""
    split = gzipped(b'{"model":"gpt-4o",') + gzipped(b'"messages":[],"model":"o3-mini"}')
    check_refused(post(surface, split, "gzip", mark=mark), 400, upstream, mark)


def gzip_bomb(size):
    """Zeros, a thousand times smaller."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as member:
        for _ in range(size // MIB):
            member.write(bytes(MIB))
    return packed.getvalue()


def zstd_bomb(size):
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    zeros = bytes(MIB)
    return b"".join([*(packer.compress(zeros) for _ in range(size // MIB)), packer.flush()])


def wide_window():
    """A frame that asks for a window of 128 MiB."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(BODY) + packer.flush()


BOMBS = {
    "gzip": (lambda: gzip_bomb(512 * MIB), "gzip", [413]),
    "gzip-members": (lambda: gzip_bomb(MIB) * 600, "gzip", [413]),
    "gzip-empty-members": (lambda: gzipped(b"") * 50_000, "gzip", [400, 413]),
    "zstd": (lambda: zstd_bomb(1024 * MIB), "zstd", [413]),
    "zstd-window": (wide_window, "zstd", [400]),
    "zstd-claims-a-huge-size": (lambda: b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8 + zstd(BODY)[6:], "zstd", [400, 413]),
}


@pytest.mark.parametrize("surface", ["agent"], indirect=True)
@pytest.mark.parametrize(("make", "coding", "statuses"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_quickly_and_in_little_memory(sqlite_gate, surface, upstream, mark, make, coding, statuses):
    content = make()
    before = resident_bytes(sqlite_gate)
    started = time.monotonic()
    reply = post(surface, content, coding, mark=mark)
    assert reply.status_code in statuses
    check_refused(reply, reply.status_code, upstream, mark)
    assert time.monotonic() - started < 10
    assert resident_bytes(sqlite_gate) - before < 32 * MIB


@pytest.mark.parametrize("surface", ["agent"], indirect=True)
@pytest.mark.parametrize(("nothing", "coding"), [(gzipped(b""), "gzip"), (SKIPPABLE, "zstd")], ids=["gzip", "zstd"])
def test_what_unfolds_to_nothing_is_limited_too(surface, upstream, mark, nothing, coding):
    """Else a body without an announced length keeps a worker busy for as long as it likes."""
    pieces = (nothing * 1000 for _ in range(1_500_000 // (1000 * len(nothing))))
    check_refused(post(surface, pieces, coding, mark=mark), 413, upstream, mark)


@pytest.mark.parametrize("surface", ["agent"], indirect=True)
@pytest.mark.parametrize("pack", [gzipped, zstd], ids=["gzip", "zstd"])
def test_the_limit_is_that_of_the_unpacked_body_to_the_byte(surface, upstream, mark, pack):
    coding = "gzip" if pack is gzipped else "zstd"
    body = json.dumps(chat()).encode().ljust(1_000_000)
    assert post(surface, pack(body), coding, mark=mark).status_code == 200
    check_plain(upstream, mark, body)
    check_refused(post(surface, pack(body + b" "), coding, mark=f"{mark}-more"), 413, upstream, f"{mark}-more")


FORM = "\r\n".join(
    ["--edge", 'Content-Disposition: form-data; name="file"; filename="a.wav"', "", "RIFF" * 999]
    + ["--edge", 'Content-Disposition: form-data; name="model"', "", "gpt-4o-transcribe", "--edge--", ""]
).encode()


@both
@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzipped), ("zstd", zstd)])
def test_a_compressed_form_is_read_too(surface, upstream, mark, coding, pack):
    how = {"path": "/audio/transcriptions", "content_type": "multipart/form-data; boundary=edge"}
    assert post(surface, pack(FORM), coding, mark=mark, **how).status_code == 200
    check_plain(upstream, mark, FORM)
    again = b'gpt-4o-transcribe\r\n--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o'
    twice = pack(FORM.replace(b"gpt-4o-transcribe", again))
    check_refused(post(surface, twice, coding, mark=f"{mark}-twice", **how), 400, upstream, f"{mark}-twice")
