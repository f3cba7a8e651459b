"""Every endpoint on both surfaces: allowed, denied, malformed; byte for byte; and what is not served."""

import json
import random
import secrets

import pytest

from examples import BOUNDARY, DENIED_MODEL, EXAMPLES, RECORDING, batch_lines, form, form_type
from gateway import chat
from surfaces import SURFACES, Caller, check_recorded_refusal, check_refusal

MODELS = ["gpt-4o*", "gpt-3.5-*", "text-embedding-3-*", "whisper-1", "tts-1", "(dall-e-2|gpt-image-1)", "omni-*"]
# On the detection-key surface permissions are granted unless a deny line of a role's says otherwise.
WITHOUT = {
    ("agent", "web:read"): "writer",
    ("agent", "web:write"): "reader",
    ("detection_key", "web:read"): "blind",
    ("detection_key", "web:write"): "mute",
}


@pytest.fixture
def mark():
    """A name by which the upstream finds this test's call."""
    return secrets.token_hex(8)


@pytest.fixture(scope="module", params=SURFACES)
def caller(request, shared_gates):
    """May use the models of `MODELS`, by its role or by its AppContext's list."""
    return Caller(shared_gates("sqlite"), request.param, "maker", models=MODELS)


@pytest.fixture(scope="module")
def input_file(caller):
    """The id of a batch's input file that the caller uploaded."""
    return caller.upload(batch_lines("gpt-4o")).json()["id"]


@pytest.fixture(scope="module")
def caller_without(caller):
    """A caller at the same surface who lacks a permission."""
    made = {}

    def lacking(permission):
        if permission not in made:
            made[permission] = Caller(caller.gate, caller.surface, WITHOUT[caller.surface, permission])
        return made[permission]

    return lacking


# endpoint × surface × (allowed, denied model, no permission, bad body)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_call_that_is_allowed_reaches_the_provider(caller, upstream, example, mark, input_file):
    reply = example.send(caller, mark=mark, input_file=input_file)
    assert reply.status_code == 200, reply.text
    call = upstream.call_of(mark)
    assert (call.method, call.target) == (example.method, f"/v1{example.path()}")
    assert caller.record()["outcome"] == "completed"


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.model], ids=str)
def test_a_model_that_is_not_allowed_is_403(caller, upstream, example, mark):
    reply = example.send(caller, DENIED_MODEL, mark=mark)
    check_recorded_refusal(caller, reply, 403, "model_not_allowed")
    assert not upstream.saw(mark)


# A batch needs a file that its maker uploaded, for which the permission is needed already.
@pytest.mark.parametrize("example", [each for each in EXAMPLES if str(each) != "POST batches"], ids=str)
def test_a_call_without_its_permission_is_403(caller_without, upstream, example, mark):
    caller = caller_without(example.permission)
    reply = example.send(caller, mark=mark)
    check_recorded_refusal(caller, reply, 403, "permission_denied")
    assert not upstream.saw(mark)


def bad_content(example):
    """A body that this endpoint cannot take."""
    if example.form is not None:
        return example.content()[1][:-12]
    return b'{"model":"gpt-4o","model":"gpt-4o"}' if example.has_body else b"{}"


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_body_that_cannot_be_read_is_400(caller, upstream, example, mark):
    reply = example.send(caller, content=bad_content(example), mark=mark)
    check_recorded_refusal(caller, reply, 400, "invalid_request_error")
    assert not upstream.saw(mark)


REQUIRED = [
    ("chat/completions", {"messages": []}),
    ("completions", {"prompt": "Hello"}),
    ("embeddings", {"input": "Hello"}),
    ("audio/speech", {"input": "Hello", "voice": "alloy"}),
    ("responses", {"input": "Hello"}),
]


