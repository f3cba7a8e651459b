"""No content of any endpoint is kept: canaries go into forms, lines, responses and keys, and are searched for."""

import json
import secrets
import time

import httpx
import pytest

import postgres
from activity import Activity
from examples import DENIED_MODEL, batch_line
from gateway import Gateway
from surfaces import SURFACES, Caller
from test_no_content_at_rest import files_of

PLACES = """
    prompt speech_input image_prompt moderation_input embedding_input response_input response_instructions tool_output
    form_field form_file file_name file_content batch_line batch_custom_id malformed_line malformed_form
    answer streamed_answer transcript listed_answer stored_metadata callers_key query
""".split()


@pytest.fixture
def canaries():
    return {place: f"canary-{place.replace('_', '-')}-{secrets.token_hex(8)}" for place in PLACES}


@pytest.fixture
def talkative_gate(tmp_path, upstream, backend, canaries):
    """A server that logs at debug level and holds provider keys in every way that it can."""
    keys = {name: f"sk-canary-{name}-{secrets.token_hex(8)}" for name in ("own", "team", "ops")}
    files = {name: tmp_path / name for name in ("own", "team")}
    for name, path in files.items():
        path.write_text(keys[name])
    url = postgres.create_database() if backend == "postgres" else None
    gate = Gateway(
        tmp_path / "gate",
        upstream.base_url,
        url,
        PORTCULLIS_LOG__FILTER="debug",
        PORTCULLIS_UPSTREAM__API_KEY_FILE=str(files["own"]),
        PORTCULLIS_PROVIDER_KEYS__TEAM__FILE=str(files["team"]),
        PORTCULLIS_PROVIDER_KEYS__OPS__ENV="CANARY_OPS_KEY",
        CANARY_OPS_KEY=keys["ops"],
    )
    canaries |= {f"{name}_key": key for name, key in keys.items()}
    gate.start()
    yield gate
    gate.stop()
    if url:
        postgres.drop_database(url)


def batch_of(canaries, model="gpt-4o"):
    line = batch_line(
        canaries["batch_custom_id"], model, messages=[{"role": "user", "content": canaries["batch_line"]}]
    )
    return json.dumps(line).encode()


def say_everything(caller, canaries):
    """A call of every kind with a canary in every place; returns the answers to what is refused."""
    recording = {"file": (canaries["file_name"], canaries["form_file"].encode())}
    fields = {"model": "whisper-1", "prompt": canaries["form_field"]}
    says = {"script": {"text": canaries["answer"], "arguments": json.dumps({"q": canaries["answer"]})}}
    response = {
        "model": "gpt-4o",
        "instructions": canaries["response_instructions"],
        "input": [
            {"role": "user", "content": canaries["response_input"]},
            {"type": "function_call_output", "call_id": "call_1", "output": canaries["tool_output"]},
        ],
    }

    def streamed(**more):
        return {"script": {"text": canaries["streamed_answer"], "chunks": 3, **more}}

    def upload(content, **more):
        return caller.upload(content, headers={"X-File": canaries["file_name"]}, **more)

    made = [
        caller.post("/responses", response, **says),
        upload(batch_of(canaries)),
        upload(b"notes", purpose="user_data"),
    ]
    assert [reply.status_code for reply in made] == [200] * 3
    response_id, input_file, file_id = [reply.json()["id"] for reply in made]
    batch = {"input_file_id": input_file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    taken = [
        caller.post(
            "/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": canaries["prompt"]}]}
        ),
        caller.post("/moderations", {"model": "omni-moderation-latest", "input": canaries["moderation_input"]}),
        caller.post("/embeddings", {"model": "text-embedding-3-small", "input": canaries["embedding_input"]}),
        caller.post("/audio/speech", {"model": "tts-1", "voice": "alloy", "input": canaries["speech_input"]}),
        caller.post("/images/generations", {"model": "dall-e-2", "prompt": canaries["image_prompt"]}),
        caller.send(
            "POST",
            "/audio/transcriptions",
            data=fields,
            files=recording,
            script={"body": json.dumps({"text": canaries["transcript"]})},
        ),
        caller.post("/responses", {**response, "stream": True}, **streamed()),
        caller.post("/responses", {**response, "stream": True}, **streamed(do="sse_error", after=4)),
        caller.get(f"/responses/{response_id}", **says),
        caller.get(f"/files/{file_id}/content", script={"text": canaries["file_content"]}),
        caller.get(f"/files?after={canaries['query']}", script={"ids": [canaries["listed_answer"]]}),
        caller.post("/batches", {**batch, "metadata": {"note": canaries["stored_metadata"]}}),
    ]
    assert [reply.status_code for reply in taken] == [200] * len(taken), [reply.text[:200] for reply in taken]
    refused = [
        upload(batch_of(canaries, DENIED_MODEL)),
        upload(b'{"custom_id":"1",' + canaries["malformed_line"].encode()),
        caller.send("POST", "/audio/transcriptions", data={**fields, "model": DENIED_MODEL}, files=recording),
        caller.send(
            "POST",
            "/audio/transcriptions",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
            content=b"--b\r\n" + canaries["malformed_form"].encode(),
        ),
        caller.post("/responses", {**response, "previous_response_id": "resp_of_another"}),
        caller.post("/responses", {**response, "model": DENIED_MODEL}),
        caller.get(f"/nothing?key={canaries['query']}"),
    ]
    assert [reply.status_code for reply in refused] == [403, 400, 403, 400, 404, 403, 404]
    with httpx.stream(
        "POST",
        f"{caller.base_url}/responses",
        headers={**caller.headers, "x-script": json.dumps(streamed(do="stall", after=5)["script"])},
        json={**response, "stream": True},
        timeout=10,
    ) as left_early:
        next(left_early.iter_raw())
    return refused


