// The overview: its figures are those of the API, and each leads to the records behind it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit, launch, signIn, states } from '../node/browser.js';
import { ADMIN_PASSWORD, Gateway, eventually } from '../node/gateway.js';

const CALLS = { 'night-batch': 5, 'research-bot': 3 };
const TOTAL = 10; // with one that is denied and one that fails
const SSN = 'My SSN is 078-05-1120.';

let gateway;
let browser;
let page;
const complaints = [];

before(async () => {
  gateway = await Gateway.start();
  const tokens = {};
  for (const agent of Object.keys(CALLS)) tokens[agent] = await gateway.createAgent(agent);
  const call = async (agent, body, script) => (await gateway.call(tokens[agent], body, script)).text();
  for (const [agent, times] of Object.entries(CALLS)) {
    for (let time = 0; time < times; time += 1) await call(agent, time === 0 ? { messages: [{ role: 'user', content: SSN }] } : {});
  }
  await call('night-batch', { model: 'o3-mini' });
  await call('night-batch', {}, { status: 500 });
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1360, height: 1000 } });
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text());
  });
  await signIn(page, gateway, 'admin', ADMIN_PASSWORD);
  await eventually(async () => sum(await summary()).calls === TOTAL, 'the sums');
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const get = async (path) => (await page.request.get(`${gateway.url}/api/v1${path}`)).json();
const summary = async (query = '') => (await get(`/audit/summary?${query}`)).sums;
const sum = (sums) => sums.reduce((all, each) => {
  for (const [name, value] of Object.entries(each)) if (typeof value === 'number') all[name] = (all[name] ?? 0) + value;
  return all;
}, {});
const figure = (name) => page.locator(`[data-figure="${name}"]`);
const shown = (count) => page.locator('#audit tbody tr').nth(count - 1).waitFor();
const open = async (hash = '#/overview') => {
  await page.goto(`${gateway.url}/${hash}`);
  await figure('calls').filter({ hasText: /\d/ }).waitFor();
};

test('the figures are those of the API', async () => {
  await open();
  const all = sum(await summary());
  const expected = {
    calls: all.calls, denied: all.denied, blocked: all.blocked, failed: all.failed, findings: all.findings,
    tokens: all.input_tokens + all.output_tokens,
  };
  assert.equal(expected.denied, 1);
  assert.equal(expected.failed, 1);
  assert.ok(expected.findings >= 2);
  for (const [name, value] of Object.entries(expected)) assert.equal(await figure(name).textContent(), String(value), name);
  const { total } = await get('/audit/summary');
  const close = async (name, value, unit) => {
    const [, number, ms] = (await figure(name).textContent()).match(/^([\d.]+) (µs|ms|s)$/);
    const factor = { ms: { µs: 0.001, ms: 1, s: 1000 }, µs: { µs: 1, ms: 1000, s: 1e6 } }[unit][ms];
    assert.ok(Math.abs(number * factor - value) <= Math.max(1, value / 20), `${name}: ${number} ${ms} for ${value} ${unit}`);
  };
  await close('latency', total.latency_p95_ms, 'ms');
  await close('gateway', total.gateway_p95_us, 'µs');
  assert.match(await figure('latency').getAttribute('title'), /^p50 .*, p95 .*, p99 \d/);
});

test('every figure leads to the records behind it', async () => {
  const records = { calls: TOTAL, denied: 1, failed: 1, findings: 2, tokens: TOTAL };
  for (const [name, count] of Object.entries(records)) {
    await open();
    await figure(name).click();
    await shown(count);
    assert.equal(await page.locator('#audit tbody tr').count(), count, name);
  }
});

