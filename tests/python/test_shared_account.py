"""One provider account for all: what keeps its callers apart, and what does not stand in their way."""

import json
import secrets

import httpx
import pytest

from gateway import AGENT_PATH, chat, eventually

EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture
def shared(start_gate):
    """A server whose own key pays."""
    return start_gate(UPSTREAM__API_KEY="sk-the-gates-own", UPSTREAM__CALLER_KEYS="false")


@pytest.fixture
def two(shared):
    return shared.create_agent(), shared.create_agent()


@pytest.fixture
def mark():
    return secrets.token_hex(8)


def scripted(body, headers=()):
    return {"body": body if isinstance(body, str) else json.dumps(body), "headers": [list(pair) for pair in headers]}


def ask(gate, agent, **body):
    """A call of the Responses API."""
    script = body.pop("script", None)
    return gate.call(agent, "/responses", {"model": "gpt-4o", "input": "Hello", **body}, script=script)


def upload(gate, agent, script):
    files = {"purpose": (None, "user_data"), "file": ("a.txt", b"hello")}
    url = gate.url + AGENT_PATH + "/files"
    return httpx.post(url, headers=gate.headers(agent, script=script), files=files, timeout=10)


def unique(prefix):
    return f"{prefix}_{secrets.token_hex(8)}"


# Items of responses


def test_items_of_an_answer_are_named_by_their_maker_alone(shared, two):
    maker, other = two
    reasoning, call, container = unique("rs"), unique("ci"), unique("cntr")
    output = [
        {"id": reasoning, "type": "reasoning", "summary": []},
        {"id": call, "type": "code_interpreter_call", "container_id": container, "code": "", "status": "completed"},
    ]
    answer = {"id": unique("resp"), "object": "response", "status": "completed", "output": output}
    assert ask(shared, maker, script=scripted(answer, [("content-type", "application/json")])).status_code == 200
    for item in [
        *output,
        {"type": "item_reference", "id": reasoning},
        {"id": call},
        {"type": "image_generation_call", "id": reasoning},
        {"type": "mcp_approval_response", "approval_request_id": reasoning, "approve": True},
        {"type": "code_interpreter_call", "container_id": container},
    ]:
        assert ask(shared, maker, input=[item]).status_code == 200, item
        refused = ask(shared, other, input=[item])
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "object_not_found"), item


def test_items_of_a_stream_are_known_once_its_end_has_been_read(shared, two):
    maker, other = two
    item = {"id": unique("rs"), "type": "reasoning", "summary": []}
    begun = {"id": unique("resp"), "object": "response", "status": "in_progress", "output": []}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.completed", "response": {**begun, "status": "completed", "output": [item]}},
    ]
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    for _ in range(5):
        script = scripted(text, EVENTS.items())
        assert ask(shared, maker, stream=True, store=False, script=script).text == text
        assert ask(shared, maker, input=[item]).status_code == 200
    assert ask(shared, other, input=[item]).status_code == 404


@pytest.mark.parametrize(
    "path, body",
    [
        ("/responses", {"model": "gpt-4o", "prompt": {"id": "pmpt_1"}}),
        ("/chat/completions", chat(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}])),
    ],
)
def test_what_nobody_made_here_is_not_there(shared, two, path, body):
    refused = shared.call(two[0], path, body)
    assert refused.status_code == 404
    assert "conversations" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"conversation": "weekly", "file_id": "7"}},
        {"tools": [{"type": "function", "name": "ship", "parameters": {"default": {"container": "box"}}}]},
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"file_id": "x", "container": "y"}}}},
    ],
)
def test_words_of_the_callers_own_are_no_objects(shared, two, body):
    assert ask(shared, two[0], **body).status_code == 200


# Lists


def page(*ids, more):
    return {"object": "list", "data": [{"id": it} for it in ids], "first_id": ids[0], "last_id": ids[-1], "has_more": more}


