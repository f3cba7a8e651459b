"""A provider that misbehaves on request, and tells what it received.

Each call says in its `x-script` header, as a JSON object, how it wants to be answered; without one the answer is a
normal OpenAI-shaped one. It speaks HTTP/1.1 over bare sockets, so that it can also break the protocol.

    do         what happens (default "normal"):
                 normal        the answer
                 stall_head    nothing, ever
                 stall         the head and `after` pieces, then nothing
                 reset_head    RST instead of an answer
                 reset         the head and `after` pieces, then RST
                 cut_head      FIN instead of an answer
                 cut           the head and `after` pieces, then FIN
                 early_end     a stream that ends properly as HTTP but without its last `after` events
                 garbage       bytes that are no HTTP head
                 sse_error     the head and `after` events, then `error` as an event and a proper end
                 endless       a stream's first two events over and over, as fast as they are taken
    after      how many pieces go out before it happens (default 2)
    framing    "chunked" (default of streams), "length" (default of the rest), "close" (the end of the connection ends
               the body), "http10" (the same in an HTTP/1.0 answer)
    delay_ms   wait before the head
    interim    1xx heads that go out before the answer: pairs of a status and its headers
    interim_pause_ms, interim_size   wait between them and the answer (default: all in one write), bytes per write
    pause_ms   wait between two pieces
    size       bytes per write: 1 trickles byte by byte (default: a piece is an event, or a whole body)
    status, headers, body   the answer itself; `body` is text, `headers` a list of pairs
    error      the error of `sse_error`, as an object (default: one with the code "mid_stream")
    gzip       true: the body comes compressed, though nobody asked
    text, chunks, arguments what the model says, in how many chunks, and a tool call's arguments
    times      how often the call's arguments say the same (default 1): a header cannot be as long as they can
    id, ids    the id of a created object (default: one of its own), those of a list of files

As a program (`python3 scripted.py [PORT]`) it prints its port on the first line; `GET /_calls` tells what it received,
`GET /_ready` is 200, and it stops when its standard input closes. As an object it also speaks TLS.
"""

import asyncio
import base64
import gzip
import json
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field

import answers
import endpoints

MID_STREAM = answers.error("The server had an error", "server_error", "mid_stream")["error"]


