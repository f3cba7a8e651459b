// What the dashboard counts and says, without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../static/js/activity/tally.js';
import { changeText } from '../../static/js/change.js';
import { duration, inUnit } from '../../static/js/format.js';

test('live activity counts as failed what the sums of the overview count as failed', () => {
  const tally = new Tally(0);
  const outcomes = ['completed', 'rejected', 'upstream_error', 'interrupted', 'cancelled', 'denied', 'blocked'];
  outcomes.forEach((outcome, id) => tally.add({ id: String(id), outcome, latency_ms: 1 }, 0));
  const { calls, errors, denials } = tally.read(0).sums;
  assert.deepEqual({ calls, errors, denials }, { calls: 7, errors: 2, denials: 2 });
});

test('an axis keeps to one unit', () => {
  const axis = inUnit([1_000, 's'], [1, 'ms']);
  assert.deepEqual([0, 500, 1_500].map(axis(1_500)), ['0 s', '0.5 s', '1.5 s']);
  assert.deepEqual([0, 250].map(axis(999)), ['0 ms', '250 ms']);
  assert.equal(duration(500), '500 ms');
});

test('a change says what was done, also where it is named after what was changed', () => {
  const text = (action) => changeText({ action, target: 'agent/x1' });
  assert.deepEqual(['agent.roles', 'agent.suspended', 'key.expires'].map(text), ['Agent roles changed: x1', 'Agent suspended: x1', 'Key end changed: x1']);
});
