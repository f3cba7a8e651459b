// Two hundred exchanges a second: the page keeps up, does not stutter and does not grow. The same for an hour is
// tests/proofs/activity-hour.mjs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch, picture, signIn } from '../node/browser.js';
import { BusyGate, debuggerOf, tasksOf, weigh } from '../node/busy.js';
import { ADMIN_PASSWORD, Gateway, eventually } from '../node/gateway.js';

const PER_SECOND = 200;
const WARM_MS = 5_000;
const ROUND_MS = 6_000;
const LONG_TASK_MS = 200;
const ROWS = 300;
const NODES = 25_000; // those rows, some spare, what was not yet collected, and the rest of the page
const BEHIND_MS = 1_000;
const GROWTH_BYTES = 3_000_000;

let gateway;
let busy;
let browser;
let page;

before(async () => {
  gateway = await Gateway.start();
  const token = await gateway.createAgent('load');
  await (await gateway.call(token)).text();
  const [record] = await gateway.records('load', 1);
  busy = await BusyGate.start(gateway, record, PER_SECOND);
  browser = await launch('--enable-precise-memory-info');
  page = await browser.newPage({ viewport: { width: 1440, height: 860 } });
  await signIn(page, busy, 'admin', ADMIN_PASSWORD);
  await page.goto(busy.url);
  await page.locator('#rows .row').first().waitFor();
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  busy?.stop();
  await gateway?.stop();
});

test('two hundred exchanges a second neither stutter nor pile up', async (context) => {
  await sleep(WARM_MS);
  const debug = await debuggerOf(page);
  const first = await weigh(debug);
  const tasks = await tasksOf(debug, ROUND_MS);
  const last = await weigh(debug);
  const busyMs = Math.round(tasks.reduce((sum, ms) => sum + ms, 0));
  context.diagnostic(`nodes ${last.nodes}, heap ${Math.round(last.heapBytes / 1_000)} kB, longest task ${Math.round(tasks[0])} ms, all ${busyMs} of ${ROUND_MS} ms`);
  assert.ok(tasks[0] < LONG_TASK_MS, `a task took ${tasks[0]} ms`);
  assert.ok(last.nodes < NODES, `${last.nodes} nodes`);
  assert.ok(last.heapBytes - first.heapBytes < GROWTH_BYTES, `the heap grew by ${last.heapBytes - first.heapBytes} bytes`);
  assert.equal(await page.locator('#rows .row').count(), ROWS);
  await picture(page, 'activity-busy');
});

test('what is shown is not behind what is told', async () => {
  await eventually(async () => {
    const shown = await page.locator('#rows .row').first().getAttribute('data-id');
    return Date.now() - Number.parseInt(shown.replaceAll('-', '').slice(0, 12), 16) < BEHIND_MS;
  }, 'a row of now');
});

test('held still, the list keeps its rows however much comes', async () => {
  const first = () => page.locator('#rows .row').first().getAttribute('data-id');
  const waiting = (number) => page.waitForFunction((least) =>
    Number.parseInt(document.querySelector('#new-count').textContent.replace(',', ''), 10) >= least, number);
  await page.locator('#pause').click();
  await waiting(1);
  const held = await first();
  await waiting(400);
  assert.equal(await first(), held);
});
