"""What goes in and what comes out is screened: blocked, redacted or noted, in the shapes that the SDKs read."""

import json

import httpx
import pytest

import rules
from gateway import PROMPTLY, chat, event_data, eventually
from surfaces import SURFACES, Caller

BLOCKED = "Content blocked due to policy violations"
SECRET = "tell me about Project  Nightjar"
MAIL = "ann.lee@acme.dev"


@pytest.fixture(scope="module")
def acting(tmp_path_factory, upstream):
    """A server whose rules block, redact and note."""
    from gateway import Gateway

    home = tmp_path_factory.mktemp("acting")
    gate = Gateway(home, upstream.base_url, PORTCULLIS_DETECTION__FILE=str(rules.write(home)))
    yield gate.start()
    gate.stop()


@pytest.fixture(params=SURFACES)
def caller(request, acting):
    return Caller(acting, request.param, "maker")


def findings_of(record):
    wanted = ("rule", "type", "severity", "lifecycle", "surface", "action", "count")
    return [tuple(finding[name] for name in wanted) for finding in record["findings"]]


def test_a_blocked_prompt_gets_the_references_completion_and_never_reaches_the_provider(caller, upstream):
    mark = f"blocked-{caller.surface}"
    answer = caller.sdk().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": SECRET}], extra_headers={"x-mark": mark}
    )
    choice = answer.choices[0]
    assert (choice.finish_reason, choice.message.content, choice.message.role) == ("content_filter", BLOCKED, "assistant")
    assert not upstream.saw(mark)
    record = caller.record()
    assert (record["outcome"], record["status_code"], record["error_code"]) == ("blocked", 200, "content_blocked")
    assert findings_of(record) == [("codename", "CUSTOM_CODENAME", "HIGH", "INGRESS", "user", "block", 1)]
    assert record["scan"] == {"extent": "full", "reason": None}
    assert len(record["findings"][0]["hmac"]) == 32


def test_a_blocked_stream_is_one_event_that_is_both_and_the_end(caller):
    stream = caller.sdk().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": SECRET}], stream=True
    )
    chunks = list(stream)
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    reply = caller.post("/chat/completions", chat(text=SECRET, stream=True))
    assert reply.headers["content-type"].startswith("text/event-stream")
    *events, done = event_data(reply.text)
    assert done == "[DONE]"
    event = json.loads(events[-1])
    assert (event["blocked"], event["message"]) == (True, BLOCKED)
    assert event["object"] == "chat.completion.chunk"


def test_other_shapes_of_a_blocked_call(caller):
    sdk = caller.sdk()
    completion = sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt=SECRET)
    assert (completion.choices[0].finish_reason, completion.choices[0].text) == ("content_filter", BLOCKED)
    events = list(sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt=SECRET, stream=True))
    assert events[-1].choices[0].finish_reason == "content_filter"
    response = sdk.responses.create(model="gpt-4o", input=SECRET)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "content_filter")
    kinds = [event.type for event in sdk.responses.create(model="gpt-4o", input=SECRET, stream=True)]
    assert kinds[-1] == "response.incomplete"
    reply = caller.post("/embeddings", {"model": "text-embedding-3-small", "input": SECRET})
    assert (reply.status_code, reply.headers["x-should-retry"]) == (451, "false")
    error = reply.json()["error"]
    assert (error if caller.surface == "detection_key" else error["message"]) == BLOCKED


def test_a_redacted_prompt_goes_on_with_all_other_bytes(caller, upstream):
    mark = f"redacted-{caller.surface}"
    body = f'{{ "model" : "gpt-4o","messages":[{{"role":"user","content":"Grüße \\u0041 an {MAIL}\\n!"}}],\t"user": "u-1" }}'
    reply = caller.send(
        "POST", "/chat/completions", mark=mark, content=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert reply.status_code == 200
    assert upstream.call_of(mark).body.decode() == body.replace(MAIL, "[REDACTED:PII_EMAIL]")
    record = caller.record()
    assert findings_of(record) == [("mail", "PII_EMAIL", "MEDIUM", "INGRESS", "user", "redact", 1)]
    assert record["outcome"] == "completed"


@pytest.mark.parametrize("chunks", [1, 3, 7, 500])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_redacted_in_flight_however_it_is_cut(caller, stream, chunks):
    script = {"text": f"Write to {MAIL}, or to bob@acme.dev. That is noteworthy.", "chunks": chunks}
    answer = caller.sdk(script).chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=stream
    )
    if stream:
        parts = [choice for chunk in answer for choice in chunk.choices]
        text, reason = "".join(part.delta.content or "" for part in parts), parts[-1].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert text == "Write to [REDACTED:PII_EMAIL], or to [REDACTED:PII_EMAIL]. That is noteworthy."
    assert reason == "stop"
    record = caller.record()
    assert sorted((rule, action) for rule, _, _, _, _, action, _ in findings_of(record)) == [
        ("mail", "redact"), ("mail", "redact"), ("noted", "log"),
    ]
    assert len({finding["hmac"] for finding in record["findings"]}) == 3