@pytest.mark.parametrize(("endpoint", "body"), REQUIRED, ids=[endpoint for endpoint, _ in REQUIRED])
@pytest.mark.parametrize("model", [{}, {"model": None}, {"model": ["gpt-4o"]}, {"model": ""}, {"Model": "gpt-4o"}])
def test_a_required_model_that_is_missing_or_no_text_is_400(caller, upstream, endpoint, body, model, mark):
    check_refusal(caller, caller.post(f"/{endpoint}", {**body, **model}, mark=mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)


def test_where_no_model_is_named_the_providers_own_choices_must_all_be_allowed(shared_gates, upstream, mark):
    gate = shared_gates("sqlite")
    some = Caller(gate, "detection_key", models=["gpt-image-1"])
    for path, body in [("/images/generations", {"prompt": "x"}), ("/moderations", {"input": "x"})]:
        check_refusal(some, some.post(path, body, mark=mark), 403, "model_not_allowed")
    assert not upstream.saw(mark)
    context = gate.create_context("gpt-image-1", "dall-e-2", "omni-moderation-latest")
    both = Caller(gate, "detection_key", agent=some.agent, context=context)
    assert both.post("/images/generations", {"prompt": "x"}).status_code == 200
    assert both.post("/moderations", {"input": "x"}).status_code == 200


def test_the_image_model_of_a_responses_tool_must_be_allowed_too(caller, upstream, mark):
    body = {"model": "gpt-4o", "input": "x", "tools": [{"type": "image_generation", "model": "gpt-image-9"}]}
    check_refusal(caller, caller.post("/responses", body, mark=mark), 403, "model_not_allowed")
    assert not upstream.saw(mark)


@pytest.mark.parametrize(
    "fields",
    [
        [("model", "whisper-1"), ("model", DENIED_MODEL)],
        [("model", DENIED_MODEL), ("model", "whisper-1")],
        [("model", "whisper-1"), ("model", "whisper-1")],
    ],
)
@pytest.mark.parametrize("size", [100, 3_000_000], ids=["small", "streamed"])
def test_a_form_that_names_its_model_twice_is_refused(caller, upstream, fields, size, mark):
    end = f"--{BOUNDARY}--\r\n".encode()
    before, after = [form(dict([field]), (*RECORDING[:2], b"x" * size)).removesuffix(end) for field in fields]
    after = after.replace(b'name="file"', b'name="another"')
    reply = caller.send(
        "POST", "/audio/transcriptions", mark, headers={"Content-Type": form_type()}, content=before + after + end
    )
    assert reply.status_code in (400, 403), reply.text
    whole = [call for call in upstream.calls if call.header("x-mark") == [mark] and call.finished_at]
    assert not whole, "the provider must never see the end of such an upload"


def test_a_form_that_asks_for_a_stream_behind_its_file_is_recorded_as_one(caller):
    """The file is streamed on before this is known, but what is recorded is what was."""
    end = f"--{BOUNDARY}--\r\n".encode()
    asks = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n'.encode()
    body = form({"model": "whisper-1"}, (*RECORDING[:2], b"x" * 3_000_000)).removesuffix(end) + asks + end
    reply = caller.send("POST", "/audio/transcriptions", headers={"Content-Type": form_type()}, content=body)
    assert reply.headers["content-type"].startswith("text/event-stream"), reply.text
    record = caller.record()
    assert (record["outcome"], record["stream"]) == ("completed", True)


# Byte for byte


class Odd:
    """Writes a value as JSON as nobody would, but as JSON allows."""

    SPACE = ["", "", "", " ", "\n", "\r\n\t", "   "]
    EXTRA = {
        "x_big": "123456789012345678901234567890",
        "x_exact": "0.1000000000000000000000000001",
        "x_exponent": "-1E+400",
        "x_zero": "-0.0",
        "x_slash": '"\\/ \\b\\f \\u00E9 é \U0001f600 \\ud83d\\ude00 \x7f"',
        "x_nested": '[ [],{ } , {"":{"b":1 ,"a":2}}, null,true ]',
    }

    def __init__(self, seed):
        self.random = random.Random(seed)

    def space(self):
        return self.random.choice(self.SPACE)

    def text(self, value):
        def letter(char):
            if self.random.random() < 0.1:
                digits = f"{ord(char):04x}"
                return "\\u" + (digits.upper() if self.random.random() < 0.5 else digits)
            return json.dumps(char, ensure_ascii=False)[1:-1]

        return '"' + "".join(map(letter, value)) + '"'

    def write(self, value, extra=()):
        if isinstance(value, dict):
            members = [(self.text(key), self.write(each)) for key, each in value.items()]
            members += [(f'"{key}"', self.EXTRA[key]) for key in extra]
            self.random.shuffle(members)
            inside = [f"{self.space()}{key}{self.space()}:{self.space()}{each}{self.space()}" for key, each in members]
            return "{" + (",".join(inside) or self.space()) + "}"
        if isinstance(value, list):
            return "[" + ",".join(f"{self.space()}{self.write(each)}{self.space()}" for each in value) + "]"
        return self.text(value) if isinstance(value, str) else json.dumps(value)

    def json(self, value):
        extra = self.random.sample(sorted(self.EXTRA), self.random.randint(0, len(self.EXTRA)))
        return f"{self.space()}{self.write(value, extra)}{self.space()}\n".encode()

    def form(self, fields, file, keeps_file):
        """(content type, bytes): another boundary, order and file, and fields that we do not know."""
        boundary = "".join(self.random.choices("abcXYZ0123456789'()+_,-./:=?", k=self.random.randint(1, 69))) + "z"
        fields = {**fields, "x_note": f"{self.space()}--{boundary[:-1]} é"}
        if not keeps_file:
            file = (*file[:2], self.random.randbytes(self.random.choice([0, 1, 100, 70_000])) + b"\r\n--")
        body = form(fields, file, boundary, self.random.random() < 0.5)
        return f'multipart/form-data; boundary="{boundary}"', body

    def pieces(self, body):
        """The body cut anywhere."""
        while body:
            size = self.random.randint(1, max(1, len(body)))
            yield body[:size]
            body = body[size:]

    def content(self, example, input_file):
        if example.form is not None:
            file = example.file
            keeps_file = example.form.get("purpose") == "batch"
            if keeps_file:
                file = (*file[:2], batch_lines("gpt-4o", "gpt-4o-mini").replace(b"\n", b" \r\n"))
            return self.form(example.form, file, keeps_file)
        body = {**example.body, **({"input_file_id": input_file} if "input_file_id" in example.body else {})}
        return "application/json", self.json(body)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.has_body], ids=str)
