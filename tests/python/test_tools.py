"""Tools that the policy denies are taken out of calls and answers; the rest stays byte for byte."""

import json

import pytest

from gateway import POLICY, PROVIDER_KEY, chat, event_data
from surfaces import SURFACES, Caller

TOOLS_POLICY = POLICY + "p3, developer, shell_*, deny\np3, developer, web_search, deny\np3, tester, get_*, deny\ng, tester, developer\n"


def function(name):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def tool_gate(tmp_path_factory, upstream):
    from gateway import Gateway

    gate = Gateway(tmp_path_factory.mktemp("tools"), upstream.base_url, policy=TOOLS_POLICY)
    yield gate.start()
    gate.stop()


@pytest.fixture(params=SURFACES)
def caller(request, tool_gate):
    return Caller(tool_gate, request.param)


def test_a_denied_tool_is_taken_out_and_the_rest_is_byte_for_byte(caller, upstream):
    mark = f"tools-{caller.surface}"
    denied, allowed = json.dumps(function("shell_exec")), '{"type":"function",  "function":{"name":"search","parameters":{}}}'
    head = '{"model":"gpt-4o", "messages":[{"role":"user","content":"é"}],\n "tools": ['
    body = f'{head}{denied} , {allowed}], "tool_choice":"auto"}}'
    reply = caller.send("POST", "/chat/completions", mark=mark, content=body.encode(), headers={"Content-Type": "application/json"})
    assert reply.status_code == 200
    sent = upstream.call_of(mark).body.decode()
    assert json.loads(sent)["tools"] == [json.loads(allowed)]
    assert sent.startswith(head)
    assert sent.endswith(f'{allowed}], "tool_choice":"auto"}}')
    record = caller.record()
    assert record["tools_removed"] == ["shell_exec"]
    told = caller.gate.cli("policy", "explain", record["id"], check=False).stdout
    assert "\n  removed tools shell_exec\n" in told, told
    assert (record["tool_names"], record["policy_result"]) == (["shell_exec", "search"], "allow")


def test_without_tools_left_nothing_of_them_is_sent(caller, upstream):
    mark = f"no-tools-{caller.surface}"
    caller.post("/chat/completions", chat(tools=[function("shell_exec")], tool_choice="auto", parallel_tool_calls=False), mark=mark)
    assert {"tools", "tool_choice", "parallel_tool_calls"} & set(upstream.call_of(mark).json()) == set()


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "shell_call", "name": "ok"},
        {"type": "shell_call", "function": {"name": "ok"}},
        {"type": "mcp", "server_label": "shell_server", "server_url": "https://x"},
        {"type": "mcp", "server_label": "x", "allowed_tools": ["search", "shell_exec"]},
    ],
)
def test_no_name_hides_a_denied_tool(caller, upstream, tool):
    mark = f"hidden-{caller.surface}-{abs(hash(json.dumps(tool)))}"
    assert caller.post("/chat/completions", chat(tools=[tool, function("search")]), mark=mark).status_code == 200
    assert upstream.call_of(mark).json()["tools"] == [function("search")]
    more = {"type": "additional_tools", "tools": [tool]}
    said = {"role": "user", "content": "hi"}
    assert caller.post("/responses", {"model": "gpt-4o", "input": [more, said]}, mark=mark + "r").status_code == 200
    assert upstream.call_of(mark + "r").json()["input"] == [said]


@pytest.mark.parametrize("choice", [{"type": "function", "function": {"name": "shell_exec"}}, "required"])
def test_a_forced_choice_of_a_removed_tool_is_refused(caller, upstream, choice):
    mark = f"forced-{caller.surface}-{type(choice).__name__}"
    reply = caller.post("/chat/completions", chat(tools=[function("shell_exec")], tool_choice=choice), mark=mark)
    assert (reply.status_code, reply.headers["x-should-retry"]) == (403, "false")
    if caller.surface == "agent":
        assert reply.json()["error"]["code"] == "tool_not_allowed"
    assert not upstream.saw(mark)
    record = caller.record()
    assert (record["outcome"], record["error_code"]) == ("denied", "tool_not_allowed")
    assert "p3, developer, shell_*, deny" in record["policy_reason"]


def test_the_search_options_of_a_chat_count_as_a_tool(caller, upstream):
    mark = f"search-{caller.surface}"
    caller.post("/chat/completions", chat(web_search_options={"search_context_size": "low"}), mark=mark)
    assert "web_search_options" not in upstream.call_of(mark).json()
    assert caller.record()["tools_removed"] == ["web_search"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_denied_tool_call_in_an_answer_is_taken_out(tool_gate, stream):
    # The scripted provider calls get_weather although it was not offered.
    caller = Caller(tool_gate, "agent", "tester")
    body = chat(tools=[function("search")], stream=stream)
    reply = caller.post("/chat/completions", body)
    assert "get_weather" not in reply.text
    assert "London" not in reply.text
    if stream:
        chunks = [json.loads(event) for event in event_data(reply.text)[:-1]]
        assert chunks[-1]["choices"][0]["finish_reason"] == "content_filter"
    else:
        assert reply.json()["choices"][0]["finish_reason"] == "content_filter"
        assert not reply.json()["choices"][0]["message"].get("tool_calls")
    assert caller.record()["tools_removed"] == ["get_weather"]


def test_an_explanation_names_the_line(tool_gate):
    agent = tool_gate.create_agent()
    told = tool_gate.cli("policy", "explain", "--agent", agent.name, "--model", "gpt-4o", "--tool", "shell_exec", check=False)
    assert "p3, developer, shell_*, deny" in told.stdout
    assert PROVIDER_KEY not in told.stdout
