"""The scripted upstream does what it promises: the other tests rely on it."""

import json
import time

import answers
import httpx
import pytest

from gateway import chat, event_data
from scripted import Upstream


def call(upstream, body, script=None, mark=None):
    headers = {"x-script": json.dumps(script or {}), "x-mark": mark or "none"}
    return httpx.post(f"{upstream.base_url}/chat/completions", json=body, headers=headers, timeout=5)


def test_a_normal_answer_is_a_chat_completion_and_the_call_is_told(upstream):
    reply = call(upstream, chat(), mark="self-normal")
    assert reply.json()["choices"][0]["message"]["content"] == answers.text_of({})
    received = upstream.call_of("self-normal")
    assert received.target == "/v1/chat/completions"
    assert received.json()["model"] == "gpt-4o"
    assert received.hung_up_at is None


@pytest.mark.parametrize("do", ["reset_head", "cut_head", "garbage", "reset", "cut"])
def test_a_broken_answer_is_an_error_for_its_client(upstream, do):
    with pytest.raises(httpx.TransportError):
        call(upstream, chat(stream=True), {"do": do})


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_cut_of_a_whole_answer_is_an_error_for_its_client(upstream, framing):
    with pytest.raises(httpx.TransportError):
        call(upstream, chat(), {"do": "cut", "framing": framing, "size": 20})


@pytest.mark.parametrize("do", ["stall_head", "stall"])
def test_a_stalled_answer_times_out(upstream, do):
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{upstream.base_url}/chat/completions",
            json=chat(stream=True),
            headers={"x-script": f'{{"do":"{do}"}}', "x-mark": f"self-{do}"},
            timeout=0.3,
        )
    received = upstream.call_of(f"self-{do}")
    time.sleep(0.1)
    assert received.hung_up_at is not None


def test_usage_is_streamed_only_to_those_who_ask(upstream):
    plain = call(upstream, chat(stream=True)).text
    assert "usage" not in plain
    asked = call(upstream, chat(stream=True, stream_options={"include_usage": True})).text
    assert '"usage":null' in asked
    assert '"choices":[],"usage":{"prompt_tokens":11' in asked
    assert event_data(asked)[-1] == "[DONE]"


def test_bytes_are_the_same_however_they_are_split(upstream):
    whole = call(upstream, chat(stream=True)).content
    assert call(upstream, chat(stream=True), {"size": 1}).content == whole
    assert call(upstream, chat(stream=True), {"framing": "close"}).content == whole


def test_two_calls_share_one_connection():
    upstream = Upstream()
    with httpx.Client() as client:
        for _ in range(2):
            assert client.post(f"{upstream.base_url}/chat/completions", json=chat()).status_code == 200
        assert len(upstream.connections) == 1
    upstream.stop()
