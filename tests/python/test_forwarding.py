"""What travels on to the provider and back, and what never does."""

import http.client
import json
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import answers
import httpx
import pytest

from gateway import AGENT_PATH, PROVIDER_KEY, chat
from scripted import Upstream


@pytest.fixture
def mark():
    """A name by which the upstream finds this test's call."""
    return secrets.token_hex(8)


def test_the_provider_key_becomes_the_authorization_and_nothing_of_ours_travels(sqlite_gate, agent_of, upstream, mark):
    agent = agent_of(sqlite_gate)
    assert sqlite_gate.call(agent, mark=mark, **{"Cookie": "portcullis_session=abc"}).status_code == 200
    call = upstream.call_of(mark)
    assert call.header("authorization") == [f"Bearer {PROVIDER_KEY}"]
    assert call.header("x-openai-key") == []
    assert "portcullis_session" not in json.dumps(call.headers)
    assert agent.token not in json.dumps(call.headers)
    assert call.header("host") == [f"127.0.0.1:{upstream.port}"]


def test_the_gates_own_key_stands_in_where_the_caller_sends_none(start_gate, upstream, mark):
    gate = start_gate(UPSTREAM__API_KEY="sk-of-the-gate")
    agent = gate.create_agent()
    headers = {"Authorization": f"Bearer {agent.token}", "x-mark": mark}
    reply = httpx.post(f"{gate.url}{AGENT_PATH}/chat/completions", headers=headers, json=chat())
    assert reply.status_code == 200
    assert upstream.call_of(mark).header("authorization") == ["Bearer sk-of-the-gate"]


OF_THE_ACCOUNT = {"OpenAI-Organization": "org-of-the-caller", "OpenAI-Project": "proj_of_the_caller"}


def test_with_the_gates_own_key_the_caller_does_not_choose_the_organization(start_gate, upstream, mark):
    gate = start_gate(UPSTREAM__API_KEY="sk-of-the-gate")
    agent = gate.create_agent()
    headers = {"Authorization": f"Bearer {agent.token}", "x-mark": mark, **OF_THE_ACCOUNT}
    assert httpx.post(f"{gate.url}{AGENT_PATH}/chat/completions", headers=headers, json=chat()).status_code == 200
    call = upstream.call_of(mark)
    assert [call.header(name) for name in OF_THE_ACCOUNT] == [[], []]


def test_with_a_key_of_its_own_the_caller_chooses_the_organization(start_gate, upstream, mark):
    gate = start_gate(UPSTREAM__API_KEY="sk-of-the-gate")
    assert gate.call(gate.create_agent(), mark=mark, **OF_THE_ACCOUNT).status_code == 200
    call = upstream.call_of(mark)
    assert call.header("authorization") == [f"Bearer {PROVIDER_KEY}"]
    assert [call.header(name) for name in OF_THE_ACCOUNT] == [[value] for value in OF_THE_ACCOUNT.values()]


@pytest.mark.parametrize("name", ["models", "fallbacks"])
@pytest.mark.parametrize("value", [["other"], [{"model": "other"}], "other"], ids=["names", "objects", "text"])
def test_a_body_that_names_further_models_is_refused(sqlite_gate, agent_of, upstream, mark, name, value):
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(**{name: value}), mark=mark)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["param"]) == (400, "invalid_request_error", name)
    assert not upstream.saw(mark)


def test_the_body_arrives_byte_for_byte(sqlite_gate, agent_of, upstream, mark):
    body = (
        b'{ "messages" : [ {"content":"caf\\u00e9 \xc3\xa9 \\/ 1e400", "role":"user"} ],\r\n\t'
        b'"model":"gpt-\\u0034o","temperature":0.10000000000000000001,"seed":12345678901234567890123,'
        b'"unknown":{"b":1,"a":2} }\n'
    )
    assert sqlite_gate.call(agent_of(sqlite_gate), body=body, mark=mark).status_code == 200
    assert upstream.call_of(mark).body == body


def test_the_answer_arrives_byte_for_byte(sqlite_gate, agent_of):
    body = '{ "id":"x",\n "choices":[ ], "n":0.10000000000000000001, "text":"\\u00e9 é" }\n'
    reply = sqlite_gate.call(agent_of(sqlite_gate), script={"body": body})
    assert reply.content == body.encode()