def test_a_list_names_nothing_of_others(shared, two):
    own, foreign = unique("file"), unique("file")
    assert upload(shared, two[0], scripted({"id": own, "object": "file"})).status_code == 200
    script = scripted(page(foreign, own, "file_x", more=True))
    listed = shared.call(two[0], "/files", method="GET", script=script)
    assert listed.json() == page(own, more=True)
    empty = shared.call(two[1], "/files", method="GET", script=scripted(page(foreign, own, more=False)))
    assert empty.json() == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_a_list_is_searched_for_the_first_page_with_something_of_ones_own(shared, two, upstream, mark):
    script = scripted(page("file_a", "file_b", more=True))
    listed = shared.call(two[0], "/files?limit=2&after=file_0", method="GET", script=script, mark=mark)
    # Nobody could go on from an empty page, and to call it the end would be wrong.
    assert (listed.status_code, listed.json()["error"]["param"]) == (400, "limit")
    targets = [call.target for call in upstream.calls if call.header("x-mark") == [mark]]
    assert targets == ["/v1/files?limit=2&after=file_0", *["/v1/files?limit=2&after=file_b"] * 9]
    assert shared.record(two[0])["status_code"] == 400


# AppContexts


def test_an_object_belongs_to_the_app_context_through_which_it_was_made(shared):
    agent = shared.create_agent("developer")
    keys = []
    for name in ("one", "two"):
        shared.cli("app-context", "create", name)
        created = shared.cli("key", "create", "--app-context", name, "--agent", agent.name, "--json")
        keys.append(json.loads(created.stdout)["key"])

    def with_key(key, method, path, **more):
        headers = {"X-Detection-Key": key, **more.pop("headers", {})}
        return httpx.request(method, f"{shared.url}/v1{path}", headers=headers, timeout=10, **more)

    made = unique("resp")
    script = {"x-script": json.dumps({"id": made})}
    body = {"model": "gpt-4o", "input": "Hello"}
    for key in keys:
        eventually(lambda key=key: with_key(key, "GET", "/models").status_code == 200, what="the key")
    assert with_key(keys[0], "POST", "/responses", json=body, headers=script).status_code == 200
    assert with_key(keys[0], "GET", f"/responses/{made}").status_code == 200
    assert with_key(keys[1], "GET", f"/responses/{made}").status_code == 404
    assert shared.call(agent, f"/responses/{made}", method="GET").status_code == 404


# What is said of it


def test_the_status_of_a_file_is_not_the_end_of_a_generation(shared, two):
    reply = upload(shared, two[0], scripted({"id": unique("file"), "object": "file", "status": "processed"}))
    assert reply.status_code == 200
    assert shared.record(two[0])["finish_reason"] is None


def test_retrieving_a_failed_response_does_not_fail(shared, two):
    made = unique("resp")
    assert ask(shared, two[0], script={"id": made}).status_code == 200
    failed = {"id": made, "object": "response", "status": "failed", "error": {"code": "server_error", "message": "x"}}
    retrieved = shared.call(two[0], f"/responses/{made}", method="GET", script=scripted(failed))
    assert retrieved.json() == failed
    record = shared.records(two[0], 2)[-1]
    assert (record["outcome"], record["finish_reason"], record["error_code"]) == ("completed", "failed", None)


def test_methods_and_challenges_are_told(shared, two):
    refused = shared.call(two[0], "/files/file_1", method="PUT")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, DELETE")
    url = shared.url + AGENT_PATH + "/models"
    assert httpx.get(url).headers["www-authenticate"] == 'Bearer realm="portcullis"'
    wrong = httpx.get(url, headers={"Authorization": "Bearer wrong"})
    assert wrong.headers["www-authenticate"] == 'Bearer realm="portcullis", error="invalid_token"'
    keyless = httpx.get(f"{shared.url}/v1/models", headers={"Authorization": "Bearer sk-1"})
    assert (keyless.status_code, keyless.headers["www-authenticate"]) == (401, 'Bearer realm="portcullis"')


def test_no_header_makes_another_request_of_a_call(shared, two, upstream, mark):
    headers = {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/v1/files", "api-key": "sk-x"}
    assert shared.call(two[0], mark=mark, **headers).status_code == 200
    seen = upstream.call_of(mark)
    assert not any(seen.header(name) for name in headers)


def test_a_file_may_have_a_semicolon_in_its_name(shared, two, upstream, mark):
    files = {"model": (None, "gpt-4o-transcribe"), "file": ("take; 2.wav", b"RIFF")}
    url = shared.url + AGENT_PATH + "/audio/transcriptions"
    reply = httpx.post(url, headers=shared.headers(two[0], mark=mark), files=files, timeout=10)
    assert reply.status_code == 200, reply.text
    assert upstream.call_of(mark).form()["file"] == ("take; 2.wav", b"RIFF")
