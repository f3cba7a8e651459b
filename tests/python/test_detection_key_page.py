"""The detection-key surface: the reference page's snippets, word for word but for host and keys, and its promises."""

import json
import os
import secrets
import subprocess
import sys

import answers
import pytest

from gateway import PROMPTLY, PROVIDER_KEY, chat, eventually
from surfaces import Caller, check_refusal

CLIENT = """\
from openai import OpenAI
client = OpenAI(
api_key="sk-your-openai-key",
base_url="https://your-org.rivaro.ai/v1",
default_headers={
"X-Detection-Key": "detect_live_your_key_here"
}
)
"""

STREAMING = """\
stream = client.chat.completions.create(
model="gpt-4",
messages=[{"role": "user", "content": "Explain quantum computing"}],
stream=True
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
"""

TOOLS = """\
response = client.chat.completions.create(
model="gpt-4",
messages=[{"role": "user", "content": "What's the weather in London?"}],
tools=[{
"type": "function",
"function": {
"name": "get_weather",
"description": "Get current weather for a city",
"parameters": {
"type": "object",
"properties": {
"city": {"type": "string"}
},
"required": ["city"]
}
}
}]
)
"""

EMBEDDINGS = """\
response = client.embeddings.create(
model="text-embedding-3-small",
input="The quarterly revenue report shows..."
)
"""

CURL = """\
curl https://your-org.rivaro.ai/v1/chat/completions \\
-H "Content-Type: application/json" \\
-H "Authorization: Bearer sk-your-openai-key" \\
-H "X-Detection-Key: detect_live_your_key_here" \\
-d '{
"model": "gpt-4",
"messages": [{"role": "user", "content": "Hello"}]
}'
"""

TABLE = """\
| /v1/chat/completions | POST | Chat completions (GPT-4, GPT-3.5, o1, o3, o4) |
| /v1/completions | POST | Text completions (legacy) |
| /v1/embeddings | POST | Text embeddings |
| /v1/moderations | POST | Content moderation |
| /v1/audio/transcriptions | POST | Audio transcription (Whisper) |
| /v1/audio/translations | POST | Audio translation |
| /v1/models | GET | List available models |
| /v1/batches | POST | Batch API |
"""

MISSING = "Detection key required for proxy endpoints. Add X-Detection-Key header."
INVALID = "Invalid detection key"
NOT_ALLOWED = "The requested model is not permitted by your API key's policy."


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture(scope="module")
def callers():
    """One caller for each server, with an AppContext that lists no models, and a role that allows nothing."""
    return {}


@pytest.fixture
def caller(gate, callers):
    if gate not in callers:
        callers[gate] = Caller(gate, "detection_key", "nobody")
    return callers[gate]


@pytest.fixture
def sqlite_caller(sqlite_gate, callers):
    if sqlite_gate not in callers:
        callers[sqlite_gate] = Caller(sqlite_gate, "detection_key", "nobody")
    return callers[sqlite_gate]


