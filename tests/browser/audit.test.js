// The audit page: search, export, sessions, and a record that is verified and then tampered with.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { audit, launch, picture, signIn, states } from '../node/browser.js';
import { ADMIN_PASSWORD, Gateway, eventually } from '../node/gateway.js';

const SSN = 'My SSN is 078-05-1120.';
const CALLS = 9;

let gateway;
let browser;
let page;
let records;
const complaints = [];

before(async () => {
  gateway = await Gateway.start(undefined, { PORTCULLIS_AUDIT__CHECKPOINT_EVERY_SECS: '1' });
  const tokens = [await gateway.createAgent('night-batch'), await gateway.createAgent('research-bot')];
  const call = async (token, body, script) => (await gateway.call(token, body, script)).text();
  for (let time = 0; time < 5; time += 1) await call(tokens[0]);
  await call(tokens[1], { messages: [{ role: 'user', content: SSN }] });
  await call(tokens[1], { model: 'gpt-4o-mini' });
  await call(tokens[1], { model: 'o3-mini' });
  await call(tokens[1], {}, { status: 500 });
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1360, height: 900 }, acceptDownloads: true });
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text());
  });
  // A dialog of the system cannot be driven; what it gives is tested below.
  await page.addInitScript(() => delete window.showSaveFilePicker);
  await signIn(page, gateway, 'admin', ADMIN_PASSWORD);
  records = await eventually(async () => {
    const found = (await get('/audit/events?limit=1000&order=desc&kind=calls')).events;
    return found.length === CALLS && found;
  }, 'the records');
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const get = async (path) => (await page.request.get(`${gateway.url}/api/v1${path}`)).json();
const rows = () => page.locator('#audit tbody tr:visible');
const open = async (hash = '#/audit') => {
  await page.goto('about:blank');
  await page.goto(`${gateway.url}/${hash}`);
  await page.locator('#audit').waitFor();
};
const count = (number) => page.waitForFunction((wanted) => document.querySelectorAll('#audit [role="tabpanel"]:not([hidden]) tbody tr').length === wanted, number);

test('every filter shows what the API finds, and stands in the address', async () => {
  await open('#/audit?kind=calls');
  await count(CALLS);
  const choose = (name, value) => page.selectOption(`[name="${name}"]`, value);
  const type = async (name, value) => {
    await page.fill(`[name="${name}"]`, value);
    await page.keyboard.press('Enter');
  };
  const session = records.find((record) => record.agent_name === 'research-bot').session_id;
  for (const [set, name, value] of [
    [choose, 'policy_result', 'deny'], [choose, 'outcome', 'upstream_error'], [choose, 'kind', 'failures'], [choose, 'kind', 'findings'],
    [choose, 'endpoint', 'chat/completions'], [choose, 'surface', 'agent'],
    [type, 'agent', 'research-bot'], [type, 'model', 'gpt-4o-mini'], [type, 'finding', 'PII_SSN'], [type, 'finding_rule', 'us-ssn'], [type, 'session', session],
  ]) {
    await open('#/audit?kind=calls');
    await set(name, value);
    const query = new URLSearchParams({ kind: 'calls', [name]: value });
    const found = (await get(`/audit/events?limit=1000&${query}`)).events.length;
    assert.ok(found > 0, `${name}=${value} is to find something`);
    await count(found);
    assert.equal(new URLSearchParams(new URL(page.url()).hash.split('?')[1]).get(name), value);
  }
  await page.click('#filter-clear');
  await page.waitForFunction(() => location.hash === '#/audit');
});

