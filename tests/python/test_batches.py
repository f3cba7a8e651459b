"""Batches: the input file is read when it is uploaded, and authorised again when the batch is made."""

import json
import secrets

import pytest

import postgres
from examples import DENIED_MODEL, HELLO, batch_line, batch_lines, form, form_type
from gateway import GATES_KEY, POLICY, PROVIDER_KEY, eventually
from surfaces import SURFACES, Caller, check_refusal

MODELS = ["gpt-4o*", "gpt-3.5-turbo*", "text-embedding-3-*"]


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture(scope="module")
def made():
    return {}


@pytest.fixture(params=["gates-key", "own-key"])
def provider_key(request):
    """None where the gate pays."""
    return {"gates-key": None, "own-key": PROVIDER_KEY}[request.param]


@pytest.fixture(params=SURFACES)
def callers(request, paying_gate, provider_key, made):
    """Two callers at one surface."""
    kind = (paying_gate, request.param, provider_key)
    if kind not in made:
        made[kind] = [Caller(paying_gate, request.param, models=MODELS, provider_key=provider_key) for _ in range(2)]
    return made[kind]


@pytest.fixture
def caller(made, shared_gates):
    """A caller on SQLite, for what does not depend on where things are kept."""
    if "caller" not in made:
        made["caller"] = Caller(shared_gates("sqlite"), "agent")
    return made["caller"]


def create(caller, input_file, mark=None, endpoint="/v1/chat/completions", **more):
    body = {"input_file_id": input_file, "endpoint": endpoint, "completion_window": "24h"}
    return caller.post("/batches", body, mark=mark, **more)


def uploaded(caller, content=None, purpose="batch"):
    reply = caller.upload(batch_lines("gpt-4o") if content is None else content, purpose)
    assert reply.status_code == 200, reply.text
    return reply.json()["id"]


def test_a_batch_is_made_from_a_file_that_its_maker_uploaded(callers, upstream, mark):
    owner, other = callers
    input_file = uploaded(owner, batch_lines("gpt-4o", "gpt-4o-mini"))
    check_refusal(other, create(other, input_file, mark), 403, "input_file_not_allowed")
    for unknown in ["file-not-uploaded-here", "", "x" * 200]:
        assert create(owner, unknown, mark).status_code in (400, 403)
    plain = uploaded(owner, purpose="user_data")
    check_refusal(owner, create(owner, plain, mark), 403, "input_file_not_allowed")
    assert not upstream.saw(mark)
    assert create(owner, input_file, mark).json()["input_file_id"] == input_file
    assert upstream.saw(mark)


def test_a_file_that_was_not_uploaded_through_the_gate_is_403(callers, upstream, mark):
    check_refusal(callers[0], create(callers[0], "file-of-the-account", mark), 403, "input_file_not_allowed")
    assert not upstream.saw(mark)


def test_a_file_with_a_model_that_is_not_allowed_is_refused_at_its_upload(callers, upstream, mark):
    for models in [[DENIED_MODEL], ["gpt-4o", DENIED_MODEL], ["gpt-4o"] * 50 + [DENIED_MODEL]]:
        reply = callers[0].upload(batch_lines(*models), mark=mark)
        check_refusal(callers[0], reply, 403, "model_not_allowed")
    assert not upstream.saw(mark)


def test_an_endpoint_other_than_the_one_that_the_lines_ask_for_is_refused(callers, upstream, mark):
    input_file = uploaded(callers[0])
    for endpoint, statuses in [("/v1/embeddings", (400, 403)), ("/v1/files", (400,)), ("/v1/nothing", (400,))]:
        assert create(callers[0], input_file, mark, endpoint).status_code in statuses, endpoint
    assert not upstream.saw(mark)


def test_the_upload_is_recorded_with_what_it_asks_for(caller):
    uploaded(caller, batch_lines("gpt-4o", "gpt-4o-mini", "gpt-4o"))
    record = caller.record()
    assert (record["endpoint"], record["message_count"], record["outcome"]) == ("files", 3, "completed")


@pytest.mark.parametrize("surface", SURFACES)
def test_a_batch_is_authorised_again_when_it_is_made(start_gate, upstream, surface, mark):
    gate = start_gate(UPSTREAM__API_KEY=GATES_KEY)
    caller = Caller(gate, surface, models=MODELS, provider_key=None)
    input_file = uploaded(caller, batch_lines("gpt-4o", "gpt-3.5-turbo"))
    assert create(caller, input_file).status_code == 200
    if surface == "agent":
        gate.policy_file.write_text(POLICY.replace("gpt-3.5-turbo*", "gpt-3.5-nothing"))
    else:
        gate.cli("app-context", "set", caller.key.context_id, "--allow-model", "gpt-4o*")
    reply = eventually(lambda: (it := create(caller, input_file, mark)).status_code != 200 and it, within=3)
    check_refusal(caller, reply, 403, "model_not_allowed")


def test_what_a_file_holds_is_still_known_after_a_restart(start_gate, backend, upstream, mark):
    url = postgres.create_database() if backend == "postgres" else None
    gate = start_gate(database_url=url)
    owner, other = [Caller(gate, "detection_key") for _ in range(2)]
    input_file = uploaded(owner)
    gate.stop()
    gate.start()
    assert create(owner, input_file, mark).status_code == 200
    assert upstream.saw(mark)
    check_refusal(other, create(other, input_file), 403, "input_file_not_allowed")
    gate.stop()
    if url:
        postgres.drop_database(url)


