// The official `openai` package for Node.js calls every endpoint on both surfaces; each call has its record.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { Gateway, POLICY, PROVIDER_KEY } from './gateway.js';

const HELLO = [{ role: 'user', content: 'Hello!' }];
const ANSWER = 'Hello from the upstream — with an é.';
const TRANSCRIPT = 'Hello from the recording.';
const CHAT = { model: 'gpt-4o', messages: HELLO };
const COMPLETION = { model: 'gpt-3.5-turbo-instruct', prompt: 'Hello' };
const BATCH_LINE = { custom_id: '1', method: 'POST', url: '/v1/chat/completions', body: CHAT };
const MODELS = 'p, developer, (gpt-3.5-*|text-embedding-3-*|omni-*|whisper-1|tts-1|dall-e-2|gpt-image-1), allow\n';

const file = (name, type, text = 'some bytes') => toFile(Buffer.from(text), name, { type });
const recording = () => file('recording.wav', 'audio/wav');
const picture = () => file('picture.png', 'image/png');
const upload = async (client, purpose = 'user_data') =>
  client.files.create({ file: await file('input.jsonl', 'application/jsonl', JSON.stringify(BATCH_LINE)), purpose });

/** Everything that a page, or a stream, gives. */
async function all(given) {
  const items = [];
  for await (const item of await given) items.push(item);
  return items;
}
const ids = async (page) => (await all(page)).map(({ id }) => id);
const types = async (stream) => (await all(stream)).map(({ type }) => type);
const text = async (stream, of) => (await all(stream)).map((part) => of(part) ?? '').join('');