test('records come page by page, and one that fails can be asked for again', async () => {
  let isBroken = false;
  const all = records.map((record, at) => ({ ...record, id: `${record.id.slice(0, -4)}${String(at).padStart(4, '0')}` }));
  await page.route('**/audit/events?*', (route) => {
    const after = Number(new URL(route.request().url()).searchParams.get('after') ?? 0);
    const next = after + 60;
    return isBroken ? route.abort() : route.fulfill({ json: { events: Array.from({ length: 60 }, (_, at) => ({ ...all[0], id: `id-${after + at}` })), next: next < 180 ? String(next) : null } });
  });
  await open();
  await count(60);
  await page.locator('#shown', { hasText: '60+ records' }).waitFor();
  await page.click('text=Load more');
  await count(120);
  isBroken = true;
  await page.locator('text=Load more').press('Enter');
  await page.locator('#audit [role="alert"]', { hasText: 'The gate cannot be reached.' }).waitFor();
  assert.equal(await rows().count(), 120);
  await picture(page, 'audit-page-failed');
  isBroken = false;
  await page.locator('button:focus', { hasText: 'Try again' }).press('Enter');
  await count(180);
  assert.equal(await page.locator('#audit [role="alert"]').count(), 0);
  await page.locator('text=Load more').waitFor({ state: 'detached' });
  await page.unroute('**/audit/events?*');
});

test('a record opens with all its fields, by row, by keyboard and by its decision id', async () => {
  await open('#/audit?policy_result=deny');
  await count(1);
  await rows().first().click();
  const denied = records.find((record) => record.policy_result === 'deny');
  await page.locator(`#drawer[data-id="${denied.id}"]`).waitFor();
  assert.match(await page.locator('#drawer [data-field="event_hash"]').textContent(), /^[0-9a-f]{64}/);
  assert.match(page.url(), new RegExp(`id=${denied.id}`));
  await page.keyboard.press('Escape');
  await page.locator('#drawer').waitFor({ state: 'hidden' });
  await rows().first().focus();
  await page.keyboard.press('Enter');
  await page.locator(`#drawer[data-id="${denied.id}"]`).waitFor();
  await open();
  await page.fill('#find', records[2].id);
  await page.keyboard.press('Enter');
  await page.locator(`#drawer[data-id="${records[2].id}"]`).waitFor();
  await page.locator('#drawer [data-field="agent_name"]').waitFor();
});

async function exported(format, query = '?kind=calls') {
  await open(`#/audit${query}`);
  await page.click('#export');
  await page.check(`[name="format"][value="${format}"]`);
  const download = page.waitForEvent('download');
  await page.click('.dialog-end .button-primary');
  const file = await download;
  await page.locator('.dialog .banner.tone-good', { hasText: /records exported/ }).waitFor();
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8'), said: await page.locator('#export-progress').textContent() };
}

test('an export in each format has a line for each record', async () => {
  const lines = (text) => text.split(/\r?\n/).filter(Boolean);
  const jsonl = await exported('jsonl');
  const parsed = lines(jsonl.text).map((line) => JSON.parse(line));
  assert.equal(jsonl.name, 'portcullis-audit.jsonl');
  assert.equal(parsed.filter((line) => line.event_hash).length, CALLS);
  assert.equal(parsed.at(-1).end.records, CALLS);
  assert.equal(jsonl.said, `${CALLS} of about ${CALLS} records, ${(Buffer.byteLength(jsonl.text) / 1000).toFixed(1)} kB`);
  const csv = await exported('csv');
  assert.equal(lines(csv.text).length, CALLS + 1);
  assert.match(csv.said, new RegExp(`^${CALLS} of`));
  for (const format of ['ocsf', 'cef']) assert.equal(lines((await exported(format)).text).length, CALLS, format);
  const some = await exported('jsonl', '?agent=research-bot&outcome=denied');
  assert.equal(lines(some.text).filter((line) => JSON.parse(line).event_hash).length, 1);
});

test('an export can be cancelled, and one that breaks off saves nothing', async () => {
  await page.route('**/audit/export?*', () => null); // no answer
  await open();
  await page.click('#export');
  await page.click('.dialog-end .button-primary');
  await page.click('#export-cancel');
  await page.locator('.dialog .banner', { hasText: 'Nothing was saved' }).waitFor();
  await page.unroute('**/audit/export?*');
  await page.route('**/audit/export?*', (route) => route.fulfill({ body: '{"export":{}}\n{"event_hash":"x"}\n' }));
  await page.click('.dialog-end .button-primary');
  await page.locator('.dialog .banner.tone-bad', { hasText: 'broke off' }).waitFor();
  await page.unroute('**/audit/export?*');
  await page.click('.dialog-end >> text=Close');
});

