"""JSON that two readers could read in two ways: refused on every endpoint and surface before anything is forwarded.

Names are compared exactly: a model that only looks like a permitted one is another model.
"""

import codecs
import json
import secrets

import httpx
import pytest

from gateway import AGENT_PATH, chat

MODEL = "gpt-4o"
# One for all: making a client is dearer than a call.
CLIENT = httpx.Client(timeout=15)
ENDPOINTS = {
    "/chat/completions": {"messages": []},
    "/completions": {"prompt": "x"},
    "/embeddings": {"input": "x"},
    "/moderations": {"input": "x"},
    "/audio/speech": {"input": "x", "voice": "alloy"},
    "/images/generations": {"prompt": "x"},
    "/responses": {"input": "x"},
    "/batches": {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"},
}
WITH_MODEL = [path for path in ENDPOINTS if path != "/batches"]


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture(scope="module")
def keys():
    """One detection key per server."""
    return {}


class Surface:
    """One of the two doors, and how its errors look."""

    def __init__(self, url, headers, told):
        self.url, self.headers, self.told = url, headers, told

    def post(self, path, body, mark):
        headers = {"Content-Type": "application/json", "x-mark": mark, **self.headers}
        return CLIENT.post(self.url + path, headers=headers, content=body)

    def check_refused(self, reply, status, code):
        assert reply.status_code == status, reply.text
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-portcullis-decision"]
        error = reply.json()["error"]
        if self.told is str:
            assert set(reply.json()) == {"error"}
            assert isinstance(error, str) and error
        else:
            assert set(error) == {"message", "type", "param", "code"}
            assert error["code"] == code


@pytest.fixture(params=["agent", "detection-key"])
def surface(request, sqlite_gate, agent_of, keys):
    agent = agent_of(sqlite_gate)
    if request.param == "agent":
        return Surface(sqlite_gate.url + AGENT_PATH, sqlite_gate.headers(agent), dict)
    if sqlite_gate not in keys:
        keys[sqlite_gate] = sqlite_gate.create_key(agent, "gpt-4o*").key
    headers = {"X-Detection-Key": keys[sqlite_gate], "Authorization": "Bearer sk-test"}
    return Surface(f"{sqlite_gate.url}/v1", headers, str)


def body_of(path):
    """A good body of an endpoint, as bytes."""
    return json.dumps({**({} if path == "/batches" else {"model": MODEL}), **ENDPOINTS[path]}).encode()


def adding(member):
    """A change that adds a member, as it is written."""
    return lambda body: body[:-1] + b"," + member + b"}"


def doubling(body):
    """Names the first member once more, with an escape in its name and another value."""
    name = next(iter(json.loads(body)))
    return body[:-1] + b',"\\u%04x%b":"other"}' % (ord(name[0]), name[1:].encode())


DECEIVING = {
    "twice": lambda body: body[:-1] + b"," + body[1:],
    "twice-escaped": doubling,
    "twice-within": adding(b'"x":{"a":1,"a":1}'),
    "twice-within-a-list": adding(b'"x":[[{"a":1,"b":2,"a":3}]]'),
    "twice-escaped-within": adding(b'"x":{"a":1,"\\u0061":2}'),
    "twice-the-empty-name": adding(b'"":1,"":2'),
    "utf-16": lambda body: body.decode().encode("utf-16"),
    "utf-16-le": lambda body: body.decode().encode("utf-16-le"),
    "utf-16-be": lambda body: body.decode().encode("utf-16-be"),
    "utf-32": lambda body: body.decode().encode("utf-32"),
    "utf-8-mark": lambda body: codecs.BOM_UTF8 + body,
    "utf-7": lambda body: b"+AHs-" + body[1:],
    "nan": adding(b'"x":NaN'),
    "infinity": adding(b'"x":Infinity'),
    "minus-infinity": adding(b'"x":[-Infinity]'),
    "undefined": adding(b'"x":undefined'),
    "depth-129": adding(b'"x":' + b"[" * 128 + b"]" * 128),
    "depth-of-objects": adding(b'"x":' + b'{"a":' * 128 + b"1" + b"}" * 128),
    "invalid-utf-8": adding(b'"x":"\xff"'),
    "overlong-utf-8": adding(b'"x":"\xc0\xae"'),
    "surrogate-in-utf-8": adding(b'"x":"\xed\xa0\x80"'),
    "cut-utf-8": adding(b'"x":"\xe2\x82"'),
    "invalid-utf-8-in-a-name": adding(b'"\xff":1'),
    "lone-high-surrogate": adding(b'"x":"\\ud800"'),
    "lone-low-surrogate": adding(b'"x":"\\udc00"'),
    "surrogates-turned-round": adding(b'"x":"\\udc00\\ud800"'),
    "lone-surrogate-in-a-name": adding(b'"\\ud800":1'),
    "trailing-comma": lambda body: body[:-1] + b",}",
    "trailing-comma-in-a-list": adding(b'"x":[1,]'),
    "leading-comma": lambda body: b"{," + body[1:],
    "line-comment": lambda body: body + b"// more",
    "comment": lambda body: body[:-1] + b"/* more */}",
    "hash-comment": lambda body: body + b"# more",
    "two-documents": lambda body: body + body,
    "two-lines": lambda body: body + b"\n" + body,
    "array-behind": lambda body: body + b"[]",
    "brace-behind": lambda body: body + b"}",
    "nul-behind": lambda body: body + b"\0",
    "nul-before": lambda body: b"\0" + body,
    "array-around": lambda body: b"[" + body + b"]",
    "string-around": lambda body: json.dumps(body.decode()).encode(),
    "single-quotes": lambda body: body.replace(b'"', b"'"),
    "name-without-quotes": adding(b"x:1"),
    "control-in-a-string": adding(b'"x":"a\nb"'),
    "nul-in-a-string": adding(b'"x":"a\0b"'),
    "bad-escape": adding(b'"x":"\\x41"'),
    "short-escape": adding(b'"x":"\\u41"'),
    "leading-zero": adding(b'"x":01'),
    "plus": adding(b'"x":+1'),
    "bare-point": adding(b'"x":1.'),
    "hexadecimal": adding(b'"x":0x10'),
    "other-case-of-true": adding(b'"x":True'),
    "no-break-space": lambda body: "\u00a0".encode() + body,
    "form-feed": lambda body: b"\x0c" + body,
    "jsonp": lambda body: b"f(" + body + b")",
    "text-sequence": lambda body: b"\x1e" + body + b"\n",
    "open": lambda body: body[:-1],
}


@pytest.mark.parametrize("deceive", DECEIVING.values(), ids=DECEIVING.keys())
def test_json_with_two_readings_is_400_on_every_endpoint(surface, upstream, mark, deceive):
    for path in ENDPOINTS:
        body = body_of(path)
        assert deceive(body) != body
        surface.check_refused(surface.post(path, deceive(body), mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


def without_model(path, member):
    return b"{" + member + b"," + json.dumps(ENDPOINTS[path]).encode()[1:]


NO_NAMES = {
    "number": b'"model":4',
    "true": b'"model":true',
    "list": b'"model":["gpt-4o"]',
    "object": b'"model":{"id":"gpt-4o"}',
    "empty": b'"model":""',
    "blank-before": b'"model":" gpt-4o"',
    "blank-behind": b'"model":"gpt-4o "',
    "tab": b'"model":"gpt-4o\\t"',
    "no-break-space-behind": b'"model":"gpt-4o\\u00a0"',
    "line-end-behind": b'"model":"gpt-4o\\n"',
    "nul-behind": b'"model":"gpt-4o\\u0000"',
    "long": b'"model":"gpt-4o' + b"o" * 300 + b'"',
    "other-case": b'"Model":"gpt-4o"',
    "upper-case": b'"MODEL":"gpt-4o"',
    "other-case-escaped": b'"\\u004dodel":"gpt-4o"',
    "both-cases": b'"model":"gpt-4o","Model":"gpt-4o"',
    "both-cases-turned-round": b'"mODEL":"gpt-4o","model":"gpt-4o"',
    "more-models": b'"model":"gpt-4o","models":["o3-mini"]',
    "fallbacks": b'"model":"gpt-4o","fallbacks":["o3-mini"]',
    "more-models-in-another-case": b'"model":"gpt-4o","Models":["o3-mini"]',
}


@pytest.mark.parametrize("member", NO_NAMES.values(), ids=NO_NAMES.keys())
def test_a_model_is_one_exact_name_under_one_exact_key(surface, upstream, mark, member):
    for path in WITH_MODEL:
        surface.check_refused(surface.post(path, without_model(path, member), mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


OTHER_CASES = {
    "/chat/completions": ["Messages", "STREAM", "Tools", "ſtream", "toolſ", "Functions"],
    "/completions": ["Prompt", "Stream", "\\u0053tream"],
    "/embeddings": ["Input", "INPUT"],
    "/moderations": ["Input"],
    "/audio/speech": ["Input", "Stream_Format"],
    "/images/generations": ["Prompt", "Stream"],
    "/responses": ["Input", "Instructions", "Tools", "Stream", "Store"],
    "/batches": ["Input_File_Id", "ENDPOINT"],
}


@pytest.mark.parametrize("path", OTHER_CASES)
def test_a_known_key_in_another_case_is_400(surface, upstream, mark, path):
    for name in OTHER_CASES[path]:
        body = adding(f'"{name}":"x"'.encode())(body_of(path))
        surface.check_refused(surface.post(path, body, mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


def test_stream_options_in_another_case_are_400_on_a_stream(surface, upstream, mark):
    body = json.dumps(chat(stream=True, Stream_Options={"include_usage": False})).encode()
    surface.check_refused(surface.post("/chat/completions", body, mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


LOOK_ALIKES = [
    "\u200bmodel",
    "model\u200b",
    "mo\u200ddel",
    "model\ufeff",
    "mоdel",
    "model ",
    " model",
    "ｍodel",
    "mode\u0301l",
]


@pytest.mark.parametrize("name", LOOK_ALIKES, ids=ascii)
def test_what_only_looks_like_a_key_is_not_that_key(surface, upstream, mark, name):
    """No reader takes it for `model`: beside one it is passed on, alone it is no model."""
    for escaped in (True, False):
        beside = json.dumps(chat(**{name: "o3-mini"}), ensure_ascii=escaped).encode()
        assert surface.post("/chat/completions", beside, f"{mark}-{escaped}").status_code == 200
        assert upstream.call_of(f"{mark}-{escaped}").body == beside
    alone = json.dumps({name: MODEL, "messages": []}).encode()
    surface.check_refused(surface.post("/chat/completions", alone, mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


def test_an_escaped_key_is_the_key_that_it_spells(surface, upstream, mark):
    for path in WITH_MODEL:
        denied = without_model(path, b'"mod\\u0065l":"\\u006f3-mini"')
        surface.check_refused(surface.post(path, denied, mark), 403, "model_not_allowed")
        assert not upstream.saw(mark)
        allowed = without_model(path, b'"\\u006dodel":"gpt\\u002d4o"')
        name = f"{mark}{path}"
        assert surface.post(path, allowed, name).status_code == 200
        assert upstream.call_of(name).body == allowed


OTHER_MODELS = [
    "GPT-4o",
    "Gpt-4O",
    "gpt- 4o",
    "gpt -4o",
    "gpt\u00a0-4o",
    "gpt-4\u043e",
    "g\u0440t-4o",
    "gpt\u20114o",
    "gpt\u20134o",
]
OTHER_MODELS += [
    "ｇｐｔ-4o",
    "gpt-\u200b4o",
    "\u200bgpt-4o",
    "gpt-４o",
    "gpt-4ｏ",
    "gp\u0074\u0301-4o",
    "x/gpt-4o",
    "models/gpt-4o",
    "./gpt-4o",
]
OTHER_MODELS += [
    "gpt-4",
    "*",
    "gpt-?o",
    "gpt%2d4o",
    "\ufeffgpt-4o",
    "o3-mini,gpt-4o",
    "gpt_4o",
    "'gpt-4o'",
    "openai:gpt-4o",
]


@pytest.mark.parametrize("model", OTHER_MODELS, ids=ascii)
def test_a_model_that_only_looks_like_a_permitted_one_is_403(surface, upstream, mark, model):
    for path in WITH_MODEL:
        body = json.dumps({**ENDPOINTS[path], "model": model}).encode()
        surface.check_refused(surface.post(path, body, mark), 403, "model_not_allowed")
    assert not upstream.saw(mark)


@pytest.mark.parametrize(
    "more",
    [
        b'"x":' + b"[" * 127 + b"]" * 127,
        b'"x":"\\ud83d\\ude00 \xf0\x9f\x98\x80 \\u0000 \\/ \\\\u0041"',
        b'"x":[1e999,-0,0.1E+2,123456789012345678901234567890]',
        b'"x":[{"a":1},{"a":1}],"a":1,"A":2',
        b' "" :\r\n\t{ } ',
    ],
    ids=["depth-128", "escapes", "numbers", "same-names-elsewhere", "blanks"],
)
def test_what_has_one_reading_goes_on_byte_for_byte(surface, upstream, mark, more):
    for path in WITH_MODEL:
        body, name = adding(more)(body_of(path)), f"{mark}{path}"
        assert surface.post(path, body, name).status_code == 200
        assert upstream.call_of(name).body == body
