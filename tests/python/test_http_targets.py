"""Targets and values that try to be something else: a path has one spelling, and no value becomes a header.

What is authorised is the very target that the provider is asked for, whatever stands around it.
"""

import json
import secrets

import pytest

from gateway import AGENT_PATH, PROVIDER_KEY, chat
from wire import CHAT, check_forwarded, converse, framed, request

API = AGENT_PATH.encode()


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture
def agent(sqlite_gate, agent_of):
    """An agent, behind whose abuse the gate must still serve."""
    agent = agent_of(sqlite_gate)
    yield agent
    assert sqlite_gate.call(agent).status_code == 200


@pytest.fixture(scope="module")
def keys():
    """One detection key per server."""
    return {}


@pytest.fixture
def key(sqlite_gate, agent_of, keys):
    if sqlite_gate not in keys:
        keys[sqlite_gate] = sqlite_gate.create_key(agent_of(sqlite_gate)).key
    return keys[sqlite_gate]


SAME = {
    "absolute": b"http://gate" + CHAT,
    "absolute-elsewhere": b"http://evil.example" + CHAT,
    "absolute-with-userinfo": b"https://user:secret@evil.example:1" + CHAT,
    "fragment": CHAT + b"#fragment",
    "empty-query": CHAT + b"?",
}


@pytest.mark.parametrize("target", SAME.values(), ids=SAME.keys())
def test_only_path_and_query_of_a_target_count(sqlite_gate, agent, upstream, mark, target):
    call = check_forwarded(converse(sqlite_gate, framed(agent, target=target, mark=mark)), upstream, mark)
    assert "evil" not in json.dumps(call.headers)