/** Every endpoint: [method, endpoint, model, call, what its answer must say]. */
const CALLS = [
  ['POST', 'chat/completions', 'gpt-4o', async (c) =>
    (await c.chat.completions.create(CHAT)).choices[0].message.content, ANSWER],
  ['POST', 'chat/completions', 'gpt-4o', (c) =>
    text(c.chat.completions.create({ ...CHAT, stream: true }), (it) => it.choices[0].delta.content),
  ANSWER],
  ['GET', 'chat/completions', null, (c) => ids(c.chat.completions.list()), ['chatcmpl-1']],
  ['GET', 'chat/completions/{id}', null, async (c) =>
    (await c.chat.completions.retrieve('chatcmpl-7')).id, 'chatcmpl-7'],
  ['POST', 'chat/completions/{id}', null, async (c) =>
    (await c.chat.completions.update('chatcmpl-7', { metadata: { a: 'b' } })).metadata, { a: 'b' }],
  ['DELETE', 'chat/completions/{id}', null, async (c) => (await c.chat.completions.delete('chatcmpl-7')).deleted, true],
  ['GET', 'chat/completions/{id}/messages', null, (c) =>
    ids(c.chat.completions.messages.list('chatcmpl-7')), ['chatcmpl-7-0']],
  ['POST', 'completions', 'gpt-3.5-turbo-instruct', async (c) =>
    (await c.completions.create(COMPLETION)).choices[0].text, ANSWER],
  ['POST', 'completions', 'gpt-3.5-turbo-instruct', (c) =>
    text(c.completions.create({ ...COMPLETION, stream: true }), (it) => it.choices[0].text),
  ANSWER],
  ['POST', 'embeddings', 'text-embedding-3-small', async (c) =>
    (await c.embeddings.create({ model: 'text-embedding-3-small', input: 'Hello' })).data[0].embedding, [0, 0.5, 1]],
  ['POST', 'moderations', 'omni-moderation-latest', async (c) =>
    (await c.moderations.create({ model: 'omni-moderation-latest', input: 'Hello' })).results[0].flagged, false],
  ['POST', 'audio/transcriptions', 'whisper-1', async (c) =>
    (await c.audio.transcriptions.create({ model: 'whisper-1', file: await recording() })).text, TRANSCRIPT],
  ['POST', 'audio/transcriptions', 'whisper-1', async (c) =>
    (await types(c.audio.transcriptions.create({ model: 'whisper-1', file: await recording(), stream: true }))).at(-1),
  'transcript.text.done'],
  ['POST', 'audio/translations', 'whisper-1', async (c) =>
    (await c.audio.translations.create({ model: 'whisper-1', file: await recording() })).text, TRANSCRIPT],
  ['POST', 'audio/speech', 'tts-1', async (c) => {
    const speech = await c.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Hello' });
    return (await speech.text()).slice(0, 4);
  }, 'RIFF'],
  ['POST', 'images/generations', 'gpt-image-1', async (c) =>
    (await c.images.generate({ model: 'gpt-image-1', prompt: 'a lake', n: 2 })).data.length, 2],
  ['POST', 'images/generations', 'gpt-image-1', (c) =>
    types(c.images.generate({ model: 'gpt-image-1', prompt: 'a lake', partial_images: 1, stream: true })),
  ['image_generation.partial_image', 'image_generation.completed']],
  ['POST', 'images/edits', 'gpt-image-1', async (c) => {
    const image = [await picture(), await picture()];
    return (await c.images.edit({ model: 'gpt-image-1', prompt: 'a lake', image })).data.length;
  }, 1],
  ['POST', 'images/variations', 'dall-e-2', async (c) =>
    (await c.images.createVariation({ model: 'dall-e-2', image: await picture() })).data.length, 1],
  ['GET', 'models', null, (c) => ids(c.models.list()),
    ['gpt-4o', 'gpt-4o-mini', 'gpt-3.5-turbo', 'text-embedding-3-small']],
  ['GET', 'models/{model}', 'gpt-4o', async (c) => (await c.models.retrieve('gpt-4o')).id, 'gpt-4o'],
  ['POST', 'files', null, async (c) => (await upload(c)).purpose, 'user_data'],
  ['GET', 'files', null, (c) => ids(c.files.list()), ['file-1']],
  ['GET', 'files/{id}', null, async (c) => (await c.files.retrieve('file-7')).id, 'file-7'],
  ['GET', 'files/{id}/content', null, async (c) => (await c.files.content('file-7')).text(), ANSWER],
  ['DELETE', 'files/{id}', null, async (c) => (await c.files.delete('file-7')).deleted, true],
  ['POST', 'batches', 'gpt-4o', async (c) => {
    const { id } = await upload(c, 'batch');
    const batch = { input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' };
    return (await c.batches.create(batch)).object;
  }, 'batch'],
  ['GET', 'batches', null, (c) => ids(c.batches.list()), ['batch_1']],
  ['GET', 'batches/{id}', null, async (c) => (await c.batches.retrieve('batch_7')).id, 'batch_7'],
  ['POST', 'batches/{id}/cancel', null, async (c) => (await c.batches.cancel('batch_7')).status, 'cancelling'],
  ['POST', 'responses', 'gpt-4o', async (c) =>
    (await c.responses.create({ model: 'gpt-4o', input: 'Hello' })).output_text, ANSWER],
  ['POST', 'responses', 'gpt-4o', async (c) => {
    const stream = c.responses.stream({ model: 'gpt-4o', input: 'Hello' });
    assert.deepEqual((await types(stream)).at(-1), 'response.completed');
    return (await stream.finalResponse()).output_text;
  }, ANSWER],
  ['GET', 'responses/{id}', null, async (c) => (await c.responses.retrieve('resp_7')).output_text, ANSWER],
  ['POST', 'responses/{id}/cancel', null, async (c) => (await c.responses.cancel('resp_7')).status, 'cancelled'],
  ['GET', 'responses/{id}/input_items', null, (c) => ids(c.responses.inputItems.list('resp_7')), ['msg_0']],
  ['DELETE', 'responses/{id}', null, async (c) => c.responses.delete('resp_7').then(() => 'done'), 'done'],
];

let gateway;
const clients = {};

before(async () => {
  gateway = await Gateway.start(`${POLICY}${MODELS}`);
  const options = { maxRetries: 0, timeout: 15_000 };
  clients.agent = new OpenAI({
    ...options,
    apiKey: await gateway.createAgent('agent-caller'),
    baseURL: `${gateway.url}/api/v1/openai/v1`,
    defaultHeaders: { 'X-OpenAI-Key': PROVIDER_KEY },
  });
  await gateway.createAgent('key-caller');
  // The reference page's snippet but for host and keys.
  clients.detection_key = new OpenAI({
    ...options,
    apiKey: PROVIDER_KEY,
    baseURL: `${gateway.url}/v1`,
    defaultHeaders: {
      'X-Detection-Key': await gateway.createKey('key-caller', '!(o3-mini|acme-unlisted)'),
    },
  });
}, { timeout: 60_000 });

after(() => gateway?.stop());

for (const surface of ['agent', 'detection_key']) {
  describe(surface, () => {
    const decisions = [];

    /** The client, telling the id of its last call's record. */
    function listening() {
      let decision;
      const client = clients[surface].withOptions({
        fetch: async (...request) => {
          const reply = await fetch(...request);
          decision = reply.headers.get('x-portcullis-decision');
          return reply;
        },
      });
      return { client, last: () => decision };
    }

    for (const [method, endpoint, model, call, expected] of CALLS) {
      test(`${method} ${endpoint}`, async () => {
        const { client, last } = listening();
        assert.deepEqual(await call(client), expected);
        decisions.push([last(), { action: method, endpoint, model, surface, outcome: 'completed' }]);
      });
    }

    test('each of these calls is recorded as what it was', async () => {
      assert.equal(decisions.length, CALLS.length);
      const name = surface === 'agent' ? 'agent-caller' : 'key-caller';
      // The batch's upload is a call too, and making a key leaves one.
      const records = await gateway.records(name, CALLS.length + (surface === 'agent' ? 1 : 2));
      for (const [id, expected] of decisions) {
        const { action, endpoint, model, surface: door, outcome } = records.find((record) => record.id === id);
        assert.deepEqual({ action, endpoint, model, surface: door, outcome }, expected);
      }
    });

    test('a denied model is a PermissionDeniedError and reaches nobody', async () => {
      const before = (await gateway.received()).length;
      await assert.rejects(
        clients[surface].responses.create({ model: 'o3-mini', input: 'Hello' }),
        (error) => {
          assert.ok(error instanceof OpenAI.PermissionDeniedError);
          if (surface === 'agent') return error.code === 'model_not_allowed';
          return error.message.includes("The requested model is not permitted by your API key's policy.");
        },
      );
      assert.equal((await gateway.received()).length, before);
    });
  });
}

test('a wrong detection key is an AuthenticationError that says so', async () => {
  const client = clients.detection_key.withOptions({ defaultHeaders: { 'X-Detection-Key': 'detect_live_wrong' } });
  await assert.rejects(
    client.models.list(),
    (error) => error instanceof OpenAI.AuthenticationError && error.message.includes('Invalid detection key'),
  );
});