def test_the_provider_gets_the_body_byte_for_byte(caller, upstream, example, input_file):
    for seed in [secrets.randbits(32) for _ in range(8)]:
        odd = Odd(seed)
        content_type, body = odd.content(example, input_file)
        sent = body if odd.random.random() < 0.5 else odd.pieces(body)
        mark = secrets.token_hex(8)
        reply = caller.send(example.method, example.path(), mark, headers={"Content-Type": content_type}, content=sent)
        assert reply.status_code == 200, (seed, reply.text, body[:2000])
        call = upstream.call_of(mark)
        assert (call.body, call.header("content-type")) == (body, [content_type]), f"seed {seed}"


# What is not served


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/nothing/here", 404, "unknown_endpoint"),
        ("POST", "/uploads", 404, "unknown_endpoint"),
        ("GET", "/files/file.1", 404, "unknown_endpoint"),
        ("GET", "/files/" + "x" * 129, 404, "unknown_endpoint"),
        ("GET", "/files/file%2D1", 404, "unknown_endpoint"),
        ("GET", "/files/", 404, "unknown_endpoint"),
        ("POST", "/chat/completions/", 404, "unknown_endpoint"),
        ("POST", "//chat/completions", 404, "unknown_endpoint"),
        ("POST", "/Chat/Completions", 404, "unknown_endpoint"),
        ("POST", "/chat/completions/..%2f..%2fembeddings", 404, "unknown_endpoint"),
        ("GET", "/realtime", 403, "endpoint_forbidden"),
        ("POST", "/realtime/client_secrets", 403, "endpoint_forbidden"),
        ("GET", "/organization/admin_api_keys", 403, "endpoint_forbidden"),
        ("POST", "/organization/users", 403, "endpoint_forbidden"),
        ("POST", "/chatkit/sessions", 403, "endpoint_forbidden"),
        ("POST", "/%6Frganization/admin_api_keys", 403, "endpoint_forbidden"),
        ("DELETE", "/embeddings", 405, "method_not_allowed"),
        ("PUT", "/chat/completions", 405, "method_not_allowed"),
        ("POST", "/models", 405, "method_not_allowed"),
        ("DELETE", "/models/gpt-4o", 405, "method_not_allowed"),
        ("PATCH", "/files/file-1", 405, "method_not_allowed"),
        ("GET", "/responses", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_served_is_refused(caller, upstream, method, path, status, code, mark):
    check_refusal(caller, caller.send(method, path, mark), status, code)
    assert not upstream.saw(mark)


@pytest.mark.parametrize("path", ["/realtime?model=gpt-4o", "/responses", "/chat/completions"])
def test_a_websocket_is_refused(caller, upstream, path, mark):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    reply = caller.get(path, mark=mark, headers={**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert reply.status_code in (400, 403), reply.text
    assert not upstream.saw(mark)


@pytest.fixture(params=SURFACES)
def lenient(request, shared_gates):
    """A caller of a server whose administrator lets unknown endpoints pass."""
    return Caller(shared_gates("sqlite", ENDPOINTS__UNKNOWN="forward_unscreened"), request.param, "maker")


def test_an_administrator_may_let_unknown_endpoints_pass_unread_and_the_record_says_so(lenient, upstream, mark):
    body = b'{"anything": 1, "anything": 2}'
    script = {"status": 200, "body": '{"id": "vs_1"}'}
    reply = lenient.send("POST", "/vector_stores/vs_1/search?limit=2", mark, script, content=body)
    assert (reply.status_code, reply.content) == (200, b'{"id": "vs_1"}')
    call = upstream.call_of(mark)
    assert (call.target, call.body) == ("/v1/vector_stores/vs_1/search?limit=2", body)
    record = lenient.record()
    assert (record["outcome"], record["scan"]["extent"]) == ("completed", "none")
    assert lenient.post("/chat/completions", chat()).status_code == 200
    assert record["scan"]["reason"] != lenient.record()["scan"]["reason"], "that nobody read it is another reason"


def test_what_is_forbidden_or_only_looks_unknown_is_refused_all_the_same(lenient, upstream, mark):
    for method, path in [("POST", "/realtime/client_secrets"), ("GET", "/organization/users"), ("GET", "/x/api_keys")]:
        check_refusal(lenient, lenient.send(method, path, mark), 403, "endpoint_forbidden")
    for path in [
        "/v1/chat/completions",
        "/chat//completions",
        "/chat/completions/",
        "/chat/%2e%2e/embeddings",
        "/CHAT/completions",
        "/engines/o3-mini/completions",
        "/chat/completions;x",
        "/chat%2Fcompletions",
    ]:
        check_refusal(lenient, lenient.post(path, chat(DENIED_MODEL), mark=mark), 404, "unknown_endpoint")
    assert not upstream.saw(mark)