QUERIES = [
    b"a=b%0d%0aX-Evil:%201",
    b"a=b&a=c",
    b"model=o3-mini&stream=true",
    b"a=%2e%2e%2f&b=http://evil",
    b"?",
    b"a[]=b",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_goes_on_as_it_came_and_changes_nothing(sqlite_gate, agent, upstream, mark, query):
    data = framed(agent, target=CHAT + b"?" + query, mark=mark)
    target = "/v1/chat/completions?" + query.decode()
    assert check_forwarded(converse(sqlite_gate, data), upstream, mark, target).header("x-evil") == []


ELSEWHERE = {
    "no-slash": b"api/v1/openai/v1/chat/completions",
    "authority": b"evil.example:443",
    "asterisk": b"*",
    "authority-before": b"//evil.example" + CHAT,
    "empty-segment-first": b"/" + CHAT,
    "empty-segment-in-the-base": CHAT.replace(b"/api/", b"/api//"),
    "empty-segment": API + b"/chat//completions",
    "empty-segment-last": CHAT + b"/",
    "dot": API + b"/./chat/completions",
    "dots": API + b"/chat/../chat/completions",
    "dots-in-the-base": b"/api/v1/../v1/openai/v1/chat/completions",
    "dots-last": CHAT + b"/..",
    "encoded-dots": API + b"/chat/%2e%2e/chat/completions",
    "encoded-slash": API + b"/chat%2fcompletions",
    "encoded-letter": API + b"/chat/%63ompletions",
    "encoded-base": CHAT.replace(b"openai", b"%6fpenai"),
    "encoded-twice": API + b"/chat/%252e%252e/completions",
    "other-case": API + b"/Chat/Completions",
    "other-case-of-the-base": CHAT.replace(b"api", b"API"),
    "parameters": CHAT + b";x=y",
    "parameters-within": API + b"/chat;x=y/completions",
    "backslash": API + b"/chat\\completions",
    "backslash-dots": API + b"/..\\..\\policy",
    "nul": CHAT + b"%00",
    "line-end": CHAT + b"%0d%0aX-Evil:%201",
    "blank": CHAT + b"%20",
    "overlong-dots": API + b"/%c0%ae%c0%ae/chat/completions",
    "overlong-slash": API + b"/chat%c0%afcompletions",
    "bytes": API + b"/\xc0\xae\xc0\xae/chat/completions",
    "wide-dots": API + "/\uff0e\uff0e/chat/completions".encode(),
    "versions": API + b"/v1/chat/completions",
    "base-alone": b"/api/v1/openai",
    "longer-base": b"/api/v1/openaix/v1/chat/completions",
    "raw-nul": CHAT + b"\0",
    "raw-tab": CHAT + b"?a=b\tc",
    "raw-blank": CHAT + b"?a=b c",
    "raw-bytes": CHAT + b"?a=\xff",
    "script": CHAT + b"?a=<script>",
    "broken-encoding": CHAT + b"?a=%zz",
    "cut-encoding": CHAT + b"?a=%",
}


@pytest.mark.parametrize("method", [b"POST", b"GET", b"OPTIONS", b"CONNECT"])
@pytest.mark.parametrize("target", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_another_spelling_of_a_target_is_another_target(sqlite_gate, agent_of, upstream, mark, method, target):
    agent = agent_of(sqlite_gate)
    heard = converse(sqlite_gate, framed(agent, method=method, target=target, mark=mark), answers=1)
    assert heard.statuses[0] in (400, 401, 403, 404, 405), heard.raw[:300]
    assert not upstream.saw(mark)


OF_THE_OTHER_DOOR = [
    b"//v1",
    b"/v1/",
    b"/V1",
    b"/v1/v1",
    b"/v1;x",
    b"/%761",
    b"/v1/..",
    b"/v1/../v1",
    b"/v1/%2e%2e/v1",
    b"/x/../v1",
]
OF_THE_OTHER_DOOR += [
    b"/v1%2f..%2fv1",
    b"/v1/.",
    b"/v1x",
    b"/api/v1",
    b"/api/v1/openai/../../../v1",
    b"/v1\\",
    b"/v1%00",
    b"",
]


@pytest.mark.parametrize("base", OF_THE_OTHER_DOOR)
def test_the_detection_key_surface_has_one_spelling_too(sqlite_gate, agent, upstream, mark, key, base):
    def calling(base):
        lines = [b"X-Detection-Key: " + key.encode()]
        return framed(agent, *lines, target=base + b"/chat/completions", mark=mark)

    assert converse(sqlite_gate, calling(base), answers=1).statuses[0] in (400, 401, 403, 404, 405)
    assert not upstream.saw(mark)
    assert converse(sqlite_gate, calling(b"/v1"), answers=1).statuses == [200]


METHODS = [b"post", b"TRACE", b"OPTIONS", b"CONNECT", b"PUT", b"PATCH", b"PRI", b"PROPFIND", b"X" * 5000]


@pytest.mark.parametrize("method", METHODS)
def test_another_method_is_405_also_where_an_override_says_the_right_one(sqlite_gate, agent, upstream, mark, method):
    data = framed(agent, b"X-HTTP-Method-Override: POST", method=method, mark=mark)
    assert converse(sqlite_gate, data, answers=1).statuses == [405]
    assert not upstream.saw(mark)


ADMINISTRATORS = [b"/v1/../api/v1/policy", b"/api/v1/openai/../policy", b"/api/v1/openai/v1/../../policy"]
ADMINISTRATORS += [b"/api/v1/openai/v1/%2e%2e/%2e%2e/policy", b"/api/v1/openai/..%2fpolicy"]
ADMINISTRATORS += [b"//api/v1/policy", b"/api/v1/./policy", b"/api/v1/policy/", b"/API/v1/policy", b"/api/v1/policy;x"]


@pytest.mark.parametrize("target", ADMINISTRATORS)
def test_a_path_that_would_resolve_to_the_administrators_is_not_theirs(sqlite_gate, target):
    with sqlite_gate.admin() as admin:
        assert admin.get("/api/v1/policy").status_code == 200
        lines = [
            b"GET %b HTTP/1.1" % target,
            b"Host: gate",
            b"Authorization: " + admin.headers["authorization"].encode(),
        ]
    heard = converse(sqlite_gate, b"\r\n".join(lines) + b"\r\n\r\n", answers=1)
    assert heard.statuses[0] in (401, 404), heard.raw[:300]


IDS = [
    "..%2f..",
    "..",
    "%2e%2e",
    "a%2fb",
    "a%252fb",
    "a%00",
    "a%0d%0aX:y",
    "a;b",
    "a%3fb",
    "a%23b",
    "%c0%ae",
    "a%20b",
    "é",
    "a" * 300,
]


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("kind", ["models", "files", "batches", "responses", "chat/completions"])
def test_an_id_that_needs_encoding_is_none(sqlite_gate, agent_of, upstream, mark, kind, name):
    data = request(agent_of(sqlite_gate), method=b"GET", target=f"{AGENT_PATH}/{kind}/{name}".encode(), mark=mark)
    heard = converse(sqlite_gate, data, answers=1)
    assert heard.statuses[0] in (400, 404), heard.raw[:300]
    assert not upstream.saw(mark)


def test_an_encoded_model_is_authorised_and_asked_for_as_the_name_that_it_is(sqlite_gate, agent, upstream, mark):
    for path, status in [("gpt%2d4o", 200), ("o3%2dmini", 403), ("gpt-4o%3Ax", 200)]:
        assert sqlite_gate.call(agent, f"/models/{path}", method="GET", mark=f"{mark}-{path}").status_code == status
    assert upstream.call_of(f"{mark}-gpt%2d4o").target == "/v1/models/gpt-4o"
    assert upstream.call_of(f"{mark}-gpt-4o%3Ax").target == "/v1/models/gpt-4o:x"
    assert not upstream.saw(f"{mark}-o3%2dmini")


# --- values that try to become headers --------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0", "\x0b", "\u0085", "\u2028"])
def test_a_line_end_in_a_model_is_no_line_end(sqlite_gate, agent, upstream, mark, end):
    model = f"gpt-4o{end}X-Evil: 1"
    reply = sqlite_gate.call(agent, body=chat(model), mark=mark)
    if end == "\u2028":  # no control character, so part of a name, which `gpt-4o*` covers
        assert reply.status_code == 200
        assert upstream.call_of(mark).json()["model"] == model
        assert upstream.call_of(mark).header("x-evil") == []
    else:
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "model")
        assert not upstream.saw(mark)


@pytest.mark.parametrize("name", [b"X-Detection-Key", b"X-OpenAI-Key", b"Authorization", b"Content-Type", b"x-mark"])
@pytest.mark.parametrize("byte", [b"\r", b"\0", b"\x0b", b"\x1b", b"\x7f"])
def test_a_control_character_in_a_header_is_400(sqlite_gate, agent_of, upstream, mark, name, byte):
    data = framed(agent_of(sqlite_gate), name + b": a" + byte + b"X-Evil: 1", mark=mark)
    assert converse(sqlite_gate, data).statuses == [400]
    assert not upstream.saw(mark)


@pytest.mark.parametrize("key", [b"sk-\xff", b"sk-a\tb", b"sk-caf\xc3\xa9"])
def test_a_provider_key_that_is_no_text_is_400(sqlite_gate, agent, upstream, mark, key):
    ours = f"X-OpenAI-Key: {PROVIDER_KEY}".encode()
    data = framed(agent, mark=mark).replace(ours, b"X-OpenAI-Key: " + key)
    heard = converse(sqlite_gate, data, answers=1)
    assert heard.statuses == [400] or upstream.call_of(mark).header("authorization") == [f"Bearer {key.decode()}"]


def test_nothing_that_the_caller_sends_comes_back_as_a_header(sqlite_gate, agent, upstream, mark):
    sent = {
        "X-Portcullis-Decision": "forged",
        "X-Request-Id": "forged",
        "X-Portcullis-Sandbox": "forged",
        "X-Should-Retry": "forged",
    }
    for body, status in [(chat(), 200), (chat("o3-mini"), 403), (b"{", 400)]:
        reply = sqlite_gate.call(agent, body=body, mark=mark, **sent)
        assert reply.status_code == status
        assert "forged" not in str(reply.headers)


@pytest.mark.parametrize("value", ["a\rSet-Cookie: evil=1", "a\0b", "a\x0bb", "a\x7f"])
def test_a_control_character_in_a_header_of_the_provider_does_not_reach_the_client(sqlite_gate, agent, value):
    script = json.dumps({"headers": [["x-said", value]]}).encode()
    heard = converse(sqlite_gate, framed(agent, b"x-script: " + script), answers=1)
    assert heard.statuses == [502]
    assert "x-said" not in heard.replies[0].headers
