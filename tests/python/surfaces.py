"""One caller at either surface: its SDK, its plain requests, and what is recorded of them."""

import json

import httpx
from openai import OpenAI

from gateway import AGENT_PATH, PROVIDER_KEY, eventually

SURFACES = ["agent", "detection_key"]
BASES = {"agent": AGENT_PATH, "detection_key": "/v1"}


class Caller:
    """An agent with its token at the one surface, or with a detection key at the other.

    `decisions` holds the ids of its exchanges, oldest first.
    """

    def __init__(self, gate, surface, *roles, models=(), provider_key=PROVIDER_KEY, agent=None, context=None):
        self.gate, self.surface = gate, surface
        self.agent = agent or gate.create_agent(*roles)
        self.name = self.agent.name
        self.base_url = gate.url + BASES[surface]
        self.decisions = []
        if surface == "agent":
            self.headers = {"Authorization": f"Bearer {self.agent.token}"}
            if provider_key:
                self.headers["X-OpenAI-Key"] = provider_key
        else:
            self.key = gate.create_key(self.agent, *models, context=context)
            self.headers = {"X-Detection-Key": self.key.key}
            if provider_key:
                self.headers["Authorization"] = f"Bearer {provider_key}"
        self.http = httpx.Client(timeout=20, event_hooks={"response": [self._note]})

    def _note(self, reply):
        self.decisions.append(reply.headers["x-portcullis-decision"])

    def sdk(self, script=None):
        """The official SDK, told only its address, its API key and one header, as the reference pages do."""
        if self.surface == "agent":
            api_key, headers = self.agent.token, {"X-OpenAI-Key": PROVIDER_KEY}
        else:
            api_key, headers = PROVIDER_KEY, {"X-Detection-Key": self.key.key}
        if script:
            headers["x-script"] = json.dumps(script)
        return OpenAI(
            base_url=self.base_url, api_key=api_key, default_headers=headers, http_client=self.http, max_retries=0
        )

    def send(self, method, path, mark=None, script=None, headers=None, **more):
        """One plain request."""
        sent = {**self.headers, **(headers or {})}
        if mark:
            sent["x-mark"] = mark
        if script:
            sent["x-script"] = json.dumps(script)
        return self.http.request(method, self.base_url + path, headers=sent, **more)

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.send("POST", path, json=body, **more)

    def upload(self, content, purpose="batch", **more):
        """An upload to `files`."""
        files = {"file": ("input.jsonl", content)}
        return self.send("POST", "/files", data={"purpose": purpose}, files=files, **more)

    def delete(self, path, **more):
        return self.send("DELETE", path, **more)

    def record(self, decision=None):
        """The finished record of an exchange, of the latest one unless told otherwise."""
        decision = decision or self.decisions[-1]
        with self.gate.admin() as admin:

            def finished():
                reply = admin.get("/api/v1/audit/events", params={"limit": 1000, "agent": self.name})
                found = [record for record in reply.json()["events"] if record["id"] == decision]
                return found and found[0]["outcome"] and found[0]

            return eventually(finished, what=f"the record of {decision}")


# What `/v1` says instead of a code, where tests tell one refusal from another.
TEXTS = {
    "model_not_allowed": "The requested model is not permitted by your API key's policy.",
    "object_not_found": (
        "The call names an object that you did not make through the gate. With the gate's provider key only your own "
        "files, batches, responses and stored completions can be named, and none of the provider's conversations, "
        "prompts or vector stores."
    ),
    "input_file_not_allowed": (
        "The batch's input file was not uploaded by you through the gate. Upload it with purpose 'batch' first."
    ),
}


def check_refusal(caller, reply, status, code):
    """A refusal of ours in the form of the caller's surface; returns its text."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["x-portcullis-decision"]
    assert (reply.headers.get("x-should-retry") == "false") == (status in (401, 403))
    error = reply.json()["error"]
    if caller.surface == "agent":
        assert set(error) == {"message", "type", "param", "code"}
        assert (error["code"], bool(error["message"])) == (code, True)
        return error["message"]
    assert set(reply.json()) == {"error"}
    assert isinstance(error, str)
    assert error == TEXTS.get(code, error)
    assert error
    return error


def check_recorded_refusal(caller, reply, status, code):
    """As `check_refusal`, and its record says so as well."""
    check_refusal(caller, reply, status, code)
    record = caller.record(reply.headers["x-portcullis-decision"])
    outcome = "denied" if status in (401, 403) else "rejected"
    assert (record["error_code"], record["status_code"], record["outcome"]) == (code, status, outcome)
