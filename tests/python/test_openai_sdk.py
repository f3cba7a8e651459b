"""The official `openai` package, unchanged, through the gate."""

import asyncio
import json

import answers
import openai
import pytest

from gateway import AGENT_PATH, PROVIDER_KEY

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get current weather for a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
HELLO = [{"role": "user", "content": "Hello!"}]


def options(gate, agent):
    return {
        "base_url": gate.url + AGENT_PATH,
        "api_key": agent.token,
        "default_headers": {"X-OpenAI-Key": PROVIDER_KEY},
        "max_retries": 0,
        "timeout": 15,
    }


@pytest.fixture
def client(gate, agent_of):
    return openai.OpenAI(**options(gate, agent_of(gate)))


def script(**fields):
    return {"x-script": json.dumps(fields)}


def test_a_chat_completion_arrives_whole(client):
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert answer.choices[0].message.content == answers.text_of({})
    assert answer.usage.total_tokens == 18


def test_a_streamed_chat_completion_arrives_in_chunks(client):
    stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == answers.text_of({})
    assert len(chunks) == 7
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_tells_its_usage_to_a_client_that_asks(client):
    stream = client.chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    last = list(stream)[-1]
    assert last.choices == []
    assert last.usage.completion_tokens == 7


def test_a_tool_call_goes_round(client):
    messages = list(HELLO)
    answer = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER])
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "London"})
    messages += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    answer = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content == answers.text_of({})


def test_a_streamed_tool_call_arrives_in_deltas(client):
    stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[WEATHER], stream=True)
    deltas = [chunk.choices[0].delta.tool_calls[0] for chunk in stream if chunk.choices[0].delta.tool_calls]
    assert deltas[0].function.name == "get_weather"
    assert json.loads("".join(delta.function.arguments for delta in deltas)) == {"city": "London"}


def test_the_streaming_helper_of_the_package_works(client):
    with client.chat.completions.stream(model="gpt-4o", messages=HELLO) as stream:
        stream.until_done()
        assert stream.get_final_completion().choices[0].message.content == answers.text_of({})


def test_the_async_client_works_whole_and_streamed(gate, agent_of):
    async def both():
        async with openai.AsyncOpenAI(**options(gate, agent_of(gate))) as client:
            whole = await client.chat.completions.create(model="gpt-4o", messages=HELLO)
            stream = await client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
            parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return whole.choices[0].message.content, "".join(parts)

    assert asyncio.run(both()) == (answers.text_of({}), answers.text_of({}))


def test_many_calls_at_once_all_get_their_own_answer(gate, agent_of):
    async def ask(client, number):
        text = f"answer {number}"
        answer = await client.chat.completions.create(
            model="gpt-4o", messages=HELLO, extra_headers=script(text=text, delay_ms=number % 7)
        )
        return answer.choices[0].message.content == text

    async def all_of_them():
        async with openai.AsyncOpenAI(**options(gate, agent_of(gate))) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(50)))

    assert all(asyncio.run(all_of_them()))


def test_completions_arrive_whole_and_streamed(client):
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "Say hello"}
    assert client.completions.create(**body).choices[0].text == answers.text_of({})
    chunks = list(client.completions.create(**body, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == answers.text_of({})


def test_embeddings_arrive(client):
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    assert [entry.embedding for entry in answer.data] == [[0.0, 0.5, 1.0]] * 2


def test_models_lists_only_what_the_agent_may_use(client):
    names = {model.id for model in client.models.list()}
    assert names == {"gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo", "text-embedding-3-small"}


def test_a_denied_model_is_a_permission_error_with_its_code_and_is_not_retried(gate, agent_of, upstream):
    client = openai.OpenAI(**{**options(gate, agent_of(gate)), "max_retries": 2})
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model="o3-mini", messages=HELLO, extra_headers={"x-mark": "denied-model"})
    assert caught.value.code == "model_not_allowed"
    assert not upstream.saw("denied-model")


def test_a_wrong_token_is_an_authentication_error(gate, agent_of):
    client = openai.OpenAI(**{**options(gate, agent_of(gate)), "api_key": "wrong"})
    with pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert caught.value.code == "invalid_agent_token"


def test_the_providers_rate_limit_is_a_rate_limit_error(client):
    error = json.dumps(answers.error("Rate limit reached", "requests", "rate_limit_exceeded"))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(
            model="gpt-4o", messages=HELLO, extra_headers=script(status=429, body=error, headers=[["retry-after", "7"]])
        )
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "7"


def test_an_error_event_in_mid_stream_is_an_api_error(client):
    stream = client.chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, extra_headers=script(do="sse_error")
    )
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == "mid_stream"
