// The page of AppContexts and detection keys, as an administrator uses it. The tests tell one story and run in order.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit, picture, states } from '../node/browser.js';
import { Desk, answerOf } from '../node/desk.js';
import { PROVIDER_KEY, eventually } from '../node/gateway.js';

const CONTEXT = 'analysis';
const AGENT = 'report-writer';
const NOT_PERMITTED = /not permitted by your API key's policy/;

let desk;
let key;

before(async () => {
  desk = await Desk.start();
  await desk.api('POST', '/agents', { name: AGENT, roles: ['developer'] });
}, { timeout: 60_000 });

after(() => desk?.stop());

const call = (model, detectionKey = key) => answerOf({
  apiKey: PROVIDER_KEY, baseURL: `${desk.gateway.url}/v1`, defaultHeaders: { 'X-Detection-Key': detectionKey },
}, model);
const context = () => desk.api('GET', `/app-contexts/${CONTEXT}`);

test('an AppContext is made, with its models, detectors and limits', async () => {
  const { page } = desk;
  await desk.open('contexts');
  await page.getByText('No AppContexts yet').waitFor();
  await page.locator('.notice').getByRole('button', { name: 'New AppContext' }).click();
  await desk.input('name').fill(CONTEXT);
  await desk.input('allowed_models').fill('gpt-4o*\no3-mini\n');
  await desk.input('detectors').fill('type:PII_*');
  await desk.input('monthly_requests').fill('50000');
  await audit(page, 'the form of a new AppContext');
  await picture(page, 'contexts-new');
  await desk.press('Create');
  await desk.field('allowed_models').waitFor();
  const made = await context();
  assert.deepEqual(made.allowed_models, ['gpt-4o*', 'o3-mini']);
  assert.deepEqual(made.detectors, ['type:PII_*']);
  assert.equal(made.limits.monthly_requests, 50_000);
});

test('a key for it is shown once, in programs, and makes a real call', async () => {
  const { page } = desk;
  await desk.deed('New key').click();
  assert.equal(await desk.input('app_context').inputValue(), CONTEXT);
  await desk.press('Create');
  await desk.dialog().filter({ hasText: `A key for ${AGENT}` }).waitFor();
  key = await desk.dialog().locator('.secret code').textContent();
  assert.match(key, /^detect_live_/);
  const code = desk.dialog().getByRole('region', { name: 'Python' });
  await code.waitFor();
  assert.ok((await code.textContent()).includes(key));
  await audit(page, 'a new key');
  await picture(page, 'contexts-key');
  await desk.finish();
  assert.ok(!(await page.content()).includes(key), 'the key is gone with its dialog');
  await eventually(async () => (await call('gpt-4o')) === 'answered', 'an answer');
  assert.match(await call('gpt-4.1'), NOT_PERMITTED);
  await desk.gateway.records(AGENT, 2);
});

test('what is changed holds at once, and what does not change stays', async () => {
  await desk.open(`contexts?id=${CONTEXT}`);
  await desk.page.locator('.calls', { hasText: AGENT }).waitFor();
  await desk.row(CONTEXT).filter({ hasText: /now|ago/ }).waitFor();
  await audit(desk.page, 'an AppContext');
  await picture(desk.page, 'contexts-detail');
  await desk.deed('Edit').click();
  await desk.input('provider_key').fill('nobody');
  await desk.press('Save');
  await desk.dialog().getByRole('alert').filter({ hasText: 'provider_keys.nobody' }).waitFor();
  await desk.input('provider_key').fill('');
  await desk.input('allowed_models').fill('o3-mini');
  await desk.press('Save');
  await desk.told('is changed');
  const { allowed_models: models, detectors } = await context();
  assert.deepEqual([models, detectors], [['o3-mini'], ['type:PII_*']]);
  await eventually(async () => NOT_PERMITTED.test(await call('gpt-4o')), 'a refusal');
});

