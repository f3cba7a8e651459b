"""What an OpenAI-shaped provider answers on everything but its oldest endpoints.

Owns their shapes and which path gets which. Nothing is remembered: an object that is asked for by its id exists, and
each created one has an id of its own (or the script's `id`).
"""

import base64
import re
import secrets
from typing import NamedTuple

import answers
from answers import CREATED, arguments_of, compact, pieces_of, text_of

TRANSCRIPT = "Hello from the recording."
AUDIO = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\xc0]\0\0\x80\xbb\0\0\x02\0\x10\0data\0\0\0\0"
# One pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
RESPONSE_USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 18,
}
TOKENS_USED = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
CATEGORIES = (
    "harassment harassment/threatening hate hate/threatening illicit illicit/violent self-harm self-harm/instructions "
    "self-harm/intent sexual sexual/minors violence violence/graphic"
).split()


class Raw(NamedTuple):
    """An answer that is not JSON."""

    content_type: str
    body: bytes


class Asked(NamedTuple):
    """What an endpoint is given: JSON or a form as `body`, the object's id of the path, the script."""

    body: dict
    id: str
    script: dict

    def new_id(self, prefix):
        return self.script.get("id", f"{prefix}{secrets.token_hex(12)}")

    def get(self, name, default=None):
        return self.body.get(name) or default


def listed(*objects):
    return {
        "object": "list",
        "data": list(objects),
        "first_id": objects[0]["id"],
        "last_id": objects[-1]["id"],
        "has_more": False,
    }


def deleted(kind):
    return lambda asked: {"id": asked.id, "object": kind, "deleted": True}


# --- moderations, audio, images -------------------------------------------------------------------------------------------


def moderation(asked):
    given = asked.get("input", "")
    result = {
        "flagged": False,
        "categories": dict.fromkeys(CATEGORIES, False),
        "category_scores": dict.fromkeys(CATEGORIES, 0.001),
        "category_applied_input_types": dict.fromkeys(CATEGORIES, ["text"]),
    }
    count = len(given) if isinstance(given, list) else 1
    return {"id": "modr-1", "model": asked.get("model", "omni-moderation-latest"), "results": [result] * count}


def transcript(asked):
    wanted = asked.get("response_format", "json")
    if wanted in ("text", "srt", "vtt"):
        text = {
            "text": f"{TRANSCRIPT}\n",
            "srt": f"1\n00:00:00,000 --> 00:00:01,000\n{TRANSCRIPT}\n\n",
            "vtt": f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{TRANSCRIPT}\n\n",
        }[wanted]
        return Raw("text/plain; charset=utf-8", text.encode())
    if wanted == "verbose_json":
        return {"task": "transcribe", "language": "english", "duration": 1.0, "text": TRANSCRIPT, "segments": []}
    return {"text": TRANSCRIPT, "usage": {"type": "tokens", **TOKENS_USED}}


def transcript_events(asked):
    for piece in pieces_of(TRANSCRIPT, asked.script.get("chunks", 5)):
        yield {"type": "transcript.text.delta", "delta": piece}
    yield {"type": "transcript.text.done", "text": TRANSCRIPT, "usage": {"type": "tokens", **TOKENS_USED}}


def speech(asked):
    return Raw(f"audio/{asked.get('response_format', 'mpeg')}", AUDIO)


def speech_events(_asked):
    yield {"type": "speech.audio.delta", "audio": base64.b64encode(AUDIO).decode()}
    yield {"type": "speech.audio.done", "usage": TOKENS_USED}


def images(asked):
    image = {"b64_json": base64.b64encode(PNG).decode()}
    if asked.get("response_format") == "url":
        image = {"url": "https://images.example/1.png"}
    return {"created": CREATED, "data": [image] * int(asked.get("n", 1))}