test('where the browser can write a file itself, the export goes there piece by piece', async () => {
  const context = await browser.newContext();
  const own = await context.newPage();
  own.setDefaultTimeout(10_000);
  await signIn(own, gateway, 'admin', ADMIN_PASSWORD);
  await own.addInitScript(() => {
    window.written = { size: 0, closed: false };
    window.showSaveFilePicker = async ({ suggestedName }) => ({
      createWritable: async () => ({
        write: async (piece) => { window.written.size += piece.length; },
        close: async () => { window.written.closed = suggestedName; },
        abort: async () => {},
      }),
    });
  });
  await own.goto(`${gateway.url}/#/audit`);
  await own.click('#export');
  await own.click('.dialog-end .button-primary');
  await own.locator('.dialog .banner.tone-good').waitFor();
  const written = await own.evaluate(() => window.written);
  assert.equal(written.closed, 'portcullis-audit.jsonl');
  assert.ok(written.size > 5_000);
  await context.close();
});

test('sessions lead to their calls', async () => {
  await open('#/audit?tab=sessions');
  await count(2);
  await page.fill('[name="agent"]', 'research-bot');
  await page.keyboard.press('Enter');
  await count(1);
  assert.match(await rows().first().textContent(), /research-bot/);
  await rows().first().click();
  const calls = records.filter((record) => record.agent_name === 'research-bot');
  await page.locator('#drawer .others a').nth(calls.length - 1).waitFor();
  assert.equal(await page.locator('#drawer [data-field="calls"]').textContent(), String(calls.length));
  await page.locator('#drawer .others a').first().click();
  await page.locator(`#drawer[data-id="${calls[0].id}"]`).waitFor();
  await count(calls.length);
});

test('the record verifies, and names the record that somebody altered', async () => {
  await eventually(async () => (await get('/audit/status')).checkpoint !== null, 'a checkpoint');
  await open('#/audit?tab=integrity');
  await page.locator('.facts', { hasText: 'takes records' }).waitFor();
  await page.locator('text=regular').first().waitFor();
  await page.click('#verify');
  await page.locator('#verdict .tone-good', { hasText: 'Sound' }).waitFor();
  await audit(page, 'audit-integrity');
  const victim = records[3];
  execFileSync('python3', ['-c', `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=10)
database.execute("UPDATE audit_records SET model = 'gpt-4o-forged' WHERE id = ?", (sys.argv[2],))
database.commit()
`, join(gateway.home, 'data', 'record.db'), victim.id]);
  await page.click('#verify');
  const bad = page.locator('#verdict .tone-bad');
  await bad.waitFor();
  assert.match(await bad.textContent(), new RegExp(`record ${victim.seq}\\b`, 'i'));
  await audit(page, 'audit-tampered');
  assert.match(await bad.textContent(), new RegExp(victim.id));
  await bad.locator('text=Show the record').click();
  await page.locator(`#drawer[data-id="${victim.id}"]`).waitFor();
});

test('administrative changes are readable as such', async () => {
  await gateway.command('agent', 'create', 'seen-bot', '--role', 'developer');
  const reply = await page.request.post(`${gateway.url}/api/v1/agents/seen-bot/suspend`, { headers: { 'x-portcullis-csrf': '1' } });
  assert.ok(reply.ok(), await reply.text());
  await eventually(async () => (await get('/audit/events?surface=admin&limit=100')).events.some(({ action }) => action === 'agent.suspended'), 'the record of the change');
  await open('#/audit?kind=changes');
  await page.locator('tbody tr', { hasText: 'Agent suspended: seen-bot' }).filter({ hasText: 'admin' }).first().click();
  await page.locator('#drawer', { hasText: 'Change' }).waitFor();
  assert.equal(await page.locator('#drawer [data-field="actor"]').textContent(), 'admin');
  assert.equal(await page.locator('#drawer [data-field="to"]').textContent(), 'suspended');
  assert.equal(await page.locator('tbody tr', { hasText: 'night-batch · ' }).count(), 0);
  await audit(page, 'audit-change');
  await picture(page, 'audit-change');
});