@pytest.mark.parametrize("surface", SURFACES)
def test_the_lines_may_name_only_what_the_caller_made(shared_gates, upstream, surface, mark):
    gate = shared_gates("sqlite", UPSTREAM__API_KEY=GATES_KEY)
    owner, other = [Caller(gate, surface, provider_key=None) for _ in range(2)]
    response_id = owner.post("/responses", {"model": "gpt-4o", "input": "Hello"}).json()["id"]
    body = {"model": "gpt-4o", "input": "Hello", "previous_response_id": response_id}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/responses", "body": body}
    content = json.dumps(line).encode()
    check_refusal(other, other.upload(content, mark=mark), 404, "object_not_found")
    assert not upstream.saw(mark)
    assert create(owner, uploaded(owner, content), endpoint="/v1/responses").status_code == 200


@pytest.mark.parametrize("file_first", [False, True])
@pytest.mark.parametrize("lines", [1, 20_000], ids=["small", "large"])
def test_the_file_travels_byte_for_byte_wherever_the_purpose_stands(caller, upstream, file_first, lines, mark):
    content = b"".join(json.dumps(batch_line(str(number))).encode() + b" \r\n" for number in range(lines))
    body = form({"purpose": "batch"}, ("file", "batch.jsonl", content), file_first=file_first)
    reply = caller.send("POST", "/files", mark, headers={"Content-Type": form_type()}, content=body)
    assert reply.status_code == 200, reply.text
    assert upstream.call_of(mark).body == body
    assert create(caller, reply.json()["id"]).status_code == 200


GOOD = json.dumps(batch_line("good"))
CANARY = "canary-of-a-line"


def line(**changed):
    return json.dumps({**batch_line("bad", text=CANARY), **changed})


def without(name):
    whole = batch_line("bad", text=CANARY)
    del whole[name]
    return json.dumps(whole)


BAD_LINES = {
    "no-json": f"{CANARY}",
    "open": line()[:-1],
    "array": f'["{CANARY}"]',
    "two-objects": line() + line(),
    "duplicate-model": line().replace('"model": "gpt-4o"', '"model": "gpt-4o", "model": "o3-mini"'),
    "duplicate-body": line().replace('"body":', '"body": {"model": "o3-mini"}, "body":'),
    "escaped-duplicate": line().replace('"model": "gpt-4o"', '"model": "gpt-4o", "mod\\u0065l": "o3-mini"'),
    "no-model": line(body={"messages": HELLO, "text": CANARY}),
    "model-no-text": line(body={"model": 4, "messages": HELLO, "text": CANARY}),
    "model-in-another-case": line(body={"model": "gpt-4o", "Model": "o3-mini", "messages": HELLO}),
    "no-custom-id": without("custom_id"),
    "custom-id-twice": line(custom_id="good"),
    "no-url": without("url"),
    "another-url": line(url="/v1/embeddings", body={"model": "text-embedding-3-small", "input": CANARY}),
    "no-batch-url": line(url="/v1/files"),
    "full-url": line(url="https://api.openai.com/v1/chat/completions"),
    "get": line(method="GET"),
    "no-body": without("body"),
    "body-no-object": line(body=CANARY),
    "another-field": line(extra=CANARY),
    "streams": line(body={"model": "gpt-4o", "messages": HELLO, "stream": True, "text": CANARY}),
    "two-lines-in-one": line() + "\r" + line(),
    "byte-order-mark": "\ufeff" + line(),
    "nan": line().replace('"bad"', '"bad", "x": NaN'),
    "deep": line(body={"model": "gpt-4o", "messages": HELLO, "x": json.loads("[" * 300 + "]" * 300)}),
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_malformed_line_is_400_with_its_number_and_without_its_content(caller, upstream, bad, mark):
    content = f"{GOOD}\n\n{bad}\n".encode()
    reply = caller.upload(content, mark=mark)
    message = check_refusal(caller, reply, 400, "invalid_request_error")
    assert "Line 3" in message
    assert CANARY not in reply.text
    assert not upstream.saw(mark)


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xff\xfe", "x".encode("utf-16")], ids=["empty", "blank", "no-utf-8", "utf-16"]
)
def test_a_file_that_holds_no_requests_is_400(caller, upstream, content, mark):
    check_refusal(caller, caller.upload(content, mark=mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


@pytest.mark.parametrize("purpose", ["Batch", "BATCH", "bAtch"])
def test_a_purpose_that_some_provider_could_take_for_batch_is_400(caller, upstream, purpose, mark):
    reply = caller.upload(batch_lines(DENIED_MODEL), purpose, mark=mark)
    check_refusal(caller, reply, 400, "invalid_request_error")
    assert not upstream.saw(mark)


@pytest.mark.parametrize("purpose", [[], ["user_data", "batch"], ["batch", "batch"]], ids=["none", "both", "twice"])
def test_an_upload_says_its_purpose_exactly_once(caller, upstream, purpose, mark):
    files = [("purpose", (None, each)) for each in purpose] + [("file", ("x.jsonl", batch_lines(DENIED_MODEL)))]
    check_refusal(caller, caller.send("POST", "/files", mark, files=files), 400, "invalid_request_error")
    assert not upstream.saw(mark)
