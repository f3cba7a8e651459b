"""What an OpenAI-shaped provider answers, as bytes.

Owns the shapes of answers and streams; it never touches a socket, so tests can build the bytes that a client must
see and compare them with those that it saw.
"""

import json

CREATED = 1_700_000_000
MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo", "o3-mini", "text-embedding-3-small", "acme-unlisted"]
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def compact(value):
    """JSON as the provider writes it: no spaces, text unescaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pieces_of(text, wanted):
    """The text in at most `wanted` pieces, none of them empty."""
    size = max(1, -(-len(text) // wanted))
    return [text[at : at + size] for at in range(0, len(text), size)]


def tool_call(script):
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments_of(script)},
    }


def arguments_of(script):
    return script.get("arguments", '{"city":"London"}') * script.get("times", 1)


def text_of(script):
    return script.get("text", "Hello from the upstream — with an é.")


def chat_completion(request, script):
    """A whole chat completion. A call that offers tools gets a tool call, unless a tool has answered already."""
    message = {"role": "assistant", "content": text_of(script), "refusal": None}
    finish_reason = "stop"
    if wants_tool_call(request):
        message = {"role": "assistant", "content": None, "tool_calls": [tool_call(script)], "refusal": None}
        finish_reason = "tool_calls"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": f"{request.get('model')}-2024-08-06",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
        "usage": USAGE,
        "system_fingerprint": "fp_test",
    }


def wants_tool_call(request):
    messages = request.get("messages") or []
    answered = any(message.get("role") == "tool" for message in messages if isinstance(message, dict))
    return bool(request.get("tools")) and not answered


def completion(request, script):
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": CREATED,
        "model": request.get("model"),
        "choices": [{"text": text_of(script), "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def embeddings(request, _script):
    given = request.get("input")
    count = len(given) if isinstance(given, list) else 1
    # The official SDK asks for base64 unless told otherwise: three little-endian floats 0.0, 0.5, 1.0.
    vector = "AAAAAAAAAD8AAIA/" if request.get("encoding_format") == "base64" else [0.0, 0.5, 1.0]
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": vector} for index in range(count)],
        "model": request.get("model"),
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }


def models(_request, _script):
    return {"object": "list", "data": [model(name) for name in MODELS]}


def model(name):
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "test"}


def chat_deltas(request, script):
    """(delta, finish_reason) of every chunk of a streamed chat completion."""
    count = script.get("chunks", 5)
    if wants_tool_call(request):
        call = tool_call(script)
        yield {"role": "assistant", "content": None}, None
        first = {"index": 0, "id": call["id"], "type": "function", "function": {"name": "get_weather", "arguments": ""}}
        yield {"tool_calls": [first]}, None
        for piece in pieces_of(call["function"]["arguments"], count):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}, None
        yield {}, "tool_calls"
        return
    yield {"role": "assistant", "content": "", "refusal": None}, None
    for piece in pieces_of(text_of(script), count):
        yield {"content": piece}, None
    yield {}, "stop"


def events(endpoint, request, script, include_usage=None):
    """The SSE events of a streamed answer, each with its blank line, `[DONE]` last.

    As the provider does: `usage` appears only when `stream_options.include_usage` was asked, null in every chunk but
    one more chunk without choices at the end.
    """
    if include_usage is None:
        include_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    chat = endpoint == "chat/completions"

    def event(choices, usage=None):
        chunk = {
            "id": "chatcmpl-1" if chat else "cmpl-1",
            "object": "chat.completion.chunk" if chat else "text_completion",
            "created": CREATED,
            "model": f"{request.get('model')}-2024-08-06",
            "choices": choices,
        }
        if include_usage:
            chunk["usage"] = usage
        return f"data: {compact(chunk)}\n\n".encode()

    if chat:
        for delta, finish_reason in chat_deltas(request, script):
            yield event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}])
    else:
        for piece in pieces_of(text_of(script), script.get("chunks", 5)):
            yield event([{"text": piece, "index": 0, "logprobs": None, "finish_reason": None}])
        yield event([{"text": "", "index": 0, "logprobs": None, "finish_reason": "stop"}])
    if include_usage:
        yield event([], USAGE)
    yield b"data: [DONE]\n\n"


def error(message, kind, code):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
