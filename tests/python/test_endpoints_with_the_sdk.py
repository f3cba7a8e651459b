"""The official Python SDK calls every endpoint on both surfaces, and each call has its record."""

from typing import Any, Callable, NamedTuple

import answers
import endpoints
import pytest

from examples import EXAMPLES, HELLO, batch_lines
from surfaces import SURFACES, Caller

RECORDING = ("recording.wav", b"RIFF\x00\xff no recording")
PICTURE = ("picture.png", b"\x89PNG\r\n\x1a\nno picture", "image/png")
ANSWER = answers.text_of({})


class SdkCall(NamedTuple):
    """`ask` is given the client and returns what of the answer is compared with `answer`."""

    method: str
    endpoint: str
    model: str
    ask: Callable
    answer: Any
    stream: bool = False

    def __str__(self):
        return f"{self.method} {self.endpoint}{' stream' if self.stream else ''}"


def streamed(text_of_event):
    """What a stream's events say, put together."""
    return lambda events: "".join(filter(None, map(text_of_event, events)))


def spoken(events):
    return [event.type for event in events]


def chat_stream(client):
    chunks = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    return streamed(lambda chunk: chunk.choices[0].delta.content)(chunks)


def completion_stream(client):
    chunks = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello", stream=True)
    return streamed(lambda chunk: chunk.choices[0].text)(chunks)


def transcription_stream(client):
    events = client.audio.transcriptions.create(model="whisper-1", file=RECORDING, stream=True)
    return [event for event in events][-1].text


def response_stream(client):
    with client.responses.stream(model="gpt-4o", input="Hello") as events:
        types = spoken(events)
        assert types[0] == "response.created"
        assert types[-1] == "response.completed"
        return events.get_final_response().output_text


def retrieved_stream(client):
    return spoken(client.responses.retrieve("resp_7", stream=True))[-1]


def upload(client, purpose="user_data"):
    return client.files.create(file=("input.jsonl", batch_lines("gpt-4o")), purpose=purpose)