@pytest.mark.parametrize("chunks", [1, 4, 500])
def test_a_stream_is_cut_before_the_first_violating_byte(caller, chunks):
    script = {"text": "It is called Project Nightjar, they say. And more.", "chunks": chunks}
    stream = caller.sdk(script).chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    parts = [choice for chunk in stream for choice in chunk.choices]
    text = "".join(part.delta.content or "" for part in parts)
    assert "It is called ".startswith(text.removesuffix(BLOCKED))
    assert parts[-1].finish_reason == "content_filter"
    raw = caller.post("/chat/completions", chat(stream=True), script=script).text
    *events, done = event_data(raw)
    assert (done, json.loads(events[-1])["blocked"]) == ("[DONE]", True)
    assert "Night" not in raw
    record = caller.record()
    assert (record["outcome"], record["error_code"]) == ("blocked", "content_blocked")
    assert findings_of(record)[0][3:6] == ("EGRESS", "assistant", "block")


def test_a_blocked_answer_is_the_references_completion(caller):
    script = {"text": "It is called Project Nightjar."}
    answer = caller.sdk(script).chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
    assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == ("content_filter", BLOCKED)
    assert caller.record()["outcome"] == "blocked"


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call_is_judged_whole_before_it_leaves(caller, stream):
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    body = chat(tools=tools, stream=stream)
    harmless = {"arguments": '{"city":"London"}', "chunks": 5}
    plain = caller.post("/chat/completions", body, script=harmless)
    assert "content_filter" not in plain.text
    redacted = caller.post("/chat/completions", body, script={"arguments": f'{{"to":"{MAIL}"}}', "chunks": 9})
    assert MAIL not in redacted.text
    assert "[REDACTED:PII_EMAIL]" in redacted.text
    assert findings_of(caller.record())[0][4:6] == ("tool_arguments", "redact")
    blocked = caller.post("/chat/completions", body, script={"arguments": '{"cmd":"rm -rf /"}', "chunks": 9})
    assert ("rm -rf" in blocked.text, "content_filter" in blocked.text) == (False, True)
    assert caller.record()["outcome"] == "blocked"


@pytest.mark.parametrize("stream", [False, True])
def test_responses_are_redacted_in_every_repetition(caller, stream):
    script = {"text": f"Write to {MAIL} today.", "chunks": 6}
    reply = caller.post("/responses", {"model": "gpt-4o", "input": "hi", "stream": stream}, script=script)
    assert MAIL not in reply.text
    assert "[REDACTED:PII_EMAIL] today." in reply.text
    if stream:
        parsed = caller.sdk(script).responses.create(model="gpt-4o", input="hi", stream=True)
        last = list(parsed)[-1]
        assert last.response.output_text == "Write to [REDACTED:PII_EMAIL] today."


