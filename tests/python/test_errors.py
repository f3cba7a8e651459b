"""What callers get when something is wrong: the table of errors, row by row."""

import base64
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway import AGENT_PATH, PROVIDER_KEY, chat


def check_error(reply, status, code):
    """An error of ours, in the caller's own format."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert error["message"] and error["type"]
    assert reply.headers["x-portcullis-decision"]
    if status in (401, 403):
        assert reply.headers["x-should-retry"] == "false"


def post(gate, headers, content=None, path="/chat/completions"):
    content = json.dumps(chat()).encode() if content is None else content
    headers = {"Content-Type": "application/json", **headers}
    return httpx.post(gate.url + AGENT_PATH + path, headers=headers, content=content, timeout=15)


def unsigned(token):
    """The same claims with the algorithm `none`."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def signed_by_a_stranger(token):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm="RS256", headers=header)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        "Basic YTpi",
        lambda token: f"Bearer {token}x",
        lambda token: f"Bearer {unsigned(token)}",
        lambda token: f"Bearer {signed_by_a_stranger(token)}",
    ],
    ids=["none", "empty", "no-token", "no-jwt", "basic", "changed", "alg-none", "stranger"],
)
def test_a_call_without_a_valid_identity_is_401(sqlite_gate, agent_of, authorization):
    if callable(authorization):
        authorization = authorization(agent_of(sqlite_gate).token)
    headers = {"X-OpenAI-Key": PROVIDER_KEY} | ({} if authorization is None else {"Authorization": authorization})
    reply = post(sqlite_gate, headers)
    check_error(reply, 401, "invalid_agent_token")
    assert PROVIDER_KEY not in reply.text


def test_an_expired_token_is_401(start_gate):
    gate = start_gate(AUTH__TOKEN_TTL_SECS=2)
    agent = gate.create_agent()
    time.sleep(3)
    reply = gate.call(agent)
    check_error(reply, 401, "invalid_agent_token")
    assert "expired" in reply.json()["error"]["message"]


def test_a_call_without_a_provider_key_is_401(sqlite_gate, agent_of):
    reply = post(sqlite_gate, {"Authorization": f"Bearer {agent_of(sqlite_gate).token}"})
    check_error(reply, 401, "provider_key_missing")


def test_a_denied_model_is_403(sqlite_gate, agent_of):
    check_error(sqlite_gate.call(agent_of(sqlite_gate), body=chat("o3-mini")), 403, "model_not_allowed")


BAD_BODIES = {
    "no-json": b"hello",
    "open-object": b'{"model":"gpt-4o"',
    "empty": b"",
    "array": b"[]",
    "text-after": b'{"model":"gpt-4o","messages":[]} x',
    "duplicate-model": b'{"model":"gpt-4o","messages":[],"model":"o3-mini"}',
    "duplicate-escaped": b'{"model":"gpt-4o","messages":[],"mod\\u0065l":"o3-mini"}',
    "duplicate-stream": b'{"model":"gpt-4o","messages":[],"stream":true,"stream":false}',
    "duplicate-nested": b'{"model":"gpt-4o","messages":[{"role":"user","content":"a","content":"b"}]}',
    "no-model": b'{"messages":[]}',
    "null-model": b'{"model":null,"messages":[]}',
    "model-no-text": b'{"model":["gpt-4o"],"messages":[]}',
    "stream-no-boolean": b'{"model":"gpt-4o","messages":[],"stream":"yes"}',
    "bad-utf-8": b'{"model":"gpt-4o","messages":[],"x":"\xff"}',
    "deep": b'{"model":"gpt-4o","messages":' + b"[" * 5000 + b"]" * 5000 + b"}",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_malformed_body_is_400_and_never_forwarded(sqlite_gate, agent_of, upstream, body):
    mark = f"malformed-{hash(body)}"
    check_error(sqlite_gate.call(agent_of(sqlite_gate), body=body, mark=mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


def test_a_400_says_which_field_but_not_its_content(sqlite_gate, agent_of):
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=b'{"messages":[{"content":"canary-text"}]}')
    assert reply.json()["error"]["param"] == "model"
    assert "canary-text" not in reply.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/nothing/here", 404, "unknown_endpoint"),
        ("GET", "/organization/admin_api_keys", 403, "endpoint_forbidden"),
        ("POST", "/realtime/client_secrets", 403, "endpoint_forbidden"),
        ("POST", "/chat/completions/..%2f..%2fembeddings", 404, "unknown_endpoint"),
        ("GET", "/models/..%2ffiles", 404, "unknown_endpoint"),
        ("PUT", "/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/embeddings", 405, "method_not_allowed"),
        ("POST", "/models", 405, "method_not_allowed"),
    ],
)
def test_what_the_gate_does_not_serve_says_so(sqlite_gate, agent_of, upstream, method, path, status, code):
    mark = f"unserved-{method}-{path}"
    check_error(sqlite_gate.call(agent_of(sqlite_gate), path, method=method, mark=mark), status, code)
    assert not upstream.saw(mark)