def test_canaries_of_every_endpoint_are_found_nowhere(talkative_gate, canaries):
    gate = talkative_gate
    agent = gate.create_agent("maker")
    models = [f"!{DENIED_MODEL}"]
    callers = [Caller(gate, surface, agent=agent, models=models, provider_key=None) for surface in SURFACES]
    callers.append(Caller(gate, SURFACES[1], agent=agent, context=gate.create_context(*models, provider_key="team")))
    with Activity(gate) as activity:
        activity.wait_for("hello")
        refused = [reply for caller in callers for reply in say_everything(caller, canaries)]
        own_key = Caller(gate, "agent", agent=agent, provider_key=canaries["callers_key"])
        assert own_key.post("/moderations", {"input": canaries["moderation_input"]}).status_code == 200
        wrong_key = callers[1].key.key[:-8] + "AAAAAAAA"
        refused.append(callers[1].get("/models", headers={"X-Detection-Key": wrong_key}))
        activity.wait_for("exchange", agent_name=agent.name, endpoint="moderations")
        time.sleep(1)
        shown = activity.raw
    with gate.admin() as admin:
        listed = [
            admin.get(path).text for path in ("/api/v1/audit/events?limit=1000", "/api/v1/keys", "/api/v1/app-contexts")
        ]
    assert agent.name in listed[0]
    haystacks = {
        "the activity stream": shown.encode(),
        "the admin API": "".join(listed).encode(),
        "the refusals": b"".join(reply.content for reply in refused),
        "the configuration": (gate.cli("config").stdout + gate.cli("config", "--json").stdout).encode(),
        "the list of keys": gate.cli("key", "list", "--json").stdout.encode(),
        **files_of(gate),
    }
    gate.stop()
    haystacks |= {f"{path} after the end": content for path, content in files_of(gate).items()}
    haystacks["the log"] = gate.log.encode()
    if gate.database_url:
        haystacks["the Postgres dump"] = postgres.run("pg_dump", "--inserts", gate.database_url).encode()
    assert any(
        callers[1].key.key_id.encode() in content
        for place, content in haystacks.items()
        if "dump" in place or "state.db" in place
    ), "the database must hold the keys' rows, or the search proves nothing"
    needles = {**canaries, "wrong_key": wrong_key, "agent_token": agent.token}
    needles |= {f"detection_key_{number}": caller.key.key for number, caller in enumerate(callers[1:])}
    found = [
        f"{name} in {place}"
        for name, needle in needles.items()
        for place, content in haystacks.items()
        if needle.encode() in content
    ]
    assert not found, found