test('a key is given an end, and a new one', async () => {
  await desk.page.locator('.calls a').first().click();
  await desk.field('agent').waitFor();
  assert.match(desk.page.url(), /show=keys/);
  await audit(desk.page, 'a key');
  await picture(desk.page, 'contexts-key-detail');
  await desk.deed('Set its end').click();
  await desk.input('at').selectOption('now');
  await desk.press('Save');
  await desk.row(AGENT).filter({ hasText: 'Expired' }).waitFor();
  await eventually(async () => !NOT_PERMITTED.test(await call('o3-mini')) && (await call('o3-mini')) !== 'answered', 'a refusal');
  await desk.deed('Set its end').click();
  await desk.input('at').selectOption('30d');
  await desk.press('Save');
  await desk.row(AGENT).filter({ hasText: 'Active' }).waitFor();
  await eventually(async () => (await call('o3-mini')) === 'answered', 'an answer');
});

test('a revoked key, and a revoked AppContext, are done with for good', async () => {
  await desk.confirm('Revoke');
  await desk.row(AGENT).filter({ hasText: 'Revoked' }).waitFor();
  await eventually(async () => (await call('o3-mini')) !== 'answered', 'a refusal');
  assert.match(await desk.deed('Revoke').getAttribute('aria-description'), /for good/);
  await desk.page.getByRole('link', { name: 'AppContexts', exact: true }).click();
  await desk.row(CONTEXT).click();
  await desk.deed('Revoke').click();
  assert.match(await desk.dialog().textContent(), /0 active keys[^]*no way back/);
  await desk.press('Revoke');
  await desk.row(CONTEXT).filter({ hasText: 'Revoked' }).waitFor();
  assert.ok((await context()).revoked_at);
});

test('every state is fit to look at', async () => {
  const [lists, keysOf] = ['**/api/v1/app-contexts', '**/api/v1/keys'];
  const one = await context();
  const { keys: [aKey] } = await desk.api('GET', '/keys');
  const contexts = Array.from({ length: 200 }, (_, at) => ({
    ...one, id: `ac_${at}`, name: `place-of-use-with-a-long-name-${at}`, revoked_at: at % 7 ? null : one.created_at, last_call_at: one.created_at,
    allowed_models: ['gpt-4o*', 'o3-mini', '(whisper-1|text-embedding-3-*)'].slice(at % 4), provider_key: at % 3 ? null : 'team_a',
  }));
  const keys = Array.from({ length: 300 }, (_, at) => ({
    ...aKey, id: `key-${at}`, app_context_id: `ac_${at % 200}`, app_context: `place-of-use-with-a-long-name-${at % 200}`, state: ['active', 'active', 'expired', 'revoked'][at % 4],
  }));
  const loading = (page) => page.locator('.skeleton').waitFor();
  const error = (page) => page.getByText('The database does not answer.').waitFor();
  await desk.open('contexts');
  await states(desk.page, 'contexts', {
    empty: { routes: { [lists]: { app_contexts: [] } }, ready: (page) => page.getByText('No AppContexts yet').waitFor() },
    loading: { routes: { [lists]: 'hang' }, ready: loading },
    error: { routes: { [lists]: 'fail' }, ready: error },
    crowded: { routes: { [lists]: { app_contexts: contexts }, [keysOf]: { keys } }, ready: (page) => page.getByText('200 AppContexts').waitFor() },
  });
  await desk.row(CONTEXT).waitFor();
  await audit(desk.page, 'the AppContexts');
  await desk.open('contexts?show=keys');
  await states(desk.page, 'keys', {
    empty: { routes: { [keysOf]: { keys: [] } }, ready: (page) => page.getByText('No keys yet').waitFor() },
    loading: { routes: { [keysOf]: 'hang' }, ready: loading },
    error: { routes: { [keysOf]: 'fail' }, ready: error },
    crowded: { routes: { [keysOf]: { keys } }, ready: (page) => page.getByText('300 keys').waitFor() },
  });
  await desk.row(AGENT).waitFor();
  await audit(desk.page, 'the keys');
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(desk.complaints, []);
});
