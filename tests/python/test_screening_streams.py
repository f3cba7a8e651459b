"""Streamed tool calls of any usual length pass, whoever looks at them."""

import json

import pytest

import rules
from gateway import POLICY, chat, event_data
from surfaces import SURFACES, Caller

TOOLS_POLICY = POLICY + "p3, developer, shell_*, deny\n"
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
LINE = "A line of a file that an agent writes.\n"
SCRIPT = {"arguments": LINE, "times": 2_600, "chunks": 25_000}


@pytest.fixture(scope="module", params=["rules", "tools", "both"])
def gate(request, tmp_path_factory, upstream):
    """A server whose rules act, or whose policy denies tools, or both."""
    from gateway import Gateway

    home = tmp_path_factory.mktemp(f"streams-{request.param}")
    text = rules.NOTING if request.param == "tools" else rules.HEAD
    policy = POLICY if request.param == "rules" else TOOLS_POLICY
    gate = Gateway(home, upstream.base_url, policy=policy, PORTCULLIS_DETECTION__FILE=str(rules.write(home, text)))
    yield gate.start()
    gate.stop()


@pytest.mark.parametrize("surface", SURFACES)
def test_a_streamed_call_that_writes_a_long_file_comes_whole(gate, surface):
    caller = Caller(gate, surface, "maker")
    reply = caller.post("/chat/completions", chat(tools=TOOLS, stream=True), script=SCRIPT)
    *events, done = event_data(reply.text)
    deltas = [json.loads(event)["choices"][0]["delta"] for event in events]
    pieces = [call["function"] for delta in deltas for call in delta.get("tool_calls") or []]
    assert "".join(piece.get("name", "") for piece in pieces) == "get_weather"
    assert "".join(piece["arguments"] for piece in pieces) == LINE * 2_600
    assert done == "[DONE]"
    record = caller.record()
    assert (record["outcome"], record["scan"]["extent"], record["findings"]) == ("completed", "full", [])


@pytest.mark.parametrize("surface", SURFACES)
def test_a_streamed_item_that_writes_a_long_file_comes_whole(gate, surface):
    caller = Caller(gate, surface, "maker")
    tools = [{"type": "function", **TOOLS[0]["function"]}]
    body = {"model": "gpt-4o", "input": "hi", "tools": tools, "stream": True}
    reply = caller.post("/responses", body, script=SCRIPT)
    events = [json.loads(event) for event in event_data(reply.text)]
    assert "".join(event["delta"] for event in events if event["type"].endswith("arguments.delta")) == LINE * 2_600
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["output"][-1]["arguments"] == LINE * 2_600
