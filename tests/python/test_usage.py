"""Where a record's token counts come from: the provider's word, the gate's own count, or not all of it known.

The numbers of the counts are what OpenAI's tokenizers say; the unit tests compare more of them with published ones.
"""

import itertools
import json

import httpx
import pytest

from gateway import chat, event_data, eventually

# "Hello!" in a user's message: three for the reply, four around the message, two for the text.
HELLO = 9
SENTENCE = "Count me in, please."
SENTENCE_TOKENS = 6
# The role, the sentence in two pieces, and then nothing.
STALLS = {"do": "stall", "text": SENTENCE, "chunks": 2, "after": 3}
TOLD = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 256},
}


def usage_of(record):
    names = ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "usage_source"]
    return tuple(record[name] for name in names)


def sse(*events):
    """A script that answers with these events as a stream, and no more."""
    text = "".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events)
    return {"status": 200, "body": text, "headers": [["content-type", "text/event-stream"]]}


def chunk(delta, index=0, **more):
    choice = {"index": index, "delta": delta, "finish_reason": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06", "choices": [choice], **more}


def leave_after(gate, agent, events, script, body=None):
    """The record of a stream whose client hangs up after so many events."""
    with gate.stream(agent, body, script=script) as reply:
        lines = (line for line in reply.iter_lines() if line.startswith("data: "))
        seen = list(itertools.islice(lines, events))
    assert len(seen) == events
    return gate.record(agent)


def breaks_off(gate, agent, script, body=None, path="/chat/completions"):
    """Reads a stream that the provider does not end."""
    with pytest.raises(httpx.TransportError):
        gate.call(agent, path, body or chat(stream=True), script=script)


# What the provider tells


def test_cached_and_reasoning_tokens_of_a_whole_answer_are_kept_apart(gate):
    agent = gate.create_agent()
    answer = {"id": "c", "object": "chat.completion", "model": "gpt-4o", "choices": [], "usage": TOLD}
    gate.call(agent, script={"status": 200, "body": json.dumps(answer)})
    assert usage_of(gate.record(agent)) == (2006, 300, 1920, 256, "provider")


def test_cached_and_reasoning_tokens_of_a_stream_are_kept_apart(gate):
    agent = gate.create_agent()
    last = {**chunk({}), "choices": [], "usage": TOLD}
    with gate.stream(agent, script=sse(chunk({"content": SENTENCE}), last, "[DONE]")) as reply:
        assert "usage" not in reply.read().decode(), "only the gate asked for it"
    assert usage_of(gate.record(agent)) == (2006, 300, 1920, 256, "provider")


def test_cached_and_reasoning_tokens_of_a_response_are_kept_apart(gate):
    usage = {
        "input_tokens": 40,
        "input_tokens_details": {"cached_tokens": 32},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 16},
    }
    body = {"model": "gpt-4o", "input": "Hello!", "store": False}
    response = {"id": "r", "object": "response", "status": "completed", "model": "gpt-4o", "output": [], "usage": usage}
    whole, streamed = gate.create_agent(), gate.create_agent()
    gate.call(whole, "/responses", body, script={"status": 200, "body": json.dumps(response)})
    events = sse({"type": "response.completed", "sequence_number": 0, "response": response})
    gate.call(streamed, "/responses", {**body, "stream": True}, script=events)
    for agent in (whole, streamed):
        assert usage_of(gate.record(agent)) == (40, 20, 32, 16, "provider")


def test_a_provider_that_tells_less_leaves_the_rest_unknown(sqlite_gate):
    agent = sqlite_gate.create_agent()
    sqlite_gate.call(agent, "/embeddings", {"model": "text-embedding-3-small", "input": "Hello!"})
    assert usage_of(sqlite_gate.record(agent)) == (5, None, None, None, "provider")


# What the gate counts


def test_a_stream_whose_client_leaves_is_counted(gate):
    agent = gate.create_agent()
    record = leave_after(gate, agent, 3, STALLS)
    assert record["outcome"] == "cancelled"
    assert usage_of(record) == (HELLO, SENTENCE_TOKENS, None, None, "counted")


def test_a_stream_that_the_provider_cuts_is_counted(gate):
    agent = gate.create_agent()
    breaks_off(gate, agent, {"do": "cut", "text": SENTENCE, "chunks": 2, "after": 3})
    record = gate.record(agent)
    assert (record["outcome"], record["error_code"]) == ("upstream_error", "upstream_cut")
    assert usage_of(record) == (HELLO, SENTENCE_TOKENS, None, None, "counted")


def test_a_stream_that_is_whole_but_silent_about_usage_is_counted(gate):
    agent = gate.create_agent()
    script = sse(chunk({"content": "Count me"}), chunk({"content": " in, please."}), "[DONE]")
    with gate.stream(agent, script=script) as reply:
        assert event_data(reply.read().decode())[-1] == "[DONE]"
    record = gate.record(agent)
    assert record["outcome"] == "completed"
    assert usage_of(record) == (HELLO, SENTENCE_TOKENS, None, None, "counted")


