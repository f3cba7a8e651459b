"""What no honest client sends as HTTP: it is refused cleanly or read in the one way that all readers share.

Whatever comes, the provider gets whole, well-formed calls of callers that may make them, or nothing; the connection is
closed where its framing is in doubt; and the gate serves the next caller.
"""

import json
import secrets
import ssl
import time

import pytest

from gateway import PROMPTLY, chat
from wire import BODY, CHAT, check_forwarded, check_refused, chunk, converse, framed, request, smuggled

SIZE = b"%d" % len(BODY)
CHUNKS = chunk(BODY) + b"0\r\n\r\n"


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture
def agent(sqlite_gate, agent_of):
    """An agent, behind whose abuse the gate must still serve."""
    agent = agent_of(sqlite_gate)
    yield agent
    assert sqlite_gate.call(agent).status_code == 200


# --- where a body ends ------------------------------------------------------------------------------------------------

DOUBTFUL_FRAMING = {
    "length-and-chunks": [b"Content-Length: " + SIZE, b"Transfer-Encoding: chunked"],
    "chunks-and-length": [b"Transfer-Encoding: chunked", b"Content-Length: " + SIZE],
    "no-length-and-chunks": [b"Content-Length: 0", b"Transfer-Encoding: chunked"],
    "two-lengths": [b"Content-Length: " + SIZE, b"Content-Length: 0"],
    "two-lengths-behind-a-bare-line-feed": [b"Content-Length: " + SIZE, b"X-A: b\nContent-Length: 0"],
    "a-length-and-chunks-behind-a-bare-line-feed": [b"Content-Length: " + SIZE, b"X-A: b\nTransfer-Encoding: chunked"],
    "the-same-length-twice": [b"Content-Length: " + SIZE, b"Content-Length: " + SIZE],
    "list-of-lengths": [b"Content-Length: %b, %b" % (SIZE, SIZE)],
    "blank-before-the-colon": [b"Content-Length : " + SIZE],
    "chunks-blank-before-the-colon": [b"Transfer-Encoding : chunked", b"Content-Length: " + SIZE],
    "folded": [b"Transfer-Encoding:\r\n chunked"],
    "folded-into-another": [b"Content-Length: " + SIZE, b"X-A: b\r\n\tTransfer-Encoding: chunked"],
    "chunked-twice": [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
    "chunked-then-identity": [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
    "identity-then-chunked": [b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"],
}


@pytest.mark.parametrize("lines", DOUBTFUL_FRAMING.values(), ids=DOUBTFUL_FRAMING.keys())
@pytest.mark.parametrize("body", [BODY, CHUNKS], ids=["plain", "chunks"])
def test_a_body_whose_end_is_in_doubt_is_refused(sqlite_gate, agent, upstream, mark, lines, body):
    data = request(agent, *lines, mark=mark, body=body) + smuggled(agent, mark)
    check_refused(converse(sqlite_gate, data, quiet=PROMPTLY), upstream, mark)


LENGTHS = (b'+%b -1 -%b 0x48 %b.0 1e2 %b; "%b" 99999999999999999999 18446744073709551616' % ((SIZE,) * 5)).split()


@pytest.mark.parametrize(
    "length", [*LENGTHS, b"", b" ", SIZE + b" 1", b"\x0b" + SIZE, SIZE + b"\x0c", b"\xb2", b"\xd9\xa1"]
)
def test_a_length_is_digits_or_nothing(sqlite_gate, agent, upstream, mark, length):
    data = request(agent, b"Content-Length: " + length, mark=mark, body=BODY) + smuggled(agent, mark)
    check_refused(converse(sqlite_gate, data, quiet=PROMPTLY), upstream, mark)


CODINGS = [b"chunked, identity", b"identity, chunked", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip"]
CODINGS += [b"identity", b"x-chunked", b"chunk", b"gzip", b'"chunked"', b"chunked;q=1", b",chunked", b"chunked,", b""]
CODINGS += [b"\x0bchunked", b"\0chunked", b"ch\xc3\xbcnked", b"chunked\x85"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_transfer_coding_but_chunked_is_refused(sqlite_gate, agent, upstream, mark, coding):
    data = request(agent, b"Transfer-Encoding: " + coding, mark=mark, body=CHUNKS) + smuggled(agent, mark)
    check_refused(converse(sqlite_gate, data, quiet=PROMPTLY), upstream, mark)


@pytest.mark.parametrize("coding", [b"chunked", b"CHUNKED", b"Chunked", b"\tchunked", b"  chunked\t "])
def test_chunked_has_no_case_and_blanks_around_it_mean_nothing(sqlite_gate, agent, upstream, mark, coding):
    data = request(agent, b"Transfer-Encoding: " + coding, mark=mark, body=CHUNKS)
    check_forwarded(converse(sqlite_gate, data), upstream, mark)


def test_chunks_are_not_for_http_1_0(sqlite_gate, agent, upstream, mark):
    data = request(agent, b"Transfer-Encoding: chunked", version=b"HTTP/1.0", mark=mark, body=CHUNKS)
    check_refused(converse(sqlite_gate, data + smuggled(agent, mark), quiet=PROMPTLY), upstream, mark)


HEX = b"%x" % len(BODY)
BAD_CHUNKS = {
    "signed": b"+" + HEX + b"\r\n" + BODY + b"\r\n",
    "negative": b"-1\r\n" + BODY + b"\r\n",
    "prefixed": b"0x" + HEX + b"\r\n" + BODY + b"\r\n",
    "no-digit": b"g\r\n" + BODY + b"\r\n",
    "none": b"\r\n" + BODY + b"\r\n",
    "blank-before": b" " + HEX + b"\r\n" + BODY + b"\r\n",
    "over-64-bits": b"1%016x\r\n" % len(BODY) + BODY + b"\r\n",
    "nul": HEX + b"\0\r\n" + BODY + b"\r\n",
    "too-short": b"%x\r\n" % (len(BODY) - 5) + BODY + b"\r\n",
    "no-end": HEX + b"\r\n" + BODY + b"XX",
    "bare-line-feeds": HEX + b"\n" + BODY + b"\n0\n\n",
    "line-feed-after-the-size": HEX + b"\n" + BODY + b"\r\n",
    "carriage-returns": HEX + b"\r" + BODY + b"\r0\r\r",
    "line-feed-in-an-extension": HEX + b";a\n" + BODY + b"\r\n",
    "line-end-in-a-quoted-extension": HEX + b';a="\r\n"\r\n' + BODY + b"\r\n",
}


@pytest.mark.parametrize("chunks", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_a_chunk_that_is_none_ends_the_connection(sqlite_gate, agent, upstream, mark, chunks):
    data = request(agent, b"Transfer-Encoding: chunked", mark=mark, body=chunks + b"0\r\n\r\n")
    check_refused(converse(sqlite_gate, data + smuggled(agent, mark), quiet=PROMPTLY), upstream, mark)


@pytest.mark.parametrize(
    "chunks",
    [
        chunk(BODY, b";name=value") + b"0\r\n\r\n",
        chunk(BODY[:9]) + chunk(BODY[9:]) + b"0\r\nContent-Length: 3\r\nAuthorization: Bearer other\r\nX-A: b\r\n\r\n",
        b"00000000" + CHUNKS,
    ],
    ids=["extension", "trailers", "leading-zeros"],
)
def test_what_chunks_carry_besides_the_body_stays_here(sqlite_gate, agent, upstream, mark, chunks):
    data = request(agent, b"Transfer-Encoding: chunked", mark=mark, body=chunks)
    assert check_forwarded(converse(sqlite_gate, data), upstream, mark).header("x-a") == []


# --- the head ---------------------------------------------------------------------------------------------------------

ODD_LINES = [b"X A: b", b"X\0A: b", b"X\xffA: b", b"X(A): b", b'"X": b', b"{X}: b", b"@X: b", b"X/A: b", b": b", b"X-A"]
ODD_LINES += [
    b"X-A : b",
    b" X-A: b",
    b"X-A: b\r\n c",
    b"X-A\r: b",
    b"X-A: a\rX-B: c",
    b"X-A:\0b",
    b"X-A: \x01",
    b"X-A: \x7f",
]


@pytest.mark.parametrize("line", ODD_LINES)
def test_a_line_that_is_no_header_is_refused(sqlite_gate, agent, upstream, mark, line):
    data = framed(agent, line, mark=mark) + smuggled(agent, mark)
    check_refused(converse(sqlite_gate, data, quiet=PROMPTLY), upstream, mark)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b"\r\n", b"\r"),
        lambda data: b"\0" + data,
        lambda data: b" " + data,
        lambda data: data.replace(b" HTTP/1.1", b" HTTP/1.1 x"),
        lambda data: data.replace(b" HTTP/1.1", b" HTTP/1.1\t"),
        lambda data: data.replace(b" HTTP/1.1", b" HTTP/2.0"),
        lambda data: data.replace(b" HTTP/1.1", b" HTTP/0.9"),
        lambda data: data.replace(b" HTTP/1.1", b" http/1.1"),
        lambda data: data.replace(b" HTTP/1.1", b""),
        lambda data: data.replace(b"POST ", b"PO ST "),
        lambda data: data.replace(b"POST ", b"P\xd6ST "),
        lambda data: data.replace(b"Host: gate\r\n", b""),
        lambda data: data.replace(b"Host: gate", b"Host: gate\r\nHost: gate"),
        lambda data: data.replace(b"Host: gate", b"Host: gate\r\nHost: evil.example"),
    ],
    ids="cr nul blank version+ version-tab 2.0 0.9 case none method method-byte no-host host-twice two-hosts".split(),
)
def test_a_head_that_is_none_is_refused(sqlite_gate, agent, upstream, mark, spoil):
    data = spoil(framed(agent, mark=mark)) + smuggled(agent, mark)
    check_refused(converse(sqlite_gate, data, quiet=PROMPTLY), upstream, mark)


HOSTS = [
    b"user:secret@gate",
    b"gate/path",
    b"gate?x",
    b"gate#x",
    b"gate:80:80",
    b"gate:x",
    b"a b",
    b"gate, evil",
    b"[::1",
]


@pytest.mark.parametrize("host", [*HOSTS, b"\xff", b"ga\tte"])
def test_a_host_that_is_none_is_400(sqlite_gate, agent, upstream, mark, host):
    heard = converse(sqlite_gate, framed(agent, host=b"Host: " + host, mark=mark))
    assert heard.statuses == [400]
    assert not upstream.saw(mark)


@pytest.mark.parametrize("host", [b"evil.example", b"127.0.0.1:1", b"[::1]:8000", b""])
def test_a_host_decides_nothing(sqlite_gate, agent, upstream, mark, host):
    check_forwarded(converse(sqlite_gate, framed(agent, host=b"Host: " + host, mark=mark)), upstream, mark)


LENIENT = {
    "line-feeds": lambda data: data.replace(b"\r\n", b"\n"),
    "empty-lines-before": lambda data: b"\r\n\r\n" + data,
    "a-line-feed-in-a-value": lambda data: data.replace(b"Host:", b"X-A: a\nX-B: b\r\nHost:"),
    "bytes-beyond-ascii-in-a-value": lambda data: data.replace(b"Host:", b"X-A: caf\xe9\r\nHost:"),
}


@pytest.mark.parametrize("loosen", LENIENT.values(), ids=LENIENT.keys())
def test_what_is_read_leniently_goes_on_in_strict_form(sqlite_gate, agent, upstream, mark, loosen):
    call = check_forwarded(converse(sqlite_gate, loosen(framed(agent, mark=mark))), upstream, mark)
    assert not any("\n" in value or "\r" in value for pair in call.headers for value in pair)


OVERRIDES = [b"X-HTTP-Method-Override: DELETE", b"X-HTTP-Method: DELETE", b"X-Method-Override: GET"]
OVERRIDES += [b"X-Original-URL: /api/v1/policy", b"X-Rewrite-URL: /v1/files", b"X-Original-Host: evil.example"]
OVERRIDES += [
    b"X-Forwarded-Host: evil.example",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Prefix: /x",
    b"X-Host: evil",
]
OVERRIDES += [
    b"Forwarded: for=127.0.0.1;host=evil.example;proto=https",
    b"X-Forwarded-For: 127.0.0.1",
    b"X-Real-IP: 127.0.0.1",
]


def test_headers_that_other_servers_obey_change_nothing(sqlite_gate, agent, upstream, mark):
    check_forwarded(converse(sqlite_gate, framed(agent, *OVERRIDES, mark=mark)), upstream, mark)


def test_a_forwarded_host_does_not_choose_where_clients_send_their_secrets(sqlite_gate, agent):
    target = b"/.well-known/oauth-authorization-server"
    heard = converse(sqlite_gate, request(agent, *OVERRIDES, method=b"GET", target=target))
    assert heard.statuses == [200]
    assert b"evil" not in heard.raw


@pytest.mark.parametrize("upgrade", [b"h2c", b"HTTP/2.0", b"TLS/1.2", b"x"])
def test_an_upgrade_is_not_taken_up(sqlite_gate, agent, upstream, mark, upgrade):
    lines = [
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: " + upgrade,
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    ]
    call = check_forwarded(converse(sqlite_gate, framed(agent, *lines, mark=mark)), upstream, mark)
    assert [call.header(name) for name in ("connection", "upgrade", "http2-settings")] in (
        [[], [], []],
        [["keep-alive"], [], []],
    )


def client_hello():
    """The first bytes of TLS."""
    sent = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="gate.example")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return sent.read()


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
        client_hello(),
        b"SSH-2.0-x\r\n\r\n",
        b"\r\n" * 99 + b"\xff" * 999 + b"\r\n\r\n",
    ],
    ids=["h2", "tls", "ssh", "bytes"],
)
def test_another_protocol_ends_the_connection(sqlite_gate, agent, upstream, data):
    heard = converse(sqlite_gate, data, quiet=PROMPTLY)
    assert heard.closed
    assert heard.statuses in ([], [400])


