"""The real binary as a test sees it: started, called, read and stopped."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("PORTCULLIS_BIN", ROOT / "target/debug/portcullis"))
AGENT_PATH = "/api/v1/openai/v1"
PROVIDER_KEY = "sk-test-provider-key"
GATES_KEY = "sk-of-the-gate"
ADMIN_PASSWORD = "correct horse battery staple"

POLICY = """\
# What the tests' agents may do.
p,  developer,       gpt-4o*,                                  allow
p,  developer,       (gpt-3.5-turbo*|text-embedding-3-*),      allow
p,  type:autonomous, !(gpt-4o-mini|gpt-3.5-turbo),             deny
p,  senior,          o3-*,                                     allow
p,  reader,          gpt-4o,                                   allow
p2, developer,       web:read,                                 allow
p2, developer,       web:write,                                allow
p2, reader,          web:read,                                 allow
p2, writer,          web:write,                                allow
p,  writer,          *,                                        allow
g,  senior,          developer
p,  maker,           (whisper-1|tts-1|dall-e-*|gpt-image-1),   allow
p,  maker,           omni-moderation-*,                        allow
g,  maker,           developer
p2, mute,            web:write,                                deny
p2, blind,           web:read,                                 deny
"""


kept_ports = []


def free_port():
    """A port of this process's own for as long as it lives: bound and never listening, it is nobody else's to be given.

    A server may bind it all the same if it says SO_REUSEADDR, as most do; until then connections are refused.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    kept_ports.append(keeper)
    return keeper.getsockname()[1]


# What the gate does within a second takes longer on a machine that does other things as well.
PROMPTLY = 3.0