test('a bar of a chart leads to the records of its time', async () => {
  await open('#/overview?range=1h');
  const chart = page.locator('[data-chart="calls"] [role="slider"]');
  const minutes = (await summary('width=minute')).filter(({ calls }) => calls > 0);
  const last = minutes.at(-1);
  await chart.focus();
  for (let step = 0; step < 61 && !(await chart.getAttribute('aria-valuetext')).match(/Other calls [1-9]|Denied [1-9]|Failed [1-9]/); step += 1) {
    await page.keyboard.press('ArrowLeft');
  }
  await page.keyboard.press('Enter');
  await shown(last.calls);
  const params = new URLSearchParams(new URL(page.url()).hash.split('?')[1]);
  assert.equal(params.get('from'), last.at);
  assert.equal(Date.parse(params.get('to')) - Date.parse(last.at), 60_000);
  assert.equal(await page.locator('#audit tbody tr').count(), last.calls);
  // The pointer finds the same bar.
  await open('#/overview?range=1h');
  const box = await page.locator('[data-chart="findings"] [role="slider"]').boundingBox();
  await page.mouse.click(box.x + box.width - 2, box.y + box.height / 2);
  await page.waitForURL(/#\/audit\?.*kind=findings/);
});

test('ranks name who and what, by calls or another measure, and lead to their records', async () => {
  await open();
  const names = () => page.locator('[data-rank="agent"] .rank-name').allTextContents();
  assert.deepEqual(await names(), ['night-batch', 'research-bot']);
  await page.click('[data-measure="denied"]');
  assert.deepEqual(await names(), ['night-batch']);
  await page.click('[data-measure="calls"]');
  await page.locator('[data-rank="finding"] a').first().click();
  await page.waitForURL(/finding=PII_SSN/);
  await shown(2);
  await open();
  await page.locator('[data-rank="agent"] a', { hasText: 'research-bot' }).click();
  await shown(3);
  assert.equal(await page.locator('#audit tbody tr').count(), 3);
});

test('latency has p50 and p95 as lines and p99 when it is read out, the gate’s own share apart', async () => {
  await open();
  for (const [chart, unit] of [['latency', / (ms|s)$/], ['gateway', / (µs|ms)$/]]) {
    const card = page.locator(`[data-chart="${chart}"]`);
    assert.deepEqual(await card.locator('.legend li').allTextContents(), ['p50', 'p95']);
    assert.equal(await card.locator('.chart-line:not(.chart-dots)').count(), 2);
    const slider = card.locator('[role="slider"]');
    const said = () => slider.getAttribute('aria-valuetext');
    await slider.focus();
    for (let step = 0; step < 3 && !/p50 \d/.test(await said()); step += 1) await page.keyboard.press('ArrowLeft');
    const [, p50, p99] = (await said()).match(/p50 (\S+ \S+), p95 \S+ \S+, p99 (\S+ \S+)$/);
    assert.match(p50, unit);
    assert.deepEqual(await card.locator('.chart-tip dt').allTextContents(), ['p50', 'p95', 'p99']);
    assert.equal(await card.locator('.chart-tip dd').last().textContent(), p99);
    assert.match(await card.textContent(), /Half of the calls took no longer than p50, 95 of 100 no longer than p95; to within 5 %/);
  }
  // Ranks by latency are ranks by p95, also where the average says otherwise.
  const row = (name, p95, latency_ms) => ({ name, calls: 10, latency_ms, latency_p50_ms: 50, latency_p95_ms: p95, latency_p99_ms: p95 });
  await page.route('**/audit/summary?*group=agent', (route) => route.fulfill({ json: { sums: [row('often-slow', 200, 9_000), row('rarely-slow', 2_000, 5_000), row('unknown', null, 99)] } }));
  await page.reload();
  await page.click('[data-measure="latency"]');
  const rank = page.locator('[data-rank="agent"]');
  await rank.locator('.rank-name', { hasText: 'often-slow' }).waitFor();
  assert.deepEqual(await rank.locator('.rank-name').allTextContents(), ['rarely-slow', 'often-slow']);
  assert.equal(await rank.locator('a').first().getAttribute('title'), 'rarely-slow: p50 50 ms, p95 2.00 s, p99 2.00 s, calls 10');
  await page.unroute('**/audit/summary?*group=agent');
});

test('a time without a beginning has all calls, and nothing before it', async () => {
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).searchParams));
  const to = new Date(Date.now() + 3_600_000).toISOString();
  await page.goto('about:blank');
  await open(`#/overview?to=${encodeURIComponent(to)}`);
  await figure('calls').filter({ hasText: String(TOTAL) }).waitFor();
  const overTime = asked.filter((query) => query.get('group') === 'time').map((query) => query.get('from'));
  assert.deepEqual(overTime, ['1970-01-01T00:00:00.000Z']);
  assert.equal((await page.locator('.figure-change').allTextContents()).join(''), '');
  assert.match(await page.locator('[data-chart="calls"] [role="slider"]').getAttribute('aria-valuemax'), /^\d$/);
  await figure('calls').click();
  await shown(TOTAL);
});

