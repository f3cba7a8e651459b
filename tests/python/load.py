"""Load on a gateway: clients that call one after the other and note what they saw of every answer."""

import asyncio
import itertools
import json
import secrets
import threading
import time
from dataclasses import dataclass, field

import wire
from gateway import chat, eventually

PATIENCE = 30  # seconds that an answer may take


@dataclass(frozen=True)
class Kind:
    """One kind of call, and how it ends when nothing comes between."""

    body: bytes
    status: int
    outcome: str
    script: dict = field(default_factory=dict)
    streams: bool = False
    leaves: bool = False  # the client hangs up after the first bytes of the answer


def body_of(*arguments, **more):
    return json.dumps(chat(*arguments, **more)).encode()


PLAIN = Kind(body_of(), 200, "completed", {"delay_ms": 5})
STREAMED = Kind(body_of(stream=True), 200, "completed", {"pause_ms": 15}, streams=True)
DENIED = Kind(body_of("o3-mini"), 403, "denied")
REFUSED = Kind(b"{", 400, "rejected")
FAILING = Kind(body_of(), 500, "upstream_error", {"status": 500})
LEFT = Kind(body_of(stream=True), 200, "cancelled", {"pause_ms": 150}, streams=True, leaves=True)
MIX = [PLAIN, STREAMED, DENIED, STREAMED, REFUSED, PLAIN, FAILING, PLAIN, STREAMED, LEFT]


@dataclass
class Seen:
    """What a client saw of one call."""

    mark: str  # also the call's session, so that its record is found without the answer's head
    client: str
    kind: Kind
    status: int = None
    headers: dict = None
    body: bytes = None  # None unless the whole answer came
    error: str = None

    @property
    def is_whole(self):
        """Whether the client has every reason to think that the call is over."""
        if self.body is None:
            return False
        return self.status != 200 or not self.kind.streams or self.body.endswith(b"data: [DONE]\n\n")

    @property
    def is_unavailable(self):
        """Whether the gate said that it takes no calls now."""
        return self.status == 503 and self.body is not None and b"gateway_unavailable" in self.body


class Load:
    """Clients on a thread of their own, from entering it until `stop`. A gateway that is away is waited for."""

    def __init__(self, gate, agent, name, clients=12, pause_ms=10, mix=MIX):
        self.gate, self.agent, self.mix = gate, agent, mix
        # The provider remembers the calls of every load.
        self.name = f"{name}-{secrets.token_hex(3)}"
        self.clients, self.pause = clients, pause_ms / 1000
        self.calls = []  # in the order in which they were sent
        self.ending = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.stop()

    def stop(self):
        """Sends nothing new, and lets the calls under way end."""
        self.ending.set()
        self.thread.join(PATIENCE + 5)
        assert not self.thread.is_alive(), "a client does not end"

    def keep_going(self, seconds):
        """Lets some time pass, and makes sure that calls get through."""
        before = len(self.calls)
        time.sleep(seconds)
        eventually(lambda: any(call.is_whole for call in self.calls[before:]), within=10, what="a whole answer")

    async def _run(self):
        await asyncio.gather(*(self._client(number) for number in range(self.clients)))

    async def _client(self, number):
        connection = None
        for turn in itertools.count():
            if self.ending.is_set():
                break
            connection = connection or await self._connect()
            if connection:
                seen = self._next(number, turn)
                self.calls.append(seen)
                if not await self._ask(connection, seen):
                    connection[1].close()
                    connection = None
            await asyncio.sleep(self.pause)
        if connection:
            connection[1].close()

    def _next(self, number, turn):
        client = f"{self.name}-{number}"
        return Seen(f"{client}-{turn}", client, self.mix[(number + turn) % len(self.mix)])

    async def _connect(self):
        try:
            return await asyncio.open_connection("127.0.0.1", self.gate.port)
        except OSError:
            return None

    async def _ask(self, connection, seen):
        """Makes one call; returns whether the connection is good for another."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._call(*connection, seen)
        except (OSError, EOFError) as error:
            seen.error = repr(error)
            return False

    async def _call(self, reader, writer, seen):
        lines = [b"x-session-id: " + seen.mark.encode(), b"x-script: " + json.dumps(seen.kind.script).encode()]
        writer.write(wire.framed(self.agent, *lines, body=seen.kind.body, mark=seen.mark))
        await writer.drain()
        seen.status, seen.headers = await read_head(reader)
        if seen.kind.leaves and seen.status == 200:
            await reader.readexactly(1)
            return False
        seen.body = await read_body(reader, seen.headers)
        return seen.headers.get("connection") != "close"


async def read_head(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status_line.split()[1]), headers


async def read_body(reader, headers):
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        piece = (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            return body
        body += piece