def eventually(check, within=5.0, every=0.05, what="the condition", may_cut=False):
    """Polls until `check` returns something truthy, and returns it.

    `may_cut`: what is waited for (a suspension, say) may cut the answer that asks for it; then it is asked again.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            found = check()
        except httpx.RemoteProtocolError:
            if not may_cut or time.monotonic() > deadline:
                raise
            found = None
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {within} s; last seen: {found!r}")
        time.sleep(every)


@dataclass
class Agent:
    """A registered agent and a token of its own."""

    name: str
    agent_id: str
    client_id: str
    client_secret: str
    token: str = None


@dataclass
class DetectionKey:
    """A detection key, and the AppContext that it belongs to."""

    key_id: str
    key: str
    context_id: str


class Gateway:
    """One `portcullis serve` with a home directory of its own."""

    def __init__(self, home, upstream_url, database_url=None, policy=POLICY, detections=None, **settings):
        self.home = Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.data_dir = self.home / "data"
        self.policy_file = self.home / "policy.csv"
        self.policy_file.write_text(policy)
        # The shipped rules, unless a test brings its own.
        self.detections_file = ROOT / "detections.toml"
        if detections is not None:
            self.detections_file = self.home / "detections.toml"
            self.detections_file.write_text(detections)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PORTCULLIS_SERVER__BIND": f"127.0.0.1:{self.port}",
            "PORTCULLIS_SERVER__WORKERS": "2",
            "PORTCULLIS_SERVER__SHUTDOWN_TIMEOUT_SECS": "10",
            "PORTCULLIS_DATA_DIR": str(self.data_dir),
            "PORTCULLIS_UPSTREAM__BASE_URL": upstream_url,
            "PORTCULLIS_POLICY__MODEL": str(ROOT / "model.conf"),
            "PORTCULLIS_POLICY__FILE": str(self.policy_file),
            "PORTCULLIS_DETECTION__FILE": str(self.detections_file),
            "PORTCULLIS_ADMIN__PASSWORD": ADMIN_PASSWORD,
            "PORTCULLIS_LIMITS__BODY_BYTES": "1000000",
            "PORTCULLIS_LOG__FILTER": "info",
            **settings,
        }
        if database_url:
            self.env["DATABASE_URL"] = database_url
        self.cwd = self.home
        self.output = []
        self.process = None
        self.admin_token = None

    def start(self, *arguments):
        """Starts the server and waits until it is ready."""
        self.spawn("serve", *arguments)
        eventually(self.ready, within=40, what="readiness")
        return self

    def spawn(self, *arguments):
        self.process = subprocess.Popen(
            [BINARY, *arguments],
            env=self.env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read_output, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def _read_output(self, pipe):
        for line in pipe:
            self.output.append(line)

    @property
    def log(self):
        return "".join(self.output)

    def ready(self):
        if self.process.poll() is not None:
            self.reader.join(2)
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log}")
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, within=15):
        """SIGTERM; the exit code must be 0."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the server ignored SIGTERM for {within} s:\n{self.log[-3000:]}") from None
        finally:
            self.reader.join(2)
            self.process = None
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.log[-3000:]}"
        assert "panicked" not in self.log, self.log[-3000:]

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)
        self.reader.join(2)
        self.process = None

    # The command line

    def cli(self, *arguments, check=True, env=None, stdin="", timeout=20):
        """Runs `portcullis …` on this server's database."""
        done = subprocess.run(
            [BINARY, *arguments],
            env={**self.env, **(env or {})},
            cwd=self.cwd,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check:
            assert done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def create_agent(self, *roles, agent_type=None, name=None):
        """Registers an agent and fetches its token."""
        name = name or f"agent-{secrets.token_hex(4)}"
        arguments = [part for role in (roles or ("developer",)) for part in ("--role", role)]
        if agent_type:
            arguments += ["--type", agent_type]
        created = json.loads(self.cli("agent", "create", name, *arguments, "--json").stdout)
        agent = Agent(name, **created)
        agent.token = self.fetch_token(agent)
        return agent

    def fetch_token(self, agent):
        # A running server notices the command line's change within a second.
        def ask():
            reply = self.ask_token(agent)
            return reply.json()["access_token"] if reply.status_code == 200 else None

        return eventually(ask, within=3, what=f"a token for {agent.name}")

    def create_context(self, *models, name=None, provider_key=None):
        """Makes an AppContext that allows these models, or all; returns its id."""
        arguments = [part for model in models for part in ("--allow-model", model)]
        if provider_key:
            arguments += ["--provider-key", provider_key]
        name = name or f"context-{secrets.token_hex(4)}"
        return json.loads(self.cli("app-context", "create", name, *arguments, "--json").stdout)["id"]

    def create_key(self, agent, *models, context=None, expires_in=None):
        """Makes a detection key for an agent, in an AppContext of its own unless told otherwise.

        It is good when this returns; finding that out leaves one record, of a refused call.
        """
        context = context or self.create_context(*models)
        arguments = ["--expires-in", expires_in] if expires_in else []
        made = self.cli("key", "create", "--app-context", context, "--agent", agent.name, *arguments, "--json")
        created = json.loads(made.stdout)
        eventually(lambda: self.knows_key(created["key"]), within=3, what=f"the key {created['id']}")
        return DetectionKey(created["id"], created["key"], context)

    def knows_key(self, key):
        reply = httpx.get(f"{self.url}/v1/nothing", headers={"X-Detection-Key": key}, timeout=5)
        return reply.json()["error"] != "Invalid detection key"

    def ask_token(self, agent):
        body = {
            "client_id": agent.client_id,
            "client_secret": agent.client_secret,
            "grant_type": "client_credentials",
        }
        return httpx.post(f"{self.url}/api/v1/auth/token", json=body, timeout=5)

    # The agent surface

    def headers(self, agent, mark=None, script=None, **more):
        headers = {"Authorization": f"Bearer {agent.token}", "X-OpenAI-Key": PROVIDER_KEY}
        if mark:
            headers["x-mark"] = mark
        if script:
            headers["x-script"] = json.dumps(script)
        return {**headers, **more}

    def call(self, agent, path="/chat/completions", body=None, method="POST", mark=None, script=None, **more):
        """One whole call. `body` is a dict for JSON or bytes to send as they are."""
        headers = self.headers(agent, mark, script, **more)
        content = None
        if method != "GET":
            headers.setdefault("Content-Type", "application/json")
            content = body if isinstance(body, bytes) else json.dumps(body if body is not None else chat()).encode()
        return httpx.request(method, self.url + AGENT_PATH + path, headers=headers, content=content, timeout=20)

    def stream(self, agent, body=None, mark=None, script=None, timeout=20, **more):
        """A streamed call as a context manager (`httpx.stream`)."""
        return httpx.stream(
            "POST",
            f"{self.url}{AGENT_PATH}/chat/completions",
            headers=self.headers(agent, mark, script, **more),
            json=body or chat(stream=True),
            timeout=timeout,
        )

    # The administrator

    def admin(self, fresh=False):
        """An HTTP client with an administrator's access token: the server's usual one, or one of its own.

        Checking a password is slow on purpose, so most tests share a session.
        """
        if fresh or self.admin_token is None:
            reply = self.sign_in()
            assert reply.status_code == 200, reply.text
            token = reply.json()["access_token"]
        else:
            token = self.admin_token
        if not fresh:
            self.admin_token = token
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=10)

    def sign_in(self, password=ADMIN_PASSWORD, username="admin"):
        body = {"username": username, "password": password}
        return httpx.post(f"{self.url}/api/v1/admin/login", json=body, timeout=10)

    def records(self, agent, count, within=5.0):
        """The agent's finished records, oldest first, once there are `count` of them."""
        with self.admin() as admin:

            def finished():
                reply = admin.get("/api/v1/audit/events", params={"limit": 1000, "agent": agent.name})
                assert reply.status_code == 200, reply.text
                found = [record for record in reply.json()["events"] if record["outcome"] is not None]
                return found if len(found) >= count else None

            records = eventually(finished, within, what=f"{count} records of {agent.name}")
        assert len(records) == count, f"expected {count} records, there are {len(records)}: {records}"
        return records

    def record(self, agent, within=5.0):
        """The one finished record of an agent that made one call."""
        return self.records(agent, 1, within)[0]


def chat(model="gpt-4o", text="Hello!", **more):
    """A chat completion's body."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def event_data(text):
    """The `data:` payloads of an SSE text, in order."""
    return re.findall(r"^data: (.*)$", text, re.MULTILINE)