@pytest.fixture
def run(caller):
    """Runs a snippet with our host and keys in their places; returns what it printed."""

    def run(*command):
        *program, code = command
        code = code.replace("https://your-org.rivaro.ai", caller.gate.url).replace("sk-your-openai-key", PROVIDER_KEY)
        code = code.replace("detect_live_your_key_here", caller.key.key)
        done = subprocess.run(
            [*program, code],
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


# The snippets


def test_the_python_snippets_run_unchanged(run):
    ends = "\nprint()\nprint(response.choices[0].message.tool_calls[0].function.arguments)\n"
    code = CLIENT + STREAMING + TOOLS + ends + EMBEDDINGS + "print(response.data[0].embedding)"
    assert run(sys.executable, "-c", code).splitlines() == [
        answers.text_of({}),
        '{"city":"London"}',
        "[0.0, 0.5, 1.0]",
    ]


def test_the_curl_snippet_runs_unchanged(run):
    answer = json.loads(run("sh", "-c", CURL))
    assert answer["choices"][0]["message"]["content"] == answers.text_of({})


@pytest.mark.parametrize("row", TABLE.splitlines(), ids=lambda row: row.split("|")[1].strip())
def test_every_endpoint_of_the_pages_table_is_served(sqlite_caller, upstream, row, mark):
    path, method = [cell.strip() for cell in row.split("|")[1:3]]
    path = path.removeprefix("/v1")
    bodies = {
        "/chat/completions": {"model": "gpt-4", "messages": []},
        "/completions": {"model": "gpt-3.5-turbo-instruct", "prompt": "Hello"},
        "/embeddings": {"model": "text-embedding-3-small", "input": "Hello"},
        "/moderations": {"input": "Hello"},
    }
    more = {"json": bodies[path]} if path in bodies else {}
    if path.startswith("/audio/"):
        more = {"data": {"model": "whisper-1"}, "files": {"file": ("speech.wav", b"RIFF")}}
    if path == "/batches":
        line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": chat("gpt-4")}
        input_file = sqlite_caller.upload(json.dumps(line).encode()).json()["id"]
        more = {"json": {"input_file_id": input_file, "endpoint": line["url"], "completion_window": "24h"}}
    reply = sqlite_caller.send(method, path, mark, **more)
    assert reply.status_code == 200, reply.text
    assert upstream.call_of(mark).target == f"/v1{path}"


# Keys


def refused_texts(caller, *keys):
    """What each of these keys is told, all with 401."""
    replies = [caller.post("/chat/completions", chat(), headers={"X-Detection-Key": key}) for key in keys]
    assert {reply.status_code for reply in replies} == {401}
    assert {reply.headers["x-should-retry"] for reply in replies} == {"false"}
    return [reply.json() for reply in replies]


def test_a_call_without_a_key_is_told_to_add_one(sqlite_caller, upstream, mark):
    headers = {"Authorization": f"Bearer {PROVIDER_KEY}", "x-mark": mark}
    for more in [{}, {"X-Detection-Key": ""}]:
        reply = sqlite_caller.http.post(
            f"{sqlite_caller.base_url}/chat/completions", headers={**headers, **more}, json=chat()
        )
        assert (reply.status_code, reply.json()) == (401, {"error": MISSING})
    assert not upstream.saw(mark)


def test_every_key_that_is_not_ours_is_told_the_same(sqlite_caller):
    key = sqlite_caller.key.key
    other = "A" if key[-1] != "A" else "B"
    agent_token = sqlite_caller.agent.token
    wrong = [
        "x",
        key[:-1],
        key[:-1] + other,
        key + "A",
        key.upper(),
        f"Bearer {key}",
        agent_token,
        sqlite_caller.key.key_id,
    ]
    assert refused_texts(sqlite_caller, *wrong) == [{"error": INVALID}] * len(wrong)


def test_a_key_sent_twice_is_refused(sqlite_caller, upstream, mark):
    headers = [*sqlite_caller.headers.items(), ("X-Detection-Key", sqlite_caller.key.key), ("x-mark", mark)]
    reply = sqlite_caller.http.post(f"{sqlite_caller.base_url}/chat/completions", headers=headers, json=chat())
    assert (reply.status_code, reply.json()) == (401, {"error": INVALID})
    assert not upstream.saw(mark)


def test_neither_surface_takes_the_others_credential(sqlite_caller):
    caller, agent = sqlite_caller, sqlite_caller.agent
    assert caller.gate.call(agent, **{"Authorization": f"Bearer {caller.key.key}"}).status_code == 401
    headers = {"Authorization": f"Bearer {agent.token}"}
    assert caller.http.post(f"{caller.base_url}/chat/completions", headers=headers, json=chat()).status_code == 401


ENDINGS = {
    "revoked": lambda key: ["key", "revoke", key.key_id],
    "expired": lambda key: ["key", "expire", key.key_id, "--now"],
    "its-app-context-is-revoked": lambda key: ["app-context", "revoke", key.context_id],
}


@pytest.mark.parametrize("command", ENDINGS.values(), ids=ENDINGS.keys())
def test_a_key_that_has_ended_is_refused_within_a_second(gate, command):
    caller = Caller(gate, "detection_key")
    assert caller.post("/chat/completions", chat()).status_code == 200
    gate.cli(*command(caller.key))
    eventually(lambda: not gate.knows_key(caller.key.key), within=PROMPTLY, what="the key's end", may_cut=True)
    assert refused_texts(caller, caller.key.key) == [{"error": INVALID}]


def test_a_key_expires_by_itself(gate):
    agent = gate.create_agent()
    key = gate.create_key(agent, expires_in="5s").key
    eventually(lambda: not gate.knows_key(key), within=8, what="the key's end", may_cut=True)


def test_an_ended_key_leaves_the_others_of_its_app_context(sqlite_gate):
    caller = Caller(sqlite_gate, "detection_key")
    other = sqlite_gate.create_key(caller.agent, context=caller.key.context_id)
    sqlite_gate.cli("key", "revoke", other.key_id)
    eventually(lambda: not sqlite_gate.knows_key(other.key), within=PROMPTLY, what="the key's end", may_cut=True)
    assert caller.post("/chat/completions", chat()).status_code == 200


def test_the_key_of_a_suspended_agent_is_refused_with_its_reason(gate):
    caller = Caller(gate, "detection_key")
    gate.cli("agent", "suspend", caller.name)
    refused = lambda: (found := caller.post("/chat/completions", chat())).status_code == 403 and found  # noqa: E731
    reply = eventually(refused, within=PROMPTLY, may_cut=True)
    check_refusal(caller, reply, 403, "agent_suspended")
    gate.cli("agent", "resume", caller.name)
    eventually(lambda: caller.post("/chat/completions", chat()).status_code == 200, within=PROMPTLY)


# Models


def listed(caller):
    return [model["id"] for model in caller.get("/models").json()["data"]]


def test_an_app_context_without_a_list_allows_all_models(caller):
    for model in [*answers.MODELS, "gpt-4", "anything-at-all/even this"]:
        assert caller.post("/chat/completions", chat(model)).status_code == 200
    assert listed(caller) == answers.MODELS


def test_an_app_context_with_a_list_allows_only_what_it_names(gate, upstream, mark):
    caller = Caller(gate, "detection_key", "senior", models=["gpt-4o-*", "(o3-mini|acme-unlisted)"])
    for model in ["gpt-4o-mini", "o3-mini", "acme-unlisted"]:
        assert caller.post("/chat/completions", chat(model)).status_code == 200
    for model in ["gpt-4o", "gpt-3.5-turbo", "O3-mini", "o3-mini2", "xo3-mini"]:
        reply = caller.post("/chat/completions", chat(model), mark=mark)
        assert (reply.status_code, reply.json()) == (403, {"error": NOT_ALLOWED})
    for model in [" o3-mini", "o3-mini ", "o3-mini\n"]:
        check_refusal(caller, caller.post("/chat/completions", chat(model), mark=mark), 400, "invalid_request_error")
    assert not upstream.saw(mark)
    assert listed(caller) == ["gpt-4o-mini", "o3-mini", "acme-unlisted"]
    assert caller.get("/models/o3-mini").status_code == 200
    assert caller.get("/models/gpt-4o").json() == {"error": NOT_ALLOWED}


def test_deny_lines_of_the_agents_roles_still_win(sqlite_gate):
    agent = sqlite_gate.create_agent("senior", agent_type="autonomous")
    caller = Caller(sqlite_gate, "detection_key", agent=agent)
    assert caller.post("/chat/completions", chat("gpt-4o-mini")).status_code == 200
    assert caller.post("/chat/completions", chat("gpt-4o")).json() == {"error": NOT_ALLOWED}
    assert listed(caller) == ["gpt-4o-mini", "gpt-3.5-turbo"]
    context = sqlite_gate.create_context("gpt-4o", "gpt-4o-mini")
    both = Caller(sqlite_gate, "detection_key", agent=agent, context=context)
    assert listed(both) == ["gpt-4o-mini"]


def test_a_list_is_changed_for_a_running_server(sqlite_gate):
    caller = Caller(sqlite_gate, "detection_key", models=["gpt-4o"])
    sqlite_gate.cli("app-context", "set", caller.key.context_id, "--allow-model", "o3-mini")
    eventually(lambda: listed(caller) == ["o3-mini"], within=PROMPTLY, what="the new list")
    sqlite_gate.cli("app-context", "set", caller.key.context_id, "--allow-all-models")
    eventually(lambda: listed(caller) == answers.MODELS, within=PROMPTLY, what="no list")


def test_the_record_names_the_app_context_and_the_key(caller):
    assert caller.post("/chat/completions", chat()).status_code == 200
    record = caller.record()
    assert (record["app_context"], record["token_id"]) == (caller.key.context_id, caller.key.key_id)
    assert (record["agent_name"], record["surface"]) == (caller.name, "detection_key")


# Headers


@pytest.mark.parametrize("value", [f"Bearer {PROVIDER_KEY}", "bearer  sk-two-spaces", "Basic dTpw", "ApiKey x=1, y"])
def test_the_provider_sees_the_callers_authorization_unchanged(sqlite_caller, upstream, value, mark):
    cookie = "a=1; portcullis_session=abc; b=2"
    headers = {"Authorization": value, "Cookie": cookie, "X-Portcullis-Anything": "1"}
    assert sqlite_caller.post("/chat/completions", chat(), mark=mark, headers=headers).status_code == 200
    call = upstream.call_of(mark)
    assert call.header("authorization") == [value]
    assert call.header("cookie") == ["a=1; b=2"]
    assert call.header("host") == [f"127.0.0.1:{upstream.port}"]
    assert call.header("x-detection-key") == []
    assert call.header("x-portcullis-anything") == []
    assert sqlite_caller.key.key not in json.dumps(call.headers)


def test_a_call_without_a_provider_key_is_told_how_to_send_one(sqlite_caller):
    headers = {"X-Detection-Key": sqlite_caller.key.key}
    reply = sqlite_caller.http.post(f"{sqlite_caller.base_url}/chat/completions", headers=headers, json=chat())
    check_refusal(sqlite_caller, reply, 401, "provider_key_missing")
    assert "Authorization" in reply.json()["error"]
