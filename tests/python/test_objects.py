"""Objects of the provider's account belong to whoever made them, where all callers share the gate's own key."""

import json
import secrets

import answers
import pytest

import postgres
from examples import HELLO, batch_lines
from gateway import GATES_KEY
from surfaces import SURFACES, Caller, check_refusal


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture(scope="module")
def pairs():
    """Two callers at one surface for each server; neither sends a provider key."""
    made = {}

    def pair(gate, surface):
        if (gate, surface) not in made:
            made[gate, surface] = [Caller(gate, surface, provider_key=None) for _ in range(2)]
        return made[gate, surface]

    return pair


@pytest.fixture(params=SURFACES)
def owner_and_other(request, paying_gate, pairs):
    return pairs(paying_gate, request.param)


@pytest.fixture(params=SURFACES)
def two_callers(request, shared_gates, pairs):
    """As `owner_and_other` on SQLite alone, for what does not depend on where bindings are kept."""
    return pairs(shared_gates("sqlite", UPSTREAM__API_KEY=GATES_KEY), request.param)


def new_id(prefix):
    return f"{prefix}{secrets.token_hex(8)}"


def made(reply):
    assert reply.status_code == 200, reply.text
    return reply.json()["id"]


def make_file(caller):
    return made(caller.upload(b"some notes", purpose="user_data"))


def make_batch(caller):
    input_file = made(caller.upload(batch_lines("gpt-4o")))
    body = {"input_file_id": input_file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return made(caller.post("/batches", body))


def make_response(caller):
    return made(caller.post("/responses", {"model": "gpt-4o", "input": "Hello"}))


def make_streamed_response(caller):
    response_id = new_id("resp_")
    body = {"model": "gpt-4o", "input": "Hello", "stream": True}
    assert response_id in caller.post("/responses", body, script={"id": response_id}).text
    return response_id


def make_completion(caller):
    completion = {**answers.chat_completion({"model": "gpt-4o"}, {}), "id": new_id("chatcmpl-")}
    body = {"model": "gpt-4o", "messages": HELLO, "store": True}
    return made(caller.post("/chat/completions", body, script={"body": answers.compact(completion)}))


def make_streamed_completion(caller):
    completion_id = new_id("chatcmpl-")
    body = {"model": "gpt-4o", "messages": HELLO, "store": True, "stream": True}
    events = b"".join(answers.events("chat/completions", body, {})).decode().replace("chatcmpl-1", completion_id)
    script = {"body": events, "headers": [["content-type", "text/event-stream"]]}
    assert completion_id in caller.post("/chat/completions", body, script=script).text
    return completion_id


PATHS = {
    make_file: [("GET", "/files/{}/content"), ("GET", "/files/{}"), ("DELETE", "/files/{}")],
    make_batch: [("GET", "/batches/{}"), ("POST", "/batches/{}/cancel")],
    make_response: [
        ("GET", "/responses/{}"),
        ("GET", "/responses/{}/input_items"),
        ("POST", "/responses/{}/cancel"),
        ("DELETE", "/responses/{}"),
    ],
    make_streamed_response: [("GET", "/responses/{}"), ("GET", "/responses/{}?stream=true")],
    make_completion: [
        ("GET", "/chat/completions/{}"),
        ("GET", "/chat/completions/{}/messages"),
        ("POST", "/chat/completions/{}"),
        ("DELETE", "/chat/completions/{}"),
    ],
    make_streamed_completion: [("GET", "/chat/completions/{}")],
}


def ask(caller, method, path, **more):
    if method == "POST":
        more["json"] = {}
    return caller.send(method, path, **more)


@pytest.mark.parametrize("make", PATHS, ids=lambda make: make.__name__)
def test_an_object_is_its_makers_and_does_not_exist_for_others(owner_and_other, upstream, make, mark):
    owner, other = owner_and_other
    object_id = make(owner)
    for method, path in PATHS[make]:
        check_refusal(other, ask(other, method, path.format(object_id), mark=mark), 404, "object_not_found")
    assert not upstream.saw(mark)
    for method, path in PATHS[make]:
        reply = ask(owner, method, path.format(object_id), mark=mark)
        assert reply.status_code == 200, (path, reply.text)
        assert upstream.call_of(mark).header("authorization") == [f"Bearer {GATES_KEY}"]


@pytest.mark.parametrize(
    "path", ["/files/file-1", "/batches/batch_1", "/responses/resp_1", "/chat/completions/chatcmpl-unknown"]
)
def test_an_object_that_nobody_made_through_the_gate_does_not_exist(two_callers, upstream, path, mark):
    owner, _ = two_callers
    check_refusal(owner, owner.get(path, mark=mark), 404, "object_not_found")
    assert not upstream.saw(mark)


def respond(**more):
    return "/responses", {"model": "gpt-4o", "input": "Hello", **more}


def part(**content):
    return [{"role": "user", "content": [{"type": "text", "text": "Read this:"}, content]}]


NAMED = {
    "previous-response": (make_response, lambda it: respond(previous_response_id=it)),
    "response-file": (make_file, lambda it: respond(input=part(type="input_file", file_id=it))),
    "response-image": (make_file, lambda it: respond(input=part(type="input_image", file_id=it))),
    "interpreter-files": (
        make_file,
        lambda it: respond(tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [it]}}]),
    ),
    "chat-file": (
        make_file,
        lambda it: ("/chat/completions", {"model": "gpt-4o", "messages": part(type="file", file={"file_id": it})}),
    ),
    "escaped-name": (
        make_response,
        lambda it: ("/responses", f'{{"model":"gpt-4o","input":"x","previous_\\u0072esponse_id":"{it}"}}'),
    ),
}


