// What the official Node SDK makes of blocked, redacted and cut answers.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { Gateway, POLICY, PROVIDER_KEY } from './gateway.js';

const BLOCKED = 'Content blocked due to policy violations';
const RULES = `
[[rule]]
id = "codename"
type = "CUSTOM_CODENAME"
severity = "HIGH"
keywords = ["project nightjar"]
action = "block"
matches = ["Project Nightjar"]
clean = ["a nightjar"]

[[rule]]
id = "mail"
type = "PII_EMAIL"
severity = "MEDIUM"
pattern = '[a-z.]{1,40}@[a-z]{1,40}\\.[a-z]{2,6}'
action = "redact"
matches = ["ann@acme.dev"]
clean = ["@acme"]
`;

describe('screening', () => {
  let gateway, token, home;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'portcullis-rules-'));
    const file = join(home, 'detections.toml');
    await writeFile(file, RULES);
    gateway = await Gateway.start(`${POLICY}p3, developer, get_time, deny\n`, { PORTCULLIS_DETECTION__FILE: file });
    token = await gateway.createAgent('screened');
  });
  after(async () => {
    await gateway.stop();
    await rm(home, { recursive: true });
  });

  const client = (script = {}) =>
    new OpenAI({
      baseURL: `${gateway.url}/api/v1/openai/v1`,
      apiKey: token,
      maxRetries: 0,
      defaultHeaders: { 'X-OpenAI-Key': PROVIDER_KEY, 'x-script': JSON.stringify(script) },
    });
  const ask = (content, more = {}) => ({ model: 'gpt-4o', messages: [{ role: 'user', content }], ...more });

  it('reads a blocked prompt as a completion with a content filter', async () => {
    const { choices } = await client().chat.completions.create(ask('about Project Nightjar'));
    assert.equal(choices[0].finish_reason, 'content_filter');
    assert.equal(choices[0].message.content, BLOCKED);
  });

  it('reads a blocked prompt in a stream', async () => {
    const reasons = [];
    for await (const chunk of await client().chat.completions.create(ask('Project Nightjar', { stream: true }))) {
      reasons.push(chunk.choices[0]?.finish_reason);
    }
    assert.equal(reasons.at(-1), 'content_filter');
  });

  it('reads a stream that is cut before the first violating byte', async () => {
    const script = { text: 'It is Project Nightjar indeed.', chunks: 9 };
    let text = '', reason;
    for await (const chunk of await client(script).chat.completions.create(ask('hi', { stream: true }))) {
      text += chunk.choices[0]?.delta?.content ?? '';
      reason = chunk.choices[0]?.finish_reason ?? reason;
    }
    assert.equal(reason, 'content_filter');
    assert.ok(!text.includes('Night'), text);
  });

  it('reads what was redacted in flight, by the helper too', async () => {
    const script = { text: 'Ask ann@acme.dev now.', chunks: 12 };
    const runner = client(script).chat.completions.stream(ask('hi'));
    const final = await runner.finalChatCompletion();
    assert.equal(final.choices[0].message.content, 'Ask [REDACTED:PII_EMAIL] now.');
  });

  it('reads responses that are redacted and blocked', async () => {
    const script = { text: 'Ask ann@acme.dev now.', chunks: 5 };
    const whole = await client(script).responses.create({ model: 'gpt-4o', input: 'hi' });
    assert.equal(whole.output_text, 'Ask [REDACTED:PII_EMAIL] now.');
    let last;
    for await (const event of await client(script).responses.create({ model: 'gpt-4o', input: 'hi', stream: true })) last = event;
    assert.equal(last.type, 'response.completed');
    assert.equal(last.response.output[0].content[0].text, 'Ask [REDACTED:PII_EMAIL] now.');
    const blocked = await client().responses.create({ model: 'gpt-4o', input: 'Project Nightjar' });
    assert.equal(blocked.incomplete_details.reason, 'content_filter');
  });

  it('offers no tool that the policy denies', async () => {
    const tool = (name) => ({ type: 'function', function: { name, parameters: { type: 'object' } } });
    const { choices } = await client().chat.completions.create(ask('hi', { tools: [tool('get_time')] }));
    assert.equal(choices[0].finish_reason, 'stop');
    const forced = ask('hi', { tools: [tool('get_time')], tool_choice: { type: 'function', function: { name: 'get_time' } } });
    await assert.rejects(client().chat.completions.create(forced), (error) => error.status === 403 && error.code === 'tool_not_allowed');
  });
});