test('while others are loaded the order can be chosen', async () => {
  await open();
  await page.locator('#overview [aria-busy="false"]').waitFor();
  let go;
  const held = new Promise((resolve) => { go = resolve; });
  await page.route('**/audit/summary?*', (route) => held.then(() => route.continue()));
  await page.selectOption('select[name="agent"]', 'night-batch');
  await page.locator('#overview [aria-busy="true"]').waitFor();
  await page.click('[data-measure="denied"]');
  go();
  await figure('calls').filter({ hasText: /^7$/ }).waitFor();
  assert.deepEqual(await page.locator('[data-rank="agent"] .rank-name').allTextContents(), ['night-batch']);
  await page.click('[data-measure="calls"]');
  await page.unroute('**/audit/summary?*');
});

test('what was summed up before there were percentiles says so; a time of nothing is a time', async () => {
  const at = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString();
  const old = { name: 'old', at, calls: 4, latency_ms: 900, latency_p95_ms: null, gateway_p95_us: null };
  const quick = { name: 'quick', at, calls: 3, latency_p50_ms: 0, latency_p95_ms: 0, latency_p99_ms: 0 };
  await page.route('**/audit/summary?*group=time*', (route) => route.fulfill({ json: { sums: [old], total: old } }));
  await page.route('**/audit/summary?*group=agent', (route) => route.fulfill({ json: { sums: [old, quick] } }));
  await open();
  await page.reload();
  await figure('calls').filter({ hasText: /^4$/ }).waitFor();
  const words = 'Not known: calls before the upgrade, or too many names to add up in this time';
  for (const name of ['latency', 'gateway']) {
    assert.equal(await figure(name).getAttribute('title'), words);
    await page.locator(`[data-chart="${name}"] p`, { hasText: words }).waitFor();
  }
  assert.match(await page.locator('a:has([data-figure="latency"])').getAttribute('aria-description'), /took no longer; Not known/);
  await page.click('[data-measure="latency"]');
  assert.deepEqual(await page.locator('[data-rank="agent"] .rank-name').allTextContents(), ['quick']);
  await page.click('[data-measure="calls"]');
  await page.unroute('**/audit/summary?*group=time*');
  await page.unroute('**/audit/summary?*group=agent');
});

test('time and filter stand in the address', async () => {
  await open();
  await page.click('[data-range="7d"]');
  await page.waitForURL(/range=7d/);
  await page.selectOption('select[name="agent"]', 'research-bot');
  await page.waitForURL(/agent=research-bot/);
  await figure('calls').filter({ hasText: /^3$/ }).waitFor();
  await page.reload();
  await figure('calls').filter({ hasText: /^3$/ }).waitFor();
  assert.equal(await page.locator('select[name="agent"]').inputValue(), 'research-bot');
  await page.click('[data-range="custom"]');
  await page.fill('[aria-label="From"]', '2020-01-01T00:00');
  await page.fill('[aria-label="To"]', '2020-01-02T00:00');
  await page.click('text=Apply');
  await page.locator('text=No calls in this time').waitFor();
  await page.goBack();
  await figure('calls').filter({ hasText: /^3$/ }).waitFor();
});

