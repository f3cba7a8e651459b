#!/usr/bin/env node
// Leaves the live activity page open under 200 exchanges a second and writes down, once a minute, what it takes.
// Fails when it stutters or grows. Run from the root, after `cargo build`:
//
//   tests/proofs/activity-hour.mjs [MINUTES=60] [PER_SECOND=200]

import { setTimeout as sleep } from 'node:timers/promises';
import { launch, signIn } from '../node/browser.js';
import { BusyGate, debuggerOf, tasksOf, weigh } from '../node/busy.js';
import { ADMIN_PASSWORD, Gateway } from '../node/gateway.js';

const minutes = Number(process.argv[2] ?? 60);
const perSecond = Number(process.argv[3] ?? 200);
const MINUTE_MS = 60_000;
const TRACED_MS = 20_000;
const LONG_TASK_MS = 200;
const GROWTH_BYTES = 4_000_000;

const gateway = await Gateway.start();
const token = await gateway.createAgent('load');
await (await gateway.call(token)).text();
const [record] = await gateway.records('load', 1);
const busy = await BusyGate.start(gateway, record, perSecond);
const browser = await launch();
let failed = false;
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 860 } });
  await signIn(page, busy, 'admin', ADMIN_PASSWORD);
  await page.goto(busy.url);
  await page.locator('#rows .row').first().waitFor();
  await sleep(20_000);
  const debug = await debuggerOf(page);
  const first = await weigh(debug);
  console.log('minute  exchanges  heap kB   nodes  listeners  busy %  longest task ms');
  for (let minute = 1; minute <= minutes; minute += 1) {
    await sleep(MINUTE_MS - TRACED_MS);
    const tasks = await tasksOf(debug, TRACED_MS);
    const { heapBytes, nodes, listeners } = await weigh(debug);
    const [longest] = tasks;
    const share = (100 * tasks.reduce((sum, ms) => sum + ms, 0)) / TRACED_MS;
    failed ||= longest > LONG_TASK_MS || heapBytes - first.heapBytes > GROWTH_BYTES;
    console.log([[minute, 6], [busy.told, 9], [Math.round(heapBytes / 1_000), 7], [nodes, 6], [listeners, 9], [Math.round(share), 6], [Math.round(longest), 15]]
      .map(([value, width]) => String(value).padStart(width)).join('  '));
  }
} finally {
  await browser.close();
  busy.stop();
  await gateway.stop();
}
console.log(failed ? 'It stuttered or grew.' : 'No stutter, no growth.');
process.exitCode = failed ? 1 : 0;
