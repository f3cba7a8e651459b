// The dashboard, as an administrator uses it. The tests tell one story and run in order.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, picture } from '../node/browser.js';
import { ADMIN_PASSWORD, Gateway, eventually } from '../node/gateway.js';

const AGENT = 'research-bot';
const PATIENCE = { timeout: 10_000 };

let gateway;
let browser;
let page;
let token;
const complaints = [];

before(async () => {
  gateway = await Gateway.start();
  token = await gateway.createAgent(AGENT);
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
  page.setDefaultTimeout(PATIENCE.timeout);
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text());
  });
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const rows = () => page.locator('#rows .row');
const row = (id) => page.locator(`#rows .row[data-id="${id}"]`);
const field = (name) => page.locator(`#drawer [data-field="${name}"]`);
const connection = (state) => page.locator(`#connection[data-state="${state}"]`);
const decision = (reply) => reply.headers.get('x-portcullis-decision');

/** One call, read to its end; returns its decision id. */
async function call(body, script) {
  const reply = await gateway.call(token, body, script);
  await reply.text().catch(() => {});
  return decision(reply);
}

test('a wrong password is told and shows nothing', async () => {
  await page.goto(gateway.url);
  await page.fill('#username', 'admin');
  await page.fill('#password', 'wrong');
  await page.click('#signin');
  await page.locator('#signin-error', { hasText: /\w/ }).waitFor();
  assert.equal(await page.locator('#exchanges').count(), 0);
  await picture(page, 'dashboard-sign-in');
});

test('signing in shows live activity, and the session survives a reload', async () => {
  await page.fill('#password', ADMIN_PASSWORD);
  await page.click('#signin');
  await connection('live').waitFor();
  await picture(page, 'dashboard-empty');
  await page.reload();
  await connection('live').waitFor();
  const cookies = await page.context().cookies();
  assert.ok(cookies.every((cookie) => cookie.httpOnly), 'scripts must not reach the session');
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('token')), false);
});

test('a call appears while it is in flight and then shows how it ended', async () => {
  const reply = await gateway.call(token, { stream: true }, { pause_ms: 700, chunks: 6 });
  const id = decision(reply);
  await row(id).and(page.locator('[data-outcome="running"]')).waitFor();
  await picture(page, 'dashboard-in-flight');
  assert.match(await row(id).textContent(), new RegExp(`${AGENT}.*gpt-4o.*chat/completions`));
  await reply.text();
  await row(id).and(page.locator('[data-outcome="completed"]')).waitFor();
  const text = await row(id).textContent();
  for (const expected of ['200', '11', '7']) assert.ok(text.includes(expected), `${expected} in ${text}`);
});

test('denied and failed calls appear as what they are', async () => {
  const denied = await call({ model: 'o3-mini' });
  const failed = await call({}, { status: 500 });
  await row(denied).and(page.locator('[data-outcome="denied"][data-result="deny"]')).waitFor();
  await row(failed).and(page.locator('[data-outcome="upstream_error"]')).waitFor();
  assert.match(await row(denied).textContent(), /403/);
});

test('the detail view shows every field of the record', async () => {
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: {} } }];
  const id = await call({ tools });
  await row(id).and(page.locator('[data-outcome="completed"]')).waitFor();
  await row(id).click();
  await page.locator(`#drawer[data-id="${id}"]`).waitFor();
  const expected = {
    tool_name: 'openai-api',
    mcp_server: 'openai-proxy',
    action: 'POST',
    target: '/openai/v1/chat/completions',
    policy_result: 'allow',
    agent_name: AGENT,
    model: 'gpt-4o',
    tool_names: 'get_weather',
    finish_reason: 'tool_calls',
    outcome: 'completed',
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.equal((await field(name).textContent()).trim(), value, name);
  }
  assert.match(await field('id').textContent(), new RegExp(id));
  assert.match(await field('policy_rule').textContent(), /line 1/);
  const record = await eventually(async () => {
    const found = await (await page.request.get(`${gateway.url}/api/v1/audit/events/${id}`)).json();
    return found.outcome && found;
  }, 'the stored record');
  const shown = await page.locator('#drawer [data-field]').evaluateAll((nodes) => nodes.map((n) => n.dataset.field));
  assert.deepEqual(shown.sort(), Object.keys(record).sort());
  await picture(page, 'dashboard-detail');
  await page.keyboard.press('Escape');
  await page.locator('#drawer').waitFor({ state: 'hidden' });
  await page.keyboard.press('Escape'); // leaves the row, so that the list moves again
});