# --- several requests on one connection -------------------------------------------------------------------------------


def test_requests_sent_at_once_are_answered_in_order_each_for_its_own_caller(sqlite_gate, agent):
    senior = sqlite_gate.create_agent("senior")
    body = json.dumps(chat("o3-mini")).encode()
    allowed = framed(senior, b'x-script: {"text":"for the senior","delay_ms":300}', body=body)
    denied, good = framed(agent, body=body), framed(agent, b'x-script: {"text":"for the other"}')
    heard = converse(sqlite_gate, allowed + denied + good, answers=3)
    assert heard.statuses == [200, 403, 200]
    assert b"for the senior" in heard.replies[0].body
    assert b"for the other" in heard.replies[2].body
    assert len({reply.headers["x-portcullis-decision"] for reply in heard.replies}) == 3


REFUSED_FIRST = {
    "stranger": ([b"Authorization: Bearer wrong"], CHAT, b"", [401, 400]),
    "too-large": ([], CHAT, b" " * 2_000_000, [413]),
    "unknown-endpoint": ([], CHAT + b"/x/y/z", b"", [404]),
    "not-read": ([b"Content-Encoding: br"], CHAT, b"", [415]),
    "login": ([], b"/api/v1/admin/login", b"", [400, 401, 415]),
    "nowhere": ([], b"/nowhere", b"", [404, 405]),
}


