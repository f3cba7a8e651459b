"""What travels on to the provider and back, and what never does."""

import http.client
import json
import secrets
import socket

import answers
import httpx
import pytest

from gateway import AGENT_PATH, PROVIDER_KEY, chat


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


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("framing", ["http10", "chunked", "length"])
def test_an_answer_in_any_framing_arrives_whole(sqlite_gate, agent_of, stream, framing):
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(stream=stream), script={"framing": framing})
    assert reply.status_code == 200
    assert reply.text.endswith("data: [DONE]\n\n" if stream else "}")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_only_the_close_ends_arrives_whole_or_as_an_error(sqlite_gate, agent_of, stream):
    try:
        reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(stream=stream), script={"framing": "close"})
    except httpx.TransportError:
        return
    assert reply.status_code == 502 or reply.text.endswith("data: [DONE]\n\n" if stream else "}")


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
        {"status": 401, "body": '{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}'},
    ],
    ids=["429", "500", "html-502", "401"],
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