test('it follows what happens, and compares with the time before', async () => {
  const at = (ago) => new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - ago * 3_600_000).toISOString();
  const row = (ago, calls) => ({ name: '', at: at(ago), calls, denied: 0, blocked: 0, failed: 0, findings: 0, input_tokens: 0, output_tokens: 0, latency_ms: 0, gateway_us: 0 });
  let calls = 150;
  await page.clock.install();
  await page.route('**/audit/summary?*group=time*', (route) => {
    const from = Date.parse(new URL(route.request().url()).searchParams.get('from'));
    const before = Date.now() - from > 30 * 3_600_000;
    const sums = before ? [row(26, 100)] : [row(2, calls), row(0, 7)];
    const took = before ? { latency_p95_ms: 100 } : { latency_p95_ms: 300, latency_p50_ms: null };
    return route.fulfill({ json: { sums, total: { ...sum(sums), ...took } } });
  });
  await open();
  await page.locator('.figure-change', { hasText: '+50 %' }).waitFor();
  assert.equal(await page.locator('.figure-change').first().getAttribute('title'), '100 in the same time before');
  assert.equal(await page.locator('a:has([data-figure="latency"]) .figure-change').textContent(), '+200 %');
  // What is not known is not told: older sums know no percentiles.
  assert.equal(await figure('gateway').textContent(), '–');
  assert.equal(await figure('latency').getAttribute('title'), 'p50 –, p95 300 ms, p99 –');
  calls = 200;
  await page.clock.runFor(31_000);
  await figure('calls').filter({ hasText: '207' }).waitFor();
  await page.unroute('**/audit/summary?*group=time*');
  await page.route('**/audit/summary?*', (route) => route.fulfill({ status: 503, json: { error: { message: 'The database does not answer.' } } }));
  await page.clock.runFor(31_000);
  await page.locator('.banner', { hasText: 'These figures are not the latest' }).waitFor();
  assert.equal(await figure('calls').textContent(), '207');
  await page.unroute('**/audit/summary?*');
});

test('it is readable to everyone, in all its states', async () => {
  await open();
  await audit(page, 'overview');
  const hour = (ago) => new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - ago * 3_600_000).toISOString();
  const sums = (names, at = () => hour(0)) => names.map((name, index) => ({
    name, at: at(index), calls: 90_000 - index * 1_700, denied: 300 + index, blocked: 200, failed: 100, findings: 500 + index, input_tokens: 90_000_000,
    output_tokens: 30_000_000, latency_ms: 90_000_000 + index * 1_000_000, gateway_us: 20_000_000 + index * 500_000,
    latency_p50_ms: 700 + (index % 5) * 40, latency_p95_ms: 2_400 + (index % 7) * 300, latency_p99_ms: 8_000 + index * 50,
    gateway_p50_us: 180 + (index % 4) * 9, gateway_p95_us: 410 + (index % 6) * 40, gateway_p99_us: 1_900 + index * 20,
  }));
  const whole = { calls: 2_100_000, denied: 7_000, blocked: 4_800, failed: 2_400, findings: 12_000, input_tokens: 2_000_000_000, output_tokens: 700_000_000,
    latency_p50_ms: 770, latency_p95_ms: 3_240, latency_p99_ms: 9_100, gateway_p50_us: 190, gateway_p95_us: 520, gateway_p99_us: 2_200 };
  const long = (word, count) => Array.from({ length: count }, (_, index) => `${word}-with-a-rather-long-name-${index + 1}`);
  await states(page, 'overview', {
    ready: { ready: () => figure('calls').filter({ hasText: /\d/ }).waitFor() },
    empty: { routes: { '**/audit/summary?*': { sums: [], total: { calls: 0 } } }, ready: () => page.locator('text=No calls in this time').waitFor() },
    loading: { routes: { '**/audit/summary?*': 'hang' }, ready: () => page.locator('#overview .skeleton').waitFor() },
    error: { routes: { '**/audit/summary?*': 'fail' }, ready: () => page.locator('text=The database does not answer').waitFor() },
    crowded: {
      routes: {
        '**/audit/summary?*': { sums: sums(long('agent', 30)) },
        '**/audit/summary?*group=time*': { sums: sums(Array(24).fill(''), hour), total: whole },
        '**/audit/summary?*group=finding': { sums: long('PII', 12).map((type) => ({ type, severity: 'HIGH', exchanges: 3, findings: 12_345 })) },
      },
      ready: () => page.locator('[data-rank="agent"] li').nth(7).waitFor(),
    },
  });
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(complaints, []);
});
