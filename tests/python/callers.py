"""Callers of every kind: those with detection keys, those that are refused, and those that keep a stream open."""

import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from gateway import AGENT_PATH, PROVIDER_KEY, chat, event_data, eventually


def check_refused(reply, status, code):
    """A refusal on the agent surface: the OpenAI error object with this code, under a decision's id."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code, error
    assert reply.headers["x-portcullis-decision"]


def client():
    """A client that reads no certificates, which takes longer than a call does."""
    return httpx.Client(timeout=20, verify=False)


def post(gate, headers, content=None, path=AGENT_PATH):
    """A chat completion with exactly these headers (a dict or pairs), on a connection of its own."""
    headers = [*(headers.items() if isinstance(headers, dict) else headers), ("Content-Type", "application/json")]
    content = json.dumps(chat()).encode() if content is None else content
    with client() as http:
        return http.post(f"{gate.url}{path}/chat/completions", headers=headers, content=content)


def present(gate, token, model="gpt-4o"):
    """A chat completion by whoever holds this token."""
    headers = {"Authorization": f"Bearer {token}", "X-OpenAI-Key": PROVIDER_KEY}
    return post(gate, headers, json.dumps(chat(model)).encode())


# Detection keys


def create_context(gate, *arguments):
    """An AppContext's id."""
    name = f"context-{secrets.token_hex(4)}"
    return json.loads(gate.cli("app-context", "create", name, *arguments, "--json").stdout)["id"]


def create_key(gate, agent, context, *arguments):
    """A detection key that the running server knows: `{"id", "key"}`."""
    made = gate.cli("key", "create", "--app-context", context, "--agent", agent.name, *arguments, "--json")
    learn_changes(gate)
    return json.loads(made.stdout)


def learn_changes(gate):
    """Waits until the server knows what the command line has changed of callers: it knows an agent that came later."""
    gate.create_agent()


def key_headers(key, **more):
    return {"X-Detection-Key": key, "Authorization": f"Bearer {PROVIDER_KEY}", **more}


def show(gate, key, **more):
    """A chat completion by whoever holds this detection key."""
    return post(gate, key_headers(key, **more), path="/v1")


# Open streams


class OpenStream:
    """A streamed chat completion, read on a thread of its own until it ends."""

    def __init__(self, gate, headers, script=None, mark=None, path=AGENT_PATH):
        self.text = ""
        self.ended_at = None
        self.broke = False
        self.mark = mark or f"stream-{secrets.token_hex(4)}"
        script = json.dumps(script or {"do": "endless"})
        self.client = client()
        request = self.client.build_request(
            "POST",
            f"{gate.url}{path}/chat/completions",
            headers={**headers, "x-mark": self.mark, "x-script": script},
            json=chat(stream=True),
        )
        self.reply = self.client.send(request, stream=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for part in self.reply.iter_text():
                # An endless stream would fill the memory: only its end is of interest.
                self.text = (self.text + part)[-20_000:]
        except (httpx.TransportError, httpx.StreamError, OSError):
            self.broke = True
        self.ended_at = time.monotonic()

    def __enter__(self):
        if self.reply.status_code == 200:
            eventually(lambda: self.text, what="the stream's first bytes")
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        """The client goes."""
        self.reply.close()
        self.client.close()
        self.thread.join(5)

    @property
    def is_open(self):
        return self.ended_at is None

    def error(self):
        """The one error among the stream's last events, which is its last; `None` where there is none."""
        events = [json.loads(data) for data in event_data(self.text)[1:] if data.startswith("{")]
        errors = [event["error"] for event in events if "error" in event]
        assert len(errors) <= 1, errors
        assert not errors or "error" in events[-1]
        return errors[0] if errors else None


# Servers


def kill(gate):
    """kill -9."""
    gate.process.kill()
    gate.process.wait(5)
    gate.reader.join(2)
    gate.process = None


def together(calls):
    """The results of calls made at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
