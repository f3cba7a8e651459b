// Live activity: what the list, its figures, filters and drawer show, by mouse and by keyboard, and the page's states.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit, launch, picture, signIn, states } from '../node/browser.js';
import { ADMIN_PASSWORD, Gateway, POLICY } from '../node/gateway.js';

const AGENT = 'research-bot';
const SECRET_TEXT = 'My social security number is 536-22-8145.';
const EVENTS = '**/api/v1/audit/events?*';
const STREAM = '**/api/v1/activity/stream';

let gateway;
let browser;
let page;
const ids = {};

before(async () => {
  gateway = await Gateway.start(`${POLICY}p3, developer, shell, deny\n`);
  const token = await gateway.createAgent(AGENT);
  const call = async (body) => {
    const reply = await gateway.call(token, body);
    await reply.text();
    return reply.headers.get('x-portcullis-decision');
  };
  const tool = (name) => ({ type: 'function', function: { name, parameters: {} } });
  ids.plain = await call({});
  ids.found = await call({ messages: [{ role: 'user', content: SECRET_TEXT }] });
  ids.tools = await call({ tools: [tool('shell'), tool('get_weather')] });
  ids.denied = await call({ model: 'o3-mini' });
  await gateway.records(AGENT, 4);
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1440, height: 860 }, timezoneId: 'Asia/Tokyo', colorScheme: 'light' });
  page.setDefaultTimeout(10_000);
  await signIn(page, gateway, 'admin', ADMIN_PASSWORD);
  await page.goto(gateway.url);
  await row(ids.denied).waitFor();
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const rows = () => page.locator('#rows .row');
const row = (id) => page.locator(`#rows .row[data-id="${id}"]`);
const field = (name) => page.locator(`#drawer [data-field="${name}"]`);
const figure = (name) => page.locator(`[data-stat="${name}"]`);
const open = (id) => page.locator(`#drawer[data-id="${id}"]`);
const query = () => new URLSearchParams(new URL(page.url()).hash.split('?')[1]);

test('the figures count calls, denials, findings, tokens and the latency of the last minutes', async () => {
  await figure('calls').filter({ hasText: /^4$/ }).waitFor();
  assert.equal(await figure('denials').textContent(), '1');
  assert.ok(Number(await figure('findings').textContent()) > 0);
  assert.ok(Number(await figure('tokens').textContent()) > 0);
  assert.match(await figure('p95').textContent(), /^[\d.]+ (ms|s)$/);
  assert.equal(await figure('running').textContent(), '0');
});

test('a row tells what was found and which tools were removed, never what was said', async () => {
  assert.match(await row(ids.found).textContent(), /PII_SSN/);
  assert.match(await row(ids.tools).textContent(), /shell removed/);
  const html = await page.content();
  assert.equal(html.includes('536-22-8145'), false);
});

test('times are the viewer’s, with UTC on hover', async () => {
  const time = row(ids.plain).locator('time');
  const [shown, moment, hover] = [await time.textContent(), await time.getAttribute('datetime'), await time.getAttribute('title')];
  const hour = (new Date(moment).getUTCHours() + 9) % 24;
  assert.equal(Number(shown.slice(0, 2)), hour, 'Tokyo is nine hours ahead');
  assert.equal(hover, `${moment.replace('T', ' ').replace('Z', '')} UTC`);
});

test('the drawer leads to the rule, the place in the chain, and the session’s other calls', async () => {
  await row(ids.plain).click();
  await open(ids.plain).waitFor();
  assert.match(await field('policy_rule').locator('a').getAttribute('href'), /^#\/policy\?line=1&version=/);
  const body = await (await page.request.get(`${gateway.url}/api/v1/audit/events/${ids.plain}`)).json();
  assert.equal(await field('seq').textContent(), String(body.seq));
  assert.equal(await field('event_hash').textContent(), body.event_hash);
  assert.equal(await field('receipt_hash').textContent(), body.receipt_hash);
  await page.locator('#drawer .other').nth(2).waitFor();
  assert.equal(await page.locator('#drawer .other').count(), 3);
  await audit(page, 'activity with its drawer');
  await picture(page, 'activity-drawer');
  await page.locator('#drawer .other').filter({ hasText: 'o3-mini' }).click();
  await open(ids.denied).waitFor();
  assert.match(await page.locator('#drawer').textContent(), /model_not_allowed/);
  assert.equal(query().get('id'), ids.denied);
});

test('a reload shows the same exchange, and Esc closes it', async () => {
  await page.reload();
  await open(ids.denied).waitFor();
  await row(ids.denied).waitFor();
  await page.locator('#drawer-title').focus();
  await page.keyboard.press('Escape');
  await page.locator('#drawer').waitFor({ state: 'hidden' });
  assert.equal(query().get('id'), null);
  assert.equal(await row(ids.denied).getAttribute('aria-selected'), 'true', 'the keyboard goes on where the drawer was');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.id), ids.denied);
});