def test_every_part_of_a_call_is_screened_with_its_surface(caller):
    word = "noteworthy"
    body = {
        "model": "gpt-4o",
        "user": word,
        "metadata": {"k": word},
        "unknown": [{"deep": word}],
        "prediction": {"type": "content", "content": word},
        "messages": [
            {"role": "system", "content": word},
            {"role": "user", "name": word, "content": [{"type": "text", "text": word}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": f'{{"a":"{word}"}}'}}]},
            {"role": "tool", "tool_call_id": "1", "content": word},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": word, "parameters": {}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"description": word}}},
    }
    assert caller.post("/chat/completions", body).status_code == 200
    record = caller.record()
    found = {finding["surface"] for finding in record["findings"]}
    assert found == {
        "system", "user", "name", "tool_arguments", "tool_result", "tool_definition", "response_format", "metadata",
        "end_user", "prediction", "other",
    }
    assert record["scan"]["extent"] == "full"


def test_what_cannot_be_read_is_said(caller):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0K" * 20}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}, image]}]
    caller.post("/chat/completions", {"model": "gpt-4o", "messages": messages})
    scan = caller.record()["scan"]
    assert scan["extent"] == "partial"
    assert scan["reason"]
    caller.post("/embeddings", {"model": "text-embedding-3-small", "input": [[1, 2, 3]]})
    assert caller.record()["scan"]["extent"] == "partial"


def test_with_rules_that_only_note_every_byte_passes_and_findings_are_recorded(start_gate, tmp_path):
    file = rules.write(tmp_path, rules.NOTING)
    noting = start_gate(DETECTION__FILE=file)
    caller = Caller(noting, "agent")
    script = {"text": f"Project Nightjar, {MAIL}", "chunks": 9}
    plain = caller.post("/chat/completions", chat(text=SECRET, stream=True), script=script)
    assert "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in event_data(plain.text)[:-1]) == script["text"]
    record = caller.record()
    assert record["outcome"] == "completed"
    assert {(finding["rule"], finding["lifecycle"], finding["action"]) for finding in record["findings"]} == {
        ("codename", "INGRESS", "log"), ("codename", "EGRESS", "log"), ("mail", "EGRESS", "log"),
    }
    assert (record["scan"], bool(record["detection_version"])) == ({"extent": "full", "reason": None}, True)


def test_blocked_status_451_and_stream_after(start_gate, tmp_path):
    file = rules.write(tmp_path)
    gate = start_gate(DETECTION__FILE=file, DETECTION__BLOCKED_STATUS=451, DETECTION__STREAM="after")
    caller = Caller(gate, "agent")
    reply = caller.post("/chat/completions", chat(text=SECRET))
    assert (reply.status_code, reply.json()["error"]["code"]) == (451, "content_blocked")
    script = {"text": "It is called Project Nightjar.", "chunks": 4}
    passed = caller.post("/chat/completions", chat(stream=True), script=script).text
    assert "Night" in passed or "jar" in passed
    record = caller.record()
    assert record["outcome"] == "completed"
    assert findings_of(record)[0][5] == "log"


def test_held_text_is_bounded_and_the_record_says_so(start_gate, tmp_path):
    text = rules.HEAD.replace("rm -rf /'''", "start[a-z ]{0,9000}end'''").replace('surfaces = ["tool_arguments"]\n', "")
    text = text.replace('matches = ["rm -rf /"]', 'matches = ["start x end"]')
    gate = start_gate(DETECTION__FILE=rules.write(tmp_path, text), DETECTION__HELD_BYTES=2048)
    caller = Caller(gate, "agent")
    script = {"text": "well start " + "a" * 6000, "chunks": 60}
    seen = []
    headers = {**caller.headers, "x-script": json.dumps(script)}
    with pytest.raises(httpx.RemoteProtocolError):
        with caller.http.stream("POST", f"{caller.base_url}/chat/completions", json=chat(stream=True), headers=headers) as reply:
            seen.extend(reply.iter_text())
    assert "answer_unscreenable" in "".join(seen)
    record = caller.record()
    assert (record["outcome"], record["scan"]["extent"]) == ("blocked", "partial")
    assert "bound" in record["scan"]["reason"]


def test_silence_while_text_is_held_brings_pings_and_nothing_else(start_gate, tmp_path):
    gate = start_gate(DETECTION__FILE=rules.write(tmp_path), SERVER__PING_EVERY_SECS=1)
    caller = Caller(gate, "agent")
    script = {"text": "about project nightxxx", "chunks": 4, "pause_ms": 1500}
    reply = caller.post("/chat/completions", chat(stream=True), script=script)
    assert ": ping" in reply.text
    assert "[DONE]" in reply.text


def test_a_quarantined_agent_is_refused_until_it_is_lifted(start_gate, tmp_path):
    gate = start_gate(DETECTION__FILE=rules.write(tmp_path))
    caller = Caller(gate, "agent")
    reply = caller.post("/chat/completions", chat(text="this is the last straw"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "agent_quarantined")
    record = caller.record()
    assert (record["outcome"], record["findings"][0]["action"]) == ("blocked", "quarantine")

    def refused():
        reply = caller.post("/chat/completions", chat())
        return (reply.status_code, reply.json()["error"]["code"]) == (403, "agent_quarantined") if reply.status_code != 200 else False

    eventually(refused, within=PROMPTLY, what="the quarantine", may_cut=True)
    gate.cli("agent", "lift-quarantine", caller.name, "--reason", "reviewed")
    eventually(lambda: caller.post("/chat/completions", chat()).status_code == 200, within=3, what="the lifting")