def image_events(kind):
    def events(asked):
        image = {
            "b64_json": base64.b64encode(PNG).decode(),
            "created_at": CREATED,
            "size": "1024x1024",
            "quality": "low",
            "background": "opaque",
            "output_format": "png",
        }
        for index in range(int(asked.get("partial_images", 0))):
            yield {"type": f"{kind}.partial_image", **image, "partial_image_index": index}
        details = {"image_tokens": 0, "text_tokens": 11}
        yield {"type": f"{kind}.completed", **image, "usage": {**TOKENS_USED, "input_tokens_details": details}}

    return events


# --- files and batches ----------------------------------------------------------------------------------------------------


def file(file_id, filename="uploaded.bin", size=5, purpose="user_data"):
    return {
        "id": file_id,
        "object": "file",
        "bytes": size,
        "created_at": CREATED,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
    }


def upload(asked):
    filename, content = asked.get("file", ("none", b""))
    return file(asked.new_id("file-"), filename, len(content), asked.get("purpose"))


def file_content(asked):
    return Raw("application/octet-stream", text_of(asked.script).encode())


def batch(asked):
    return {
        "id": asked.id or asked.new_id("batch_"),
        "object": "batch",
        "endpoint": asked.get("endpoint", "/v1/chat/completions"),
        "input_file_id": asked.get("input_file_id", "file-1"),
        "completion_window": "24h",
        "status": "completed",
        "output_file_id": asked.script.get("output_file_id", "file-output"),
        "error_file_id": None,
        "errors": None,
        "created_at": CREATED,
        "completed_at": CREATED,
        "request_counts": {"total": 1, "completed": 1, "failed": 0},
        "metadata": asked.get("metadata"),
    }


# --- responses ------------------------------------------------------------------------------------------------------------


def response(asked):
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text_of(asked.script), "annotations": [], "logprobs": []}],
    }
    call = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "get_weather"}
    call["arguments"] = arguments_of(asked.script)
    return {
        "id": asked.id or asked.new_id("resp_"),
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "background": asked.get("background", False),
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "metadata": asked.get("metadata", {}),
        "model": f"{asked.get('model', 'gpt-4o')}-2024-08-06",
        "output": [call if wants_function(asked) else message],
        "parallel_tool_calls": True,
        "previous_response_id": asked.get("previous_response_id"),
        "store": asked.body.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": asked.get("tools", []),
        "top_p": 1.0,
        "usage": RESPONSE_USAGE,
    }


def wants_function(asked):
    given = asked.get("input", [])
    answered = isinstance(given, list) and any(item.get("type") == "function_call_output" for item in given)
    return bool(asked.get("tools")) and not answered


def response_events(asked):
    """Every event of a streamed response, numbered."""
    whole = response(asked)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    [item] = whole["output"]
    place = {"item_id": item["id"], "output_index": 0}
    count = asked.script.get("chunks", 5)
    if item["type"] == "function_call":
        empty, kind = {**item, "status": "in_progress", "arguments": ""}, "response.function_call_arguments"
        inside = [{"type": f"{kind}.delta", **place, "delta": piece} for piece in pieces_of(item["arguments"], count)]
        inside.append({"type": f"{kind}.done", **place, "name": item["name"], "arguments": item["arguments"]})
    else:
        empty, kind = {**item, "status": "in_progress", "content": []}, "response.output_text"
        [part] = item["content"]
        place["content_index"] = 0
        inside = [{"type": "response.content_part.added", **place, "part": {**part, "text": ""}}]
        for piece in pieces_of(part["text"], count):
            inside.append({"type": f"{kind}.delta", **place, "delta": piece, "logprobs": []})
        inside.append({"type": f"{kind}.done", **place, "text": part["text"], "logprobs": []})
        inside.append({"type": "response.content_part.done", **place, "part": part})
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        *inside,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def input_items(_asked):
    part = {"type": "input_text", "text": "Hello"}
    return listed({"id": "msg_0", "type": "message", "role": "user", "status": "completed", "content": [part]})