test('the keyboard walks the rows, opens one and goes on in the drawer', async () => {
  await rows().nth(0).focus();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  const second = await rows().nth(1).getAttribute('data-id');
  await open(second).waitFor();
  await rows().nth(1).focus();
  await page.keyboard.press('ArrowDown');
  await open(await rows().nth(2).getAttribute('data-id')).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.type('o3-mini');
  await page.waitForFunction(() => document.querySelectorAll('#rows .row').length === 1);
  assert.equal(query().get('q'), 'o3-mini');
});

test('an exchange that is not in the list leaves no row to the keyboard when it is closed', async () => {
  await page.goto(`${gateway.url}/#/activity?q=o3-mini&id=${ids.plain}`);
  await page.reload();
  await row(ids.denied).waitFor();
  await open(ids.plain).waitFor();
  await page.locator('#drawer-title').focus();
  await page.keyboard.press('Escape');
  await page.locator('#drawer').waitFor({ state: 'hidden' });
  assert.equal(await page.locator('#rows [aria-selected="true"]').count(), 0);
  await page.keyboard.press('j');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.id), ids.denied);
  await page.keyboard.press('Escape');
});

test('a filter can be saved by name, chosen again, and forgotten', async () => {
  const saved = page.getByRole('button', { name: 'Saved' });
  await saved.click();
  await page.getByRole('menuitem', { name: 'Save this filter' }).click();
  await page.getByLabel('Name').fill('Small models');
  await page.keyboard.press('Enter');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.click('#filter-clear');
  await page.waitForFunction(() => document.querySelectorAll('#rows .row').length === 4);
  await page.reload();
  await saved.click();
  await page.getByRole('menuitem', { name: 'Small models', exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('#rows .row').length === 1);
  assert.equal(query().get('q'), 'o3-mini');
  await saved.click();
  await page.getByRole('menuitem', { name: /Forget/ }).click();
  assert.equal(await page.evaluate(() => localStorage.getItem('portcullis.filters')), '[]');
  await page.click('#filter-clear');
});

test('the page stands the audit, and its help too', async () => {
  await audit(page, 'activity');
  await page.locator('#help').click();
  await audit(page, 'the help');
  await picture(page, 'activity-help');
  await page.keyboard.press('Escape');
});

test('on a narrow screen the pages are behind a button', async () => {
  await page.setViewportSize({ width: 360, height: 760 });
  await page.locator('.rail-menu').click();
  await page.locator('nav [data-page="policy"]').waitFor();
  await audit(page, 'the pages, narrow');
  await picture(page, 'activity-narrow-pages');
  await page.keyboard.press('Escape');
  await page.locator('nav [data-page="policy"]').waitFor({ state: 'hidden' });
  await audit(page, 'activity, narrow');
  await page.setViewportSize({ width: 1440, height: 860 });
});

test('empty, loading, failed and offline, it says so', async () => {
  const none = { events: [], next: null };
  await states(page, 'activity', {
    empty: { routes: { [EVENTS]: none }, ready: async (on) => {
      await forgotten(on);
      await audit(on, 'activity, empty');
    } },
    loading: { routes: { [EVENTS]: 'hang' }, ready: (on) => on.locator('.skeleton').waitFor() },
    error: { routes: { [EVENTS]: 'fail' }, ready: (on) => on.getByText('The history could not be loaded').waitFor() },
    offline: { routes: { [STREAM]: 'abort' }, ready: (on) => on.locator('#retry').waitFor({ timeout: 30_000 }) },
    crowded: { routes: { [EVENTS]: { events: await crowd(), next: null } }, ready: (on) => on.locator('#rows .row').nth(150).waitFor({ state: 'attached' }) },
  });
});

/** The stream tells a newcomer what finished so lately that it may not be stored yet; waits until that is nothing. */
async function forgotten(on) {
  const empty = on.locator('#empty');
  for (let left = 10; left > 0; left -= 1) {
    if (await empty.waitFor({ timeout: 3_000 }).then(() => true, () => false)) return;
    await on.reload();
  }
  await empty.waitFor();
}

/** Two hundred records of every outcome, some with names longer than their column. */
async function crowd() {
  const template = await (await page.request.get(`${gateway.url}/api/v1/audit/events/${ids.found}`)).json();
  const outcomes = ['completed', 'completed', 'completed', 'denied', 'blocked', 'rejected', 'cancelled', 'upstream_error', 'interrupted'];
  return Array.from({ length: 200 }, (_, at) => {
    const outcome = outcomes[at % outcomes.length];
    return {
      ...template,
      id: `${template.id.slice(0, -4)}${(9_999 - at).toString(16).padStart(4, '0')}`,
      agent_name: at % 4 === 0 ? 'nightly-financial-report-summariser-of-the-northern-region' : `agent-${at % 11}`,
      model: at % 5 === 0 ? 'ft:gpt-4o-mini-2024-07-18:acme-corporation:contracts:9abcdef' : 'gpt-4o',
      outcome,
      policy_result: outcome === 'denied' ? 'deny' : 'allow',
      findings: at % 3 === 0 ? template.findings : [],
      tools_removed: at % 7 === 0 ? ['shell', 'delete_everything'] : [],
      latency_ms: at * 97,
    };
  });
}
