"""The scripted upstream does what it promises: the other tests rely on it."""

import base64
import json

import answers
import endpoints
import httpx
import openai
import pytest

from gateway import chat, event_data, eventually
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
    eventually(lambda: received.hung_up_at, what="the client's hang-up")


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


def sdk(upstream):
    return openai.OpenAI(base_url=upstream.base_url, api_key="sk-any", max_retries=0)


def test_files_and_batches_are_answered_and_their_bytes_are_told(upstream):
    client = sdk(upstream)
    content = b"\x00\xff\r\n--x"
    file = client.files.create(file=("a.bin", content), purpose="user_data", extra_headers={"x-mark": "self-file"})
    assert (file.filename, file.bytes, file.purpose) == ("a.bin", len(content), "user_data")
    assert upstream.call_of("self-file").form()["file"] == ("a.bin", content)
    told = [call for call in httpx.get(f"{upstream.base_url[:-3]}/_calls").json() if call["target"] == "/v1/files"]
    assert content in base64.b64decode(told[-1]["body_base64"])
    assert client.files.retrieve(file.id).id == file.id
    assert client.files.list().data[0].object == "file"
    assert client.files.content(file.id).text == answers.text_of({})
    assert client.files.delete(file.id).deleted
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    assert (batch.input_file_id, batch.endpoint) == (file.id, "/v1/embeddings")
    assert client.batches.retrieve(batch.id).id == batch.id
    assert client.batches.cancel(batch.id).status == "cancelling"
    assert client.batches.list().data[0].object == "batch"


@pytest.mark.parametrize("tools", [[], [{"type": "function", "name": "get_weather", "parameters": {}}]])
def test_responses_are_answered_whole_and_streamed(upstream, tools):
    client = sdk(upstream)
    whole = client.responses.create(model="gpt-4o", input="Hello", tools=tools)
    with client.responses.stream(model="gpt-4o", input="Hello", tools=tools) as stream:
        events = list(stream)
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == whole.output_text
    assert whole.output[0].type == ("function_call" if tools else "message")
    assert client.responses.retrieve(whole.id).id == whole.id
    assert list(client.responses.retrieve(whole.id, stream=True))[-1].type == "response.completed"
    assert client.responses.cancel(whole.id).status == "cancelled"
    assert client.responses.input_items.list(whole.id).data[0].type == "message"
    client.responses.delete(whole.id)


def test_stored_completions_are_answered(upstream):
    completions = sdk(upstream).chat.completions
    assert completions.list().data[0].object == "chat.completion"
    assert completions.retrieve("chatcmpl-7").id == "chatcmpl-7"
    assert completions.update("chatcmpl-7", metadata={"a": "b"}).metadata == {"a": "b"}
    assert completions.messages.list("chatcmpl-7").data[0].content == "Hello"
    assert completions.delete("chatcmpl-7").deleted


def test_media_are_answered_whole_and_streamed(upstream):
    client = sdk(upstream)
    recording = ("a.wav", endpoints.AUDIO)
    picture = ("a.png", endpoints.PNG)
    assert client.moderations.create(input=["a", "b"]).results[1].flagged is False
    transcribe = client.audio.transcriptions.create
    assert transcribe(model="whisper-1", file=recording).text == endpoints.TRANSCRIPT
    assert transcribe(model="whisper-1", file=recording, response_format="text").strip() == endpoints.TRANSCRIPT
    heard = list(transcribe(model="gpt-4o-transcribe", file=recording, stream=True))
    assert "".join(event.delta for event in heard[:-1]) == heard[-1].text == endpoints.TRANSCRIPT
    # The SDK calls translations and variations deprecated.
    with pytest.warns(DeprecationWarning):
        assert client.audio.translations.create(model="whisper-1", file=recording).text == endpoints.TRANSCRIPT
        assert client.images.create_variation(image=picture).data[0].b64_json
    assert client.audio.speech.create(model="tts-1", voice="alloy", input="Hi").content == endpoints.AUDIO
    assert len(client.images.generate(prompt="A cat", n=2).data) == 2
    drawn = list(client.images.generate(prompt="A cat", model="gpt-image-1", stream=True, partial_images=1))
    assert [event.type.split(".")[1] for event in drawn] == ["partial_image", "completed"]
    edited = list(client.images.edit(image=picture, prompt="A cat", model="gpt-image-1", stream=True))
    assert edited[-1].type == "image_edit.completed"


def test_what_is_not_served_is_404(upstream):
    for method, path in [("GET", "responses"), ("DELETE", "models"), ("POST", "nowhere")]:
        reply = httpx.request(method, f"{upstream.base_url}/{path}")
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown_url")
