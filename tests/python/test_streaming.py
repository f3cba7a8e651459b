"""Streams: chunk by chunk, cancelled with their client, and never ended cleanly when the provider did not."""

import itertools
import socket
import threading
import time

import answers
import httpx
import pytest

from gateway import AGENT_PATH, Gateway, chat, event_data, eventually, free_port


@pytest.fixture(scope="module")
def impatient(tmp_path_factory, upstream):
    """A server with short timeouts and frequent pings, and an agent on it."""
    gate = Gateway(
        tmp_path_factory.mktemp("impatient"),
        upstream.base_url,
        PORTCULLIS_UPSTREAM__ANSWER_TIMEOUT_SECS="2",
        PORTCULLIS_UPSTREAM__IDLE_TIMEOUT_SECS="3",
        PORTCULLIS_SERVER__PING_EVERY_SECS="1",
    )
    gate.start()
    yield gate, gate.create_agent()
    gate.stop()


def read_stream(gate, agent, script, **more):
    """(status, text, whether the connection broke) of a streamed call."""
    text = ""
    with gate.stream(agent, script=script, **more) as reply:
        try:
            for part in reply.iter_text():
                text += part
        except httpx.TransportError:
            return reply.status_code, text, True
    return reply.status_code, text, False


def ended_cleanly(text, broke):
    return not broke and event_data(text)[-1:] == ["[DONE]"] and '"error"' not in text


def test_the_first_chunk_leaves_as_soon_as_it_came(sqlite_gate, agent_of, upstream):
    with sqlite_gate.stream(agent_of(sqlite_gate), mark="first-chunk", script={"pause_ms": 700}) as reply:
        next(reply.iter_lines())
        arrived_at = time.monotonic()
    assert arrived_at - upstream.call_of("first-chunk").first_byte_at < 0.5


def test_chunks_arrive_one_by_one_as_they_are_sent(sqlite_gate, agent_of):
    times = []
    with sqlite_gate.stream(agent_of(sqlite_gate), script={"pause_ms": 200, "chunks": 4}) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: {"):
                times.append(time.monotonic())
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) == 6
    assert all(0.05 < gap < 0.9 for gap in gaps), gaps


def test_a_stream_is_marked_as_events_and_not_to_be_buffered(sqlite_gate, agent_of):
    with sqlite_gate.stream(agent_of(sqlite_gate)) as reply:
        reply.read()
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in reply.headers


def open_stream(gate, agent, mark, script, receive_buffer=None):
    """A socket on which a streamed call has been sent and nothing has been read."""
    request = httpx.Request(
        "POST",
        f"{gate.url}{AGENT_PATH}/chat/completions",
        headers=gate.headers(agent, mark, script),
        json=chat(stream=True),
    )
    head = f"POST {request.url.path} HTTP/1.1\r\n".encode()
    head += b"".join(name + b": " + value + b"\r\n" for name, value in request.headers.raw)
    sock = socket.socket()
    sock.settimeout(5)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(("127.0.0.1", gate.port))
    sock.sendall(head + b"\r\n" + request.read())
    return sock


ENDLESS = {"do": "endless", "text": "x" * 8000, "chunks": 1}


def test_a_client_that_takes_nothing_cancels_the_upstream_call(start_gate, upstream):
    gate = start_gate(SERVER__WRITE_TIMEOUT_SECS=2)
    agent = gate.create_agent()
    with open_stream(gate, agent, agent.name, ENDLESS, receive_buffer=4096):
        call = upstream.call_of(agent.name)
        eventually(lambda: call.hung_up_at, within=8, what="the end of the upstream call")
        record = gate.record(agent)
    assert call.hung_up_at - call.received_at > 1.5
    assert (record["outcome"], record["status_code"]) == ("cancelled", 200)