test('filters by result, model and agent show what matches and nothing else', async () => {
  await page.mouse.move(5, 5);
  const outcomes = () => rows().evaluateAll((nodes) => [...new Set(nodes.map((node) => node.dataset.result))]);
  await page.selectOption('#filter-result', 'deny');
  await page.waitForFunction(() => document.querySelectorAll('#rows .row').length === 1);
  assert.deepEqual(await outcomes(), ['deny']);
  await picture(page, 'dashboard-filtered');
  await page.selectOption('#filter-result', '');
  await page.selectOption('#filter-model', 'o3-mini');
  await page.waitForFunction(() => document.querySelectorAll('#rows .row').length === 1);
  await page.click('#filter-clear');
  await page.waitForFunction(() => document.querySelectorAll('#rows .row').length === 4);
  await page.selectOption('#filter-agent', AGENT);
  assert.equal(await rows().count(), 4);
  await page.click('#filter-clear');
});

test('paused, the list holds still and counts; resumed, it catches up', async () => {
  const before = await rows().count();
  await page.click('#pause');
  await connection('paused').waitFor();
  const id = await call({});
  await page.locator('#new-count', { hasText: '1 new' }).waitFor();
  assert.equal(await rows().count(), before);
  await page.click('#pause');
  await row(id).waitFor();
  await connection('live').waitFor();
});

test('the page reconnects by itself after a restart and shows what it missed', async () => {
  await gateway.halt();
  await page.locator('#connection:not([data-state="live"])').waitFor();
  await picture(page, 'dashboard-disconnected');
  await gateway.serve();
  const missed = await call({});
  await connection('live').waitFor({ timeout: 30_000 });
  await row(missed).waitFor();
  const id = await call({});
  await row(id).and(page.locator('[data-outcome="completed"]')).waitFor();
  assert.equal(await row(missed).count(), 1);
});

test('fifty exchanges a second do not make the page stutter', async () => {
  await page.click('nav [data-page="activity"]');
  await connection('live').waitFor();
  await page.evaluate(() => {
    window.gaps = [];
    let last = performance.now();
    const frame = (now) => {
      window.gaps.push(now - last);
      last = now;
      window.frame = requestAnimationFrame(frame);
    };
    window.frame = requestAnimationFrame(frame);
  });
  const calls = [];
  for (let number = 0; number < 150; number += 1) {
    calls.push(call({}));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const ids = await Promise.all(calls);
  await row(ids.at(-1)).waitFor();
  const gaps = await page.evaluate(() => (cancelAnimationFrame(window.frame), window.gaps.sort((a, b) => a - b)));
  const slow = gaps[Math.floor(gaps.length * 0.95)];
  assert.ok(slow < 100, `one frame in twenty took ${slow} ms`);
  await picture(page, 'dashboard-busy');
});

test('it fits a narrow screen and a dark room', async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: 'dark' });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(wide, false, 'the page scrolls sideways');
  await picture(page, 'dashboard-narrow-dark');
  await page.setViewportSize({ width: 1360, height: 820 });
});

test('a record in trouble is told on every page, the worst first', async () => {
  const well = await (await page.request.get(`${gateway.url}/api/v1/audit/status`)).json();
  const trouble = {
    away: [{ store_away_since: '2026-11-22T10:00:00.000Z', records: { ...well.records, waiting: 1234 } }, /takes no records[^]*1,234 records wait/],
    full: [{ journal: { ...well.journal, bytes: 0.9 * well.journal.most_bytes } }, /nearly full/],
    disk: [{ journal: { ...well.journal, disk_full: true } }, /disk is full: new calls are refused/],
    lost: [{ records: { ...well.records, lost: 2 } }, /without a record/],
  };
  const banner = page.locator('#record-banner .banner');
  for (const [name, [change, words]] of Object.entries(trouble)) {
    await page.route('**/api/v1/audit/status', (route) => route.fulfill({ json: { ...well, ...change } }));
    await page.reload();
    await banner.filter({ hasText: words }).waitFor();
    await picture(page, `dashboard-record-${name}`);
    await page.unroute('**/api/v1/audit/status');
  }
  await page.reload();
  await page.locator('#exchanges').waitFor();
  assert.equal(await banner.count(), 0);
});

test('signing out ends the session', async () => {
  await page.click('#signout');
  await page.locator('#signin').waitFor();
  assert.equal((await page.request.get(`${gateway.url}/api/v1/admin/session`)).status(), 401);
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(complaints, []);
});
