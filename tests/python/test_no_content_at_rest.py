"""No content anywhere: unique strings go in everywhere, and are then searched for everywhere."""

import json
import secrets
import time

import httpx
import pytest

import postgres
from activity import Activity
from gateway import ROOT, Gateway, chat

PLACES = """
    prompt system_prompt answer streamed_answer tool_arguments tool_result tool_description embedding_input
    provider_key stop_sequence user_field metadata_value custom_header malformed_body error_body url_query
""".split()


@pytest.fixture
def canaries():
    return {place: f"canary-{place.replace('_', '-')}-{secrets.token_hex(8)}" for place in PLACES}


@pytest.fixture(params=["sqlite", "postgres"])
def talkative_gate(request, tmp_path, upstream):
    """A server that logs at debug level and keeps what it writes for us to search."""
    if request.param == "postgres" and not postgres.URL:
        pytest.skip("PORTCULLIS_TEST_POSTGRES_URL is not set; 'tests/run' sets it")
    url = postgres.create_database() if request.param == "postgres" else None
    password = f"canary-admin-password-{secrets.token_hex(8)}"
    gate = Gateway(
        tmp_path / "gate",
        upstream.base_url,
        url,
        PORTCULLIS_LOG__FILTER="debug",
        PORTCULLIS_ADMIN__PASSWORD=password,
        PORTCULLIS_UPSTREAM__API_KEY=f"canary-gates-key-{secrets.token_hex(8)}",
        PORTCULLIS_UPSTREAM__ANSWER_TIMEOUT_SECS="1",
    )
    gate.sign_in_password = password
    gate.sign_in = lambda: Gateway.sign_in(gate, password)
    gate.start()
    yield gate
    gate.stop()
    if url:
        postgres.drop_database(url)


def say_everything(gate, agent, canaries):
    """Calls of every kind and ending, with a canary in every place; returns the replies of errors of ours."""
    tool = {
        "type": "function",
        "function": {"name": "get_weather", "description": canaries["tool_description"], "parameters": {}},
    }
    messages = [
        {"role": "system", "content": canaries["system_prompt"]},
        {"role": "user", "content": [{"type": "text", "text": canaries["prompt"]}]},
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_0",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": json.dumps({"q": canaries["tool_arguments"]})},
                }
            ],
        },
    ]
    extra = {
        "stop": canaries["stop_sequence"],
        "user": canaries["user_field"],
        "metadata": {"k": canaries["metadata_value"]},
    }
    whole = chat(messages=messages, tools=[tool], **extra)
    answered = chat(
        messages=[*messages, {"role": "tool", "tool_call_id": "call_0", "content": canaries["tool_result"]}]
    )
    text = {"text": canaries["answer"], "arguments": json.dumps({"q": canaries["tool_arguments"]})}
    streamed = {"text": canaries["streamed_answer"], "arguments": text["arguments"], "chunks": 3}
    headers = {"X-OpenAI-Key": canaries["provider_key"], "X-Custom": canaries["custom_header"]}

    def call(body, script=None, path="/chat/completions"):
        try:
            return gate.call(agent, path, body, script=script, **headers)
        except httpx.TransportError:
            return None

    for body in (whole, answered):
        assert call(body, text).status_code == 200
        assert call({**body, "stream": True}, streamed).status_code == 200
    call({"model": "text-embedding-3-small", "input": canaries["embedding_input"]}, path="/embeddings")
    for do in ["cut", "early_end", "sse_error", "reset"]:
        call({**answered, "stream": True}, {**streamed, "do": do, "after": 3})
    call(answered, {"status": 500, "body": json.dumps({"error": {"message": canaries["error_body"]}})})
    errors = [
        call({**whole, "model": "o3-mini"}),
        call(f'{{"model":"gpt-4o","{canaries["malformed_body"]}'.encode()),
        call(answered, {"do": "stall_head"}),
        call(answered, {"do": "reset_head"}),
        call(whole, path=f"/nothing?key={canaries['url_query']}"),
        httpx.post(
            f"{gate.url}/api/v1/openai/v1/chat/completions",
            headers={"Authorization": f"Bearer {agent.token}x", **headers},
            json=whole,
        ),
        httpx.post(
            f"{gate.url}/api/v1/auth/token",
            json={
                "client_id": agent.client_id,
                "client_secret": agent.client_secret + "x",
                "grant_type": "client_credentials",
            },
        ),
        httpx.post(
            f"{gate.url}/api/v1/admin/login", json={"username": "admin", "password": gate.sign_in_password + "x"}
        ),
    ]
    assert all(reply is not None and reply.status_code >= 400 for reply in errors)
    return errors