def test_an_upgrade_is_refused(sqlite_gate, agent_of):
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    reply = sqlite_gate.call(agent_of(sqlite_gate), "/realtime?model=gpt-4o", method="GET", **headers)
    assert reply.status_code in (400, 403)


def test_a_body_over_the_limit_is_413(sqlite_gate, agent_of):
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(text="x" * 1_000_001))
    check_error(reply, 413, "request_too_large")


def test_a_chunked_body_over_the_limit_is_413(sqlite_gate, agent_of):
    def parts():
        for _ in range(11):
            yield b" " * 100_000

    headers = sqlite_gate.headers(agent_of(sqlite_gate), **{"Content-Type": "application/json"})
    reply = httpx.post(f"{sqlite_gate.url}{AGENT_PATH}/chat/completions", headers=headers, content=parts(), timeout=15)
    check_error(reply, 413, "request_too_large")


@pytest.mark.parametrize("header", [{"Content-Encoding": "br"}, {"Content-Type": "text/plain"}])
def test_a_body_in_a_form_that_is_not_read_is_415(sqlite_gate, agent_of, header):
    check_error(sqlite_gate.call(agent_of(sqlite_gate), **header), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({}, b"hello"),
        ({"Content-Encoding": "gzip"}, b"hello"),
        ({"Content-Type": "text/plain"}, b"hello"),
        ({}, b"x" * 1_000_001),
    ],
)
def test_identity_is_checked_before_body_and_content_type(sqlite_gate, headers, content):
    check_error(post(sqlite_gate, {"Authorization": "Bearer wrong", **headers}, content), 401, "invalid_agent_token")


def test_unknown_endpoints_do_not_tell_strangers_what_exists(sqlite_gate):
    for path in ["/chat/completions", "/nothing/here"]:
        check_error(post(sqlite_gate, {}, path=path), 401, "invalid_agent_token")


def test_a_body_that_does_not_arrive_is_408(start_gate):
    gate = start_gate(SERVER__BODY_TIMEOUT_SECS=1)
    agent = gate.create_agent()
    head = [f"POST {AGENT_PATH}/chat/completions HTTP/1.1", "Host: gate", "Content-Type: application/json"]
    head += [f"{name}: {value}" for name, value in gate.headers(agent).items()] + ["Content-Length: 100"]
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as sock:
        sock.sendall(("\r\n".join(head) + '\r\n\r\n{"model":').encode())
        assert sock.recv(64).startswith(b"HTTP/1.1 408")


def test_a_denial_never_says_what_would_be_allowed_nor_echoes_credentials(sqlite_gate, agent_of):
    agent = agent_of(sqlite_gate)
    for reply in [
        sqlite_gate.call(agent, body=chat("o3-mini")),
        post(sqlite_gate, {"Authorization": f"Bearer {agent.token}x", "X-OpenAI-Key": PROVIDER_KEY}),
    ]:
        for secret in ["gpt-4o", "gpt-3.5", "senior", agent.token, PROVIDER_KEY]:
            assert secret not in reply.text


def test_health_is_open_and_says_nothing(sqlite_gate):
    for path in ["/healthz", "/readyz"]:
        reply = httpx.get(sqlite_gate.url + path)
        assert reply.status_code == 200
        assert len(reply.content) < 200


def test_a_body_for_which_no_memory_is_left_is_503_until_another_is_given_back(start_gate, agent_of, upstream):
    gate = start_gate(LIMITS__HELD_UPLOAD_BYTES="2000")
    agent = agent_of(gate)
    body = json.dumps(chat(text="x" * 1200)).encode()
    with ThreadPoolExecutor() as pool:
        # One in the account of small bodies, and one that found no room there.
        marks = [f"{agent.name}-held-{number}" for number in range(2)]
        slow = [gate.headers(agent, mark, {"delay_ms": 3000}) for mark in marks]
        held = [pool.submit(post, gate, headers, body) for headers in slow]
        for mark in marks:
            upstream.call_of(mark)
        reply = post(gate, gate.headers(agent), body)
        check_error(reply, 503, "gateway_unavailable")
        assert reply.headers["retry-after"]
        assert [call.result().status_code for call in held] == [200, 200]
    assert post(gate, gate.headers(agent), body).status_code == 200