def test_headers_pass_in_both_directions_also_repeated_ones(sqlite_gate, agent_of, upstream, mark):
    agent = agent_of(sqlite_gate)
    headers = [
        *sqlite_gate.headers(
            agent, mark, {"headers": [["x-many", "1"], ["x-many", "2"], ["openai-version", "2020-10-01"]]}
        ).items(),
        ("OpenAI-Beta", "assistants=v2"),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
    ]
    reply = httpx.post(f"{sqlite_gate.url}{AGENT_PATH}/chat/completions", headers=headers, json=chat())
    assert reply.headers.get_list("x-many") == ["1", "2"]
    assert reply.headers["openai-version"] == "2020-10-01"
    assert reply.headers["x-request-id"] == "req_upstream"
    call = upstream.call_of(mark)
    assert call.header("openai-beta") == ["assistants=v2"]
    assert call.header("x-twice") == ["one", "two"]


def test_hop_by_hop_headers_and_those_that_connection_names_stay_here(sqlite_gate, agent_of, upstream, mark):
    agent = agent_of(sqlite_gate)
    more = {
        "Connection": "keep-alive, X-Private",
        "X-Private": "hop",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
        "Proxy-Authorization": "Basic abc",
        "X-Portcullis-Anything": "mine",
        "Range": "bytes=0-3",
        "Accept-Encoding": "gzip, br",
    }
    script = {"headers": [["connection", "x-secret-hop"], ["x-secret-hop", "1"], ["x-portcullis-sandbox", "forged"]]}
    reply = sqlite_gate.call(agent, mark=mark, script=script, **more)
    assert reply.status_code == 200
    assert "x-secret-hop" not in reply.headers
    assert "x-portcullis-sandbox" not in reply.headers
    call = upstream.call_of(mark)
    for name in ["x-private", "keep-alive", "te", "proxy-authorization", "x-portcullis-anything", "range"]:
        assert call.header(name) == [], name
    assert call.header("accept-encoding") == ["identity"]


def test_an_answer_that_is_not_what_its_encoding_says_is_refused(sqlite_gate, agent_of):
    script = {"body": "not gzip", "headers": [["content-encoding", "gzip"]]}
    reply = sqlite_gate.call(agent_of(sqlite_gate), script=script)
    assert reply.status_code == 502
    assert "content-encoding" not in reply.headers


def test_an_answer_that_comes_encoded_all_the_same_is_sent_plain_or_refused(sqlite_gate, agent_of):
    reply = sqlite_gate.call(agent_of(sqlite_gate), script={"gzip": True})
    assert "content-encoding" not in reply.headers
    if reply.status_code != 502:
        assert reply.json()["choices"][0]["message"]["content"] == answers.text_of({})


def test_a_streams_include_usage_is_added_upstream_and_its_traces_removed_again(sqlite_gate, agent_of, upstream, mark):
    body = chat(stream=True)
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=body, mark=mark)
    assert upstream.call_of(mark).json()["stream_options"] == {"include_usage": True}
    assert reply.content == b"".join(answers.events("chat/completions", body, {}, include_usage=False))


def test_a_completions_stream_is_treated_the_same(sqlite_gate, agent_of, upstream, mark):
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "x", "stream": True}
    reply = sqlite_gate.call(agent_of(sqlite_gate), "/completions", body, mark=mark)
    assert upstream.call_of(mark).json()["stream_options"]["include_usage"] is True
    assert reply.content == b"".join(answers.events("completions", body, {}, include_usage=False))


def test_a_client_that_asks_for_usage_gets_body_and_answer_byte_for_byte(sqlite_gate, agent_of, upstream, mark):
    body = chat(stream=True, stream_options={"include_usage": True})
    sent = json.dumps(body).encode()
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=sent, mark=mark)
    assert upstream.call_of(mark).body == sent
    assert reply.content == b"".join(answers.events("chat/completions", body, {}))