def test_tool_calls_and_thoughts_are_counted_too(sqlite_gate):
    agent = sqlite_gate.create_agent("developer", "writer")
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": '{"at":"home"}'}}
    events = sse(chunk({"reasoning_content": "Let me see"}), chunk({"content": "Hello"}), chunk({"tool_calls": [call]}))
    breaks_off(sqlite_gate, agent, events, chat(model="gpt-oss-120b", stream=True))
    # Thought, "Hello", "look" and the arguments, which are five.
    assert usage_of(sqlite_gate.record(agent)) == (HELLO, 3 + 1 + 1 + 5, None, 3, "counted")


def test_an_aborted_response_and_an_aborted_completion_are_counted(sqlite_gate):
    response, completion = sqlite_gate.create_agent(), sqlite_gate.create_agent()
    body = {"model": "gpt-4o", "input": "Hello!", "stream": True, "store": False}
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "m"}
    events = sse({**delta, "delta": "Count me"}, {**delta, "delta": " in, please."})
    breaks_off(sqlite_gate, response, events, body, "/responses")
    assert usage_of(sqlite_gate.record(response)) == (HELLO, SENTENCE_TOKENS, None, None, "counted")
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "Hello!", "stream": True}
    breaks_off(sqlite_gate, completion, sse({"choices": [{"index": 0, "text": SENTENCE}]}), body, "/completions")
    assert usage_of(sqlite_gate.record(completion)) == (2, SENTENCE_TOKENS, None, None, "counted")


def test_a_long_stream_is_counted_to_its_last_event(sqlite_gate):
    agent = sqlite_gate.create_agent()
    script = {"do": "early_end", "text": "word " * 3_000, "chunks": 3_000, "after": 2}
    breaks_off(sqlite_gate, agent, script)
    # The words, and the space behind the last.
    assert usage_of(sqlite_gate.record(agent)) == (HELLO, 3_001, None, None, "counted")


# What cannot be counted


def test_a_model_that_nobody_knows_is_not_counted(gate):
    agent = gate.create_agent("writer")
    events = sse({"choices": [{"index": 0, "delta": {"content": SENTENCE}}]})
    breaks_off(gate, agent, events, chat(model="llama-3.3-70b", stream=True))
    assert usage_of(gate.record(agent)) == (None, None, None, None, "partial")


def test_what_a_model_hides_or_reads_elsewhere_makes_a_count_partial(sqlite_gate):
    hidden, picture = sqlite_gate.create_agent("senior"), sqlite_gate.create_agent()
    events = sse({"choices": [{"index": 0, "delta": {"content": SENTENCE}}]})
    part = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}
    shows = {**chat(stream=True), "messages": [{"role": "user", "content": [part]}]}
    for agent, body, expected in [
        (hidden, chat(model="o3-mini", stream=True), (HELLO, SENTENCE_TOKENS, None, None, "partial")),
        (picture, shows, (None, SENTENCE_TOKENS, None, None, "partial")),
    ]:
        breaks_off(sqlite_gate, agent, events, body)
        assert usage_of(sqlite_gate.record(agent)) == expected


def test_a_call_too_long_to_be_kept_is_not_counted(sqlite_gate):
    agent = sqlite_gate.create_agent()
    record = leave_after(sqlite_gate, agent, 3, STALLS, chat(text="word " * 60_000, stream=True))
    assert usage_of(record) == (None, SENTENCE_TOKENS, None, None, "partial")


def test_a_provider_that_refuses_within_a_stream_is_not_counted(sqlite_gate):
    agent = sqlite_gate.create_agent()
    with sqlite_gate.stream(agent, script=sse({"error": {"message": "no", "code": "insufficient_quota"}})) as reply:
        reply.read()
    record = sqlite_gate.record(agent)
    assert (record["outcome"], record["error_code"]) == ("upstream_error", "insufficient_quota")
    assert usage_of(record) == (None, None, None, None, "partial")


# What must not suffer from it


def test_counting_leaves_no_text_behind(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    canary = "canary-5d1f"
    record = leave_after(gate, agent, 3, {**STALLS, "text": canary * 2}, chat(text=canary, stream=True))
    assert record["usage_source"] == "counted"
    gate.stop()
    found = [path for path in gate.data_dir.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]
    assert not found and canary not in gate.log


def test_streams_that_are_open_at_the_stop_are_counted_and_recorded(start_gate):
    gate = start_gate(SERVER__SHUTDOWN_TIMEOUT_SECS=1)
    agent = gate.create_agent()
    with gate.stream(agent, script=STALLS) as reply:
        lines = (line for line in reply.iter_lines() if line.startswith("data: "))
        assert len(list(itertools.islice(lines, 3))) == 3
        gate.stop()
    gate.start()
    record = eventually(lambda: gate.record(agent), what="the record")
    assert record["outcome"] == "interrupted"
    assert usage_of(record) in [
        (HELLO, SENTENCE_TOKENS, None, None, "counted"),
        (None, None, None, None, "partial"),
    ]
