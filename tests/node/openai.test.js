// The official `openai` package for Node.js, unchanged, through the gate.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { Gateway, PROVIDER_KEY } from './gateway.js';

const HELLO = [{ role: 'user', content: 'Hello!' }];
const ANSWER = 'Hello from the upstream — with an é.';
const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Get current weather for a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

let gateway;
let client;

const clientWith = (apiKey, options) =>
  new OpenAI({
    apiKey,
    baseURL: `${gateway.url}/api/v1/openai/v1`,
    defaultHeaders: { 'X-OpenAI-Key': PROVIDER_KEY },
    maxRetries: 0,
    timeout: 15_000,
    ...options,
  });

const scripted = (script) => ({ headers: { 'x-script': JSON.stringify(script) } });

before(async () => {
  gateway = await Gateway.start();
  client = clientWith(await gateway.createAgent('node-agent'));
}, { timeout: 60_000 });

after(() => gateway?.stop());

test('a chat completion arrives whole', async () => {
  const answer = await client.chat.completions.create({ model: 'gpt-4o', messages: HELLO });
  assert.equal(answer.choices[0].message.content, ANSWER);
  assert.equal(answer.usage.total_tokens, 18);
});

test('the provider sees its key and nothing of ours', async () => {
  await client.chat.completions.create({ model: 'gpt-4o', messages: HELLO, user: 'keys' });
  const call = (await gateway.received()).find(({ body }) => body.includes('"user":"keys"'));
  const headers = new Headers(call.headers);
  assert.equal(headers.get('authorization'), `Bearer ${PROVIDER_KEY}`);
  assert.equal(headers.get('x-openai-key'), null);
});

test('a streamed chat completion arrives in chunks', async () => {
  const stream = await client.chat.completions.create({ model: 'gpt-4o', messages: HELLO, stream: true });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), ANSWER);
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.ok(chunks.every((chunk) => chunk.usage === undefined));
});

test('a stream tells its usage to a client that asks', async () => {
  const stream = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: HELLO,
    stream: true,
    stream_options: { include_usage: true },
  });
  let last;
  for await (const chunk of stream) last = chunk;
  assert.equal(last.usage.completion_tokens, 7);
});

test('a client that aborts a stream cancels the upstream call', async () => {
  const stream = await client.chat.completions.create(
    { model: 'gpt-4o', messages: HELLO, stream: true, user: 'aborts' },
    scripted({ do: 'stall' }),
  );
  for await (const _chunk of stream) break;
  stream.controller.abort();
  const abortedAt = Date.now();
  for (;;) {
    const call = (await gateway.received()).find(({ body }) => body.includes('"user":"aborts"'));
    if (call.hung_up) break;
    assert.ok(Date.now() - abortedAt < 1000, 'the upstream call ran on for a second');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('a tool call goes round', async () => {
  const answer = await client.chat.completions.create({ model: 'gpt-4o', messages: HELLO, tools: [WEATHER] });
  const [call] = answer.choices[0].message.tool_calls;
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['get_weather', { city: 'London' }]);
  const messages = [...HELLO, answer.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'rain' }];
  const last = await client.chat.completions.create({ model: 'gpt-4o', messages, tools: [WEATHER] });
  assert.equal(last.choices[0].message.content, ANSWER);
});

test('a streamed tool call is put together by the helper of the package', async () => {
  const runner = client.chat.completions.stream({ model: 'gpt-4o', messages: HELLO, tools: [WEATHER] });
  const answer = await runner.finalChatCompletion();
  assert.deepEqual(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments), { city: 'London' });
});

test('models lists only what the agent may use', async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names.sort(), ['gpt-4o', 'gpt-4o-mini']);
});

test('a denied model is a PermissionDeniedError with its code and is not retried', async () => {
  const before = (await gateway.received()).length;
  await assert.rejects(
    clientWith(client.apiKey, { maxRetries: 2 }).chat.completions.create({ model: 'o3-mini', messages: HELLO }),
    (error) => error instanceof OpenAI.PermissionDeniedError && error.code === 'model_not_allowed',
  );
  assert.equal((await gateway.received()).length, before);
});

test('a wrong token is an AuthenticationError', async () => {
  await assert.rejects(
    clientWith('wrong').chat.completions.create({ model: 'gpt-4o', messages: HELLO }),
    (error) => error instanceof OpenAI.AuthenticationError && error.code === 'invalid_agent_token',
  );
});

test("the provider's rate limit is a RateLimitError with its retry-after", async () => {
  await assert.rejects(
    client.chat.completions.create(
      { model: 'gpt-4o', messages: HELLO },
      scripted({ status: 429, headers: [['retry-after', '7']] }),
    ),
    (error) => error instanceof OpenAI.RateLimitError && error.headers.get('retry-after') === '7',
  );
});

test('an upstream that is cut before its answer is an InternalServerError', async () => {
  await assert.rejects(
    client.chat.completions.create({ model: 'gpt-4o', messages: HELLO }, scripted({ do: 'reset_head' })),
    (error) => error instanceof OpenAI.InternalServerError && error.status === 502,
  );
});

test('a stream that is cut in the middle is an error, not an end', async () => {
  const stream = await client.chat.completions.create(
    { model: 'gpt-4o', messages: HELLO, stream: true },
    scripted({ do: 'cut' }),
  );
  await assert.rejects(async () => {
    for await (const _chunk of stream);
  });
});
