"""Headers travel both ways on both surfaces, but for those of the hop and our own."""

import http.client
import json
import secrets

import pytest

from gateway import chat
from surfaces import BASES, SURFACES, Caller


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture(scope="module", params=SURFACES)
def caller(request, shared_gates):
    return Caller(shared_gates("sqlite"), request.param)


UNUSUAL = [
    ("X-Twice", "one"),
    ("x-twice", "two"),
    ("X-TWICE", "one"),
    ("X-Empty", ""),
    ("X-!#$%&'*+-.^_`|~0", "every letter that a name may have"),
    ("X-Latin", "caf\u00e9"),
    ("X-Quoted", '"a, b"; c="\\"d"'),
    ("X-Long", "x" * 8000),
    ("OpenAI-Organization", "org-of-the-caller"),
    ("OpenAI-Project", "proj_of_the_caller"),
    ("OpenAI-Beta", "assistants=v2"),
    ("User-Agent", "a client of its own"),
    ("X-OpenAI-Client", "it is not X-OpenAI-Key"),
    ("X-Detection", "it is not X-Detection-Key"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("Idempotency-Key", "once"),
]
STAY = {
    "Keep-Alive": "timeout=5",
    "Proxy-Connection": "keep-alive",
    "Proxy-Authorization": "Basic abc",
    "TE": "trailers",
    "X-Private": "named in Connection",
    "X-Hidden": "named in Connection",
}


def sent_and_seen(caller, upstream, mark, headers):
    """Makes a call with exactly these headers; returns the upstream's view of it and the client's of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", caller.gate.port, timeout=10)
    body = json.dumps(chat()).encode()
    connection.putrequest("POST", f"{BASES[caller.surface]}/chat/completions", skip_accept_encoding=True)
    own = [*caller.headers.items(), ("x-mark", mark), ("Content-Length", str(len(body)))]
    for name, value in [*own, ("Content-Type", "application/json"), *headers]:
        connection.putheader(name, value.encode("latin-1"))
    connection.endheaders(body)
    reply = connection.getresponse()
    assert reply.status == 200, reply.read()
    return upstream.call_of(mark), reply


def values(headers, wanted):
    """The values of each of these headers, in order."""
    names = sorted({name.lower() for name, _ in wanted})
    return {name: [value for given, value in headers if given.lower() == name] for name in names}


def test_all_other_headers_of_the_caller_pass_unchanged(caller, upstream, mark):
    call, _ = sent_and_seen(caller, upstream, mark, UNUSUAL)
    assert values(call.headers, UNUSUAL) == values(UNUSUAL, UNUSUAL)


def test_hop_by_hop_headers_of_the_caller_and_those_that_connection_names_stay(caller, upstream, mark):
    headers = [*STAY.items(), ("Connection", "keep-alive, x-private"), ("Connection", "X-HIDDEN")]
    call, _ = sent_and_seen(caller, upstream, mark, headers)
    assert {name: call.header(name) for name in STAY} == dict.fromkeys(STAY, [])


def test_the_answers_headers_pass_unchanged_but_for_those_of_the_hop(caller, upstream, mark):
    pass_on = [(name, value) for name, value in UNUSUAL if "\u00e9" not in value]
    pass_on += [("Set-Cookie", "theirs=1; Path=/"), ("Set-Cookie", "more=2"), ("x-ratelimit-remaining", "7")]
    stay = [
        ("Connection", "X-Private"),
        ("X-Private", "1"),
        ("Proxy-Authenticate", "Basic"),
        ("Keep-Alive", "timeout=9"),
    ]
    ours = [("x-portcullis-sandbox", "forged"), ("Set-Cookie", "portcullis_session=forged")]
    script = json.dumps({"headers": [*pass_on, *stay, *ours]})
    _, reply = sent_and_seen(caller, upstream, mark, [("x-script", script)])
    assert values(reply.getheaders(), pass_on) == values(pass_on, pass_on)
    assert reply.getheader("x-request-id") == "req_upstream"
    for name in ["x-private", "proxy-authenticate", "x-portcullis-sandbox"]:
        assert reply.getheader(name) is None, name
