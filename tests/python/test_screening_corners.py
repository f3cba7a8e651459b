"""What a rule stops or redacts does not leave by a side door: other content types, errors, files, escapes."""

import json

import pytest

import rules
from gateway import Gateway, chat
from surfaces import Caller

MAIL = "ann.lee@acme.dev"
SPLIT = "project " + "nightjar"


@pytest.fixture(scope="module")
def acting(tmp_path_factory, upstream):
    home = tmp_path_factory.mktemp("corners")
    gate = Gateway(home, upstream.base_url, PORTCULLIS_DETECTION__FILE=str(rules.write(home)))
    yield gate.start()
    gate.stop()


@pytest.fixture(scope="module")
def caller(acting):
    return Caller(acting, "agent", "maker")


def answer_of(text):
    message = {"role": "assistant", "content": text}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


@pytest.mark.parametrize("kind", ["text/plain", "text/json", "application/octet-stream", "application/problem+json", None])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_answer_is_judged_whatever_it_calls_itself(caller, kind, framing):
    body = json.dumps(answer_of("x\nproject nightjar")).replace("project", "\\u0070roject")
    headers = [["content-type", kind]] if kind else []
    script = {"headers": headers, "framing": framing, "body": body}
    reply = caller.post("/chat/completions", chat(), script=script)
    assert reply.json()["choices"][0]["finish_reason"] == "content_filter"
    script["body"] = json.dumps(answer_of(f"write to {MAIL}"))
    reply = caller.post("/chat/completions", chat(), script=script)
    assert (MAIL in reply.text, "[REDACTED:PII_EMAIL]" in reply.text) == (False, True)


def test_an_event_stream_with_an_error_status_is_judged_event_by_event(caller):
    events = "".join(
        f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [{'index': 0, 'delta': {'content': piece}}]})}\n\n"
        for piece in ["about project ", "nightjar it is"]
    )
    script = {"status": 400, "headers": [["content-type", "text/event-stream"]], "body": events, "framing": "chunked"}
    reply = caller.post("/chat/completions", chat(stream=True), script=script)
    assert "nightjar" not in reply.text


@pytest.mark.parametrize("tail", [" trailing", ""])
def test_an_error_of_the_provider_is_judged_even_where_it_cannot_be_read(caller, tail):
    body = json.dumps({"error": {"message": f"you said {SPLIT}", "type": "x", "code": "y"}}) + tail
    reply = caller.post("/chat/completions", chat(), script={"status": 400, "body": body})
    assert "nightjar" not in reply.text


def test_an_empty_answer_passes(caller):
    reply = caller.post("/chat/completions", chat(), script={"status": 200, "body": "", "framing": "length"})
    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/jsonl", "text/plain", "application/json"])
def test_the_lines_of_a_batchs_output_are_read_as_json(caller, kind):
    lines = [json.dumps({"custom_id": str(at), "response": {"status_code": 200, "body": answer_of(f"one\n{MAIL}\n{at}")}}) for at in range(3)]
    script = {"headers": [["content-type", kind]], "body": "\n".join(lines) + "\n", "framing": "length"}
    reply = caller.get("/files/file-1/content", script=script)
    assert reply.status_code == 200
    read = [json.loads(line) for line in reply.text.splitlines()]
    assert [line["response"]["body"]["choices"][0]["message"]["content"] for line in read] == [
        f"one\n[REDACTED:PII_EMAIL]\n{at}" for at in range(3)
    ]
    script["body"] += json.dumps({"custom_id": "9", "response": {"body": answer_of(f"about\n{SPLIT}")}})
    assert "nightjar" not in caller.get("/files/file-1/content", script=script).text


def test_sound_and_images_pass(caller):
    sound = "\u0000\u0001ID3" + "x" * 5000
    script = {"headers": [["content-type", "audio/mpeg"]], "body": sound, "framing": "chunked"}
    reply = caller.post("/audio/speech", {"model": "tts-1", "input": "hello", "voice": "alloy"}, script=script)
    assert reply.content == sound.encode()
    assert caller.record()["scan"]["extent"] == "partial"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("before", ["\\n", "\\t", "=", "\\u003d"])
def test_what_follows_an_escape_in_arguments_is_seen(caller, before, stream):
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    script = {"arguments": '{"note":"x' + before + MAIL + '"}', "chunks": 7}
    reply = caller.post("/chat/completions", chat(tools=tools, stream=stream), script=script)
    assert "lee@acme" not in reply.text
    assert "[REDACTED:PII_EMAIL]" in reply.text


def test_arguments_in_a_call_are_seen_behind_escapes_too(caller, upstream):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"note":"a\\n' + MAIL + '"}'}}
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "1", "content": "ok"}]
    caller.post("/chat/completions", {"model": "gpt-4o", "messages": messages}, mark="escaped-arguments")
    sent = upstream.call_of("escaped-arguments").json()["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert sent == '{"note":"a\\n[REDACTED:PII_EMAIL]"}'


def test_a_query_is_judged_too(caller, upstream):
    blocked = caller.get("/files?after=project%20nightjar", mark="judged-query")
    assert blocked.status_code == 451
    redacted = caller.get("/files?after=ann.lee%40acme.dev", mark="judged-query")
    assert redacted.status_code == 451
    assert not upstream.saw("judged-query")
    assert caller.get("/files?limit=2&order=desc").status_code == 200


def test_probabilities_are_emptied_where_a_rule_acts(caller):
    answer = answer_of("all is well")
    tokens = [{"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []} for token in ["project ", "nightjar"]]
    answer["choices"][0]["logprobs"] = {"content": tokens, "refusal": None}
    reply = caller.post("/chat/completions", chat(logprobs=True), script={"body": json.dumps(answer)})
    assert ("nightjar" in reply.text, reply.json()["choices"][0]["message"]["content"]) == (False, "all is well")