@pytest.mark.parametrize(("lines", "target", "padding", "statuses"), REFUSED_FIRST.values(), ids=REFUSED_FIRST.keys())
def test_the_body_of_a_refused_request_is_never_read_as_a_request(
    sqlite_gate, agent, upstream, mark, lines, target, padding, statuses
):
    body = smuggled(agent, mark) + padding
    heard = converse(sqlite_gate, framed(agent, *lines, target=target, mark=mark, body=body))
    assert len(heard.replies) <= 1, heard.statuses
    assert not heard.replies or heard.statuses[0] in statuses
    assert not upstream.saw(f"smuggled-{mark}")
    assert not upstream.saw(mark)


# --- too much of everything -------------------------------------------------------------------------------------------

MEGABYTE = 1_000_000
TOO_MUCH = {
    "ten-thousand-headers": lambda agent: framed(agent, *(b"X-%d: y" % number for number in range(10_000))),
    "a-header-of-a-megabyte": lambda agent: framed(agent, b"X-A: " + b"a" * MEGABYTE),
    "a-name-of-a-megabyte": lambda agent: framed(agent, b"a" * MEGABYTE + b": a"),
    "a-target-of-a-megabyte": lambda agent: framed(agent, target=CHAT + b"?" + b"a" * MEGABYTE),
    "a-method-of-a-megabyte": lambda agent: framed(agent, method=b"A" * MEGABYTE),
    "a-head-over-the-limit": lambda agent: framed(agent, b"X-A: " + b"a" * 33_000),
    "a-megabyte-of-no-lines": lambda agent: b"a" * MEGABYTE,
    "a-body-of-100-megabytes": lambda agent: request(agent, b"Content-Length: 100000000", body=b'{"model":'),
    "a-model-of-two-megabytes": lambda agent: framed(agent, body=json.dumps(chat("m" * 2 * MEGABYTE)).encode()),
    "a-model-of-half-a-megabyte": lambda agent: framed(agent, body=json.dumps(chat("m" * (MEGABYTE // 2))).encode()),
    "depth": lambda agent: framed(
        agent, body=b'{"model":"gpt-4o","messages":' + b"[" * 400_000 + b"]" * 400_000 + b"}"
    ),
}


@pytest.mark.parametrize("make", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_too_much_of_anything_is_refused_at_once(sqlite_gate, agent, upstream, make):
    before = len(upstream.calls)
    started = time.monotonic()
    heard = converse(sqlite_gate, make(agent))
    assert heard.statuses in ([], [400], [413], [414], [431]), heard.raw[:300]
    assert heard.statuses or heard.closed
    assert time.monotonic() - started < 5
    assert len(upstream.calls) == before