@dataclass
class Call:
    """One request as it arrived, and how it ended. Times are `time.monotonic()`."""

    method: str
    target: str
    headers: list  # of (name, value), as sent, in order
    body: bytes
    received_at: float
    script: dict = field(default_factory=dict)
    first_byte_at: float = None
    finished_at: float = None  # the whole answer was written
    hung_up_at: float = None  # the peer closed before that

    def header(self, name):
        """Every value of a header."""
        return [value for given, value in self.headers if given.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    def form(self):
        """The parts of a form by name: texts, and `(filename, bytes)` of files."""
        boundary = re.search('boundary="?([^";]+)', self.header("content-type")[0])[1]
        parts = {}
        for part in (b"\r\n" + self.body).split(f"\r\n--{boundary}".encode())[1:-1]:
            head, content = part.split(b"\r\n\r\n", 1)
            name = re.search(b'[; ]name="([^"]*)"', head)[1].decode()
            filename = re.search(b'filename="([^"]*)"', head)
            parts[name] = (filename[1].decode(), content) if filename else content.decode()
        return parts

    def request(self):
        """What is asked, be it JSON or a form."""
        if any(value.startswith("multipart/form-data") for value in self.header("content-type")):
            return self.form()
        return json.loads(self.body) if self.body else {}

    def wants_stream(self, request):
        if self.method == "GET":
            return "stream=true" in self.target.partition("?")[2].split("&")
        return request.get("stream") in (True, "true") or request.get("stream_format") == "sse"

    @property
    def endpoint(self):
        return self.target.split("?")[0].removeprefix("/v1/")


class Connection(asyncio.Protocol):
    """One connection: reads requests one after the other and plays their scripts."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.buffer = bytearray()
        self.more = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self.gone = False
        self.call = None

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.task = asyncio.get_running_loop().create_task(self.serve())
        self.upstream.connections.add(self)

    def data_received(self, data):
        self.buffer += data
        self.more.set()

    def pause_writing(self):
        self.writable.clear()

    def resume_writing(self):
        self.writable.set()

    def eof_received(self):
        self.peer_left()

    def connection_lost(self, _error):
        self.peer_left()
        self.upstream.connections.discard(self)

    def peer_left(self):
        if self.gone:
            return
        self.gone = True
        if self.call and self.call.finished_at is None:
            self.call.hung_up_at = time.monotonic()
        self.task.cancel()

    async def serve(self):
        try:
            while not self.gone:
                self.call = None
                call = await self.read_call()
                self.call = call
                if not call.target.startswith("/_"):
                    self.upstream.calls.append(call)
                keep = await self.play(call)
                call.finished_at = time.monotonic()
                if not keep:
                    break
        except asyncio.CancelledError:
            pass
        finally:
            self.transport.close()

    async def read_until(self, enough):
        while not enough():
            self.more.clear()
            await self.more.wait()

    async def read_exactly(self, count):
        await self.read_until(lambda: len(self.buffer) >= count)
        return self.take(count)

    def take(self, count):
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    async def read_call(self):
        await self.read_until(lambda: b"\r\n\r\n" in self.buffer)
        head = self.take(self.buffer.index(b"\r\n\r\n") + 4).decode("latin-1")
        request_line, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _version = request_line.split(" ")
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        call = Call(method, target, headers, b"", time.monotonic())
        if call.header("transfer-encoding"):
            call.body = await self.read_chunked()
        elif call.header("content-length"):
            call.body = await self.read_exactly(int(call.header("content-length")[0]))
        call.script = json.loads((call.header("x-script") or ["{}"])[0])
        return call

    async def read_chunked(self):
        body = b""
        while True:
            await self.read_until(lambda: b"\r\n" in self.buffer)
            size = int(self.take(self.buffer.index(b"\r\n") + 2).split(b";")[0], 16)
            body += (await self.read_exactly(size + 2))[:-2]
            if size == 0:
                return body

    async def play(self, call):
        """Answers one call; returns whether the connection may serve another."""
        script, do = call.script, call.script.get("do", "normal")
        await asyncio.sleep(script.get("delay_ms", 0) / 1000)
        if do == "stall_head":
            await asyncio.sleep(3600)
        if do in ("reset_head", "cut_head"):
            return self.end(reset=do == "reset_head")
        if do == "garbage":
            self.transport.write(b"\x00\xffthis is no HTTP\r\n\r\n")
            return self.end()
        ahead = await self.interim(script)
        status, headers, pieces, stream = self.upstream.answer(call)
        framing = script.get("framing", "chunked" if stream else "length")
        pieces = list(shaped(pieces, script))
        if do == "early_end":
            pieces = pieces[: -script.get("after", 2)]
        if do == "endless":
            pieces = pieces[:2]
        self.write_head(status, headers, framing, sum(map(len, pieces)), ahead)
        call.first_byte_at = time.monotonic()
        for sent, piece in enumerate(pieces):
            if do in ("stall", "reset", "cut", "sse_error") and sent == script.get("after", 2):
                return await self.misbehave(do, framing, script.get("error", MID_STREAM))
            if sent:
                await asyncio.sleep(script.get("pause_ms", 0) / 1000)
            self.write_piece(piece, framing)
        while do == "endless":
            for piece in pieces:
                await self.writable.wait()
                await asyncio.sleep(0)
                self.write_piece(piece, framing)
        if framing == "chunked":
            self.transport.write(b"0\r\n\r\n")
        return framing not in ("close", "http10")

    async def interim(self, script):
        """Sends the 1xx heads, or returns them to leave together with the answer's own head."""
        heads = b"".join(head(f"HTTP/1.1 {status} Interim", headers) for status, headers in script.get("interim", []))
        if "interim_pause_ms" not in script:
            return heads
        for piece in shaped([heads], {"size": script.get("interim_size")}):
            self.transport.write(piece)
            await asyncio.sleep(0.005)
        await asyncio.sleep(script["interim_pause_ms"] / 1000)
        return b""

    async def misbehave(self, do, framing, error):
        # Lets what was written before leave first: a reset throws away what is still queued.
        await asyncio.sleep(0.05)
        if do == "stall":
            await asyncio.sleep(3600)
        if do == "sse_error":
            event = answers.compact({"error": error})
            self.write_piece(f"data: {event}\n\n".encode(), framing)
            self.transport.write(b"0\r\n\r\n" if framing == "chunked" else b"")
            return framing not in ("close", "http10")
        return self.end(reset=do == "reset")

    def end(self, reset=False):
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        return False

    def write_head(self, status, headers, framing, length, ahead):
        body_ends = {
            "chunked": ("transfer-encoding", "chunked"),
            "length": ("content-length", length),
            "close": ("connection", "close"),
            "http10": ("connection", "close"),
        }[framing]
        version = "1.0" if framing == "http10" else "1.1"
        self.transport.write(ahead + head(f"HTTP/{version} {status} Scripted", [*headers, body_ends]))

    def write_piece(self, piece, framing):
        if framing == "chunked":
            piece = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        self.transport.write(piece)


def head(status_line, headers):
    lines = [status_line, *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode()


def shaped(pieces, script):
    """The pieces as they come, or all their bytes in writes of `size`."""
    size = script.get("size")
    if not size:
        return pieces
    whole = b"".join(pieces)
    return [whole[at : at + size] for at in range(0, len(whole), size)]


class Upstream:
    """The provider, on a thread of its own. `calls` is what it received, oldest first.

    With an SSL context it speaks TLS, and calls itself `localhost`; what ends properly, ends with close_notify.
    """

    def __init__(self, port=0, tls=None):
        self.tls = tls
        self.calls = []
        self.connections = set()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(port, started), daemon=True)
        self.thread.start()
        if not started.wait(5):
            raise RuntimeError("the scripted upstream did not start")

    @property
    def base_url(self):
        return f"https://localhost:{self.port}/v1" if self.tls else f"http://127.0.0.1:{self.port}/v1"

    def _run(self, port, started):
        async def listen():
            # A peer that does not answer our close_notify is not waited for.
            patience = {"ssl_shutdown_timeout": 0.5} if self.tls else {}
            server = await self.loop.create_server(
                lambda: Connection(self), "127.0.0.1", port, ssl=self.tls, **patience
            )
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            async with server:
                await server.serve_forever()

        self.listening = self.loop.create_task(listen())
        try:
            self.loop.run_until_complete(self.listening)
        except asyncio.CancelledError:
            pass
        for connection in list(self.connections):
            connection.transport.abort()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.listening.cancel)
        self.thread.join(5)

    def answer(self, call):
        """(status, headers, pieces of the body, whether it is a stream)"""
        script = call.script
        given = [("x-request-id", "req_upstream"), *map(tuple, script.get("headers", []))]
        as_json = (
            given
            if any(name == "content-type" for name, _ in given)
            else [("content-type", "application/json"), *given]
        )
        if call.target in ("/_ready", "/_calls"):
            told = [self.told(other) for other in self.calls]
            return 200, [("content-type", "application/json")], [json.dumps(told).encode()], False
        if "body" in script or "status" in script:
            body = script.get("body", answers.compact(answers.error("Scripted", "scripted_error", "scripted")))
            return script.get("status", 200), as_json, [body.encode()], False
        request = call.request()
        if call.wants_stream(request):
            events = endpoints.events(call.method, call.endpoint, request, script)
            return 200, [("content-type", "text/event-stream; charset=utf-8"), *given], events, True
        made = endpoints.whole(call.method, call.endpoint, request, script)
        if made is None:
            body = answers.compact(answers.error("Unknown request URL", "invalid_request_error", "unknown_url"))
            return 404, as_json, [body.encode()], False
        if isinstance(made, endpoints.Raw):
            return 200, [("content-type", made.content_type), *given], [made.body], False
        body = answers.compact(made).encode()
        if script.get("gzip"):
            return 200, [*as_json, ("content-encoding", "gzip")], [gzip.compress(body)], False
        return 200, as_json, [body], False

    @staticmethod
    def told(call):
        return {
            "method": call.method,
            "target": call.target,
            "headers": call.headers,
            "body": call.body.decode("utf-8", "replace"),
            "body_base64": base64.b64encode(call.body).decode(),
            "finished": call.finished_at is not None,
            "hung_up": call.hung_up_at is not None,
        }

    def call_of(self, mark, within=5.0):
        """The one call that carries `x-mark: <mark>`, waiting for it to arrive."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = [call for call in self.calls if call.header("x-mark") == [mark]]
            if found:
                return found[-1]
            time.sleep(0.01)
        raise AssertionError(f"no call marked {mark} reached the upstream within {within} s")

    def saw(self, mark):
        """Whether a call marked so has reached the upstream."""
        return any(call.header("x-mark") == [mark] for call in self.calls)


def main():
    upstream = Upstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(upstream.port, flush=True)
    sys.stdin.read()
    upstream.stop()


if __name__ == "__main__":
    main()