# --- stored chat completions ----------------------------------------------------------------------------------------------


def stored_completion(asked):
    whole = answers.chat_completion({"model": "gpt-4o"}, asked.script)
    return {**whole, "id": asked.id or "chatcmpl-1", "metadata": asked.get("metadata", {})}


def stored_messages(asked):
    return listed({"id": f"{asked.id}-0", "role": "user", "content": "Hello", "name": None, "content_parts": None})


# --- which path gets which ------------------------------------------------------------------------------------------------


def older(make):
    """The endpoints of `answers`, which know no ids."""
    return lambda asked: make(asked.body, asked.script)


def table(*rows):
    return [(method, re.compile(path.replace("{id}", "([A-Za-z0-9_.:-]+)")), make) for method, path, make in rows]


WHOLE = table(
    ("POST", "chat/completions", older(answers.chat_completion)),
    ("GET", "chat/completions", lambda asked: listed(stored_completion(asked))),
    ("GET", "chat/completions/{id}", stored_completion),
    ("POST", "chat/completions/{id}", stored_completion),
    ("DELETE", "chat/completions/{id}", deleted("chat.completion.deleted")),
    ("GET", "chat/completions/{id}/messages", stored_messages),
    ("POST", "completions", older(answers.completion)),
    ("POST", "embeddings", older(answers.embeddings)),
    ("POST", "moderations", moderation),
    ("POST", "audio/transcriptions", transcript),
    ("POST", "audio/translations", transcript),
    ("POST", "audio/speech", speech),
    ("POST", "images/generations", images),
    ("POST", "images/edits", images),
    ("POST", "images/variations", images),
    ("GET", "models", older(answers.models)),
    ("GET", "models/{id}", lambda asked: answers.model(asked.id)),
    ("POST", "batches", batch),
    ("GET", "batches", lambda asked: listed(batch(asked._replace(id=asked.script.get("id", "batch_1"))))),
    ("GET", "batches/{id}", batch),
    ("POST", "batches/{id}/cancel", lambda asked: {**batch(asked), "status": "cancelling"}),
    ("POST", "files", upload),
    ("GET", "files", lambda asked: listed(*(file(file_id) for file_id in asked.script.get("ids", ["file-1"])))),
    ("GET", "files/{id}", lambda asked: file(asked.id)),
    ("DELETE", "files/{id}", deleted("file")),
    ("GET", "files/{id}/content", file_content),
    ("POST", "responses", response),
    ("GET", "responses/{id}", response),
    ("DELETE", "responses/{id}", deleted("response")),
    ("POST", "responses/{id}/cancel", lambda asked: {**response(asked), "status": "cancelled"}),
    ("GET", "responses/{id}/input_items", input_items),
)
STREAMS = table(
    ("POST", "audio/transcriptions", transcript_events),
    ("POST", "audio/speech", speech_events),
    ("POST", "images/generations", image_events("image_generation")),
    ("POST", "images/edits", image_events("image_edit")),
    ("POST", "responses", response_events),
    ("GET", "responses/{id}", response_events),
)


def find(rows, method, endpoint):
    """What a table has for a path, and the id in it."""
    for wanted, path, make in rows:
        match = path.fullmatch(endpoint) if method == wanted else None
        if match:
            return make, (match.groups() or (None,))[0]
    return None, None


def whole(method, endpoint, body, script):
    """The answer as an object or `Raw`; None where nothing is served."""
    make, object_id = find(WHOLE, method, endpoint)
    return make and make(Asked(body, object_id, script))


def events(method, endpoint, body, script):
    """The events of a streamed answer, each with its blank line."""
    make, object_id = find(STREAMS, method, endpoint)
    if make is None:
        yield from answers.events(endpoint, body, script)
        return
    for event in make(Asked(body, object_id, script)):
        yield f"event: {event['type']}\ndata: {compact(event)}\n\n".encode()