@pytest.mark.parametrize(("make", "call"), NAMED.values(), ids=NAMED.keys())
def test_a_body_may_name_only_what_the_caller_made(two_callers, upstream, make, call, mark):
    owner, other = two_callers
    path, body = call(make(owner))
    content = (body if isinstance(body, str) else json.dumps(body)).encode()

    def send(caller):
        return caller.send("POST", path, mark, headers={"Content-Type": "application/json"}, content=content)

    check_refusal(other, send(other), 404, "object_not_found")
    assert not upstream.saw(mark)
    assert send(owner).status_code == 200


@pytest.mark.parametrize(
    "named",
    [
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
        {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
    ],
    ids=["conversation", "conversation-object", "vector-store", "container"],
)
def test_what_cannot_be_made_through_the_gate_cannot_be_named(two_callers, upstream, named, mark):
    owner, _ = two_callers
    path, body = respond(**named)
    check_refusal(owner, owner.post(path, body, mark=mark), 404, "object_not_found")
    assert not upstream.saw(mark)


def completions_list(*completion_ids):
    whole = answers.chat_completion({"model": "gpt-4o"}, {})
    data = [{**whole, "id": completion_id} for completion_id in completion_ids]
    return {"body": answers.compact({"object": "list", "data": data, "has_more": False})}


@pytest.mark.parametrize(
    ("make", "path", "script"),
    [
        (make_file, "/files", lambda *ids: {"ids": ids}),
        (make_batch, "/batches", lambda own, *_: {"id": own}),
        (make_completion, "/chat/completions", completions_list),
    ],
    ids=["files", "batches", "completions"],
)
def test_lists_show_only_what_the_caller_made(two_callers, make, path, script):
    owner, other = two_callers
    own, others = make(owner), make(other)
    asked = {"script": script(own, "not-made-through-the-gate", others)}

    def listed(caller):
        reply = caller.get(path, **asked)
        assert reply.status_code == 200, reply.text
        return [each["id"] for each in reply.json()["data"]]

    assert listed(owner) == [own]
    assert listed(other) == ([] if path == "/batches" else [others])


def test_the_output_file_of_a_batch_is_its_makers_once_it_has_read_the_batch(owner_and_other, upstream, mark):
    owner, other = owner_and_other
    batch_id, output = make_batch(owner), new_id("file-")
    path = f"/files/{output}/content"
    check_refusal(owner, owner.get(path, mark=mark), 404, "object_not_found")
    check_refusal(
        other, other.get(f"/batches/{batch_id}", mark=mark, script={"output_file_id": output}), 404, "object_not_found"
    )
    assert not upstream.saw(mark)
    assert owner.get(f"/batches/{batch_id}", script={"output_file_id": output}).status_code == 200
    assert owner.get(path).text == answers.text_of({})
    check_refusal(other, other.get(path), 404, "object_not_found")


def test_the_account_is_not_the_callers_to_choose(two_callers, upstream, mark):
    owner, _ = two_callers
    headers = {"OpenAI-Organization": "org-other", "OpenAI-Project": "proj_other", "OpenAI-Beta": "x"}
    assert owner.get("/models", mark=mark, headers=headers).status_code == 200
    call = upstream.call_of(mark)
    assert [call.header(name) for name in headers] == [[], [], ["x"]]


def test_with_keys_of_their_own_callers_share_no_account_so_nothing_is_bound(shared_gates, upstream, mark):
    gate = shared_gates("sqlite", UPSTREAM__API_KEY=GATES_KEY)
    owner, other = [Caller(gate, "detection_key", provider_key=key) for key in ("sk-one", "sk-two")]
    object_id = make_response(owner)
    reply = other.get(f"/responses/{object_id}", mark=mark)
    assert reply.status_code == 200, "it is the provider that knows whose it is"
    assert upstream.call_of(mark).header("authorization") == ["Bearer sk-two"]
    path, body = respond(previous_response_id=object_id, conversation="conv_1")
    assert other.post(path, body).status_code == 200
    listed = other.get("/files", script={"ids": ["file-8", "file-9"]}).json()["data"]
    assert [each["id"] for each in listed] == ["file-8", "file-9"]


def test_objects_are_still_their_makers_after_a_restart(start_gate, backend):
    url = postgres.create_database() if backend == "postgres" else None
    gate = start_gate(UPSTREAM__API_KEY=GATES_KEY, database_url=url)
    owner, other = [Caller(gate, "detection_key", provider_key=None) for _ in range(2)]
    file_id, batch_id = make_file(owner), make_batch(owner)
    gate.stop()
    gate.start()
    for path in [f"/files/{file_id}", f"/batches/{batch_id}"]:
        assert owner.get(path).status_code == 200
        assert other.get(path).status_code == 404
    gate.stop()
    if url:
        postgres.drop_database(url)