test('what a viewer may not do is shown, with the reason', async () => {
  const created = await page.request.post(`${gateway.url}/api/v1/users`, {
    headers: { 'x-portcullis-csrf': '1' }, data: { username: 'vera', role: 'viewer', password: ADMIN_PASSWORD },
  });
  assert.equal(created.status(), 201);
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
  const own = await context.newPage();
  own.setDefaultTimeout(10_000);
  await signIn(own, gateway, 'vera', ADMIN_PASSWORD);
  await own.goto(`${gateway.url}/#/audit`);
  await own.locator('#audit tbody tr').first().waitFor();
  await own.locator('#export[aria-disabled="true"][title="This needs the role analyst."]').click({ force: true });
  assert.equal(await own.locator('dialog').count(), 0);
  await own.click('[data-tab="integrity"]');
  await own.locator('#verify[aria-disabled="true"]').waitFor();
  await own.locator('text=Checkpoints need the role analyst').waitFor();
  await audit(own, 'audit of a viewer');
  await context.close();
});

test('it is readable to everyone, in all its states', async () => {
  const long = (record, at) => ({
    ...record, id: `${at}`, agent_name: `an-agent-with-a-rather-long-name-${at}`, model: `a-model-with-an-even-longer-name-2026-11-22-${at}`,
  });
  const events = { events: Array.from({ length: 60 }, (_, at) => long(records[at % records.length], at)), next: 'x' };
  const sessions = { sessions: Array.from({ length: 60 }, (_, at) => ({
    session_id: `a/session-that-a-caller-has-named/${at}`, agent_name: 'an-agent-with-a-rather-long-name', agents: 3, first_at: records.at(-1).started_at,
    last_at: records[0].started_at, duration_ms: 7_200_000, calls: 12_345, denied: at % 3, blocked: at % 2, findings: 4, input_tokens: 1e7, output_tokens: 1e6, partial: false,
  })), next: 'x' };
  const loading = () => page.locator('#audit .skeleton:visible').first().waitFor();
  const failed = () => page.locator('text=The database does not answer').first().waitFor();
  await open();
  await rows().first().waitFor();
  await audit(page, 'audit');
  await states(page, 'audit', {
    ready: { ready: () => rows().first().waitFor() },
    empty: { routes: { '**/audit/events?*': { events: [], next: null } }, ready: () => page.locator('text=Nothing matches').waitFor() },
    loading: { routes: { '**/audit/events?*': 'hang' }, ready: loading },
    error: { routes: { '**/audit/events?*': 'fail' }, ready: failed },
    crowded: { routes: { '**/audit/events?*': events }, ready: () => rows().nth(50).waitFor() },
  });
  await open('#/audit?tab=sessions');
  await rows().first().waitFor();
  await audit(page, 'audit-sessions');
  await states(page, 'audit-sessions', {
    empty: { routes: { '**/audit/sessions?*': { sessions: [], next: null } }, ready: () => page.locator('text=No sessions').waitFor() },
    loading: { routes: { '**/audit/sessions?*': 'hang' }, ready: loading },
    error: { routes: { '**/audit/sessions?*': 'fail' }, ready: failed },
    crowded: { routes: { '**/audit/sessions?*': sessions }, ready: () => rows().nth(50).waitFor() },
  });
  await open('#/audit?tab=integrity');
  await states(page, 'audit-integrity', {
    ready: { ready: () => page.locator('text=regular').first().waitFor() },
    error: { routes: { '**/audit/status': 'fail' }, ready: failed },
    crowded: { routes: { '**/audit/verify': { state: 'running', records: 1_234_567 } }, ready: () => page.locator('text=1,234,567 records read').waitFor() },
  });
  await open();
  await page.click('#export');
  await audit(page, 'audit-export');
  await states(page, 'audit-export', { ready: { ready: () => page.click('#export') } });
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(complaints, []);
});