@pytest.mark.timeout(150)
def test_a_client_that_reads_now_and_then_is_not_taken_for_one_that_stopped(start_gate, upstream):
    gate = start_gate(SERVER__WRITE_TIMEOUT_SECS=2)
    agent = gate.create_agent()
    with open_stream(gate, agent, agent.name, ENDLESS, receive_buffer=1 << 16) as sock:
        call = upstream.call_of(agent.name)
        for _ in range(5):
            time.sleep(1)
            taken = 0
            while taken < 500_000:
                part = sock.recv(100_000)
                assert part, "the gate hung up"
                taken += len(part)
        assert call.hung_up_at is None
    assert gate.record(agent)["outcome"] == "cancelled"


HANG_UPS = {
    "before-the-first-byte": ({"do": "stall_head"}, 0),
    "in-mid-stream": ({"pause_ms": 200, "chunks": 20}, 2),
    "on-an-idle-stream": ({"do": "stall", "after": 2}, 2),
}


@pytest.mark.parametrize(("script", "lines"), HANG_UPS.values(), ids=HANG_UPS.keys())
def test_a_client_that_hangs_up_cancels_the_upstream_call_within_a_second(gate, script, lines, upstream):
    agent = gate.create_agent()
    mark = f"hang-up-{agent.name}"
    with open_stream(gate, agent, mark, script) as sock:
        call = upstream.call_of(mark)
        received = b""
        while received.count(b"data: ") < lines:
            received += sock.recv(4096)
    left_at = time.monotonic()
    while call.hung_up_at is None and time.monotonic() - left_at < 3:
        time.sleep(0.01)
    assert call.hung_up_at is not None, "the upstream call ran on"
    assert call.hung_up_at - left_at < 1
    record = gate.record(agent)
    assert record["outcome"] == "cancelled"
    assert record["usage_source"] == ("counted" if lines else "partial")


def test_a_client_that_leaves_a_whole_answer_cancels_it_too(sqlite_gate, agent_of, upstream):
    with pytest.raises(httpx.ReadTimeout):
        headers = sqlite_gate.headers(agent_of(sqlite_gate), "impatient-whole", {"do": "stall_head"})
        httpx.post(f"{sqlite_gate.url}{AGENT_PATH}/chat/completions", headers=headers, json=chat(), timeout=0.5)
    left_at = time.monotonic()
    call = upstream.call_of("impatient-whole")
    while call.hung_up_at is None and time.monotonic() - left_at < 3:
        time.sleep(0.01)
    assert call.hung_up_at is not None and call.hung_up_at - left_at < 1


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_does_not_answer_in_time_is_504(impatient, stream):
    gate, agent = impatient
    reply = gate.call(agent, body=chat(stream=stream), script={"do": "stall_head"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "upstream_timeout")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("do", ["reset_head", "cut_head", "garbage"])
def test_an_upstream_that_breaks_before_its_answer_is_502(sqlite_gate, agent_of, stream, do):
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(stream=stream), script={"do": do})
    assert reply.status_code == 502
    assert reply.json()["error"]["code"] in ("upstream_unreachable", "upstream_invalid")


def test_a_list_of_models_that_stalls_in_its_body_is_504(impatient):
    gate, agent = impatient
    started = time.monotonic()
    reply = gate.call(agent, "/models", method="GET", script={"do": "stall", "after": 1, "size": 100})
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "upstream_timeout")
    assert time.monotonic() - started < 4


def test_an_upstream_that_is_down_is_502(start_gate):
    gate = start_gate(upstream_url=f"http://127.0.0.1:{free_port()}/v1")
    reply = gate.call(gate.create_agent())
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_unreachable")


BROKEN_STREAMS = {
    "stall": {"do": "stall"},
    "reset": {"do": "reset"},
    "cut-chunked": {"do": "cut"},
    "cut-close": {"do": "cut", "framing": "close"},
    "cut-http10": {"do": "cut", "framing": "http10"},
    "cut-length": {"do": "cut", "framing": "length"},
    "cut-in-an-event": {"do": "cut", "size": 50, "after": 3},
    "no-done": {"do": "early_end", "after": 1},
    "half-the-events": {"do": "early_end", "after": 4},
    "nothing-at-all": {"do": "early_end", "after": 8},
    "no-done-until-the-close": {"do": "early_end", "after": 1, "framing": "close"},
}


