// The page of agents, as an administrator uses it. The tests tell one story and run in order.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit, picture, states } from '../node/browser.js';
import { Desk, answerOf } from '../node/desk.js';
import { POLICY, PROVIDER_KEY, eventually } from '../node/gateway.js';

const NAME = 'docs-helper';

let desk;
let clientId;
let secret;

before(async () => {
  desk = await Desk.start(`${POLICY}p, reader, gpt-4o-mini, allow\n`);
  await desk.api('POST', '/agents', { name: 'night-batch', roles: ['reader'], agent_type: 'autonomous' });
}, { timeout: 60_000 });

after(() => desk?.stop());

/** What the token endpoint says to these credentials. */
async function token(client_secret = secret) {
  const reply = await fetch(`${desk.gateway.url}/api/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: clientId, client_secret, grant_type: 'client_credentials' }),
  });
  return { status: reply.status, ...(await reply.json()) };
}

const call = (apiKey) => answerOf({
  apiKey, baseURL: `${desk.gateway.url}/api/v1/openai/v1`, defaultHeaders: { 'X-OpenAI-Key': PROVIDER_KEY },
});

const shownSecret = () => desk.dialog().locator('.secret code').textContent();
const status = async () => (await desk.api('GET', `/agents/${NAME}`)).status;

test('an agent is made: its secret is shown once, in programs that call', async () => {
  const { page } = desk;
  await desk.open('agents');
  await desk.row('night-batch').waitFor();
  await page.getByRole('button', { name: 'New agent' }).click();
  await desk.press('Create');
  assert.match(await desk.dialog().textContent(), /This is needed/);
  await desk.input('name').fill(NAME);
  await desk.press('Create');
  assert.match(await desk.dialog().textContent(), /Choose one, or write another below: without a role every call is denied/);
  await desk.dialog().getByLabel('developer').check();
  await desk.input('owner').fill('docs team');
  await audit(page, 'the form of a new agent');
  await picture(page, 'agents-new');
  await page.keyboard.press('Enter');
  await desk.dialog().filter({ hasText: 'is registered' }).waitFor();

  secret = await shownSecret();
  assert.ok(secret.length > 30);
  for (const program of ['Python', 'Node.js', 'LangChain', 'curl']) {
    await desk.dialog().getByRole('tab', { name: program }).click();
    const code = await desk.dialog().getByRole('region', { name: program }).textContent();
    for (const part of [secret, desk.gateway.url]) assert.ok(code.includes(part), `${part} in ${program}`);
    assert.ok(!code.includes('CLIENT_SECRET'), program);
  }
  await page.keyboard.press('Escape');
  await desk.dialog().filter({ hasText: 'cannot be shown again' }).waitFor();
  await picture(page, 'agents-secret-leave');
  await desk.press('Cancel');
  assert.equal(await shownSecret(), secret, 'a stray Escape must not lose the secret');
  await audit(page, 'the secret of a new agent');
  await picture(page, 'agents-secret');
  await page.setViewportSize({ width: 360, height: 760 });
  await picture(page, 'agents-secret-narrow');
  await page.setViewportSize({ width: 1360, height: 820 });
  await desk.finish();
  const kept = await page.evaluate(() => document.documentElement.outerHTML + JSON.stringify({ ...localStorage, ...sessionStorage }) + location.href);
  assert.ok(!kept.includes(secret), 'the secret is gone with its dialog');
  clientId = (await desk.api('GET', `/agents/${NAME}`)).client_id;
  assert.equal(await desk.field('Client id').locator('span').first().textContent(), clientId);
});

test('the secret makes a call through the official package, and the page shows it', async () => {
  const { access_token } = await eventually(async () => (await token()).access_token && token(), 'a token');
  assert.equal(await call(access_token), 'answered');
  await desk.gateway.records(NAME, 1);
  await desk.page.reload();
  await desk.page.locator('.calls li', { hasText: 'gpt-4o' }).waitFor();
  assert.match(await desk.page.locator('.calls li').first().textContent(), /Completed/);
  await desk.page.locator('#drawer .chart').waitFor();
  await desk.row(NAME).filter({ hasText: /now|ago/ }).waitFor({ timeout: 25_000 }); // fetched every ten seconds
  await audit(desk.page, 'an agent');
  await picture(desk.page, 'agents-detail');
});

test('roles and limits are changed, and what does not change stays', async () => {
  await desk.deed('Edit').click();
  await desk.dialog().getByLabel('reader').check();
  await desk.input('requests_per_minute').fill('60');
  await picture(desk.page, 'agents-edit');
  await desk.press('Save');
  await desk.told('is changed');
  assert.equal(await desk.field('requests_per_minute').textContent(), '60');
  const { roles, limits } = await desk.api('GET', `/agents/${NAME}`);
  assert.deepEqual(roles, ['developer', 'reader']);
  assert.deepEqual(limits, { requests_per_minute: 60, monthly_requests: null, concurrent_streams: null });
  await desk.deed('Edit').click();
  await desk.input('requests_per_minute').fill('');
  await desk.press('Save');
  await desk.page.locator('[data-field="requests_per_minute"].muted').waitFor();
});

test('what the gate refuses is told in the dialog, which stays', async () => {
  await desk.deed('Edit').click();
  await desk.input('others').fill('Not A Role');
  await desk.press('Save');
  await desk.dialog().getByRole('alert').waitFor();
  await picture(desk.page, 'agents-refused');
  await desk.press('Cancel');
});

test('suspended, its next call is refused; resumed, it is answered', async () => {
  const { access_token } = await token();
  await desk.deed('Suspend').click();
  assert.match(await desk.dialog().textContent(), /refused[^]*Resume/);
  await picture(desk.page, 'agents-suspend');
  await desk.press('Cancel');
  assert.equal(await status(), 'active');
  await desk.confirm('Suspend');
  await desk.told('is suspended');
  assert.equal(await eventually(async () => (await call(access_token)) === 'agent_suspended', 'a refusal'), true);
  await desk.deed('Resume').click();
  await desk.told('may call again');
  await eventually(async () => (await call(access_token)) === 'answered', 'an answer');
});

test('a new secret makes the old one worthless', async () => {
  const old = secret;
  await desk.confirm('New secret', 'Make a new secret');
  await desk.dialog().filter({ hasText: 'has a new secret' }).waitFor();
  secret = await shownSecret();
  await desk.dialog().locator('.secret').getByRole('button', { name: /Copy/ }).click();
  await desk.dialog().locator('.secret [data-copied="yes"]').waitFor();
  await desk.page.keyboard.press('Escape');
  await desk.page.locator('dialog').waitFor({ state: 'detached' });
  assert.notEqual(secret, old);
  await eventually(async () => (await token(old)).status === 401, 'the end of the old secret');
  await eventually(async () => (await token()).status === 200, 'the new secret');
});

test('it is put in quarantine and let out with a reason', async () => {
  const { access_token } = await token();
  await desk.deed('Quarantine').click();
  await desk.press('Quarantine');
  assert.match(await desk.dialog().textContent(), /This is needed/);
  await desk.input('reason').fill('calls at night');
  await desk.press('Quarantine');
  await desk.told('is in quarantine');
  await eventually(async () => (await call(access_token)) === 'agent_quarantined', 'a refusal');
  assert.match(await desk.page.locator('#drawer .banner').textContent(), /calls at night/);
  assert.match(await desk.deed('Suspend').getAttribute('aria-description'), /quarantine/);
  await audit(desk.page, 'an agent in quarantine');
  await picture(desk.page, 'agents-quarantine');
  await desk.deed('Lift quarantine').click();
  await desk.input('reason').fill('a scheduled report');
  await desk.input('approve').check();
  await picture(desk.page, 'agents-lift');
  await desk.press('Lift quarantine');
  await desk.told('may call again');
  await desk.field('trust_score').filter({ hasText: '50.00 of 100' }).waitFor();
  await eventually(async () => (await token()).access_token && (await call((await token()).access_token)) === 'answered', 'an answer');
});

test('search and filter stand in the address; the list is walked by keyboard', async () => {
  const { page } = desk;
  await desk.open('agents?status=active&q=autonomous');
  await page.locator('.page-head', { hasText: '1 of 2 agents' }).waitFor();
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.type), 'search');
  await page.keyboard.insertText(' no such');
  await page.getByText('Nothing matches').waitFor();
  assert.match(page.url(), /no\+such/);
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.locator('.table tbody tr').first().focus();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.locator('#drawer', { hasText: 'night-batch' }).waitFor();
  assert.match(page.url(), /id=/);
  await page.keyboard.press('Escape');
  await page.locator('#drawer').waitFor({ state: 'hidden' });
  assert.match(await page.evaluate(() => document.activeElement.textContent), /night-batch/);
});

test('revoked, it is done with for good', async () => {
  await desk.open(`agents?id=${NAME}`);
  await desk.confirm('Revoke');
  await desk.told('is revoked');
  assert.equal(await status(), 'revoked');
  for (const label of ['Edit', 'Suspend', 'Quarantine', 'New secret', 'Revoke']) {
    assert.equal(await desk.deed(label).getAttribute('aria-disabled'), 'true', label);
  }
  assert.notEqual((await token()).status, 200);
});

test('every state is fit to look at', async () => {
  await desk.open('agents');
  const one = await desk.api('GET', '/agents/night-batch');
  const word = ['active', 'active', 'suspended', 'quarantined', 'revoked'];
  const agents = Array.from({ length: 300 }, (_, at) => ({
    ...one, agent_id: `id-${at}`, name: `agent-with-a-rather-long-name-${at}`, status: word[at % 5], owner: at % 3 ? null : 'a team',
    quarantine: word[at % 5] === 'quarantined' ? { reason: 'odd', at: one.created_at } : null, trust_score: at * 33, calls: at * 12_345,
    risk_tier: ['low', 'medium', 'high', 'critical'][at % 4], roles: ['developer', 'reader'].slice(at % 2), last_call_at: one.created_at,
  }));
  const list = '**/api/v1/agents';
  await states(desk.page, 'agents', {
    empty: { routes: { [list]: { agents: [] } }, ready: (page) => page.getByText('No agents yet').waitFor() },
    loading: { routes: { [list]: 'hang' }, ready: (page) => page.locator('.skeleton').waitFor() },
    error: { routes: { [list]: 'fail' }, ready: (page) => page.getByText('The database does not answer.').waitFor() },
    crowded: { routes: { [list]: { agents } }, ready: (page) => page.getByText('300 agents').waitFor() },
  });
  await desk.row('night-batch').waitFor();
  await audit(desk.page, 'the agents');
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(desk.complaints, []);
});