def test_canaries_are_found_nowhere(talkative_gate, canaries):
    gate = talkative_gate
    agent = gate.create_agent()
    with Activity(gate) as activity:
        activity.wait_for("hello")
        errors = say_everything(gate, agent, canaries)
        activity.wait_for("exchange", agent_name=agent.name, error_code="model_not_allowed")
        time.sleep(1)
        shown = activity.raw
    with gate.admin() as admin:
        listed = admin.get("/api/v1/audit/events", params={"limit": 1000}).text
        administrators_token = admin.headers["Authorization"].removeprefix("Bearer ")
    assert agent.name in shown and agent.name in listed

    haystacks = {
        "the activity stream": shown.encode(),
        "the audit events": listed.encode(),
        "the error answers": b"".join(reply.content for reply in errors),
    }
    haystacks |= files_of(gate)
    gate.stop()
    haystacks |= files_of(gate)
    haystacks["the log"] = gate.log.encode()
    if gate.database_url:
        dump = postgres.run("pg_dump", "--inserts", gate.database_url).encode()
        assert agent.name.encode() in dump, "the dump must hold the records, or the search proves nothing"
        haystacks["the Postgres dump"] = dump
    else:
        assert any(agent.name.encode() in content for content in haystacks.values())

    needles = {
        **canaries,
        "client_secret": agent.client_secret,
        "agent_token": agent.token,
        "agent_tokens_signature": agent.token.split(".")[2],
        "administrators_token": administrators_token,
        "admin_password": gate.sign_in_password,
        "gates_own_key": gate.env["PORTCULLIS_UPSTREAM__API_KEY"],
    }
    found = [
        f"{name} in {place}"
        for name, needle in needles.items()
        for place, content in haystacks.items()
        if needle.encode() in content
    ]
    assert not found, found


FOUND = {
    "a card": "4929 1234 5678 9015",
    "an address": "canary.person+found@mail-canary.example",
    "a token": "ghp_c4NaRyT0k3nOfGitHub7hatMustStay0ut12",
    "a password": "postgres://canary:tH3p4sSw0rdC4nary@db.internal/app",
    "an id": "536-90-4399",
}

OVERRIDES = """
[[override]]
rules = ["type:PII_*"]
action = "redact"

[[override]]
rules = ["type:SECRET_GITHUB*"]
action = "block"
"""


def test_what_was_found_is_found_nowhere(tmp_path, upstream, backend):
    """Values that rules note, redact and block: the record says that they were there, and nothing says what they were."""
    rules = tmp_path / "detections.toml"
    rules.write_text((ROOT / "detections.toml").read_text() + OVERRIDES)
    url = postgres.create_database() if backend == "postgres" else None
    settings = {"PORTCULLIS_DETECTION__FILE": str(rules), "PORTCULLIS_LOG__FILTER": "debug"}
    gate = Gateway(tmp_path / "gate", upstream.base_url, url, **settings).start()
    try:
        agent = gate.create_agent()
        with Activity(gate) as activity:
            activity.wait_for("hello")
            for value in FOUND.values():
                script = {"text": f"you said {value}.", "arguments": json.dumps({"q": value}), "chunks": 7}
                tool = {"type": "function", "function": {"name": "get_weather", "description": value}}
                for stream in (False, True):
                    gate.call(agent, body=chat(text=f"it is {value}, ok", stream=stream), script=script)
                    gate.call(agent, body=chat(text="hi", stream=stream), script=script)
                    gate.call(agent, body=chat(text="hi", stream=stream, tools=[tool]), script=script)
            records = gate.records(agent, 6 * len(FOUND))
            time.sleep(1)
            shown = activity.raw
        kinds = {finding["type"] for record in records for finding in record["findings"]}
        assert {"PII_CREDIT_CARD", "PII_EMAIL", "PII_SSN"} <= kinds, kinds
        assert any(kind.startswith("SECRET_GITHUB") for kind in kinds), kinds
        assert {record["outcome"] for record in records} >= {"blocked", "completed"}
        with gate.admin() as admin:
            described = admin.get("/api/v1/detections").text
        haystacks = {"the activity stream": shown.encode(), "the records": json.dumps(records).encode(), "the rules": described.encode()}
        haystacks |= files_of(gate)
        gate.stop()
        haystacks |= files_of(gate)
        haystacks["the log"] = gate.log.encode()
        if url:
            haystacks["the Postgres dump"] = postgres.run("pg_dump", "--inserts", url).encode()
        found = [f"{what} in {place}" for what, value in FOUND.items() for place, content in haystacks.items() if value.encode() in content]
        assert not found, found
    finally:
        gate.stop()
        if url:
            postgres.drop_database(url)


def files_of(gate):
    """Every file of the data directory, by its path."""
    found = {str(path): path.read_bytes() for path in gate.data_dir.rglob("*") if path.is_file()}
    assert found
    return found


def test_the_printed_configuration_masks_its_secrets(start_gate):
    gate = start_gate(started=False, UPSTREAM__API_KEY="sk-canary-of-the-gate", ADMIN__PASSWORD="canary-password")
    gate.env["DATABASE_URL"] = "postgres://me:canary-database@127.0.0.1:1/x"
    shown = gate.cli("config").stdout
    assert "127.0.0.1" in shown
    for canary in ["sk-canary-of-the-gate", "canary-password", "canary-database"]:
        assert canary not in shown