@pytest.mark.parametrize("script", BROKEN_STREAMS.values(), ids=BROKEN_STREAMS.keys())
def test_a_stream_that_breaks_upstream_never_ends_cleanly(impatient, script):
    gate, agent = impatient
    started = time.monotonic()
    status, text, broke = read_stream(gate, agent, script)
    assert not ended_cleanly(text, broke), text
    assert "[DONE]" not in text
    assert broke or '"error"' in text or status >= 500, text
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("do", ["reset", "cut", "stall"])
def test_a_whole_answer_that_breaks_upstream_is_an_error_or_a_cut(impatient, do, framing):
    gate, agent = impatient
    script = {"do": do, "framing": framing, "size": 100}
    try:
        reply = gate.call(agent, script=script)
    except httpx.TransportError:
        return
    assert reply.status_code in (502, 504)


@pytest.mark.parametrize("framing", ["close", "http10"])
def test_a_whole_answer_that_ends_by_close_in_the_middle_of_its_json_is_an_error_or_a_cut(impatient, framing):
    gate, agent = impatient
    try:
        reply = gate.call(agent, script={"do": "cut", "framing": framing, "size": 100})
    except httpx.TransportError:
        return
    assert reply.status_code == 502


@pytest.mark.parametrize("framing", ["chunked", "length"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_a_clean_goodbye_of_tls_cuts_is_an_error_or_a_cut(tls_gate, framing, stream):
    agent = tls_gate.create_agent()
    script = {"do": "cut", "framing": framing, "size": 100}
    try:
        reply = tls_gate.call(agent, body=chat(stream=stream), script=script)
    except httpx.TransportError:
        pass
    else:
        assert reply.status_code == 502 or (stream and '"error"' in reply.text), reply.text
        assert "[DONE]" not in reply.text
    record = tls_gate.record(agent)
    assert record["outcome"] == "upstream_error", record


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_page_that_a_clean_goodbye_of_tls_cuts_is_an_error_or_a_cut(tls_gate, framing):
    agent = tls_gate.create_agent()
    script = {"do": "cut", "framing": framing, "size": 100, "body": "all is well, " * 100}
    script["headers"] = [["content-type", "text/plain"]]
    try:
        reply = tls_gate.call(agent, script=script)
    except httpx.TransportError:
        pass
    else:
        assert reply.status_code == 502, reply.text
    record = tls_gate.record(agent)
    assert record["outcome"] == "upstream_error", record


def test_a_stream_with_a_length_and_long_silences_arrives_whole(impatient):
    gate, _ = impatient
    agent, body = gate.create_agent(), chat(stream=True, stream_options={"include_usage": True})
    script = {"framing": "length", "pause_ms": 1400, "chunks": 1}
    status, text, broke = read_stream(gate, agent, script, body=body)
    assert status == 200
    assert ended_cleanly(text, broke), text
    assert text.replace(": ping\n\n", "") == b"".join(answers.events("chat/completions", body, script)).decode()
    record = gate.record(agent)
    assert (record["outcome"], record["output_tokens"]) == ("completed", 7)


def test_pings_keep_a_silent_stream_open_between_events(impatient):
    gate, agent = impatient
    status, text, broke = read_stream(gate, agent, {"pause_ms": 2400, "chunks": 1})
    assert ended_cleanly(text, broke), text
    pings = [line for line in text.splitlines() if line.startswith(":")]
    assert len(pings) >= 3 and set(pings) == {": ping"}
    events = [event for event in text.split("\n\n") if not event.startswith(":")]
    body = chat(stream=True)
    expected = b"".join(answers.events("chat/completions", body, {"chunks": 1}, include_usage=False)).decode()
    assert "\n\n".join(events) == expected


def test_no_ping_ever_lands_inside_an_event(impatient):
    gate, agent = impatient
    # An event takes about three seconds to arrive in pieces; a ping would be due every second.
    status, text, broke = read_stream(gate, agent, {"size": 100, "pause_ms": 1500, "chunks": 1})
    assert ended_cleanly(text, broke), text
    for event in filter(None, text.split("\n\n")):
        assert event == ": ping" or event.startswith("data: "), event
        assert event.count("\n") == 0, event


def test_the_providers_own_error_event_passes(sqlite_gate, agent_of):
    status, text, _broke = read_stream(sqlite_gate, agent_of(sqlite_gate), {"do": "sse_error"})
    assert status == 200
    assert '"code":"mid_stream"' in text
    assert "[DONE]" not in text


def test_an_error_event_without_a_code_is_recorded_by_its_type(sqlite_gate):
    agent = sqlite_gate.create_agent()
    error = {"message": "The server had an error", "type": "server_error", "param": None, "code": None}
    status, text, _broke = read_stream(sqlite_gate, agent, {"do": "sse_error", "error": error})
    assert status == 200
    assert f'data: {answers.compact({"error": error})}' in text
    assert "[DONE]" not in text
    record = sqlite_gate.record(agent)
    assert (record["outcome"], record["error_code"]) == ("upstream_error", "server_error")


def test_a_stream_trickled_byte_by_byte_arrives_whole(sqlite_gate, agent_of):
    script = {"size": 1, "pause_ms": 1, "chunks": 1, "text": "é"}
    _status, text, broke = read_stream(sqlite_gate, agent_of(sqlite_gate), script)
    assert ended_cleanly(text, broke)
    assert text == b"".join(answers.events("chat/completions", chat(stream=True), script, False)).decode()


def test_two_hundred_streams_at_once_all_end_well(sqlite_gate, agent_of):
    agent = agent_of(sqlite_gate)
    good = []

    def one():
        _status, text, broke = read_stream(sqlite_gate, agent, {"pause_ms": 50}, timeout=30)
        good.append(ended_cleanly(text, broke))

    threads = [threading.Thread(target=one) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert good == [True] * 200


def test_a_slow_reader_gets_everything(sqlite_gate, agent_of):
    script = {"text": "x" * 6000, "chunks": 6000}
    text = ""
    with sqlite_gate.stream(agent_of(sqlite_gate), script=script) as reply:
        for number, part in enumerate(reply.iter_text()):
            text += part
            if number < 5:
                time.sleep(0.2)
    assert event_data(text)[-1] == "[DONE]"
    assert text.count('"content":"x"') == 6000


SPELLINGS = {
    "crlf": 'data: {"choices":[]}\r\n\r\ndata: [DONE]\r\n\r\n',
    "no-space": 'data:{"choices":[]}\n\ndata:[DONE]\n\n',
    "comments-and-names": ': keep\n\nevent: chunk\nid: 7\ndata: {"choices":[]}\n\ndata: [DONE]\n\n',
    "byte-order-mark": '\ufeffdata: {"choices":[]}\n\ndata: [DONE]\n\n',
    "no-json": "data: hello\n\ndata: [DONE]\n\n",
    "text-after-the-end": 'data: {"choices":[]}\n\ndata: [DONE]\n\n: bye\n\n',
    "several-lines": 'data: {"choices":\ndata: []}\n\ndata: [DONE]\n\n',
}


@pytest.mark.parametrize("body", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("size", [None, 1])
def test_an_event_stream_in_any_valid_spelling_passes_byte_for_byte(sqlite_gate, agent_of, body, size):
    script = {"body": body, "headers": [["content-type", "text/event-stream"]], "framing": "chunked"}
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(stream=True), script=script | {"size": size})
    assert reply.content == body.encode()