def new_batch(client):
    batch = client.batches.create(
        input_file_id=upload(client, "batch").id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    return batch.object, batch.endpoint


def ids(page):
    return [item.id for item in page]


def calls_of(method, *rows):
    return [SdkCall(method, *row) for row in rows]


CALLS = [
    *calls_of(
        "POST",
        (
            "chat/completions",
            "gpt-4o",
            lambda c: c.chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message.content,
            ANSWER,
        ),
        ("chat/completions", "gpt-4o", chat_stream, ANSWER, True),
        (
            "completions",
            "gpt-3.5-turbo-instruct",
            lambda c: c.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello").choices[0].text,
            ANSWER,
        ),
        ("completions", "gpt-3.5-turbo-instruct", completion_stream, ANSWER, True),
        (
            "embeddings",
            "text-embedding-3-small",
            lambda c: c.embeddings.create(model="text-embedding-3-small", input="Hello").data[0].embedding,
            [0.0, 0.5, 1.0],
        ),
        (
            "moderations",
            "omni-moderation-latest",
            lambda c: c.moderations.create(model="omni-moderation-latest", input="Hello").results[0].flagged,
            False,
        ),
        (
            "audio/transcriptions",
            "whisper-1",
            lambda c: c.audio.transcriptions.create(model="whisper-1", file=RECORDING).text,
            endpoints.TRANSCRIPT,
        ),
        ("audio/transcriptions", "whisper-1", transcription_stream, endpoints.TRANSCRIPT, True),
        (
            "audio/translations",
            "whisper-1",
            lambda c: c.audio.translations.create(model="whisper-1", file=RECORDING).text,
            endpoints.TRANSCRIPT,
        ),
        (
            "audio/speech",
            "tts-1",
            lambda c: c.audio.speech.create(model="tts-1", voice="alloy", input="Hello").content,
            endpoints.AUDIO,
        ),
        (
            "images/generations",
            "dall-e-2",
            lambda c: c.images.generate(model="dall-e-2", prompt="a lake", n=2, response_format="url").data[1].url,
            "https://images.example/1.png",
        ),
        (
            "images/generations",
            "gpt-image-1",
            lambda c: spoken(c.images.generate(model="gpt-image-1", prompt="a lake", partial_images=1, stream=True)),
            ["image_generation.partial_image", "image_generation.completed"],
            True,
        ),
        (
            "images/edits",
            "gpt-image-1",
            lambda c: len(c.images.edit(model="gpt-image-1", image=[PICTURE, PICTURE], prompt="a lake").data),
            1,
        ),
        (
            "images/edits",
            "gpt-image-1",
            lambda c: spoken(c.images.edit(model="gpt-image-1", image=PICTURE, prompt="a lake", stream=True)),
            ["image_edit.completed"],
            True,
        ),
        (
            "images/variations",
            "dall-e-2",
            lambda c: len(c.images.create_variation(model="dall-e-2", image=PICTURE).data),
            1,
        ),
        ("files", None, lambda c: (upload(c).purpose, upload(c).bytes), ("user_data", len(batch_lines("gpt-4o")))),
        ("files", "gpt-4o", lambda c: upload(c, "batch").purpose, "batch"),
        ("batches", "gpt-4o", new_batch, ("batch", "/v1/chat/completions")),
        ("batches/{id}/cancel", None, lambda c: c.batches.cancel("batch_7").status, "cancelling"),
        (
            "responses",
            "gpt-4o",
            lambda c: c.responses.create(model="gpt-4o", input="Hello", instructions="Be brief.").output_text,
            ANSWER,
        ),
        ("responses", "gpt-4o", response_stream, ANSWER, True),
        ("responses/{id}/cancel", None, lambda c: c.responses.cancel("resp_7").status, "cancelled"),
        (
            "chat/completions/{id}",
            None,
            lambda c: c.chat.completions.update("chatcmpl-7", metadata={"a": "b"}).metadata,
            {"a": "b"},
        ),
    ),
    *calls_of(
        "GET",
        ("models", None, lambda c: "gpt-4o" in ids(c.models.list()), True),
        ("models/{model}", "gpt-4o", lambda c: c.models.retrieve("gpt-4o").id, "gpt-4o"),
        ("files", None, lambda c: ids(c.files.list()), ["file-1"]),
        ("files/{id}", None, lambda c: c.files.retrieve("file-7").id, "file-7"),
        ("files/{id}/content", None, lambda c: c.files.content("file-7").text, ANSWER),
        ("batches", None, lambda c: ids(c.batches.list(limit=5)), ["batch_1"]),
        ("batches/{id}", None, lambda c: c.batches.retrieve("batch_7").id, "batch_7"),
        ("responses/{id}", None, lambda c: c.responses.retrieve("resp_7").output_text, ANSWER),
        ("responses/{id}", None, retrieved_stream, "response.completed", True),
        ("responses/{id}/input_items", None, lambda c: ids(c.responses.input_items.list("resp_7")), ["msg_0"]),
        ("chat/completions", None, lambda c: ids(c.chat.completions.list()), ["chatcmpl-1"]),
        ("chat/completions/{id}", None, lambda c: c.chat.completions.retrieve("chatcmpl-7").id, "chatcmpl-7"),
        (
            "chat/completions/{id}/messages",
            None,
            lambda c: ids(c.chat.completions.messages.list("chatcmpl-7")),
            ["chatcmpl-7-0"],
        ),
    ),
    *calls_of(
        "DELETE",
        ("files/{id}", None, lambda c: c.files.delete("file-7").deleted, True),
        ("responses/{id}", None, lambda c: c.responses.delete("resp_7"), None),
        ("chat/completions/{id}", None, lambda c: c.chat.completions.delete("chatcmpl-7").deleted, True),
    ),
]


@pytest.fixture(scope="module", params=SURFACES)
def caller(request, shared_gates):
    return Caller(shared_gates("sqlite"), request.param, "maker")


@pytest.mark.filterwarnings("ignore:deprecated")
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_the_sdk_calls_every_endpoint_and_each_call_is_recorded(caller, call):
    assert call.ask(caller.sdk()) == call.answer
    record = caller.record()
    said = {name: record[name] for name in ("endpoint", "action", "surface", "model", "outcome", "stream")}
    assert said == {
        "endpoint": call.endpoint,
        "action": call.method,
        "surface": caller.surface,
        "model": call.model,
        "outcome": "completed",
        "stream": call.stream,
    }
    assert record["policy_result"] == "allow"
    assert record["target"].startswith("/openai/v1/" + call.endpoint.split("{")[0])


def test_every_endpoint_of_the_table_is_called():
    assert {(call.method, call.endpoint) for call in CALLS} == {(each.method, each.endpoint) for each in EXAMPLES}


@pytest.mark.parametrize(
    ("ask", "usage"),
    [
        (lambda c: c.responses.create(model="gpt-4o", input="Hello"), (11, 7)),
        (lambda c: [*c.responses.create(model="gpt-4o", input="Hello", stream=True)], (11, 7)),
        (lambda c: c.embeddings.create(model="text-embedding-3-small", input="Hello"), (5, None)),
        (lambda c: c.audio.transcriptions.create(model="whisper-1", file=RECORDING), (11, 7)),
        (lambda c: [*c.audio.transcriptions.create(model="whisper-1", file=RECORDING, stream=True)], (11, 7)),
    ],
    ids=["response", "response-stream", "embedding", "transcription", "transcription-stream"],
)
def test_the_record_knows_what_was_used(caller, ask, usage):
    ask(caller.sdk())
    record = caller.record()
    assert (record["input_tokens"], record["output_tokens"]) == usage
    assert record["usage_source"] == "provider"


def test_the_record_knows_how_a_response_ended_and_which_tools_it_had(caller):
    tool = {"type": "function", "name": "get_weather", "parameters": {}, "strict": False}
    events = [*caller.sdk().responses.create(model="gpt-4o", input="Hello", tools=[tool], stream=True)]
    assert events[-1].response.output[0].name == "get_weather"
    record = caller.record()
    assert (record["finish_reason"], record["tool_names"]) == ("completed", ["get_weather"])
    assert record["response_model"] == "gpt-4o-2024-08-06"
