"""An answer ends with its caller's standing, also when nobody reads it; and what is content stays content."""

import json
import socket

import pytest

from gateway import AGENT_PATH, PROVIDER_KEY, chat, eventually

CONTENT = {
    "model": "canary-model",
    "choices": [{"finish_reason": "canary-diagnosis"}],
    "error": {"code": "canary-078-05-1120"},
    "usage": {"prompt_tokens": 7, "completion_tokens": 8},
}


@pytest.mark.parametrize(
    ("kind", "framing", "body"),
    [
        ("application/json", "length", json.dumps(CONTENT)),
        ("application/json", "chunked", json.dumps(CONTENT) + "\n" + json.dumps(CONTENT)),
        ("application/jsonl", "chunked", json.dumps(CONTENT)),
        ("text/event-stream", "chunked", f"data: {json.dumps(CONTENT)}\n\ndata: cut in the mid"),
    ],
)
def test_a_files_content_passes_whole_and_says_nothing_of_the_call(sqlite_gate, kind, framing, body):
    agent = sqlite_gate.create_agent()
    script = {"headers": [["content-type", kind]], "framing": framing, "body": body}
    reply = sqlite_gate.call(agent, "/files/file-1/content", method="GET", script=script)
    assert (reply.status_code, reply.text) == (200, body)
    record = sqlite_gate.record(agent)
    assert "canary" not in json.dumps(record)
    assert (record["outcome"], record["input_tokens"]) == ("completed", None)


@pytest.mark.parametrize("how", ["suspend", "revoke"])
def test_a_stream_that_nobody_reads_ends_with_its_agents_standing(sqlite_gate, upstream, how):
    agent = sqlite_gate.create_agent()
    mark = f"unread-{how}"
    body = json.dumps(chat(stream=True)).encode()
    headers = {
        "Host": "gate",
        "Authorization": f"Bearer {agent.token}",
        "X-OpenAI-Key": PROVIDER_KEY,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "x-mark": mark,
        "x-script": json.dumps({"do": "endless"}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", sqlite_gate.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"POST {AGENT_PATH}/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + body)
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        call = upstream.call_of(mark)
        sqlite_gate.cli("agent", how, agent.name)
        # By now megabytes are on their way, which are searched and counted first: slowly by a debug build under load.
        eventually(lambda: call.hung_up_at, within=15, what="the end of the provider's call")
        record = sqlite_gate.record(agent, within=15)
    wanted = {"suspend": "agent_suspended", "revoke": "agent_revoked"}[how]
    assert (record["outcome"], record["error_code"]) == ("denied", wanted)