def test_other_stream_options_survive_the_addition(sqlite_gate, agent_of, upstream, mark):
    body = chat(stream=True, stream_options={"include_obfuscation": False})
    sqlite_gate.call(agent_of(sqlite_gate), body=body, mark=mark)
    assert upstream.call_of(mark).json()["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_asking_for_usage_can_be_turned_off(start_gate, upstream, mark):
    gate = start_gate(UPSTREAM__REQUEST_STREAM_USAGE="false")
    body = json.dumps(chat(stream=True)).encode()
    assert gate.call(gate.create_agent(), body=body, mark=mark).status_code == 200
    assert upstream.call_of(mark).body == body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("size", [1, 7])
def test_bytes_split_anywhere_arrive_the_same(sqlite_gate, agent_of, stream, size):
    agent, body = agent_of(sqlite_gate), chat(stream=stream)
    whole = sqlite_gate.call(agent, body=body).content
    assert sqlite_gate.call(agent, body=body, script={"size": size}).content == whole


def whole_answer(body, script=None):
    """The bytes that a client must see of a normal answer to a chat completion."""
    if body.get("stream"):
        return b"".join(answers.events("chat/completions", body, script or {}, include_usage=False))
    return answers.compact(answers.chat_completion(body, script or {})).encode()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("framing", ["close", "http10", "chunked", "length"])
def test_an_answer_in_any_framing_arrives_whole(sqlite_gate, stream, framing):
    agent, body = sqlite_gate.create_agent(), chat(stream=stream)
    reply = sqlite_gate.call(agent, body=body, script={"framing": framing})
    assert (reply.status_code, reply.content) == (200, whole_answer(body))
    record = sqlite_gate.record(agent)
    assert (record["outcome"], record["output_tokens"]) == ("completed", 7)


EARLY_HINTS = [103, [["link", "</style.css>; rel=preload; as=style"]]]
INTERIM = {
    "early-hints": {"interim": [EARLY_HINTS]},
    "continue": {"interim": [[100, []]]},
    "processing": {"interim": [[102, []]]},
    "several": {"interim": [[100, []], EARLY_HINTS, EARLY_HINTS, [102, []]]},
    "split": {"interim": [EARLY_HINTS, [100, []]], "interim_size": 7},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM.keys())
def test_an_interim_answer_is_never_taken_for_an_answer(sqlite_gate, stream, interim):
    agent, body = sqlite_gate.create_agent(), chat(stream=stream)

    def one(number):
        # All of them call while the provider pauses; every other one gets a plain answer at once.
        time.sleep(number * 0.04)
        script = {"text": f"Answer {number}", **(interim | {"interim_pause_ms": 300} if number % 2 == 0 else {})}
        reply = sqlite_gate.call(agent, body=body, script=script)
        return number, reply.status_code, reply.content == whole_answer(body, script)

    with ThreadPoolExecutor(6) as callers:
        assert list(callers.map(one, range(12))) == [(number, 200, True) for number in range(12)]
    found = sqlite_gate.records(agent, 12)
    assert {(record["outcome"], record["status_code"]) for record in found} == {("completed", 200)}


@pytest.mark.parametrize("stream", [False, True])
def test_an_interim_answer_may_come_in_one_piece_with_the_answer(sqlite_gate, agent_of, stream):
    body = chat(stream=stream)
    for script in (INTERIM["several"], {}):
        reply = sqlite_gate.call(agent_of(sqlite_gate), body=body, script=script)
        assert (reply.status_code, reply.content) == (200, whole_answer(body))
        assert "link" not in reply.headers


def test_a_body_sent_in_chunks_is_taken(sqlite_gate, agent_of, upstream, mark):
    agent = agent_of(sqlite_gate)
    connection = http.client.HTTPConnection("127.0.0.1", sqlite_gate.port, timeout=10)
    parts = [b'{"model":"gpt-4o",', b'"messages":[]}']
    headers = {**sqlite_gate.headers(agent, mark), "Content-Type": "application/json"}
    connection.request("POST", f"{AGENT_PATH}/chat/completions", iter(parts), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    assert upstream.call_of(mark).body == b"".join(parts)


def test_the_path_with_and_without_v1_is_the_same_endpoint(sqlite_gate, agent_of, upstream, mark):
    headers = sqlite_gate.headers(agent_of(sqlite_gate), mark)
    reply = httpx.post(f"{sqlite_gate.url}/api/v1/openai/chat/completions", headers=headers, json=chat())
    assert reply.status_code == 200
    assert upstream.call_of(mark).target == "/v1/chat/completions"


def test_every_answer_names_its_decision(sqlite_gate, agent_of):
    agent = agent_of(sqlite_gate)
    ids = [
        sqlite_gate.call(agent, body=chat(model=model)).headers["x-portcullis-decision"] for model in ("gpt-4o", "o3")
    ]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    "script",
    [
        {"status": 429, "headers": [["retry-after", "7"], ["x-ratelimit-remaining-requests", "0"]]},
        {"status": 500, "body": '{"error": {"message":"The server had an error","type":"server_error"} }'},
        {"status": 502, "body": "<html><body>Bad gateway</body></html>", "headers": [["content-type", "text/html"]]},
        {
            "status": 502,
            "body": "<html>" + "Bad gateway. " * 2000,
            "headers": [["content-type", "text/html"]],
            "framing": "close",
        },
        {"status": 401, "body": '{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}'},
        {
            "status": 400,
            "body": '{"error":{"message":"No such model","type":"invalid_request_error","param":null,"code":null}}',
            "headers": [["content-type", "text/event-stream"]],
        },
    ],
    ids=["429", "500", "html-502", "502-until-the-close", "401", "400-called-an-event-stream"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_the_provider_passes_unchanged(sqlite_gate, agent_of, upstream, script, stream):
    direct = httpx.post(
        f"{upstream.base_url}/chat/completions", json=chat(stream=stream), headers={"x-script": json.dumps(script)}
    )
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(stream=stream), script=script)
    assert (reply.status_code, reply.content) == (direct.status_code, direct.content)
    for name in ["retry-after", "x-ratelimit-remaining-requests", "content-type", "x-request-id"]:
        assert reply.headers.get_list(name) == direct.headers.get_list(name), name
    assert "x-should-retry" not in reply.headers


def test_a_big_body_travels_whole(sqlite_gate, agent_of, upstream, mark):
    body = json.dumps(chat(text="x" * 900_000)).encode()
    assert sqlite_gate.call(agent_of(sqlite_gate), body=body, mark=mark).status_code == 200
    assert upstream.call_of(mark).body == body


def test_the_query_travels_but_never_changes_the_endpoint(sqlite_gate, agent_of, upstream, mark):
    sqlite_gate.call(agent_of(sqlite_gate), "/models?limit=2&after=a%2Fb", method="GET", mark=mark)
    assert upstream.call_of(mark).target in ("/v1/models?limit=2&after=a%2Fb", "/v1/models")


def test_two_contradicting_lengths_are_refused(sqlite_gate, agent_of, upstream, mark):
    headers = [("Host", "gate"), *sqlite_gate.headers(agent_of(sqlite_gate), mark).items()]
    headers += [("Content-Type", "application/json"), ("Content-Length", "4"), ("Transfer-Encoding", "chunked")]
    head = f"POST {AGENT_PATH}/chat/completions HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    with socket.create_connection(("127.0.0.1", sqlite_gate.port), timeout=5) as sock:
        sock.sendall(f"{head}\r\n0\r\n\r\n".encode())
        assert sock.recv(64).startswith(b"HTTP/1.1 400")
    assert not upstream.saw(mark)


@pytest.mark.parametrize("name", ["Authorization", "X-OpenAI-Key"])
def test_a_credential_sent_twice_is_refused(sqlite_gate, agent_of, upstream, mark, name):
    headers = [*sqlite_gate.headers(agent_of(sqlite_gate), mark).items(), (name, "Bearer another")]
    reply = httpx.post(f"{sqlite_gate.url}{AGENT_PATH}/chat/completions", headers=headers, json=chat())
    assert reply.status_code in (400, 401)
    assert not upstream.saw(mark)


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_behind_tls_is_called_by_its_name(tls_gate, agent_of, tls_upstream, mark, stream):
    body = chat(stream=stream)
    for _ in range(2):
        reply = tls_gate.call(agent_of(tls_gate), body=body, mark=mark)
        assert (reply.status_code, reply.content) == (200, whole_answer(body))
    call = tls_upstream.call_of(mark)
    assert call.header("host") == [f"localhost:{tls_upstream.port}"]
    assert call.header("authorization") == [f"Bearer {PROVIDER_KEY}"]


def test_a_provider_whose_certificate_nobody_vouches_for_is_not_called(start_gate, tls_upstream, mark):
    gate = start_gate(upstream_url=tls_upstream.base_url)
    reply = gate.call(gate.create_agent(), mark=mark)
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert not tls_upstream.saw(mark)


def test_a_provider_with_a_certificate_for_another_name_is_not_called(start_gate, authority, mark):
    impostor = Upstream(tls=authority.server_context("elsewhere.test"))
    gate = start_gate(upstream_url=impostor.base_url, UPSTREAM__CA_FILE=authority.file)
    reply = gate.call(gate.create_agent(), mark=mark)
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert not impostor.saw(mark)
    impostor.stop()
