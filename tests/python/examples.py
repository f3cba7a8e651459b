"""One valid plain request for every endpoint that the gate serves."""

import json
from typing import NamedTuple

HELLO = [{"role": "user", "content": "Hello!"}]
BOUNDARY = "the-boundary-of-a-form"
DENIED_MODEL = "o3-mini"
PICTURE = ("image", "picture.png", b"\x89PNG\r\n\x1a\nno picture")
RECORDING = ("file", "recording.wav", b"RIFF\x00\xff no recording")


class Example(NamedTuple):
    """`endpoint` is the record's name of it. `form` holds the fields of a form, and `file` the file behind them."""

    method: str
    endpoint: str
    body: dict = None
    form: dict = None
    file: tuple = None
    model: str = None
    object_id: str = None

    def __str__(self):
        return f"{self.method} {self.endpoint}"

    @property
    def permission(self):
        return "web:read" if self.method == "GET" else "web:write"

    @property
    def has_body(self):
        return self.body is not None or self.form is not None

    def path(self, model=None):
        path = self.endpoint.replace("{model}", model or self.model or "").replace("{id}", self.object_id or "")
        return f"/{path}"

    def content(self, model=None, input_file=None):
        """(content type, body), with another model where one is given."""
        model = model or self.model
        if self.form is not None:
            fields = {name: model if name == "model" else value for name, value in self.form.items()}
            file = self.file
            if self.form.get("purpose") == "batch":
                file = (*self.file[:2], batch_lines(model))
            return form_type(), form(fields, file)
        if self.body is None:
            return None, b""
        body = {name: model if name == "model" else value for name, value in self.body.items()}
        if "input_file_id" in body:
            body["input_file_id"] = input_file
        return "application/json", json.dumps(body).encode()

    def send(self, caller, model=None, content=None, mark=None, script=None, input_file=None):
        """Sends it, or another body in its place."""
        content_type, own = self.content(model, input_file)
        headers = {"Content-Type": content_type or "application/json"} if own or content else {}
        content = own if content is None else content
        return caller.send(self.method, self.path(model), mark, script, headers, content=content)


def form_type(boundary=BOUNDARY):
    return f"multipart/form-data; boundary={boundary}"


def form(fields, file, boundary=BOUNDARY, file_first=False):
    """The bytes of a form."""
    name, filename, content = file
    texts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    parts = [f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n"]
    parts = [*parts, *texts] if file_first else [*texts, *parts]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def batch_line(custom_id="1", model="gpt-4o", url="/v1/chat/completions", method="POST", **body):
    body = {"model": model, "messages": HELLO, **body}
    return {"custom_id": custom_id, "method": method, "url": url, "body": body}


def batch_lines(*models):
    """A batch's input file, a request for each model."""
    lines = [json.dumps(batch_line(f"request-{number}", model)) for number, model in enumerate(models)]
    return "".join(f"{line}\n" for line in lines).encode()


def served(method, endpoint, **more):
    body = more.get("body")
    return Example(method, endpoint, model=more.pop("model", (body or more.get("form") or {}).get("model")), **more)


COMPLETION = {"object_id": "chatcmpl-1"}
RESPONSE = {"object_id": "resp_1"}
BATCH = {"object_id": "batch_1"}
FILE = {"object_id": "file-1"}
EXAMPLES = [
    served("POST", "chat/completions", body={"model": "gpt-4o", "messages": HELLO}),
    served("GET", "chat/completions"),
    served("GET", "chat/completions/{id}", **COMPLETION),
    served("POST", "chat/completions/{id}", body={"metadata": {"a": "b"}}, **COMPLETION),
    served("DELETE", "chat/completions/{id}", **COMPLETION),
    served("GET", "chat/completions/{id}/messages", **COMPLETION),
    served("POST", "completions", body={"model": "gpt-3.5-turbo-instruct", "prompt": "Hello"}),
    served("POST", "embeddings", body={"model": "text-embedding-3-small", "input": "Hello"}),
    served("POST", "moderations", body={"model": "omni-moderation-latest", "input": "Hello"}),
    served("POST", "audio/transcriptions", form={"model": "whisper-1"}, file=RECORDING),
    served("POST", "audio/translations", form={"model": "whisper-1"}, file=RECORDING),
    served("POST", "audio/speech", body={"model": "tts-1", "input": "Hello", "voice": "alloy"}),
    served("POST", "images/generations", body={"model": "gpt-image-1", "prompt": "a lake"}),
    served("POST", "images/edits", form={"model": "gpt-image-1", "prompt": "a lake"}, file=PICTURE),
    served("POST", "images/variations", form={"model": "dall-e-2", "n": "1"}, file=PICTURE),
    served("GET", "models"),
    served("GET", "models/{model}", model="gpt-4o"),
    served(
        "POST",
        "batches",
        body={"input_file_id": None, "endpoint": "/v1/chat/completions", "completion_window": "24h"},
    ),
    served("GET", "batches"),
    served("GET", "batches/{id}", **BATCH),
    served("POST", "batches/{id}/cancel", body={}, **BATCH),
    served("POST", "files", form={"purpose": "user_data"}, file=("file", "notes.txt", b"some notes")),
    served("POST", "files", form={"purpose": "batch"}, file=("file", "batch.jsonl", b""), model="gpt-4o"),
    served("GET", "files"),
    served("GET", "files/{id}", **FILE),
    served("DELETE", "files/{id}", **FILE),
    served("GET", "files/{id}/content", **FILE),
    served("POST", "responses", body={"model": "gpt-4o", "input": "Hello"}),
    served("GET", "responses/{id}", **RESPONSE),
    served("DELETE", "responses/{id}", **RESPONSE),
    served("POST", "responses/{id}/cancel", body={}, **RESPONSE),
    served("GET", "responses/{id}/input_items", **RESPONSE),
]
